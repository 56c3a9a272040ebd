"""From what an entry says to a listing, or to the reason why there is none. Pure.

The rules about days and about bad fields stand here, once for all sources:

* A listing's day lies between 1991, when arXiv began, and two days after today (a zone ahead of ours, a clock
  that is off). An entry outside is rejected by name, for a wrong day would put it into an issue of the far past
  or hold it back; only a `feed` files such an entry under today instead, because blogs' dates are often nonsense
  (1970, 0001) while the rest is right.
* An entry needs a title and a day. Any other field that is malformed is left away and the entry kept: a paper is
  not lost over a count of stars.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from pydantic import ValidationError

from paperround.domain.models import Listing, Parsed, Problem
from paperround.domain.text import clean

FIRST_YEAR, DAYS_AHEAD = 1991, 2
# A file of another kind would give a problem for each of its lines; nobody reads more of them than this.
_MAX_PROBLEMS = 100
_REST = "the rest"
_NUMBER = re.compile(r"\d+")


class Entries:
    """Collects one answer's entries in order: listings on one side, problems on the other."""

    def __init__(self, today: date, *, source: str, kind: str = "", before: int = 0) -> None:
        """`before` is how many entries came before the first one."""
        self.today = today
        self._said: dict[str, object] = {"source": source, "kind": kind or source}
        self._number = before
        self._rejected = 0
        self._listings: list[Listing] = []
        self._problems: list[Problem] = []

    def add(self, facts: Mapping[str, object]) -> Listing | None:
        """Take the next entry, fields of Listing of which `title` and `day` are needed; None where it is rejected."""
        self._number += 1
        title, day = facts.get("title"), facts.get("day")
        if not isinstance(title, str) or not clean(title):
            self._problem(None, "it has no title")
        elif not isinstance(day, date):
            self._problem(title, "it has no day that can be read; 2026-11-23 is how one is written")
        elif not plausible(day, self.today):
            self._problem(title, f"its day, {day}, {_why_implausible(day)}")
        else:
            self._listings.append(self._listing(facts))
            return self._listings[-1]
        return None

    def reject(self, what: str, title: object = None) -> None:
        """Leave the next entry out."""
        self._number += 1
        self._problem(title, what)

    def skip(self) -> None:
        """Pass over the next entry, which is whole but not asked for."""
        self._number += 1

    def cut(self, what: str) -> None:
        """Say that the answer ends too early; what came before stays."""
        self._problems.append(Problem(_REST, what))

    def parsed(self, day: date | None = None) -> Parsed:
        """All of it; `day` is the day that the answer itself is of."""
        problems = tuple(self._problems)
        if (more := self._rejected - _MAX_PROBLEMS) > 0:
            problems += (Problem(f"{more} more entries", "rejected too; is the file of this format?", more),)
        return Parsed(tuple(self._listings), problems, day)

    def dated(self) -> Parsed:
        """All of it, as an answer of the latest day listed."""
        return self.parsed(max((listing.day for listing in self._listings), default=None))

    def _listing(self, facts: Mapping[str, object]) -> Listing:
        try:
            return Listing.model_validate({**self._said, **facts})
        except ValidationError as error:
            wrong = {one["loc"][0] for one in error.errors(include_url=False, include_input=False)}
        sound = {name: value for name, value in facts.items() if name not in wrong}
        return Listing.model_validate({**self._said, **sound})

    def _problem(self, title: object, what: str) -> None:
        self._rejected += 1
        if self._rejected <= _MAX_PROBLEMS:
            self._problems.append(Problem(_where(self._number, title), what))


def cut_short(parsed: Parsed) -> bool:
    """Whether the answer ended before its end."""
    return any(problem.where == _REST for problem in parsed.problems)


class RejectionReasons:
    """Problems with the same reason as one, which names the first entry and counts the others."""

    _MOST = 1_000

    def __init__(self) -> None:
        self._first: dict[str, Problem] = {}

    def add(self, problems: Iterable[Problem]) -> None:
        """Count these too."""
        for problem in problems:
            # Reasons that differ in a number alone (a column, a day) are one.
            reason = _NUMBER.sub("0", problem.what) if len(self._first) < self._MOST else "others"
            known = self._first.get(reason)
            self._first[reason] = replace(known, entries=known.entries + problem.entries) if known else problem

    def folded(self) -> list[Problem]:
        """One problem a reason, in the order in which they came up."""
        return [
            replace(problem, where=f"{problem.where} and {problem.entries - 1:,} more")
            if problem.entries > 1 and not problem.where[:1].isdigit()
            else problem
            for problem in self._first.values()
        ]


def plausible(day: date, today: date) -> bool:
    """Whether a source can have announced something on this day."""
    return day.year >= FIRST_YEAR and day.toordinal() <= today.toordinal() + DAYS_AHEAD


def _where(number: int, title: object) -> str:
    shown = clean(title) if isinstance(title, str) else ""
    shown = f"{shown[:60]}…" if len(shown) > 60 else shown
    return f'entry {number} "{shown}"' if shown else f"entry {number}"


def _why_implausible(day: date) -> str:
    if day.year < FIRST_YEAR:
        return f"is before {FIRST_YEAR}; is it a placeholder?"
    return f"is more than {DAYS_AHEAD} days ahead; is the source's clock or this one's wrong?"
