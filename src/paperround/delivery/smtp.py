"""The SMTP transport: its settings, and its sending rate."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr

from paperround.delivery.connection_pool import ConnectionPool
from paperround.delivery.relay import RelaySettings
from paperround.delivery.smtp_session import WINDOW
from paperround.domain.models import Letter, Outcome

_COMMANDS = 8  # replies when opening a connection with TLS and login, and offering a letter


class SendingPace:
    """Spaces letters evenly over all connections, without bursts after a pause.

    Several programs share the rate by `reserve`, which reserves seconds of the relay's time and returns how many
    seconds remain until they begin.
    """

    def __init__(self, per_second: float | None, reserve: Callable[[float], float] | None = None) -> None:
        self._per_second = per_second
        self._gap = 1 / per_second if per_second else 0.0
        self._stretch = self._gap * max(1, int(per_second or 0))  # about one second
        self._reserve = reserve
        self._next, self._until = 0.0, 0.0
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle only the rate: each process keeps its own state."""
        return SendingPace, (self._per_second,)

    def wait(self, now: float) -> float:
        """Reserve the next turn and return the seconds until it."""
        if not self._gap:
            return 0.0
        with self._lock:
            place = max(now, self._next)
            if self._reserve and place > self._until - self._gap / 2:
                place = now + self._reserve(self._stretch)
                self._until = place + self._stretch
            self._next = place + self._gap
        return place - now


class StopSignal:
    """Whether the program is about to end."""

    def __init__(self, is_set: Callable[[], bool] = lambda: False) -> None:
        self.is_set = is_set

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle no signal: each process has its own."""
        return StopSignal, ()


class SmtpTransport(RelaySettings):
    """Sends letters to an SMTP relay."""

    kind: Literal["smtp"] = "smtp"
    connections: Annotated[int, Field(ge=1, le=200)] = 8
    max_per_connection: Annotated[int, Field(ge=0)] = 0
    """The number of letters after which a connection is replaced; 0 for no limit."""
    per_second: Annotated[float | None, Field(gt=0)] = None
    """Letters per second over all connections, evenly spaced; None for no limit."""
    per_day: Annotated[int | None, Field(gt=0)] = None
    """Letters per day (UTC), the rest is sent the next day; None for no limit."""
    max_in_doubt: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Letters under way whose outcome is not recorded yet: at most this many are sent twice after a crash."""
    relays: tuple[RelaySettings, ...] = ()
    """Further relays, tried in this order if the ones before cannot be reached."""
    _pace: SendingPace = PrivateAttr()
    _stop: StopSignal = PrivateAttr(default_factory=StopSignal)

    def model_post_init(self, _context: object) -> None:
        """Create what all calls share: the rate applies across batches."""
        self._pace = SendingPace(self.per_second)

    def share_pace(self, reserve: Callable[[float], float]) -> None:
        """Share the rate with other programs through `reserve` (see SendingPace)."""
        self._pace = SendingPace(self.per_second, reserve)

    def stop_when(self, is_stopping: Callable[[], bool]) -> None:
        """Finish soon once `is_stopping` returns true (see Transport)."""
        self._stop = StopSignal(is_stopping)

    def divided(self, number: int) -> list[SmtpTransport]:
        """Return transports for this many processes, which together have these connections and letters in doubt.

        There are fewer if each could not have a connection of its own, and one if the rate is limited.
        """
        number = 1 if self.per_second else min(number, self.connections, self.max_in_doubt)
        shares = zip(_divided(self.connections, number), _divided(self.max_in_doubt, number), strict=True)
        return [
            self.model_copy(update={"connections": connections, "max_in_doubt": in_doubt})
            for connections, in_doubt in shares
        ]

    @property
    def patience(self) -> timedelta:
        """The longest time that one letter may be under way; a lease must be longer."""
        slowest = max(
            2 * (relay.connect_timeout + _COMMANDS * relay.timeout)
            + relay.final_timeout * (WINDOW if relay.chunking else 1)
            for relay in (self, *self.relays)
        )
        return timedelta(seconds=slowest)

    def send(self, letters: Iterator[Letter], report: Callable[[Sequence[Outcome]], None]) -> None:
        """Send all letters; see Transport. Raises TransportError if no relay can be reached."""
        ConnectionPool(
            (self, *self.relays),
            letters,
            report,
            connections=self.connections,
            max_per_connection=self.max_per_connection,
            max_in_doubt=self.max_in_doubt,
            wait=self._pace.wait,
            is_stopping=self._stop.is_set,
        ).run()


def _divided(total: int, number: int) -> list[int]:
    """Divide a total into shares that differ by one at most."""
    return [total // number + (place < total % number) for place in range(number)]
