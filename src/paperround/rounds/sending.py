"""Sends due letters from this process."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

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

    letters: Counter[str] = field(default_factory=Counter)
    """The number of letters by their new state."""
    paused: str = ""
    """Why nothing is sent at present; empty if letters are sent."""

    def __add__(self, other: SendingResult) -> SendingResult:
        """Return what two processes sent."""
        return SendingResult(self.letters + other.letters, self.paused or other.paused)


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
        getattr(app.settings.transport, "per_day", None),
        DispatchCallbacks(
            app.stopping,
            app.throttle.give_way,
            app.progress.advance,
            lambda bounce: bounce_intake.take(app, bounce),
            lambda email, problem: bounce_intake.alarm(app, email, problem),
        ),
    )
    try:
        sender.run()
    except TransportError as error:
        sender.paused = str(error)
        log.error("the relay accepts nothing; the letters stay queued", problem=str(error))
    return SendingResult(sender.tally, sender.paused)
