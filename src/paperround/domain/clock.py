"""The current time. No other module reads the system clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the current time in UTC."""


def machine_clock() -> datetime:
    """Return the system time in UTC."""
    return datetime.now(UTC)


def standing_at(moment: datetime) -> Clock:
    """Return a clock that always shows `moment`, so that a replay produces the same letters each time."""
    return lambda: moment


def running_from(moment: datetime) -> Clock:
    """Return a clock that shows `moment` now and advances from there."""
    offset = moment - machine_clock()
    return lambda: machine_clock() + offset
