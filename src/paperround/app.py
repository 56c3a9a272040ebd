"""The context of every command, page and scheduled run: settings, store and clock.

This module imports none of its users.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from paperround.delivery import Transport
from paperround.domain import tokens
from paperround.domain.clock import Clock, machine_clock
from paperround.domain.models import EventKind, Site
from paperround.matching import fts, tsearch
from paperround.process.throttle import Throttle
from paperround.settings import Settings
from paperround.store import Store

if TYPE_CHECKING:
    from paperround.network.http import Http

T = TypeVar("T")
_LINK_SALT = "link salt"
"""The site value that a new database gets with its tables (migration 0029)."""


class Progress(Protocol):
    """Receives the progress of a stage."""

    def begin(self, what: str, total: int | None) -> None:
        """Begin a stage. `what` is its name, `total` its number of steps, or None if unknown."""

    def advance(self, steps: int) -> None:
        """Report that this many more steps are complete."""


class NoProgress:
    """A Progress that shows nothing."""

    def begin(self, what: str, total: int | None) -> None:
        """Do nothing."""

    def advance(self, steps: int) -> None:
        """Do nothing."""


class App:
    """The settings, the store and the clock of a process, and the objects that are built from them and shared."""

    def __init__(
        self, settings: Settings, store: Store, clock: Clock = machine_clock, config: Path | None = None
    ) -> None:
        self.settings = settings
        self.store = store
        self.clock = clock
        if settings.secret_key is not None:
            store.address_hashes.keys = self.keys
        self.config = config
        """The configuration file given by the user, or None."""
        self.transport: Transport = settings.transport
        self.transport.share_pace(self._reserve_relay)
        self.stopping = threading.Event()
        """Set when the program is about to stop, so that no new work is begun."""
        self.transport.stop_when(self.stopping.is_set)
        self.progress: Progress = NoProgress()
        self.throttle = Throttle()
        self.request_round: Callable[[], None] = lambda: None
        """Wakes the delivery loop. If a call is lost, due work waits for the next tick, because it is in the
        database.
        """
        self._shared: dict[Callable[[App], Any], Any] = {}
        self._sharing = threading.RLock()

    def _reserve_relay(self, seconds: float) -> float:
        """Reserve the relay for this many seconds, in turn with other programs. Returns the seconds until the turn
        begins.

        Uses the system clock, even in a replay, because the relay's limits are in real time.
        """
        now = machine_clock()
        return (self.store.service_turns.reserve("relay", now, timedelta(seconds=seconds)) - now).total_seconds()

    def shared(self, make: Callable[[App], T]) -> T:
        """Return the object that `make` builds from this app. It is built at the first call and then kept.

        Modules above this one store costly objects here, so that this module does not depend on them.
        """
        with self._sharing:
            if make not in self._shared:
                self._shared[make] = make(self)
            built: T = self._shared[make]
            return built

    @cached_property
    def keys(self) -> tuple[bytes, ...]:
        """The site's secret keys. The first one signs and encrypts, all are accepted."""
        assert self.settings.secret_key is not None
        return tokens.keys(self.settings.secret_key.get_secret_value())

    @cached_property
    def link_keys(self) -> tuple[bytes, ...]:
        """The keys that sign links and return addresses, derived from `keys` for this database.

        The numbers in links belong to other subscribers in another database, even one with the same secret key.
        """
        return tokens.link_keys(self.keys, self.store.site_values.get(_LINK_SALT) or "")

    @cached_property
    def site(self) -> Site:
        """The facts about the site that letters and pages print."""
        return self.settings.site.facts()

    @cached_property
    def http(self) -> Http:
        """The HTTP client for sources."""
        from paperround.network import http  # noqa: PLC0415 - import httpx only if something is fetched

        return http.Http(
            self.settings.user_agent_contact,
            http.HttpPolicy(private_hosts=self.settings.private_hosts),
            rate_limiter=http.RateLimiter(shared=self.store.service_turns),
            environment=http.HttpEnvironment(clock=self.clock),
        )

    @cached_property
    def pictures_http(self) -> Http:
        """The HTTP client for thumbnails."""
        from paperround.network import http  # noqa: PLC0415 - see above
        from paperround.sources import pictures  # noqa: PLC0415 - imports Pillow

        return pictures.client(self.settings.user_agent_contact, http.HttpEnvironment(clock=self.clock))

    def close(self) -> None:
        """Close the connections and servers that this process opened."""
        opened = [*map(self.__dict__.get, ("http", "pictures_http")), *self._shared.values()]
        for resource in opened:
            if close := getattr(resource, "close", None):
                close()
        self.store.close()


def open_store(url: str, webhooks: Mapping[EventKind, tuple[str, ...]] | None = None) -> Store:
    """Open the store at a database URL, without changing its schema.

    `webhooks` names the webhooks that receive each kind of event.
    """
    return Store(url, {"sqlite": fts, "postgresql": tsearch}, webhooks)
