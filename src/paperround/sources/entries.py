"""Convert entries into listings, or into problems that give the reason for rejection. Pure.

The rules for days and invalid fields are the same for all sources:

* A listing's day must be between 1991, when arXiv began, and two days after today (a zone ahead of ours, a clock
  that is off). Other entries are rejected by name, because a wrong day would put them into an issue of the distant
  past or hold them back. Only a `feed` lists such an entry today instead, because dates in blogs are often nonsense
  (1970, 0001) while the rest is right.
* An entry needs a title and a day. Any other invalid field is dropped and the entry is kept, so that a paper is not
  lost because of an invalid number of stars.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from pydantic import ValidationError

from paperround.domain.models import Listing, ParsedSource, Problem
from paperround.domain.text import clean

FIRST_YEAR, DAYS_AHEAD = 1991, 2
# A file in a wrong format has a problem in each line, so the list is limited.
_MAX_PROBLEMS = 100
_REST = "the rest"
_NUMBER = re.compile(r"\d+")


class Entries:
    """Collects the entries of one response in order, as listings and problems."""

    def __init__(self, today: date, *, source: str, kind: str = "", before: int = 0) -> None:
        """`before` is the number of entries before the first one, for the entry numbers in problems."""
        self.today = today
        self._said: dict[str, object] = {"source": source, "kind": kind or source}
        self._number = before
        self._rejected = 0
        self._listings: list[Listing] = []
        self._problems: list[Problem] = []

    def add(self, facts: Mapping[str, object]) -> Listing | None:
        """Add the next entry and return its listing, or None if it is rejected.

        `facts` has fields of Listing; `title` and `day` are required.
        """
        self._number += 1
        title, day = facts.get("title"), facts.get("day")
        if not isinstance(title, str) or not clean(title):
            self._problem(None, "it has no title")
        elif not isinstance(day, date):
            self._problem(title, "it has no valid date; write it as 2026-11-23")
        elif not plausible(day, self.today):
            self._problem(title, f"its day, {day}, {_why_implausible(day)}")
        else:
            self._listings.append(self._listing(facts))
            return self._listings[-1]
        return None

    def reject(self, what: str, title: object = None) -> None:
        """Reject the next entry."""
        self._number += 1
        self._problem(title, what)

    def skip(self) -> None:
        """Skip the next entry, which is valid but not wanted."""
        self._number += 1

    def cut(self, what: str) -> None:
        """Record that the response was truncated. Earlier entries are kept."""
        self._problems.append(Problem(_REST, what))

    def parsed(self, day: date | None = None) -> ParsedSource:
        """Return the result. `day` is the date of the response itself."""
        problems = tuple(self._problems)
        if (more := self._rejected - _MAX_PROBLEMS) > 0:
            problems += (Problem(f"{more} more entries", "rejected too; check the format of the file", more),)
        return ParsedSource(tuple(self._listings), problems, day)

    def dated(self) -> ParsedSource:
        """Return the result, dated with the latest day of its listings."""
        return self.parsed(max((listing.day for listing in self._listings), default=None))

    def _listing(self, facts: Mapping[str, object]) -> Listing:
        try:
            return Listing.model_validate({**self._said, **facts})
        except ValidationError as error:
            wrong = {detail["loc"][0] for detail in error.errors(include_url=False, include_input=False)}
        sound = {name: value for name, value in facts.items() if name not in wrong}
        return Listing.model_validate({**self._said, **sound})

    def _problem(self, title: object, what: str) -> None:
        self._rejected += 1
        if self._rejected <= _MAX_PROBLEMS:
            self._problems.append(Problem(_place_of(self._number, title), what))


def cut_short(parsed: ParsedSource) -> bool:
    """Return whether the response was truncated."""
    return any(problem.where == _REST for problem in parsed.problems)


class RejectionReasons:
    """Groups problems by reason. Each group names its first entry and counts the others."""

    _MAX_GROUPS = 1_000

    def __init__(self) -> None:
        self._first: dict[str, Problem] = {}

    def add(self, problems: Iterable[Problem]) -> None:
        """Add these problems to the groups."""
        for problem in problems:
            # Group reasons that differ only in a number (a column, a day).
            reason = _NUMBER.sub("0", problem.what) if len(self._first) < self._MAX_GROUPS else "others"
            first = self._first.get(reason)
            self._first[reason] = replace(first, entries=first.entries + problem.entries) if first else problem

    def folded(self) -> list[Problem]:
        """Return one problem for each reason, in order of first occurrence."""
        return [
            replace(problem, where=f"{problem.where} and {problem.entries - 1:,} more")
            if problem.entries > 1 and not problem.where[:1].isdigit()
            else problem
            for problem in self._first.values()
        ]


def plausible(day: date, today: date) -> bool:
    """Return whether a source can have announced something on this day."""
    return day.year >= FIRST_YEAR and day.toordinal() <= today.toordinal() + DAYS_AHEAD


def _place_of(number: int, title: object) -> str:
    shown = clean(title) if isinstance(title, str) else ""
    shown = f"{shown[:60]}…" if len(shown) > 60 else shown
    return f'entry {number} "{shown}"' if shown else f"entry {number}"


def _why_implausible(day: date) -> str:
    if day.year < FIRST_YEAR:
        return f"is before {FIRST_YEAR} and probably a placeholder"
    return f"is more than {DAYS_AHEAD} days ahead; check the clocks of the source and of this machine"
