"""One batch of claimed deliveries on its way to the relay: letters out, outcomes in, each durable before the next."""

from __future__ import annotations

import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from paperround import logs
from paperround.app import App
from paperround.delivery import retry
from paperround.domain.errors import PaperroundError
from paperround.domain.models import BounceKind, Delivery, DeliveryState, Digest, Letter, Outcome, Stage, Subscriber
from paperround.rounds import bounce_intake
from paperround.rounds.letters import LetterBuilder
from paperround.store.bounces import Bounce
from paperround.store.deliveries import Settlement

log = logs.logger()
# Between asking whether a subscriber still wants the letter and handing it over lie at most this many letters.
_CHECKED_AT_ONCE = 16
_LAYOUT_DELAY = timedelta(minutes=30)


class GroupCommit:
    """Makes outcomes durable: a caller returns when its own is; callers that come together share a transaction."""

    def __init__(self, commit: Callable[[Sequence[Outcome]], None]) -> None:
        self._commit = commit
        self._waiting: list[tuple[Outcome, threading.Event]] = []
        self._entry = threading.Lock()
        self._turn = threading.Lock()
        self._broken: BaseException | None = None

    @property
    def waiting(self) -> int:
        """How many outcomes wait for the next transaction."""
        return len(self._waiting)

    def __call__(self, outcome: Outcome) -> None:
        done = threading.Event()
        with self._entry:
            self._waiting.append((outcome, done))
        with self._turn:  # whoever gets the turn commits for all who wait
            if not done.is_set():
                self._commit_waiting()
        if self._broken:
            raise self._broken

    def _commit_waiting(self) -> None:
        with self._entry:
            taken, self._waiting = self._waiting, []
        try:
            if not self._broken:
                self._commit([outcome for outcome, _ in taken])
        except BaseException as error:
            self._broken = error  # nothing more goes out once an outcome could not be kept
            raise
        finally:
            for _, done in taken:
                done.set()


class Lease:
    """Holds a claim for as long as its letters are under way: one relay's last reply may take ten minutes."""

    def __init__(self, app: App, claim: str) -> None:
        self._app, self._claim = app, claim
        self._length = timedelta(seconds=app.settings.delivery.lease)
        self._renewed = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)

    def __enter__(self) -> Lease:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def holds(self) -> bool:
        """Whether nobody else can have the claim: not after this program was stopped for a while."""
        return time.monotonic() - self._renewed < self._length.total_seconds()

    def _renew(self) -> None:
        while not self._over.wait(self._length.total_seconds() / 3):
            asked = time.monotonic()
            try:
                held = self._app.store.deliveries.renew(self._claim, self._app.clock() + self._length)
            except PaperroundError as error:
                log.warning("lease not renewed", problem=str(error))
            else:
                # A sweep elsewhere may have given the claim away while this program stood still.
                self._renewed = asked if held else float("-inf")


