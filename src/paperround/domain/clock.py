"""What time it is: the only place that asks the machine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Gives the present moment, in UTC."""


def machine_clock() -> datetime:
    """The machine's time."""
    return datetime.now(UTC)


def standing_at(moment: datetime) -> Clock:
    """A clock that stands still: a replay gives the same letters each time."""
    return lambda: moment


def running_from(moment: datetime) -> Clock:
    """A clock that shows `moment` now and runs on from there."""
    offset = moment - machine_clock()
    return lambda: machine_clock() + offset
