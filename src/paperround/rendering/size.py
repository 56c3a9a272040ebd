"""Decide how much of a digest a letter shows: the form of each paper, and what fits under Gmail's limit. Pure.

Gmail clips a message's HTML at 102 KB and hides the rest, including the unsubscribe link, behind a link.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Generic, NamedTuple, TypeVar

from paperround.domain.client_limits import MAX_HTML
from paperround.domain.models import DayFacts, NoteKind, Paper
from paperround.rendering.card import is_popular
from paperround.rendering.letter_view import BlockKind, Note

# The length of a card's summary in characters, first two lines on a phone; with 0 only the title is shown.
BUDGETS = (140, 110, 80, 0)
LEAD_BUDGET = 230  # characters of the lead's summary
BRIEF_BUDGET = 110  # characters: one sentence below a title
_MIN_CARDS = 4
_PAPERS_A_CARD = 4  # one paper in four has a summary
_MIN_INDEXED = 5  # the subject and the first line name up to four papers already
_MAX_INDEXED = 12

Made = TypeVar("Made")
Shown = TypeVar("Shown")


@dataclass(frozen=True, eq=False)
class PlannedPaper:
    """A paper to show, the topic that it fits best (`tag`), and why it was chosen.

    Instances are compared by identity, so that they can be cache keys.
    """

    paper: Paper
    why: tuple[str, ...]
    tag: str = ""

    @cached_property
    def popular(self) -> bool:
        """Whether the paper has enough votes to print their number."""
        return is_popular(self.paper.upvotes or 0)


class Plan(NamedTuple):
    """The content of a letter: the papers, best first, and the number of papers that are only counted."""

    choices: tuple[PlannedPaper, ...]
    more: int
    density: str = "full"
    budget: int = BUDGETS[0]
    left_out: int = 0
    """The number of papers that matched but were left out at the subscriber's request."""
    notes: tuple[Note, ...] = ()
    """The notes on saved papers, on what is new about papers that the subscriber has received before, and on papers
    that were not chosen.
    """
    facts: DayFacts | None = None
    days: tuple[date, date] | None = None
    """The first and last day of the papers of a daily letter that reaches back several days; None for others."""
    of_today: bool = True
    """Whether no paper is older than the day before the letter."""

    @property
    def matched(self) -> int:
        """The number of papers that matched, whether shown or only counted."""
        return len(self.choices) + self.more

    @property
    def saved(self) -> int:
        """The number of notes on saved papers, which stand before the others."""
        return sum([note.kind is NoteKind.SAVED for note in self.notes]) if self.notes else 0

    @property
    def close(self) -> int:
        """The number of notes on papers that were not chosen, which stand after the others."""
        return sum([note.kind is NoteKind.CLOSE for note in self.notes]) if self.notes else 0

    @property
    def is_of_close_papers(self) -> bool:
        """Whether the letter has nothing but papers that were not chosen."""
        return not self.matched and not self.saved and self.close > 0

    @property
    def has_arxiv_papers(self) -> bool:
        """Whether one of the papers or notes is about a paper from arXiv."""
        papers = (choice.paper.arxiv_id is not None for choice in self.choices)
        return any(papers) or any(note.from_arxiv for note in self.notes)


class Forms(NamedTuple, Generic[Shown]):
    """The papers of a letter by the form in which they are shown, best first."""

    entries: Sequence[Shown]
    """Those of the index; empty if the letter is so short that it needs none."""
    lead: Sequence[Shown]
    """The one to read first; empty if the subscriber wants only titles."""
    cards: Sequence[Shown]
    """Those with a summary, after the lead."""
    briefs: Sequence[Shown]
    """Those with a title and one sentence, after the lead."""
    lines: Sequence[Shown]
    """Those of lower rank, shown only by title."""


def forms(papers: Sequence[Shown], density: str) -> Forms[Shown]:
    """Divide a letter's papers, best first: each has one form, and may be in the index as well."""
    lead, rest = (papers[:0], papers) if density == "titles" else (papers[:1], papers[1:])
    if density != "full":
        briefs = rest if density == "brief" else rest[:0]
        return Forms(papers[:0], lead, rest[:0], briefs, rest[len(briefs) :])
    summarized = max(_MIN_CARDS, len(papers) // _PAPERS_A_CARD)
    return Forms(index(papers, density), lead, rest[:summarized], rest[:0], rest[summarized:])


def index(papers: Sequence[Shown], density: str) -> Sequence[Shown]:
    """Return the papers of the index."""
    return papers[: _MAX_INDEXED if density == "full" and len(papers) >= _MIN_INDEXED else 0]


def budget_of(kind: BlockKind, budget: int) -> int:
    """Return the maximum length of a summary, in characters, for a paper of this kind when cards have `budget`."""
    if kind is BlockKind.LEAD:
        return LEAD_BUDGET if budget else 0
    return min(budget, {BlockKind.CARD: budget, BlockKind.BRIEF: BRIEF_BUDGET}.get(kind, 0))


def fit(plan: Plan, make: Callable[[Plan], Made], measure: Callable[[Made], int], limit: int = MAX_HTML) -> Made:
    """Return the fullest letter under the limit (bytes): shorten the summaries first, then drop papers.

    `make` makes the letter of a plan and `measure` returns its size in bytes, which must grow with the number of
    papers. A letter without papers is the minimum and is returned whatever its size.
    """
    for budget in BUDGETS:
        plan = plan if plan.budget == budget else plan._replace(budget=budget)
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
    """Return the plan with its first `kept` papers; the others, which rank lowest, are added to `more`."""
    return plan._replace(choices=plan.choices[:kept], more=plan.more + len(plan.choices) - kept)
