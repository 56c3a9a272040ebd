"""How many connections to a relay may be open, learned from how the relay treats them."""

from __future__ import annotations

import time

from paperround.delivery.smtp_session import WINDOW
from paperround.domain.models import Outcome, Stage
from paperround.domain.reply_codes import SERVICE_ENDS

_COOLDOWN_SECONDS = 1.0  # after a 421 on the only connection
_REGROWS_AFTER = 100  # accepted letters, after which one more connection is tried again


class ConnectionBudget:
    """Limits the number of connections to what the relay accepts.

    At most `limit` may be open: all that are configured, until the relay refuses one or ends one with 421. A hundred
    accepted letters later, one more is tried. Connections are opened one by one, each after an accepted letter.
    """

    def __init__(self, maximum: int) -> None:
        """`maximum` is the configured number of connections."""
        self._maximum = maximum
        self._limit = maximum
        self._allowance = 1
        """How many connections may be opened before another letter is accepted."""
        self._accepted = 0
        self._lost_in_a_row: set[str] = set()
        """The connections that ended early since a letter was accepted or refused."""
        self.closed_until = 0.0
        """When a connection may be opened again, by the monotonic clock."""
        self.window = WINDOW
        """The most letters under way on a connection that takes them whole."""

    def allows_another(self, connections: int) -> bool:
        """Return whether one more may be opened, now or after a pause, beside so many open or being opened."""
        return self._allowance > 0 and connections < self._limit

    @property
    def unstable(self) -> bool:
        """Whether connections repeatedly end early.

        A restart of the relay may end each connection; more losses are a problem of the relay itself.
        """
        return len(self._lost_in_a_row) > 2 * self._maximum + 2

    def opening(self) -> None:
        """Note that a connection is being opened."""
        self._allowance -= 1

    def closed(self) -> None:
        """Note that a connection was closed: another may take its place."""
        self._allowance += 1

    def refused(self, connections: int) -> None:
        """Note that the relay refused a connection beside so many others: it gets no more than these."""
        self._limit = max(1, min(self._limit, connections))

    def pause(self, seconds: float) -> None:
        """Allow one connection after these seconds, because the only one was refused."""
        self._allowance = 1
        self.closed_until = time.monotonic() + seconds

    def start_over(self) -> None:
        """Forget how many connections the relay accepts, because another relay is used."""
        self._allowance, self._limit = 1, self._maximum

    def accepted(self) -> None:
        """Note that the relay accepted a letter: more connections may be opened."""
        self._lost_in_a_row.clear()
        self._accepted += 1
        self._allowance = min(self._allowance + 1, self._maximum)
        if self._accepted % _REGROWS_AFTER == 0:
            self._limit = min(self._limit + 1, self._maximum)

    def not_accepted(self, outcome: Outcome, connections: int) -> None:
        """Adjust the limits to the outcome of a letter that was not accepted; so many connections are still open."""
        if outcome.code is None or outcome.code == SERVICE_ENDS:
            self._lost_in_a_row.add(outcome.connection)
            if outcome.code == SERVICE_ENDS:
                self._shrink(connections)
            elif outcome.stage is Stage.FINAL:
                # Each letter in doubt may reach its subscriber twice: such a relay gets one at a time.
                self.window = 1
        else:
            self._lost_in_a_row.clear()

    def _shrink(self, connections: int) -> None:
        """Continue with those that are left after a 421 has ended one, or pause if it was the only one."""
        self._limit = max(1, connections)
        if not connections:
            self.closed_until = time.monotonic() + _COOLDOWN_SECONDS
