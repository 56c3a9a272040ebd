"""A round gives way to visitors: both run Python in one process, and a page must not wait for a thousand letters."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_LONGEST = 0.25  # seconds


class Courtesy:
    """Who is being answered now, and how long a round may work before it lets them finish.

    A round that asks before each piece of its work pauses, while anybody waits for an answer, for as long as the
    last piece took, and a quarter of a second at most: visitors have the processor to themselves for about half of
    the time, and however many they are a round takes twice as long at most.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._visitors = 0
        self._resumed = time.monotonic()

    @contextmanager
    def visitor(self) -> Iterator[None]:
        """While somebody waits for an answer."""
        with self._changed:
            self._visitors += 1
        try:
            yield
        finally:
            with self._changed:
                self._visitors -= 1
                if not self._visitors:
                    self._changed.notify_all()

    def give_way(self) -> None:
        """Between two pieces of work: wait until nobody is being answered, for as long as the last piece took."""
        worked = min(time.monotonic() - self._resumed, _LONGEST)
        with self._changed:
            self._changed.wait_for(lambda: not self._visitors, worked)
        self._resumed = time.monotonic()
