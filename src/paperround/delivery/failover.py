"""Which of several relays is used, and when an unreachable one is given up."""

from __future__ import annotations

import itertools
import ssl
from collections.abc import Callable, Sequence
from functools import partial

from paperround.delivery.relay import RelaySettings
from paperround.delivery.smtp_connection import open_session
from paperround.delivery.smtp_session import Reply, SmtpSession
from paperround.domain.models import Stage

_RETRY_DELAYS = (0.2, 1.0, 3.0)  # seconds between attempts; a server may notice the end of a connection late


class Failover:
    """The relays of a transport in their order, of which the first that can be reached is used."""

    def __init__(self, relays: Sequence[RelaySettings], max_per_connection: int) -> None:
        """`max_per_connection` is the maximum number of letters on a connection, 0 for no limit."""
        self._relays, self._max_per_connection = relays, max_per_connection
        self._position = 0
        self._contexts: dict[int, ssl.SSLContext | None] = {}
        self._connections = itertools.count(1)
        self._reached = False
        """Whether a connection to this relay was ever opened."""
        self._delays = iter(_RETRY_DELAYS)

    def next_connection(self) -> tuple[str, Callable[[], SmtpSession]]:
        """Return a name for the next connection and what opens it; see `open_session`."""
        relay = self._relays[self._position]
        if self._position not in self._contexts:
            self._contexts[self._position] = relay.context()
        name = f"{relay.host}:{relay.at_port}#{next(self._connections)}"
        return name, partial(open_session, relay, self._contexts[self._position], name, self._max_per_connection)

    def connected(self) -> None:
        """Note that a connection to the relay was opened."""
        self._reached, self._delays = True, iter(_RETRY_DELAYS)

    def retry_delay(self, refusal: Reply) -> float | None:
        """Return the seconds until the relay is tried again after it refused the only connection, or None.

        It is tried again a few times if it was reached before, and if the refusal may pass.
        """
        return next(self._delays, None) if self._reached and refusal.stage is Stage.CONNECT else None

    def advance(self) -> bool:
        """Use the next relay from now on. Returns False if there is none."""
        if self._position + 1 == len(self._relays):
            return False
        self._position, self._reached = self._position + 1, False
        return True
