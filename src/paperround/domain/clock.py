"""The current time, and moments written as text. No other module reads the system clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

Clock = Callable[[], datetime]
"""Returns the current time in UTC."""


LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands for what has never happened where moments are compared."""


def format_moment(moment: datetime | None) -> str:
    """Format a moment for tables and sentences."""
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "never"


def machine_clock() -> datetime:
    """Return the system time in UTC."""
    return datetime.now(UTC)


def standing_at(moment: datetime) -> Clock:
    """Return a clock that always shows `moment`, so that a replay produces the same letters each time."""
    return _Standing(moment)


def running_from(moment: datetime) -> Clock:
    """Return a clock that shows `moment` now and advances from there."""
    return _Shifted(moment - machine_clock())


def read_moment(text: str) -> datetime:
    """Parse a moment in ISO 8601 and return it in UTC; without an offset it is in UTC.

    Raises ValueError if it is not one, or is so close to an end of the calendar that it has no date in UTC.
    """
    moment = datetime.fromisoformat(text)
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is out of range") from None


# Classes instead of nested functions, which cannot be passed to another process.


@dataclass(frozen=True, slots=True)
class _Standing:
    moment: datetime

    def __call__(self) -> datetime:
        return self.moment


@dataclass(frozen=True, slots=True)
class _Shifted:
    offset: timedelta

    def __call__(self) -> datetime:
        return machine_clock() + self.offset


def latest_day(now: datetime) -> date:
    """Return the date that it is at a moment in the time zone that is farthest ahead, 14 hours from UTC."""
    return (now.astimezone(UTC) + timedelta(hours=14)).date()
