"""What every command, page and scheduled run works with: settings, store and clock.

This module imports nothing that uses it.
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
from paperround.domain.models import EventKind
from paperround.matching import fts, tsearch
from paperround.process.throttle import Courtesy
from paperround.settings import Settings
from paperround.store import Store

if TYPE_CHECKING:
    from paperround.network.http import Http

T = TypeVar("T")


class Progress(Protocol):
    """Is told how far a stage is."""

    def begin(self, what: str, total: int | None) -> None:
        """A stage named `what` begins; `total` is its number of steps, or None where that is not known."""

    def advance(self, steps: int) -> None:
        """So many more steps are done."""


class NoProgress:
    """A Progress that shows nothing."""

    def begin(self, what: str, total: int | None) -> None:
        """Do nothing."""

    def advance(self, steps: int) -> None:
        """Do nothing."""


class App:
    """The settings, the store and the clock of one process, and what is built from them once and shared."""

    def __init__(
        self, settings: Settings, store: Store, clock: Clock = machine_clock, config: Path | None = None
    ) -> None:
        self.settings = settings
        self.store = store
        self.clock = clock
        self.config = config
        """The configuration file that was named, if one was."""
        self.transport: Transport = settings.transport
        if share_pace := getattr(self.transport, "share_pace", None):
            share_pace(self._reserve_relay)
        self.stopping = threading.Event()
        """Set when the program is about to end: nothing new is begun."""
        self.progress: Progress = NoProgress()
        self.courtesy = Courtesy()
        self.nudge: Callable[[], None] = lambda: None
        """Wakes whoever delivers; what is due is in the database, so a lost call only delays it to the next tick."""
        self._shared: dict[Callable[[App], Any], Any] = {}
        self._sharing = threading.RLock()

    def _reserve_relay(self, seconds: float) -> float:
        """Take so many seconds of the relay's time before all other programs; how many seconds until they begin.

        By the machine's clock: the relay counts no other.
        """
        now = machine_clock()
        return (self.store.service_turns.reserve("relay", now, timedelta(seconds=seconds)) - now).total_seconds()

    def shared(self, make: Callable[[App], T]) -> T:
        """The one object of this process that `make` builds from this app: built at the first call, then kept.

        Parts above this module keep here what is costly to make, so that this module need not know them.
        """
        with self._sharing:
            if make not in self._shared:
                self._shared[make] = make(self)
            found: T = self._shared[make]
            return found

    @cached_property
    def keys(self) -> tuple[bytes, ...]:
        """The keys that sign links: the first signs, all are accepted."""
        assert self.settings.secret_key is not None
        return tokens.keys(self.settings.secret_key.get_secret_value())

    @cached_property
    def http(self) -> Http:
        """The HTTP client that sources are fetched with."""
        from paperround.network.http import Http, Spacing  # noqa: PLC0415 - httpx only where something is fetched

        return Http(
            contact=self.settings.contact_url,
            clock=self.clock,
            private_hosts=self.settings.private_hosts,
            spacing=Spacing(shared=self.store.service_turns),
        )

    @cached_property
    def pictures_http(self) -> Http:
        """The HTTP client that thumbnails are fetched with."""
        from paperround.sources import pictures  # noqa: PLC0415 - brings Pillow

        return pictures.client(self.settings.contact_url, clock=self.clock)

    def close(self) -> None:
        """Close the connections and stop the servers that this process opened."""
        opened = [self.transport, *map(self.__dict__.get, ("http", "pictures_http")), *self._shared.values()]
        for one in opened:
            if close := getattr(one, "close", None):
                close()
        self.store.close()


def open_store(url: str, wanted: Mapping[EventKind, tuple[str, ...]] | None = None) -> Store:
    """The store under a database URL, its schema as it is.

    `wanted` names, for each kind of event, the webhooks that are told of it.
    """
    return Store(url, {"sqlite": fts, "postgresql": tsearch}, wanted)
