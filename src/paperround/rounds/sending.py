"""Sends due letters from this process."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from paperround.app import App
from paperround.delivery import Transport
from paperround.domain.errors import TransportError
from paperround.process import logs
from paperround.rounds import bounce_intake
from paperround.rounds.dispatch import BatchSender, DispatchCallbacks
from paperround.rounds.letters import LetterBuilder

log = logs.logger()


@dataclass(frozen=True, slots=True)
class SendingResult:
    """What was sent."""

    tally: Counter[str] = field(default_factory=Counter)
    """The number of letters by their new state, as each was recorded."""
    paused: str = ""
    """Why nothing is sent at present; empty if letters are sent."""
    deferred_because_of_site: int = 0
    """The number of deferred letters whose deferral is this site's own fault."""
    failed: frozenset[int] = frozenset()
    """The deliveries that are counted as failed."""
    undone: frozenset[int] = frozenset()
    """The deliveries that were queued again after they had failed, in this process, another one or earlier."""

    @property
    def letters(self) -> Counter[str]:
        """The number of letters by their new state: those that were queued again after they had failed are queued."""
        undone = len(self.failed & self.undone)
        return self.tally + Counter(queued=undone, failed=-undone)

    def __add__(self, other: SendingResult) -> SendingResult:
        """Return what two processes sent."""
        return SendingResult(
            self.tally + other.tally,
            self.paused or other.paused,
            self.deferred_because_of_site + other.deferred_because_of_site,
            self.failed | other.failed,
            self.undone | other.undone,
        )

    def packed(self) -> list[object]:
        """Return the result as JSON values."""
        return [self.tally, self.paused, self.deferred_because_of_site, sorted(self.failed), sorted(self.undone)]

    @classmethod
    def unpacked(cls, values: list[Any]) -> SendingResult:
        """Return a packed result."""
        tally, paused, deferred_because_of_site, failed, undone = values
        return cls(Counter(tally), paused, deferred_because_of_site, frozenset(failed), frozenset(undone))


def send_due(app: App, transport: Transport) -> SendingResult:
    """Send due letters until none is left or the relay accepts no more.

    Raises StoreError if an outcome could not be recorded.
    """
    sender = BatchSender(
        app.store,
        transport,
        app.shared(LetterBuilder).prepare,
        app.clock,
        app.settings.delivery,
        app.settings.transport.per_day,
        DispatchCallbacks(
            app.stopping,
            app.throttle.yield_to_requests,
            app.progress.advance,
            lambda bounce: bounce_intake.apply_bounce(app, bounce),
            lambda email, problem: bounce_intake.log_site_deferral(app, email, problem),
        ),
    )
    try:
        sender.run()
    except TransportError as error:
        sender.paused = f"{error}; the letters stay queued"
        log.error("the relay accepts no letters; they stay queued", problem=str(error))
    failed, undone = frozenset(sender.failed), frozenset(sender.undone)
    return SendingResult(sender.tally, sender.paused, sender.deferred_because_of_site, failed, undone)
