"""When is a subscriber's next digest due? Local time rules, right across clock changes. Pure."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class Cadence(StrEnum):
    """How often a subscriber gets a digest."""

    DAILY = "daily"
    WEEKDAYS = "weekdays"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    OFF = "off"

    @property
    def tells_of_days(self) -> bool:
        """Whether an issue tells of several days (cadence.span)."""
        return self in (Cadence.WEEKLY, Cadence.MONTHLY)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a subscriber wants the digest: cadence, local hour, IANA time zone, and the day of week or month."""

    cadence: Cadence = Cadence.DAILY
    at: time = time(7, 0)
    timezone: str = "UTC"
    weekday: int = 0
    """For weekly digests, 0 is Monday."""
    monthday: int = 1
    """For monthly digests, 1 to 31; a shorter month has its last day."""


def next_digest_at(schedule: Schedule, after: datetime, last_issue_day: date | None = None) -> datetime | None:
    """The first due moment later than `after`, in UTC; None for a subscriber who wants none.

    `last_issue_day` is the local date of the last issue: there is no second digest on that date, not even when the
    subscriber moves to a time zone farther west. A local time that a clock change skips or repeats is read as
    RFC 5545 section 3.3.5 defines it: with the offset before the gap, and at its first occurrence.
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
    """The longest time between two digests, clock changes left out; zero for a subscriber who wants none."""
    return timedelta(days=_PERIOD_DAYS[cadence])


def mended_digest_at(
    schedule: Schedule, stored: datetime, now: datetime, last_issue_day: date | None
) -> tuple[datetime, date | None] | None:
    """The next digest's moment and the last issue's day, where a clock that ran ahead has stored wrong ones.

    None where they are right, as within one period from now. An issue of a day that has come nowhere on earth was not
    that day's.
    """
    if stored <= now + period(schedule.cadence):
        return None
    today = now.astimezone(ZoneInfo(schedule.timezone)).date()
    last = None if last_issue_day and last_issue_day > today + timedelta(days=1) else last_issue_day
    due = next_digest_at(schedule, now, last)
    return (due, last) if due and due < stored else None


def due_at(schedule: Schedule, day: date) -> datetime:
    """The moment, in UTC, at which the issue of this local date is due."""
    local = datetime.combine(day, schedule.at, tzinfo=ZoneInfo(schedule.timezone))
    return local.astimezone(UTC)


def issue_date(schedule: Schedule, due: datetime) -> date:
    """The local date of the issue that is due at this moment."""
    local = due.astimezone(ZoneInfo(schedule.timezone))
    # 23:30 on a day whose clocks jump over midnight is due after midnight, and still that day's issue. Where a
    # whole day was skipped (Apia's 30 December 2011), it and the next are due at once: the first that is scheduled.
    before = local.date() - timedelta(days=1)
    falls_before = next(_days(schedule, before)) == before and due_at(schedule, before) == due
    return before if falls_before else local.date()


def span(cadence: Cadence, day: date) -> tuple[date, date] | None:
    """The first and last day of which a weekly or monthly issue of this date tells; None for the others."""
    if cadence is Cadence.WEEKLY:
        return day - timedelta(days=7), day - timedelta(days=1)
    if cadence is Cadence.MONTHLY:
        year, month = (day.year, day.month - 1) if day.month > 1 else (day.year - 1, 12)
        return date(year, month, min(day.day, calendar.monthrange(year, month)[1])), day - timedelta(days=1)
    return None


def span_days(cadence: Cadence, day: date) -> list[date]:
    """Each day of which an issue of this date tells by its span, the first day first; empty where it has none."""
    told = span(cadence, day)
    return [told[0] + timedelta(days=after) for after in range((told[1] - told[0]).days + 1)] if told else []


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
