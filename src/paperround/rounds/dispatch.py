"""Claims due deliveries, hands their letters to the relay and records every outcome.

One sender holds one claim. The transport draws letters from it, each chunk is checked against the database right
before it is sent, and the transport reports outcomes in groups, each recorded in one transaction.
"""

from __future__ import annotations

import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Protocol

from paperround.delivery import Transport, retry
from paperround.domain.clock import Clock, format_moment
from paperround.domain.errors import PaperroundError
from paperround.domain.models import (
    Delivery,
    DeliveryState,
    Digest,
    Letter,
    LetterRequest,
    Outcome,
    Stage,
    Subscriber,
)
from paperround.process import logs
from paperround.process.threads import BackgroundThread
from paperround.rounds import breaker
from paperround.settings import DeliverySettings
from paperround.store.attempts import RecentAttempts
from paperround.store.bounces import Bounce, smtp_fingerprint
from paperround.store.deliveries import CHECKED_AT_ONCE, ClaimResult, Settlement
from paperround.store.relay import RelayState

log = logs.logger()
# Seconds from the check that a letter is still wanted until its turn comes. With a slow relay, letters are checked
# more often than every CHECKED_AT_ONCE letters.
_CHECK_HOLDS = 1.0
# Letters are rendered together in chunks. No reply of the relay is read meanwhile, so a chunk has the letters of a
# fraction of a second; the first is small, so that sending begins early.
_FIRST_CHUNK, _MAX_CHUNK = 16, 250
_CHUNK_SECONDS = 0.2
_LAYOUT_DELAY = timedelta(minutes=30)
_SENT = DeliveryState.SENT  # a name, because Python 3.11 takes half a microsecond to read a member from its Enum


class DeliveryQueue(Protocol):
    """The deliveries, as far as the sender needs them."""

    def claim(self, now: datetime, limit: int, claim: str, lease: timedelta, per_day: int | None) -> ClaimResult: ...
    def renew(self, claim: str, until: datetime) -> bool: ...
    def still_wanted(self, rows: Sequence[int], claim: str, now: datetime) -> Mapping[int, bool]: ...
    def settle(self, settled: Sequence[Settlement], claim: str, now: datetime) -> Collection[int]: ...
    def release(self, claim: str, now: datetime) -> int: ...
    def next_due(self) -> datetime | None: ...


class RelayRecords(Protocol):
    """The pause of the relay, and what it has accepted."""

    def state(self, day: date) -> RelayState: ...
    def pause(self, until: datetime, reason: str) -> None: ...
    def has_accepted_since_last_try(self, row: int) -> bool: ...


class AttemptRecords(Protocol):
    """What the relay answered to recent attempts."""

    def recent(self) -> RecentAttempts: ...


class BounceRecords(Protocol):
    """Undoes what refusals did to subscribers."""

    def undo(self, rows: Sequence[int], again: datetime, reason: str) -> Sequence[int]: ...


class Digests(Protocol):
    """Finds digests by number."""

    def digests(self, rows: Sequence[int]) -> Mapping[int, Digest]: ...


class SubscriberLookup(Protocol):
    """Finds subscribers by number."""

    def by_rows(self, rows: Sequence[int]) -> Mapping[int, Subscriber]: ...


class DispatchStore(Protocol):
    """The parts of the store that the sender uses."""

    @property
    def deliveries(self) -> DeliveryQueue: ...
    @property
    def relay(self) -> RelayRecords: ...
    @property
    def attempts(self) -> AttemptRecords: ...
    @property
    def bounces(self) -> BounceRecords: ...
    @property
    def issues(self) -> Digests: ...
    @property
    def subscribers(self) -> SubscriberLookup: ...


