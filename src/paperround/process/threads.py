"""Threads that a program waits for, even if Ctrl+C interrupts it."""

from __future__ import annotations

import threading
from collections.abc import Callable


class BackgroundThread(threading.Thread):
    """A daemon thread that can be joined again after a join was interrupted.

    Python up to 3.12 takes a thread for ended once KeyboardInterrupt or another exception interrupts `Thread.join`
    (`Thread._wait_for_tstate_lock`): the next join returns at once, and the program ends while the thread works.
    """

    def __init__(self, work: Callable[[], object], name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._work, self._ended = work, threading.Event()

    def run(self) -> None:
        """Do the work."""
        try:
            self._work()
        finally:
            self._ended.set()

    def join(self, timeout: float | None = None) -> None:
        """Wait until the work is done, for at most `timeout` seconds."""
        self._ended.wait(timeout)

    @property
    def ended(self) -> bool:
        """Whether the work is done."""
        return self._ended.is_set()
