"""arXiv's announcement calendar: which feed announces a submission. Pure.

arXiv announces at 20:00 US Eastern time from Sunday to Thursday, and the feed of the next day contains the
announcement: feeds of Monday to Friday have papers. The submission deadline is 14:00. Thursday's and Friday's
submissions wait until Sunday and Monday (https://info.arxiv.org/help/availability.html). Papers held by moderators
appear later than computed here.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

EASTERN = ZoneInfo("America/New_York")
CUT_OFF = time(14)
HOLIDAYS = (date(2026, 11, 26), date(2026, 12, 25), date(2026, 12, 29), date(2026, 12, 31))
"""Evenings without an announcement, as listed by arXiv. A newer list can be set in the configuration."""

_DAY = timedelta(days=1)
_FRIDAY, _SATURDAY = 4, 5


def has_batch(day: date, holidays: Collection[date]) -> bool:
    """Return whether the feed of this day has papers according to the calendar."""
    return day.weekday() < _SATURDAY and day - _DAY not in holidays


def last_batch(today: date, holidays: Collection[date]) -> date:
    """Return the date of the latest feed with papers, up to and including `today` (a date in Eastern time)."""
    while not has_batch(today, holidays):
        today -= _DAY
    return today


def batches(since: date, until: date, holidays: Collection[date]) -> list[date]:
    """Return the dates of all feeds with papers from `since` to `until`, inclusive."""
    days = (since + n * _DAY for n in range((until - since).days + 1))
    return [day for day in days if has_batch(day, holidays)]


def batch_of(submitted: datetime, holidays: Collection[date]) -> date:
    """Return the date of the feed that announces a paper submitted at this time."""
    local = submitted.astimezone(EASTERN)
    closing = local.date() + (_DAY if local.time() >= CUT_OFF else timedelta())
    while closing.weekday() >= _SATURDAY:
        closing += _DAY
    feed = closing + (3 * _DAY if closing.weekday() == _FRIDAY else _DAY)
    while not has_batch(feed, holidays):
        feed += _DAY
    return feed


def submitted_for(first: date, last: date, holidays: Collection[date]) -> tuple[datetime, datetime]:
    """Return the start and end, in UTC, of the submission period of these feeds."""
    return _closing(last_batch(first - _DAY, holidays)), _closing(last)


def _closing(feed: date) -> datetime:
    day = feed - (3 * _DAY if feed.weekday() == 0 else _DAY)
    return datetime.combine(day, CUT_OFF, tzinfo=EASTERN).astimezone(UTC)