class Lease:
    """Keeps a claim from expiring while its letters are sent: the relay's last reply may take ten minutes."""

    def __init__(self, deliveries: DeliveryQueue, claim: str, clock: Clock, length: timedelta) -> None:
        self._deliveries, self._claim, self._clock, self._length = deliveries, claim, clock, length
        self._seconds = length.total_seconds()
        self._renewed_at = time.monotonic()
        self._over = threading.Event()
        self._thread = BackgroundThread(self._renew, "lease")

    def __enter__(self) -> Lease:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def holds(self) -> bool:
        """Return whether the claim is certainly still held; false if the process was suspended for longer."""
        return time.monotonic() - self._renewed_at < self._seconds

    def extend(self, asked: float) -> None:
        """Record that the claim was made or renewed by a request sent at this time of the monotonic clock."""
        self._renewed_at = max(self._renewed_at, asked)

    def _renew(self) -> None:
        while not self._over.wait(self._seconds / 3):
            asked = time.monotonic()
            try:
                held = self._deliveries.renew(self._claim, self._clock() + self._length)
            except PaperroundError as error:
                log.warning("lease not renewed", problem=str(error))
            else:
                # If nothing is left of the claim, a sweep of another program may have released it.
                if held:
                    self.extend(asked)


def _nothing(*_: object) -> None:
    """Do nothing; the default of all callbacks."""


@dataclass(frozen=True)
class DispatchCallbacks:
    """The callbacks by which the sender reports and waits; by default none."""

    stopping: threading.Event = field(default_factory=threading.Event)
    """Set when the process is about to end: no further letter is sent."""
    yield_to_requests: Callable[[], None] = _nothing
    """Called before each letter; may wait while pages are being answered."""
    advance: Callable[[int], None] = _nothing
    """Called with the number of letters that were finished."""
    on_bounce: Callable[[Bounce], object] = _nothing
    """Called with the bounce that a final refusal amounts to."""
    on_site_deferral: Callable[[str, str], object] = _nothing
    """Called with the address and the reply when a letter is deferred because of this site."""