class Dispatch:
    """Sends the deliveries of one claim."""

    def __init__(self, app: App, deliveries: Sequence[Delivery], claim: str) -> None:
        self._app, self._claim = app, claim
        self._waiting = {delivery.row: delivery for delivery in deliveries}
        self._order = [delivery.row for delivery in deliveries]
        self._policy = app.settings.delivery.policy()
        self._lease = Lease(app, claim)
        self._random = random.Random(secrets.randbits(64))  # noqa: S311 - jitter, not a secret
        self._paused: datetime | None = None
        self.tally: Counter[str] = Counter()

    def run(self) -> None:
        """Hand over all letters that may go; what was not attempted is queued again."""
        record = GroupCommit(self._settle)
        try:
            with self._lease:
                self._app.transport.send(self._letters(), record)
        finally:
            self._app.store.deliveries.release(self._claim, self._app.clock())

    @property
    def paused(self) -> bool:
        """Whether the account, not a subscriber, was refused: nothing goes until the pause is over."""
        return self._paused is not None

    def _letters(self) -> Iterator[Letter]:
        for start in range(0, len(self._order), _CHECKED_AT_ONCE):
            rows = self._order[start : start + _CHECKED_AT_ONCE]
            for letter in self._ready(rows):
                self._app.courtesy.give_way()
                if self._paused or self._app.stopping.is_set():
                    return
                if not self._lease.holds:
                    return  # others may have taken the rest
                yield letter

    def _ready(self, rows: Sequence[int]) -> Iterator[Letter]:
        wanted = self._app.store.deliveries.still_wanted(rows, self._claim, self._app.clock())
        self.tally["suppressed"] += len(rows) - len(wanted)
        deliveries = [self._waiting[row] for row in rows if row in wanted]
        digests = self._app.store.issues.digests([d.digest for d in deliveries if d.digest])
        subscribers = self._app.store.subscribers.by_rows([d.subscriber for d in deliveries])
        for delivery in deliveries:
            subscriber = subscribers.get(delivery.subscriber)  # None: erased a moment ago, and the delivery with them
            if subscriber and (letter := self._lay_out(delivery, digests.get(delivery.digest or 0), subscriber)):
                yield letter

    def _lay_out(self, delivery: Delivery, digest: Digest | None, subscriber: Subscriber) -> Letter | None:
        try:
            if digest:
                return (
                    self._app.shared(LetterBuilder)
                    .digest_letter(delivery, digest, subscriber, self._app.clock())
                    .letter
                )
            return self._app.shared(LetterBuilder).notice_letter(delivery, subscriber, self._app.clock()).letter
        except Exception as error:  # noqa: BLE001 - one letter that cannot be laid out must not stop the others
            log.error("letter cannot be laid out", delivery=delivery.row, problem=str(error))
            outcome = Outcome(delivery.row, Stage.LOCAL, None, text=f"cannot be laid out: {error}")
            later = self._app.clock() + _LAYOUT_DELAY
            step = Settlement(outcome, DeliveryState.DEFERRED, outcome.text, later, counts=False)
            self._app.store.deliveries.settle([step], self._claim, self._app.clock())
            self.tally["deferred"] += 1
            return None

    def _settle(self, outcomes: Sequence[Outcome]) -> None:
        now = self._app.clock()
        settled = [self._judge(outcome, now) for outcome in outcomes]
        self._app.store.deliveries.settle(settled, self._claim, now)
        self.tally.update(settlement.state.value for settlement in settled)
        for settlement in settled:
            if settlement.bounce:
                bounce_intake.take(self._app, _refusal(settlement.outcome, settlement.bounce))
        self._app.progress.advance(len(settled))

    def _judge(self, outcome: Outcome, now: datetime) -> Settlement:
        delivery = self._waiting[outcome.delivery]
        step = retry.next_step(delivery.attempts, outcome, now, self._policy, self._random, delivery.expires_at)
        if isinstance(step, retry.PauseTransport) and step.suspect and self._others_pass(delivery):
            step = retry.Fail(step.alarm, BounceKind.POLICY)  # it is this letter, and not the account
        match step:
            case retry.Sent():
                return Settlement(outcome, DeliveryState.SENT)
            case retry.Defer():
                return Settlement(outcome, DeliveryState.DEFERRED, step.reason, step.at)
            case retry.Requeue():
                return Settlement(outcome, DeliveryState.QUEUED, step.reason, step.at, counts=False)
            case retry.PauseTransport():
                self._pause(step.until, step.alarm)
                return Settlement(outcome, DeliveryState.QUEUED, step.alarm, step.again, counts=False)
            case retry.Expire():
                return Settlement(outcome, DeliveryState.EXPIRED, step.reason)
            case retry.Fail():
                return Settlement(outcome, DeliveryState.FAILED, step.reason, bounce=step.kind)

    def _others_pass(self, delivery: Delivery) -> bool:
        return self._app.store.deliveries.others_accepted_since_last_try(delivery.row)

    def _pause(self, until: datetime, alarm: str) -> None:
        if self._paused is None or until > self._paused:
            self._paused = until
            self._app.store.deliveries.pause_relay(until, alarm)
            log.error("relay refuses the account; sending is paused", until=until.isoformat(), problem=alarm)


def _refusal(outcome: Outcome, kind: BounceKind) -> Bounce:
    """A refusal during the conversation, as the report that would have come back about it."""
    text = f"{outcome.code} {outcome.text}"
    return Bounce(f"smtp {outcome.delivery} {outcome.stage.value}", outcome.delivery, kind, outcome.enhanced, text)
