"""Rate limits. Counts that may be lost in a restart are kept in memory, all others in the database."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cachetools import LRUCache

from paperround.app import App
from paperround.store.quotas import Quota

_CLIENTS_KEPT = 50_000


@dataclass
class RateLimit:
    """Allows at most `most` events within a time span for each name. The caller passes the current time."""

    most: int
    within: timedelta
    _asked: LRUCache[str, deque[datetime]] = field(default_factory=lambda: LRUCache(_CLIENTS_KEPT), repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def take(self, name: str, now: datetime, number: int = 1) -> bool:
        """Count `number` more events for this name. Returns False and counts nothing if the limit was already
        reached.
        """
        with self._lock:
            times = self._recent(name, now)
            if len(times) >= self.most:
                return False
            times.extend([now] * number)
            return True

    def count(self, name: str, now: datetime) -> int:
        """Return the number of recent events for this name."""
        with self._lock:
            return len(self._recent(name, now))

    def clear(self, name: str) -> None:
        """Reset the count for this name."""
        with self._lock:
            self._asked.pop(name, None)

    def wait(self, name: str, now: datetime) -> int:
        """Return the seconds until the next event is allowed; 0 if it is allowed now."""
        with self._lock:
            times = self._recent(name, now)
            return max(1, int((times[0] + self.within - now).total_seconds())) if len(times) >= self.most else 0

    def _recent(self, name: str, now: datetime) -> deque[datetime]:
        times = self._asked.setdefault(name, deque())
        while times and times[0] <= now - self.within:
            times.popleft()
        return times


_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
EVERYBODY = ""


@dataclass
class FormLimits:
    """The limits of a form that sends email: the subscription form or the form for lost links."""

    name: str
    client: Quota = field(init=False)
    network: Quota = field(init=False)
    """The limit for a client's network, an IPv4 /24 or an IPv6 /48, which one household or customer may hold."""
    mailbox: Quota = field(init=False)
    mailbox_month: Quota = field(init=False)
    domain: Quota = field(init=False)
    everybody: Quota = field(init=False)
    spike: int = 100
    """The number of requests by all clients within an hour that counts as a spike."""
    domain_spike: int = 30
    """The number of requests for one recipient domain within an hour that counts as a spike."""

    def __post_init__(self) -> None:
        self.client = Quota(f"{self.name} client", 10, _HOUR)
        self.network = Quota(f"{self.name} network", 40, _HOUR)
        self.mailbox = Quota(f"{self.name} mailbox", 2, _DAY)
        self.mailbox_month = Quota(f"{self.name} mailbox month", 5, timedelta(days=30))
        self.domain = Quota(f"{self.name} domain", 200, _HOUR)
        self.everybody = Quota(f"{self.name} everybody", 600, _HOUR)

    def requests(self, app: App) -> int:
        """Return the number of requests within the past hour."""
        return app.store.quotas.count(self.everybody, EVERYBODY, app.clock())


@dataclass
class RateLimits:
    """The rate limits of a site."""

    newcomers: FormLimits = field(default_factory=lambda: FormLimits("subscribe"))
    """Requests for a confirmation email."""
    lost_links: FormLimits = field(default_factory=lambda: FormLimits("lost link"))
    """Requests for a new link to one's preferences. Counted separately, so that a flood of sign-ups blocks no
    subscriber.
    """
    trying: RateLimit = field(default_factory=lambda: RateLimit(120, timedelta(minutes=1)))
    """Query previews by each client."""
    searching: RateLimit = field(default_factory=lambda: RateLimit(120, timedelta(minutes=1)))
    """Searches by each client: on the page, in its feeds and in the API."""
    logging_in: RateLimit = field(default_factory=lambda: RateLimit(5, timedelta(minutes=5)))
    """Failed logins by each client."""