class BatchSender:
    """Sends due letters until none is left or the relay accepts no more.

    `prepare` renders together what some letters need, and returns for each the function that builds it. `per_day` is
    the largest number of letters that the relay may accept per day (UTC); None means no limit.
    """

    def __init__(
        self,
        store: DispatchStore,
        transport: Transport,
        prepare: Callable[[Sequence[LetterRequest]], Sequence[Callable[[], Letter]]],
        clock: Clock,
        settings: DeliverySettings,
        per_day: int | None = None,
        callbacks: DispatchCallbacks | None = None,
    ) -> None:
        self._store, self._transport, self._prepare, self._clock = store, transport, prepare, clock
        self._per_day, self._callbacks = per_day, callbacks or DispatchCallbacks()
        self._batch, self._policy = settings.batch, settings.policy()
        self._claim = secrets.token_hex(16)
        self._length = timedelta(seconds=settings.lease)
        self._lease = Lease(store.deliveries, self._claim, clock, self._length)
        self._open: dict[int, Delivery] = {}
        """Deliveries that this sender has claimed and not settled."""
        self._chunk = _FIRST_CHUNK
        """The number of letters that are rendered together next."""
        self._limit_in_flight = False
        """Whether letters in flight have used up the day's limit. Some may fail, and others can be sent instead."""
        self._random = random.Random(secrets.randbits(64))  # noqa: S311 - jitter, not a secret
        self._refused_until: datetime | None = None
        self.tally: Counter[str] = Counter()
        """The number of letters by their new state."""
        self.deferred_because_of_site = 0
        """The number of deferred letters whose deferral is this site's own fault."""
        self.failed: set[int] = set()
        """The deliveries that are counted as failed."""
        self.undone: set[int] = set()
        """The deliveries that were queued again after they had failed, whoever sent their letters."""
        self.paused = ""
        """Why nothing is sent at present; empty if letters are sent."""

    def run(self) -> None:
        """Send all due letters; those that were claimed and not attempted go back to the queue.

        Raises TransportError if no relay accepts anything, and StoreError if an outcome could not be recorded.
        """
        try:
            with self._lease:
                self._send()
                while self._limit_in_flight and not self._is_over:
                    self._send()
        finally:
            self._store.deliveries.release(self._claim, self._clock())

    def _send(self) -> None:
        self._transport.send(self._letters(), self._record)
        self._open.clear()  # no letter is under way any more

    @property
    def _is_over(self) -> bool:
        return self._refused_until is not None or self._callbacks.stopping.is_set()

    def _letters(self) -> Iterator[Letter]:
        """Yield letters that may be sent, claimed batch by batch."""
        self._limit_in_flight = False
        while not self._is_over and (limit := self._allowance()):
            asked = time.monotonic()
            claimed = self._store.deliveries.claim(self._clock(), limit, self._claim, self._length, self._per_day)
            self.tally += claimed.settled
            if not claimed.deliveries and not claimed.settled.total():
                return
            self._lease.extend(asked)
            self._open |= {delivery.row: delivery for delivery in claimed.deliveries}
            for letter in self._prepared_letters(claimed.deliveries):
                self._callbacks.yield_to_requests()
                if self._is_over or not self._lease.holds:
                    return  # without the lease, other programs may have claimed the rest
                yield letter

    def _allowance(self) -> int:
        """Return how many letters may be claimed now: none while the relay is paused or the day's limit reached."""
        now = self._clock()
        relay = self._store.relay.state(now.date())
        if pause_end := relay.pause_end(now):
            self.paused = f"paused until {format_moment(pause_end)}: {relay.reason}"
            return 0
        if self._per_day is None:
            return self._batch
        due = self._store.deliveries.next_due()
        if relay.handed_over >= self._per_day and due and due <= now:
            self.paused = f"the daily limit of {self._per_day} letters is reached; the rest is sent tomorrow"
        left = self._per_day - relay.handed_over - len(self._open)
        self._limit_in_flight = left < 1 and bool(self._open)
        return min(self._batch, max(0, left))

    def _prepared_letters(self, deliveries: Sequence[Delivery]) -> Iterator[Letter]:
        """Yield the letters of these deliveries, read and rendered in chunks."""
        while deliveries:
            chunk, deliveries = deliveries[: self._chunk], deliveries[self._chunk :]
            began = time.monotonic()
            digests = self._store.issues.digests([delivery.digest for delivery in chunk if delivery.digest])
            subscribers = self._store.subscribers.by_rows([delivery.subscriber for delivery in chunk])
            # A subscriber that is not found was erased, and the delivery with them.
            requests = [
                LetterRequest(delivery, digests.get(delivery.digest or 0), subscribers[delivery.subscriber])
                for delivery in chunk
                if delivery.subscriber in subscribers
            ]
            builders = self._builders(requests)
            for delivery in self._drop_unwanted(chunk):
                if (build := builders.get(delivery.row)) and (letter := self._build(delivery, build)):
                    yield letter
            self._fit_chunk(time.monotonic() - began)

    def _fit_chunk(self, seconds: float) -> None:
        """Choose the next chunk's size by the seconds that the last one took to be rendered and sent."""
        if seconds > _CHUNK_SECONDS:
            self._chunk = max(_FIRST_CHUNK, self._chunk // 2)
        elif seconds < _CHUNK_SECONDS / 2:
            self._chunk = min(_MAX_CHUNK, self._chunk * 2)

    def _builders(self, requests: Sequence[LetterRequest]) -> dict[int, Callable[[], Letter]]:
        """Return the function that builds each letter, by the delivery's number."""
        rows = [request.delivery.row for request in requests]
        try:
            return dict(zip(rows, self._prepare(requests), strict=True))
        except Exception as error:  # noqa: BLE001 - each letter is prepared by itself too, and says what is wrong
            log.warning("letters cannot be prepared together", problem=str(error))
            return {row: partial(self._prepare_one, request) for row, request in zip(rows, requests, strict=True)}

    def _prepare_one(self, request: LetterRequest) -> Letter:
        (build,) = self._prepare([request])
        return build()

    def _drop_unwanted(self, deliveries: Sequence[Delivery]) -> Iterator[Delivery]:
        """Yield the deliveries that may still be sent, as of a moment ago, and settle the others."""
        while deliveries:
            chunk, asked, done = deliveries[:CHECKED_AT_ONCE], time.monotonic(), 0
            wanted = self._store.deliveries.still_wanted(
                [delivery.row for delivery in chunk], self._claim, self._clock()
            )
            while done < len(chunk) and (done == 0 or time.monotonic() - asked < _CHECK_HOLDS):
                delivery = chunk[done]
                done += 1
                if wanted.get(delivery.row):
                    yield delivery
                else:
                    self.tally["suppressed"] += delivery.row in wanted  # otherwise another program has claimed it
                    del self._open[delivery.row]
            deliveries = deliveries[done:]

    def _build(self, delivery: Delivery, build: Callable[[], Letter]) -> Letter | None:
        try:
            return build()
        except Exception as error:  # noqa: BLE001 - one letter that cannot be laid out must not stop the others
            log.error("letter cannot be laid out", delivery=delivery.row, problem=str(error))
            outcome = Outcome(delivery.row, Stage.LOCAL, None, text=f"cannot be laid out: {error}")
            later = self._clock() + _LAYOUT_DELAY
            self._settle([Settlement(outcome, DeliveryState.DEFERRED, outcome.text, later, counts=False, by_us=True)])
            return None

    def _record(self, outcomes: Sequence[Outcome]) -> None:
        """Commit outcomes in one transaction and apply what follows from them."""
        now = self._clock()
        # After a failure the transport reports outcomes again, some of which may have been recorded.
        settled = [self._settlement_for(outcome, now) for outcome in outcomes if outcome.delivery in self._open]
        self._settle(settled)
        failed = [settlement for settlement in settled if settlement.bounce]
        for settlement in failed:
            self._callbacks.on_bounce(_refusal(settlement))
        if failed:
            self._undo_if_ours(now)
        self._callbacks.advance(len(settled))

    def _settle(self, settled: Sequence[Settlement]) -> None:
        """Record outcomes and count those that were recorded: another program counts a letter that it has claimed."""
        recorded = self._store.deliveries.settle(settled, self._claim, self._clock())
        for settlement in settled:
            row = settlement.outcome.delivery
            del self._open[row]
            if row in recorded:
                self.tally[settlement.state.value] += 1
                self.deferred_because_of_site += settlement.by_us
                if settlement.bounce:
                    self.failed.add(row)

    def _settlement_for(self, outcome: Outcome, now: datetime) -> Settlement:
        delivery = self._open[outcome.delivery]
        step = retry.next_step(delivery.attempts, outcome, now, self._policy, self._random, delivery.expires_at)
        if isinstance(step, retry.PauseTransport) and step.if_others_pass and self._others_accepted(delivery):
            step = step.if_others_pass
        match step:
            case retry.Sent():
                return Settlement(outcome, _SENT)
            case retry.Defer():
                if step.ours:
                    self._callbacks.on_site_deferral(delivery.email, step.reason)
                return Settlement(outcome, DeliveryState.DEFERRED, step.reason, step.at, by_us=step.ours)
            case retry.Requeue():
                return Settlement(outcome, DeliveryState.QUEUED, step.reason, step.at, counts=False)
            case retry.PauseTransport():
                self._pause(step.until, step.alarm)
                return Settlement(outcome, DeliveryState.QUEUED, step.alarm, step.again, counts=False)
            case retry.Expire():
                return Settlement(outcome, DeliveryState.EXPIRED, step.reason)
            case retry.Fail():
                return Settlement(outcome, DeliveryState.FAILED, step.reason, bounce=step.kind, status=step.status)

    def _others_accepted(self, delivery: Delivery) -> bool:
        return self._store.relay.has_accepted_since_last_try(delivery.row)

    def _undo_if_ours(self, now: datetime) -> None:
        """Undo what refusals did to subscribers if the refusals were aimed at this site's account."""
        recent = self._store.attempts.recent()
        if refusals := breaker.refused_by_account(recent) or breaker.refused_everywhere(recent.refusals, now):
            until, again = retry.pause_of_account(now, self._policy, self._random)
            several, last = len({refusal.subscriber for refusal in refusals}), refusals[0].outcome
            what = f"{several} subscribers in a row got the same refusal, so the sending account is blocked"
            alarm = f"{what}: {last.code} {last.text}"
            self.undone.update(
                self._store.bounces.undo([refusal.outcome.delivery for refusal in refusals], again, alarm)
            )
            self._pause(until, alarm)

    def _pause(self, until: datetime, alarm: str) -> None:
        if self._refused_until is None or until > self._refused_until:
            self._refused_until = until
            self.paused = f"paused until {format_moment(until)}: {alarm}"
            self._store.relay.pause(until, alarm)
            log.error("sending is paused", until=until.isoformat(), problem=alarm)


def _refusal(settled: Settlement) -> Bounce:
    """Return a refusal during the SMTP session as the bounce report that would have followed it."""
    assert settled.bounce is not None
    outcome = settled.outcome
    text = f"{outcome.code} {outcome.text}"
    fingerprint = smtp_fingerprint(outcome.delivery, outcome.stage.value)
    return Bounce(fingerprint, outcome.delivery, settled.bounce, settled.status, text)
