"""How often somebody may ask: counted in memory where a restart may forget it, in the database where it must not."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from paperround.app import App
from paperround.store.quotas import Quota

_CLIENTS_KEPT = 50_000


@dataclass
class RateLimit:
    """At most `most` events within a time span for each name. The caller passes the current time."""

    most: int
    within: timedelta
    _asked: OrderedDict[str, deque[datetime]] = field(default_factory=OrderedDict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def take(self, name: str, now: datetime, number: int = 1) -> bool:
        """Count `number` more for this name; False, and nothing counted, when there were too many before."""
        with self._lock:
            times = self._recent(name, now)
            if len(times) >= self.most:
                return False
            times.extend([now] * number)
            return True

    def count(self, name: str, now: datetime) -> int:
        """The number of recent events for this name."""
        with self._lock:
            return len(self._recent(name, now))

    def clear(self, name: str) -> None:
        """Reset the count for this name."""
        with self._lock:
            self._asked.pop(name, None)

    def wait(self, name: str, now: datetime) -> int:
        """Seconds until the next event is allowed; 0 when it is allowed now."""
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


_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
EVERYBODY = ""


@dataclass
class FormLimits:
    """The limits of one of the two forms."""

    name: str
    client: Quota = field(init=False)
    network: Quota = field(init=False)
    """A client's surroundings: an IPv4 /24 or an IPv6 /48, which one household or customer may hold."""
    mailbox: Quota = field(init=False)
    mailbox_month: Quota = field(init=False)
    domain: Quota = field(init=False)
    everybody: Quota = field(init=False)
    spike: int = 100
    """So many from everybody within an hour are a spike."""
    domain_spike: int = 30
    """So many to one recipient domain within an hour are one, too."""

    def __post_init__(self) -> None:
        self.client = Quota(f"{self.name} client", 10, _HOUR)
        self.network = Quota(f"{self.name} network", 40, _HOUR)
        self.mailbox = Quota(f"{self.name} mailbox", 2, _DAY)
        self.mailbox_month = Quota(f"{self.name} mailbox month", 5, timedelta(days=30))
        self.domain = Quota(f"{self.name} domain", 200, _HOUR)
        self.everybody = Quota(f"{self.name} everybody", 600, _HOUR)

    def requests(self, app: App) -> int:
        """How many there were within the past hour."""
        return app.store.quotas.count(self.everybody, EVERYBODY, app.clock())


@dataclass
class RateLimits:
    """The rate limits of a site."""

    newcomers: FormLimits = field(default_factory=lambda: FormLimits("subscribe"))
    """Requests for a confirmation."""
    lost_links: FormLimits = field(default_factory=lambda: FormLimits("lost link"))
    """Requests for the link to one's preferences: apart, so that a flood of newcomers keeps no subscriber out."""
    trying: RateLimit = field(default_factory=lambda: RateLimit(120, timedelta(minutes=1)))
    """Query previews for each client."""
    logging_in: RateLimit = field(default_factory=lambda: RateLimit(5, timedelta(minutes=5)))
    """Failed logins for each client."""
