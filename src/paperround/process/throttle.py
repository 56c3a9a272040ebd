"""Let a round yield to page requests. Both run Python in one process, and a page must not wait for a thousand
letters.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Throttle:
    """Counts the page requests in progress, and pauses a round while there are any.

    Before each piece of work, a round calls `yield_to_requests`. While requests are in progress, it pauses for as
    long as the last piece took, at most `longest` seconds. Requests thus have the processor to themselves for about
    half of the time, and a round takes at most twice as long, however many requests there are.
    """

    def __init__(self, longest: float = 0.25, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._longest, self._monotonic = longest, monotonic
        self._changed = threading.Condition()
        self._requests = 0
        self._resumed = monotonic()

    @contextmanager
    def count_request(self) -> Iterator[None]:
        """Count a request while it is being answered."""
        with self._changed:
            self._requests += 1
        try:
            yield
        finally:
            with self._changed:
                self._requests -= 1
                if not self._requests:
                    self._changed.notify_all()

    def yield_to_requests(self) -> None:
        """Wait until no request is in progress, for at most as long as the last piece of work took."""
        if self._requests:
            worked = min(self._monotonic() - self._resumed, self._longest)
            with self._changed:
                self._changed.wait_for(lambda: not self._requests, worked)
        self._resumed = self._monotonic()
