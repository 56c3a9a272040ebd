"""How much of a digest goes into a letter: which form each paper has, and what fits under Gmail's limit. Pure.

Gmail cuts a message's HTML at 102 KB and hides the rest, the way out included, behind a link.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from paperround.domain.models import DayFacts, NoteKind, Paper
from paperround.rendering.view import BlockKind, Note

LIMIT = 100_000  # bytes of UTF-8
# Characters of a card's summary, two lines on a phone first; with 0 only the title stands.
BUDGETS = (140, 110, 80, 0)
LEAD_BUDGET = 230  # characters of the lead's summary
BRIEF_BUDGET = 110  # characters: one sentence below a title
_LEAST_CARDS = 4
_PAPERS_A_CARD = 4  # of forty papers ten have a summary
_LEAST_INDEXED = 4  # a shorter letter is its own index
_MOST_INDEXED = 12

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True, eq=False)
class PlannedPaper:
    """A paper chosen, the topic that it fits best, and why it was chosen.

    Two are equal only if they are one, so that what is made of it can be kept under it.
    """

    paper: Paper
    why: tuple[str, ...]
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes into a letter: the papers, best first, and how many more are only counted."""

    choices: tuple[PlannedPaper, ...]
    more: int
    density: str = "full"
    budget: int = BUDGETS[0]
    left_out: int = 0
    """How many papers matched and were left out as the subscriber asked."""
    notes: tuple[Note, ...] = ()
    facts: DayFacts | None = None

    @property
    def saved(self) -> Sequence[Note]:
        """The papers that were saved for this letter."""
        return [note for note in self.notes if note.kind is NoteKind.SAVED]

    @property
    def news(self) -> Sequence[Note]:
        """What is new about papers that the subscriber has had."""
        return [note for note in self.notes if note.kind is not NoteKind.SAVED]

    @property
    def matched(self) -> int:
        """How many papers matched, here or only counted."""
        return len(self.choices) + self.more

    @property
    def lead(self) -> Sequence[PlannedPaper]:
        """The paper to read first; none where only titles are wanted."""
        return self.choices[:1] if self.density != "titles" else ()

    @property
    def cards(self) -> Sequence[PlannedPaper]:
        """The papers that have a summary, after the lead."""
        if self.density != "full":
            return ()
        return self.choices[1 : 1 + max(_LEAST_CARDS, len(self.choices) // _PAPERS_A_CARD)]

    @property
    def briefs(self) -> Sequence[PlannedPaper]:
        """The papers that have a title and one sentence, after the lead."""
        return self.choices[1:] if self.density == "brief" else ()

    @property
    def lines(self) -> Sequence[PlannedPaper]:
        """The papers that have a title only: those of lower rank."""
        return self.choices[len(self.lead) + len(self.cards) + len(self.briefs) :]

    @property
    def entries(self) -> Sequence[PlannedPaper]:
        """The papers of the index; none where the letter is as short as one."""
        if self.density != "full" or len(self.choices) < _LEAST_INDEXED:
            return ()
        return self.choices[:_MOST_INDEXED]


def budget_of(kind: BlockKind, budget: int) -> int:
    """How many characters of a summary a paper has in this form, where cards have `budget`."""
    if kind is BlockKind.LEAD:
        return LEAD_BUDGET if budget else 0
    return min(budget, {BlockKind.CARD: budget, BlockKind.BRIEF: BRIEF_BUDGET}.get(kind, 0))


def fit(plan: Plan, make: Callable[[Plan], Made], measure: Callable[[Made], int], limit: int = LIMIT) -> Made:
    """The letter of the richest plan that stays under the limit: shorter summaries first, then fewer papers.

    `make` makes a plan's letter and `measure` tells its bytes, which have to grow with the number of papers.
    A letter without any papers is the least there can be, whatever its size.
    """
    for budget in BUDGETS:
        plan = replace(plan, budget=budget)
        made = make(plan)
        if measure(made) < limit:
            return made
    too_many, enough = len(plan.choices), 0
    made = make(without_tail(plan, enough))
    while too_many - enough > 1:
        middle = (enough + too_many) // 2
        attempt = make(without_tail(plan, middle))
        if measure(attempt) < limit:
            made, enough = attempt, middle
        else:
            too_many = middle
    return made


def without_tail(plan: Plan, kept: int) -> Plan:
    """The plan with its first `kept` papers; the others, which rank lowest, count as more."""
    return replace(plan, choices=plan.choices[:kept], more=plan.more + len(plan.choices) - kept)
