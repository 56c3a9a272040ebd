"""Compute when a subscriber's next digest is due, in local time and across clock changes. Pure."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo


class Cadence(StrEnum):
    """How often a subscriber gets a digest."""

    DAILY = "daily"
    WEEKDAYS = "weekdays"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    OFF = "off"

    @property
    def covers_several_days(self) -> bool:
        """Whether an issue covers several days (see `span`)."""
        return self in (Cadence.WEEKLY, Cadence.MONTHLY)


class Issue(NamedTuple):
    """An issue: what all subscribers with one cadence get on one local date."""

    cadence: Cadence
    day: date

    def __str__(self) -> str:
        """Return the name of the issue, such as `daily 2026-11-23`."""
        return f"{self.cadence.value} {self.day}"

    @property
    def slug(self) -> str:
        """The name of the issue in addresses, such as `daily-2026-11-23`."""
        return f"{self.cadence.value}-{self.day}"

    @classmethod
    def of_slug(cls, slug: str) -> Issue | None:
        """Return the issue with this name in addresses, or None if there is no such issue."""
        cadence, _, day = slug.partition("-")
        try:
            issue = cls(Cadence(cadence), date.fromisoformat(day))
        except ValueError:
            return None
        return issue if issue.slug == slug else None  # other ways to write the date are no addresses


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a subscriber wants the digest: cadence, local time, IANA time zone, and the day of the week or month."""

    cadence: Cadence = Cadence.DAILY
    at: time = time(7, 0)
    timezone: str = "UTC"
    weekday: int = 0
    """The day of weekly digests: 0 is Monday, 6 is Sunday."""
    monthday: int = 1
    """The day of monthly digests, 1 to 31. In shorter months it is the last day."""


@lru_cache(maxsize=1 << 12)  # many subscribers have the same schedule
def next_digest_at(schedule: Schedule, after: datetime, last_issue_day: date | None = None) -> datetime | None:
    """Return the first due time after `after`, in UTC, or None if the cadence is off.

    `last_issue_day` is the local date of the last issue. There is no second digest on that date, even if the
    subscriber moves to a time zone farther west. A local time that a clock change skips or repeats is interpreted as
    in RFC 5545 section 3.3.5: with the offset before the gap, and as its first occurrence.
    """
    if schedule.cadence is Cadence.OFF:
        return None
    start = after.astimezone(ZoneInfo(schedule.timezone)).date() - timedelta(days=1)
    for day in _days(schedule, start):
        due = due_at(schedule, day)
        if due > after and (last_issue_day is None or day > last_issue_day):
            return due
    raise AssertionError("a schedule has no end")  # pragma: no cover - _days is endless


_PERIOD_DAYS = {Cadence.DAILY: 1, Cadence.WEEKDAYS: 3, Cadence.WEEKLY: 7, Cadence.MONTHLY: 31, Cadence.OFF: 0}


def period(cadence: Cadence) -> timedelta:
    """Return the longest time between two digests, ignoring clock changes; zero if the cadence is off."""
    return timedelta(days=_PERIOD_DAYS[cadence])


def mended_digest_at(
    schedule: Schedule, stored: datetime, now: datetime, last_issue_day: date | None
) -> tuple[datetime, date | None] | None:
    """Return the corrected due time and last issue day, after a clock that was ahead has stored wrong ones.

    Returns None if `stored` is at most one period from now, and therefore right. A last issue day that has not begun
    anywhere on earth is discarded.
    """
    if stored <= now + period(schedule.cadence):
        return None
    today = now.astimezone(ZoneInfo(schedule.timezone)).date()
    last = None if last_issue_day and last_issue_day > today + timedelta(days=1) else last_issue_day
    due = next_digest_at(schedule, now, last)
    return (due, last) if due and due < stored else None


def due_at(schedule: Schedule, day: date) -> datetime:
    """Return the time, in UTC, at which the issue of this local date is due."""
    local = datetime.combine(day, schedule.at, tzinfo=ZoneInfo(schedule.timezone))
    return local.astimezone(UTC)


def issue_date(schedule: Schedule, due: datetime) -> date:
    """Return the local date of the issue that is due at this time."""
    local = due.astimezone(ZoneInfo(schedule.timezone))
    # If the clocks jump over midnight, an issue scheduled for 23:30 is due after midnight but belongs to the previous
    # day. If a whole day is skipped (Apia, 30 December 2011), its issue and the next are due at the same time: return
    # the first one that is scheduled.
    before = local.date() - timedelta(days=1)
    falls_before = next(_days(schedule, before)) == before and due_at(schedule, before) == due
    return before if falls_before else local.date()


def span(cadence: Cadence, day: date) -> tuple[date, date] | None:
    """Return the first and last day that a weekly or monthly issue of this date covers; None for other cadences.

    These are the days of the issue before and of this one: papers of either may be in the letter, depending on when
    they arrived.
    """
    if cadence is Cadence.WEEKLY:
        return day - timedelta(days=7), day
    if cadence is Cadence.MONTHLY:
        year, month = (day.year, day.month - 1) if day.month > 1 else (day.year - 1, 12)
        return date(year, month, min(day.day, calendar.monthrange(year, month)[1])), day
    return None


def wide_span(cadence: Cadence, day: date, paper_days: Iterable[tuple[date, date]]) -> tuple[date, date] | None:
    """Return the span of an issue of this date, as far as its papers reach; None for cadences without a span.

    `paper_days` are the day of each paper and the day on which it was stored. After an outage a letter has papers
    that came before and after the days that it was due for. An old paper that came within these days widens nothing.
    """
    days = span(cadence, day)
    if days is None:
        return None
    first, last = days
    for announced, stored in paper_days:
        first, last = min(first, max(announced, stored)), max(last, announced)
    return first, last


def span_days(cadence: Cadence, day: date) -> list[date]:
    """Return each day that an issue of this date covers, the earliest first; empty if it has no span."""
    bounds = span(cadence, day)
    return [bounds[0] + timedelta(days=after) for after in range((bounds[1] - bounds[0]).days + 1)] if bounds else []


def _days(schedule: Schedule, start: date) -> Iterator[date]:
    match schedule.cadence:
        case Cadence.MONTHLY:
            year, month = start.year, start.month
            while True:
                yield date(year, month, min(schedule.monthday, calendar.monthrange(year, month)[1]))
                year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        case cadence:
            day = start
            while True:
                if _falls_on(cadence, schedule.weekday, day):
                    yield day
                day += timedelta(days=1)


def _falls_on(cadence: Cadence, weekday: int, day: date) -> bool:
    if cadence is Cadence.WEEKDAYS:
        return day.weekday() < 5
    if cadence is Cadence.WEEKLY:
        return day.weekday() == weekday
    return True
