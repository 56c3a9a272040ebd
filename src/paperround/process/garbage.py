"""When Python's garbage collector runs."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_THRESHOLDS = 200_000, 20, 50


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Pause garbage collection while modules load in this block, and let it run less often afterwards.

    The objects of modules are never freed, and scanning them takes a tenth of the time of a short command. Those of
    a batch are freed without the collector, which Python's defaults run every 700 objects: it took a tenth of the
    time of publishing and importing, and freed next to nothing.
    """
    gc.disable()
    try:
        yield
    finally:
        collect_seldom()


def collect_seldom() -> None:
    """Run garbage collection less often from now on, and never over the objects that exist now."""
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    gc.enable()
