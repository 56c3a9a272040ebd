"""arXiv's calendar: which feed a submission is announced in. Pure.

Announced at 20:00 US Eastern time from Sunday to Thursday, and the feed of the next day holds it: feeds of Monday to
Friday have papers. The cut-off is 14:00, Thursday's and Friday's submissions wait until Sunday and Monday
(https://info.arxiv.org/help/availability.html). What moderators hold back comes later than is computed here.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

EASTERN = ZoneInfo("America/New_York")
CUT_OFF = time(14)
HOLIDAYS = (date(2026, 11, 26), date(2026, 12, 25), date(2026, 12, 29), date(2026, 12, 31))
"""Evenings without an announcement, as listed by arXiv; a newer list goes into the configuration."""

_DAY = timedelta(days=1)
_FRIDAY, _SATURDAY = 4, 5


def has_batch(day: date, holidays: Collection[date]) -> bool:
    """Whether the feed of this day has papers, as far as the calendar says."""
    return day.weekday() < _SATURDAY and day - _DAY not in holidays


def last_batch(today: date, holidays: Collection[date]) -> date:
    """The latest feed with papers up to and including today's (a date in Eastern time)."""
    while not has_batch(today, holidays):
        today -= _DAY
    return today


def batches(since: date, until: date, holidays: Collection[date]) -> list[date]:
    """The feeds with papers of these days, both included."""
    days = (since + n * _DAY for n in range((until - since).days + 1))
    return [day for day in days if has_batch(day, holidays)]


def batch_of(submitted: datetime, holidays: Collection[date]) -> date:
    """The feed that announces what was submitted at this moment."""
    local = submitted.astimezone(EASTERN)
    closing = local.date() + (_DAY if local.time() >= CUT_OFF else timedelta())
    while closing.weekday() >= _SATURDAY:
        closing += _DAY
    feed = closing + (3 * _DAY if closing.weekday() == _FRIDAY else _DAY)
    while not has_batch(feed, holidays):
        feed += _DAY
    return feed


def submitted_for(first: date, last: date, holidays: Collection[date]) -> tuple[datetime, datetime]:
    """The moments, in UTC, between which the papers of these feeds were submitted."""
    return _closing(last_batch(first - _DAY, holidays)), _closing(last)


def _closing(feed: date) -> datetime:
    day = feed - (3 * _DAY if feed.weekday() == 0 else _DAY)
    return datetime.combine(day, CUT_OFF, tzinfo=EASTERN).astimezone(UTC)
