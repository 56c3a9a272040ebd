"""Whether work grows with its size alone, however fast the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable

_PARTS = 4
_MOST_TIMES = 12  # linear work takes 4 times as long for 4 times as much, quadratic work 16 times
_MARGIN = 1.0  # seconds: what takes less harms nobody


def takes_linear_time(work: Callable[[int], object], size: int) -> bool:
    """Return whether work of this size takes at most 12 times as long as that of a quarter of it, plus a second."""
    part = _seconds(work, size // _PARTS)
    return _seconds(work, size) < _MOST_TIMES * part + _MARGIN


def _seconds(work: Callable[[int], object], size: int) -> float:
    before = time.process_time()
    work(size)
    return time.process_time() - before
