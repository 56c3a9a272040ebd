"""The letters that a connection pool has to send, each from being drawn until its outcome is recorded."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator

from paperround.domain.models import Letter


class LetterQueue:
    """Draws letters from an iterator at the sending rate, and keeps those that no connection has taken yet.

    At most `max_in_doubt` letters are drawn whose outcomes are not recorded. Each is in one place: here, on a
    connection, or among the outcomes to record. The pool moves it, and says so by `retry`, `answered` and `recorded`.
    """

    def __init__(self, letters: Iterator[Letter], max_in_doubt: int, wait: Callable[[float], float]) -> None:
        """`wait` reserves the next turn at the sending rate and returns the seconds until it (see SendingPace)."""
        self._letters, self._wait = letters, wait
        self.places = max_in_doubt
        """How many letters may be drawn before further outcomes are recorded."""
        self._pending: deque[Letter] = deque()
        """Letters that a connection is opened for."""
        self._prefetched: deque[Letter] = deque()
        """Letters drawn while the relay was being waited for."""
        self.retries: deque[Letter] = deque()
        """Letters for a new connection: their first one ended before the relay can have accepted them."""
        self._retried: set[int] = set()
        """The deliveries that were given back to `retry` and have no outcome yet."""
        self._next_send_at: float | None = None
        """When the next letter may be sent, by the monotonic clock; None if no turn is reserved."""
        self._waiting_for_pace = False
        self._exhausted = False
        self.stopped = False
        """Whether no further letter is to be drawn, although there may be one."""

    def stop(self) -> None:
        """Draw no further letters. Any thread may call this."""
        self.stopped = True

    @property
    def ended(self) -> bool:
        """Whether no further letter will be drawn."""
        return self._exhausted or self.stopped

    @property
    def has_more(self) -> bool:
        """Whether sending goes on even if no connection is busy now: a letter waits or may be drawn."""
        return not self.stopped and bool(self._pending or self._prefetched or not self._exhausted)

    @property
    def has_prefetched(self) -> bool:
        """Whether a letter waits for the next connection with room. It is sent even after `stop`."""
        return bool(self._prefetched)

    @property
    def awaiting_connection(self) -> int:
        """The number of letters that a connection has to be opened for."""
        return len(self.retries) + len(self._pending)

    @property
    def next_turn_at(self) -> float:
        """When the letter that `draw` refused for its pace may be drawn, by the monotonic clock; else infinity."""
        if self._waiting_for_pace and self._next_send_at is not None:
            return self._next_send_at
        return float("inf")

    def begin_round(self) -> None:
        """Forget that `draw` refused a letter for its pace: it is asked again if a connection has room."""
        self._waiting_for_pace = False

    def draw(self) -> Letter | None:
        """Return the next letter of the iterator.

        Returns None if there is none, if there are no `places`, if sending has `stopped`, or if its turn at the
        sending rate has not come. Raises what the iterator raises.
        """
        if not self.places or self.stopped or self._exhausted:
            return None
        now = time.monotonic()
        if self._next_send_at is None:
            self._next_send_at = now + self._wait(now)
        if now < self._next_send_at:
            self._waiting_for_pace = True
            return None
        letter = next(self._letters, None)
        if letter is None:
            self._exhausted = True
            return None
        self._next_send_at = None
        self.places -= 1
        return letter

    def take(self) -> Letter | None:
        """Return a letter that was drawn before and can be sent over any connection, or None."""
        if self._pending and not self.stopped:
            return self._pending.popleft()
        return self._prefetched.popleft() if self._prefetched else None

    def take_retry(self) -> Letter:
        """Return a letter that lost its connection. Only if there are `retries`."""
        return self.retries.popleft()

    def may_prefetch(self, connections: int) -> bool:
        """Return whether a letter may be drawn before a connection has room for it: one for each, in its turn."""
        if not self.places or self.ended or len(self._prefetched) >= connections:
            return False
        return self._next_send_at is None or self._next_send_at <= time.monotonic()

    def add_prefetched(self, letter: Letter) -> None:
        """Keep a drawn letter for the next connection with room."""
        self._prefetched.append(letter)

    def add_pending(self, letter: Letter) -> None:
        """Keep a drawn letter for a connection to be opened."""
        self._pending.append(letter)

    def retry(self, letter: Letter) -> bool:
        """Keep a letter that the relay cannot have accepted for a new connection. Returns False the second time."""
        if letter.delivery in self._retried:
            return False
        self._retried.add(letter.delivery)
        self.retries.append(letter)
        return True

    def requeue_retries(self) -> None:
        """Let the present connections send the letters that wait for a new one, since there will be none."""
        self._retried.difference_update(letter.delivery for letter in self.retries)
        self._pending.extendleft(reversed(self.retries))
        self.retries.clear()

    def answered(self, delivery: int) -> None:
        """Note that the outcome of a delivery's letter is known."""
        self._retried.discard(delivery)

    def recorded(self, outcomes: int) -> None:
        """Note that so many outcomes are recorded: as many letters may be drawn."""
        self.places += outcomes

    def remaining(self) -> Iterator[Letter]:
        """Remove and yield the letters that no connection has taken."""
        while waiting := self.retries or self._pending or self._prefetched:
            yield waiting.popleft()
