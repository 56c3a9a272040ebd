"""How often somebody may ask, counted in memory: what is counted is worth nothing after a restart."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

_CLIENTS_KEPT = 50_000


@dataclass
class RateLimit:
    """So many in so long a time for each name; the clock is an argument."""

    most: int
    within: timedelta
    _asked: OrderedDict[str, deque[datetime]] = field(default_factory=OrderedDict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def take(self, name: str, now: datetime) -> bool:
        """Count one more for this name; False, and nothing counted, when that would be too many."""
        with self._lock:
            times = self._recent(name, now)
            if len(times) >= self.most:
                return False
            times.append(now)
            return True

    def count(self, name: str, now: datetime) -> int:
        """How many were counted for this name."""
        with self._lock:
            return len(self._recent(name, now))

    def clear(self, name: str) -> None:
        """Forget what was counted for this name."""
        with self._lock:
            self._asked.pop(name, None)

    def wait(self, name: str, now: datetime) -> int:
        """Seconds until one more is allowed."""
        with self._lock:
            times = self._recent(name, now)
            return max(1, int((times[0] + self.within - now).total_seconds())) if len(times) >= self.most else 0

    def _recent(self, name: str, now: datetime) -> deque[datetime]:
        times = self._asked.setdefault(name, deque())
        self._asked.move_to_end(name)
        while times and times[0] <= now - self.within:
            times.popleft()
        while len(self._asked) > _CLIENTS_KEPT:
            self._asked.popitem(last=False)
        return times


_HOUR = timedelta(hours=1)
EVERYBODY = "everybody"


@dataclass
class RateLimits:
    """The limits of one site."""

    subscribing: RateLimit = field(default_factory=lambda: RateLimit(10, _HOUR))
    """Requests for a confirmation or a lost link, for each client."""
    subscribing_overall: RateLimit = field(default_factory=lambda: RateLimit(600, _HOUR))
    """The same for all clients together: beyond it somebody is using us to bomb mailboxes."""
    spike: int = 100
    """So many within an hour are worth an alarm."""
    trying: RateLimit = field(default_factory=lambda: RateLimit(120, timedelta(minutes=1)))
    """Queries tried by each client."""
    logging_in: RateLimit = field(default_factory=lambda: RateLimit(5, timedelta(minutes=5)))
    """Wrong admin tokens from each client."""
