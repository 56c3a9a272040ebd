"""The relay as a transport: its settings, and the pace it is given letters at."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr

from paperround.delivery.connection_pool import ConnectionPool
from paperround.delivery.relay import RelaySettings
from paperround.domain.models import Letter, Outcome

_COMMANDS = 8  # replies waited for in opening a connection and offering a letter, with TLS and login


class SendingPace:
    """Spaces letters evenly over all connections: no bursts, however long nothing was sent before.

    With `reserve`, which takes so many seconds of the relay's time and says how long it is until they begin, several
    programs keep the pace together.
    """

    def __init__(self, per_second: float | None, reserve: Callable[[float], float] | None = None) -> None:
        self._gap = 1 / per_second if per_second else 0.0
        self._stretch = self._gap * max(1, int(per_second or 0))  # about one second
        self._reserve = reserve
        self._next, self._until = 0.0, 0.0
        self._lock = threading.Lock()

    def wait(self, now: float) -> float:
        """Take the next place in the row; the seconds until it comes."""
        if not self._gap:
            return 0.0
        with self._lock:
            place = max(now, self._next)
            if self._reserve and place > self._until - self._gap / 2:
                place = now + self._reserve(self._stretch)
                self._until = place + self._stretch
            self._next = place + self._gap
        return place - now


class SmtpTransport(RelaySettings):
    """Hands letters to an SMTP relay."""

    kind: Literal["smtp"] = "smtp"
    connections: Annotated[int, Field(ge=1, le=200)] = 8
    max_per_connection: Annotated[int, Field(ge=0)] = 0
    """Letters after which a connection is renewed; 0 for no limit."""
    per_second: Annotated[float | None, Field(gt=0)] = None
    """Letters a second over all connections, evenly spaced."""
    per_day: Annotated[int | None, Field(gt=0)] = None
    """Letters a day; the pipeline leaves the rest for tomorrow."""
    max_in_doubt: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Letters under way whose outcome is not recorded yet: so many may go out twice after a crash."""
    relays: tuple[RelaySettings, ...] = ()
    """Further ones, tried in this order when those before cannot be reached."""
    _pace: SendingPace = PrivateAttr()

    def model_post_init(self, _context: object) -> None:
        """Make what all calls share: the pace holds from one batch to the next."""
        self._pace = SendingPace(self.per_second)

    def share_pace(self, reserve: Callable[[float], float]) -> None:
        """Keep the pace together with other programs, through `reserve` (SendingPace)."""
        self._pace = SendingPace(self.per_second, reserve)

    @property
    def patience(self) -> timedelta:
        """The longest time for which one letter may be under way; a lease must outlast it."""
        slowest = max(
            2 * (relay.connect_timeout + _COMMANDS * relay.timeout) + relay.final_timeout
            for relay in (self, *self.relays)
        )
        return timedelta(seconds=slowest)

    def send(self, letters: Iterator[Letter], report: Callable[[Sequence[Outcome]], None]) -> None:
        """Hand over all letters; see Transport. Raises TransportError when no relay can be reached."""
        ConnectionPool(
            (self, *self.relays),
            letters,
            report,
            connections=self.connections,
            max_per_connection=self.max_per_connection,
            max_in_doubt=self.max_in_doubt,
            wait=self._pace.wait,
        ).run()
