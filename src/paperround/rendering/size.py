"""Never clipped: how much of a big day goes into the letter, and what is only counted in it. Pure.

Gmail cuts a message's HTML at 102 KB and hides the rest, the way out included, behind a link.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from paperround.domain.models import Paper

LIMIT = 100_000  # bytes of UTF-8
# Characters of a summary, generous first; with 0 only the title line stands.
BUDGETS = (560, 420, 300, 180, 0)

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class PlannedPaper:
    """A paper chosen, and why."""

    paper: Paper
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlannedSection:
    """A topic's choices, best first."""

    name: str
    choices: tuple[PlannedPaper, ...]
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes into a letter: sections, the room for each summary, how many papers are only counted."""

    sections: tuple[PlannedSection, ...]
    more: int
    budget: int = BUDGETS[0]

    @property
    def choices(self) -> tuple[PlannedPaper, ...]:
        """All papers laid out, in order."""
        return tuple(choice for section in self.sections for choice in section.choices)

    @property
    def count(self) -> int:
        """The papers laid out."""
        return sum(len(section.choices) for section in self.sections)


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
    fewer = _removals(plan)
    too_many, enough = 0, plan.count
    made = make(without(plan, fewer))
    while enough - too_many > 1:
        middle = (enough + too_many) // 2
        attempt = make(without(plan, fewer[:middle]))
        if measure(attempt) < limit:
            made, enough = attempt, middle
        else:
            too_many = middle
    return made


def without(plan: Plan, removals: list[int]) -> Plan:
    """The plan without the last paper of these sections, once for each mention; they count as more."""
    kept = [len(section.choices) for section in plan.sections]
    for section in removals:
        kept[section] -= 1
    sections = tuple(
        replace(section, choices=section.choices[:count])
        for section, count in zip(plan.sections, kept, strict=True)
        if count
    )
    return replace(plan, sections=sections, more=plan.more + len(removals))


def _removals(plan: Plan) -> list[int]:
    """From which section the last paper goes, step by step: the longest; each topic keeps its best."""
    kept = [len(section.choices) for section in plan.sections]
    order: list[int] = []
    while any(kept):
        longest = max(range(len(kept)), key=lambda index: (kept[index], index))
        kept[longest] -= 1
        order.append(longest)
    return order
