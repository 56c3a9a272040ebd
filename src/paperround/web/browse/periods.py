"""The period that the front page shows: a day, a week or a month. Pure."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from paperround.domain.errors import UsageError
from paperround.rendering.language import Language

_FIRST_YEAR, _LAST_YEAR = 1991, 2200  # arXiv started in 1991; later years are certainly typos


class View(StrEnum):
    """The length of a period."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Period:
    """The day, the week (starting on Monday) or the month that contains `day`."""

    view: View
    day: date

    @property
    def first(self) -> date:
        """The first day of the period."""
        match self.view:
            case View.DAY:
                return self.day
            case View.WEEK:
                return self.day - timedelta(days=self.day.weekday())
            case View.MONTH:
                return self.day.replace(day=1)

    @property
    def last(self) -> date:
        """The last day of the period."""
        match self.view:
            case View.DAY:
                return self.day
            case View.WEEK:
                return self.first + timedelta(days=6)
            case View.MONTH:
                return self.day.replace(day=calendar.monthrange(self.day.year, self.day.month)[1])

    def seen_as(self, view: View) -> Period:
        """Return the period of another length that contains the same day."""
        return Period(view, self.day)

    def at(self, day: date) -> Period:
        """Return the period of the same length that contains another day."""
        return Period(self.view, day)

    def title(self, language: Language) -> str:
        """Return the heading: Monday, November 23, 2026; Week of November 23, 2026; November 2026."""
        match self.view:
            case View.DAY:
                return language.date(self.day)
            case View.WEEK:
                return language.gettext("Week of %(day)s") % {"day": language.date(self.first, "long")}
            case View.MONTH:
                return language.date(self.day, "LLLL yyyy")

    def short(self, language: Language) -> str:
        """Return a short label for links."""
        match self.view:
            case View.DAY:
                return language.weekday_date(self.day)
            case View.WEEK:
                return language.span(self.first, self.last)
            case View.MONTH:
                return language.date(self.day, "LLL yyyy")


def read_view(text: str) -> View:
    """Parse the name of a view; empty means a day. Raises UsageError for an unknown name."""
    try:
        return View(text or "day")
    except ValueError:
        raise UsageError(f"unknown view {text[:40]!r}; use one of: {', '.join(View)}") from None


def read_day(text: str) -> date:
    """Parse a date in the form 2026-11-23. Raises UsageError for anything else."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text[:40]!r} is not a date; write it as YYYY-MM-DD, for example 2026-11-23") from None
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise UsageError(f"the year {day.year} is out of range; use {_FIRST_YEAR} to {_LAST_YEAR}")
    return day
