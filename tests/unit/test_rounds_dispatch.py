"""The batch sender against a fake queue, without a database: who gets a letter, when it stops, what it records."""

# ruff: noqa: ARG002 - a fake has the arguments of what it stands for

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import pytest
from structlog.testing import capture_logs

from paperround.domain.errors import ConfigurationError, StoreError, TransportError
from paperround.domain.models import (
    BounceKind,
    Delivery,
    DeliveryState,
    Letter,
    LetterRequest,
    Outcome,
    Stage,
    Subscriber,
)
from paperround.rounds import dispatch
from paperround.rounds.dispatch import BatchSender, DispatchCallbacks
from paperround.rounds.sending import SendingResult
from paperround.settings import DeliverySettings
from paperround.store.attempts import FailedAttempt, RecentAttempts
from paperround.store.bounces import Bounce, smtp_fingerprint
from paperround.store.deliveries import ClaimResult, Settlement
from paperround.store.relay import RelayState

NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)
TAKEN = (Stage.FINAL, 250, "2.0.0 ok")


@dataclass
class FakeQueue:
    """Deliveries 1, 2, 3 …; everything is wanted until a test takes it out of `wanted`."""

    waiting: list[int]
    handed_over: int = 0
    paused: tuple[datetime, str] | None = None
    others_pass: bool = False
    unwanted: set[int] = field(default_factory=set)
    lost: set[int] = field(default_factory=set)
    """Deliveries that another program has claimed before they were handed over."""
    lost_late: set[int] = field(default_factory=set)
    """Deliveries that another program has claimed while they were handed over."""
    settled: dict[int, Settlement] = field(default_factory=dict)
    groups: list[list[int]] = field(default_factory=list)
    claimed: set[int] = field(default_factory=set)
    asked: list[list[int]] = field(default_factory=list)

    refusals: list[FailedAttempt] = field(default_factory=list)
    """What the store remembers of the latest refusals."""
    undone: list[int] = field(default_factory=list)
    undone_with: tuple[datetime, str] | None = None
    claim_name: str = ""
    lease: timedelta = timedelta(seconds=DeliverySettings().lease)
    per_day: int | None = None
    expires_at: datetime | None = None
    overdue: Counter[str] = field(default_factory=Counter)
    """What the next claim settles by itself, such as letters that have expired."""
    written: dict[int, str] = field(default_factory=dict)
    """Digests by number."""
    digest_of: dict[int, int] = field(default_factory=dict)

    deliveries = relay = attempts = issues = subscribers = bounces = property(lambda self: self)

    def claim(self, now: datetime, limit: int, claim: str, lease: timedelta, per_day: int | None) -> ClaimResult:
        assert len(claim) == 32, "nobody else can have this name"
        assert per_day == self.per_day
        assert (now, lease) == (NOW, self.lease)
        self.claim_name = claim
        rows, self.waiting = self.waiting[:limit], self.waiting[limit:]
        self.claimed.update(rows)
        claimed = [delivery(row)._replace(digest=self.digest_of.get(row), expires_at=self.expires_at) for row in rows]
        return ClaimResult(claimed, self._settled_now())

    def _settled_now(self) -> Counter[str]:
        found, self.overdue = self.overdue, Counter()
        return found

    def still_wanted(self, rows: list[int], claim: str, now: datetime) -> dict[int, bool]:
        assert (claim, now) == (self.claim_name, NOW)
        self.asked.append(list(rows))
        self.claimed -= set(rows) & (self.unwanted | self.lost)
        return {row: row not in self.unwanted for row in rows if row not in self.lost}

    def settle(self, settled: list[Settlement], claim: str, now: datetime) -> set[int]:
        assert (claim, now) == (self.claim_name, NOW)
        self.groups.append([one.outcome.delivery for one in settled])
        recorded = {one.outcome.delivery: one for one in settled if one.outcome.delivery not in self.lost_late}
        self.settled |= recorded
        self.claimed -= self.settled.keys() | self.lost_late
        self.handed_over += sum(one.outcome.accepted for one in settled)
        return set(recorded)

    def release(self, claim: str, now: datetime) -> int:
        assert claim == self.claim_name or not self.claimed
        assert now == NOW
        self.waiting += sorted(self.claimed)
        self.claimed.clear()
        return 0

    def renew(self, claim: str, until: datetime) -> bool:
        assert (claim, until) == (self.claim_name, NOW + self.lease)
        return bool(self.claimed)

    def next_due(self) -> datetime | None:
        return NOW if self.waiting else None

    def state(self, day: date) -> RelayState:
        return RelayState(*(self.paused or (None, "")), self.handed_over)

    def pause(self, until: datetime, reason: str) -> None:
        assert until
        self.paused = until, reason

    def has_accepted_since_last_try(self, row: int) -> bool:
        return self.others_pass and row in self.claimed

    def recent(self) -> RecentAttempts:
        return RecentAttempts(self.refusals)

    def undo(self, rows: list[int], again: datetime, reason: str) -> list[int]:
        self.undone += rows
        self.undone_with = again, reason
        return rows

    def digests(self, rows: list[int]) -> dict[int, Any]:
        return {row: self.written[row] for row in rows}

    def by_rows(self, rows: list[int]) -> dict[int, Any]:
        return {row: f"subscriber {row}" for row in rows}


def delivery(row: int) -> Delivery:
    return Delivery(row, f"{row}@mail.example", f"<{row}@papers.example>", DeliveryState.SENDING, row, None, None)


@dataclass
class FakeTransport:
    """Takes letters one by one and reports them in groups; `reply` says what the relay says to a letter."""

    reply: Callable[[int], tuple[Stage, int | None, str]] = lambda _: TAKEN
    group: int = 1
    before: Callable[[int], None] = lambda _: None
    """Called with each letter in hand, before it is answered."""
    got: list[int] = field(default_factory=list)
    kind = "fake"

    def send(self, letters: Iterator[Letter], report: Callable[[list[Outcome]], None]) -> None:
        answered: list[Outcome] = []
        for letter in letters:
            self.got.append(letter.delivery)
            self.before(letter.delivery)
            stage, code, text = self.reply(letter.delivery)
            answered.append(Outcome(letter.delivery, stage, code, text[:5], text))
            if len(answered) >= self.group:
                report(answered)
                answered = []
        if answered:
            report(answered)


def build(delivery: Delivery, _digest: object, _subscriber: Subscriber) -> Letter:
    return Letter(delivery.row, "bounces@papers.example", delivery.email, b"x\r\n")


def sender(
    queue: FakeQueue, transport: FakeTransport, build: Callable[..., Letter] = build, **others: Any
) -> BatchSender:
    usual = {
        "prepare": lambda requests: [partial(build, *request) for request in requests],
        "clock": lambda: NOW,
        "settings": DeliverySettings(batch=100),
    }
    return BatchSender(queue, transport, **(usual | others))


def test_everything_that_is_due_goes_once_in_order_and_batch_after_batch() -> None:
    queue, transport = FakeQueue(list(range(1, 251))), FakeTransport(group=30)
    sending = sender(queue, transport)
    sending.run()
    assert transport.got == list(range(1, 251))
    assert {one.state for one in queue.settled.values()} == {DeliveryState.SENT}
    assert sending.tally == {"sent": 250}
    assert not sending.paused


def test_a_group_of_outcomes_is_one_transaction() -> None:
    queue = FakeQueue(list(range(1, 11)))
    sender(queue, FakeTransport(group=4)).run()
    assert queue.groups == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]


def test_whoever_no_longer_wants_the_letter_gets_none() -> None:
    queue, transport = FakeQueue(list(range(1, 11)), unwanted={3, 7}), FakeTransport()
    sending = sender(queue, transport)
    sending.run()
    assert transport.got == [1, 2, 4, 5, 6, 8, 9, 10]
    assert sending.tally == {"sent": 8, "suppressed": 2}


def test_letters_whose_claim_was_lost_are_neither_sent_nor_counted() -> None:
    queue, transport = FakeQueue(list(range(1, 11)), unwanted={3}, lost={5, 6}), FakeTransport()
    sending = sender(queue, transport)
    sending.run()
    assert transport.got == [1, 2, 4, 7, 8, 9, 10]
    assert sending.tally == {"sent": 7, "suppressed": 1}


@pytest.mark.parametrize(
    "reply", [(Stage.RCPT, 450, "4.7.1 you are on a blocklist"), (Stage.RCPT, 550, "5.1.1 nobody")]
)
def test_a_letter_whose_claim_was_lost_while_it_was_handed_over_is_counted_by_the_other_program_alone(
    reply: tuple[Stage, int, str],
) -> None:
    queue = FakeQueue([1, 2], lost_late={1})
    sending = sender(queue, FakeTransport(reply=lambda row: reply if row == 1 else TAKEN))
    sending.run()
    assert sending.tally == {"sent": 1}
    assert (sending.deferred_because_of_site, sending.failed) == (0, set())


def test_an_unsubscription_while_letters_go_out_holds_after_sixteen_letters_at_the_latest() -> None:
    queue = FakeQueue(list(range(1, 101)))
    transport = FakeTransport(before=lambda _: queue.unwanted.update(range(17, 101)))
    sender(queue, transport).run()
    assert transport.got == list(range(1, 17))
    assert max(map(len, queue.asked)) <= 16


def test_a_slow_relay_s_letters_are_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "_CHECK_HOLDS", 0.0)
    queue = FakeQueue([1, 2, 3, 4])
    transport = FakeTransport(before=lambda row: queue.unwanted.add(row + 1) if row == 2 else None)
    sender(queue, transport).run()
    assert queue.asked == [[1, 2, 3, 4], [2, 3, 4], [3, 4], [4]]
    assert transport.got == [1, 2, 4]


class FakeTime:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    fake = FakeTime()
    monkeypatch.setattr(dispatch, "time", fake)
    return fake


LEASE = DeliverySettings(lease=1)


class LeasedQueue(FakeQueue):
    """A queue whose leases last for a second; `failures` are raised by renewals, one after another."""

    def __init__(self, rows: list[int], failures: Sequence[StoreError] = (), *, given_away: bool = False) -> None:
        super().__init__(rows, lease=timedelta(seconds=1))
        self.failures, self.given_away, self.renewed = list(failures), given_away, threading.Event()

    def renew(self, claim: str, until: datetime) -> bool:
        if self.failures:
            raise self.failures.pop()
        held = super().renew(claim, until) and not self.given_away
        self.renewed.set()
        return held


def test_no_letter_leaves_after_the_lease_has_run_out(clock: FakeTime) -> None:
    queue = LeasedQueue(list(range(1, 11)), given_away=True)  # a sweep has given the letters to somebody else

    def wait(row: int) -> None:
        if row == 4:
            clock.seconds = 0.7
            assert queue.renewed.wait(10)
            clock.seconds = 1.2

    transport = FakeTransport(before=wait)
    sender(queue, transport, settings=LEASE).run()
    assert transport.got == [1, 2, 3, 4]


@pytest.mark.parametrize("failures", [[], [StoreError("the database is locked")]])
def test_a_lease_that_is_renewed_holds_although_the_database_failed_once(
    clock: FakeTime, failures: list[StoreError]
) -> None:
    queue = LeasedQueue([1, 2, 3], failures)

    def wait(row: int) -> None:
        if row == 1:
            clock.seconds = 0.7
            queue.renewed.clear()
            assert queue.renewed.wait(10)
            clock.seconds = 1.2

    transport = FakeTransport(before=wait)
    sender(queue, transport, settings=LEASE).run()
    assert transport.got == [1, 2, 3]
    assert not queue.failures


@pytest.mark.parametrize("group", [1, 7, 100])
def test_no_more_letters_go_out_in_a_day_than_the_relay_may_get(group: int) -> None:
    queue, transport = FakeQueue(list(range(1, 101)), handed_over=20, per_day=50), FakeTransport(group=group)
    sending = sender(queue, transport, per_day=50)
    sending.run()
    assert transport.got == list(range(1, 31))
    assert sending.paused == "the daily limit of 50 letters is reached; the rest is sent tomorrow"
    assert len(queue.waiting) == 70


def test_a_letter_that_fails_leaves_its_place_in_the_day_to_another() -> None:
    queue = FakeQueue(list(range(1, 11)), per_day=5)
    transport = FakeTransport(group=100, reply=lambda row: (Stage.RCPT, 550, "5.1.1 nobody") if row < 3 else TAKEN)
    sender(queue, transport, per_day=5).run()
    assert transport.got == [1, 2, 3, 4, 5, 6, 7]
    assert queue.handed_over == 5


def test_a_day_whose_letters_are_sent_says_nothing_where_nobody_waits() -> None:
    sending = sender(FakeQueue([], handed_over=50, per_day=50), FakeTransport(), per_day=50)
    sending.run()
    assert not sending.paused


def test_while_the_relay_is_paused_nothing_is_claimed() -> None:
    queue, transport = FakeQueue([1, 2], paused=(NOW + timedelta(minutes=10), "too fast")), FakeTransport()
    sending = sender(queue, transport)
    sending.run()
    assert transport.got == []
    assert sending.paused == "paused until 2026-11-23 07:10 UTC: too fast"


def test_a_pause_is_told_with_the_step_that_failed() -> None:
    no_tls = Stage.TLS, None, "the relay does not offer STARTTLS"
    with capture_logs() as logs:
        sender(FakeQueue([1]), FakeTransport(reply=lambda _: no_tls)).run()
    [told] = [one for one in logs if one["log_level"] == "error"]
    assert told["event"] == "sending is paused"
    assert told["problem"].startswith("tls: the relay does not offer STARTTLS")


def test_a_refused_account_pauses_everything_and_the_rest_stays_queued() -> None:
    queue = FakeQueue(list(range(1, 11)))
    transport = FakeTransport(reply=lambda row: (Stage.MAIL, 550, "5.4.5 daily limit") if row == 3 else TAKEN)
    sending = sender(queue, transport)
    sending.run()
    assert transport.got == [1, 2, 3]
    assert queue.settled[3].state is DeliveryState.QUEUED
    assert queue.paused
    assert sending.paused.startswith("paused until 2026-11-2")
    assert queue.waiting == [4, 5, 6, 7, 8, 9, 10]


def test_a_suspect_letter_fails_where_others_went_through_meanwhile() -> None:
    queue, told = FakeQueue([1, 2], others_pass=True), []
    transport = FakeTransport(reply=lambda row: (Stage.MAIL, 550, "5.7.1 not from you") if row == 1 else TAKEN)
    sender(queue, transport, callbacks=DispatchCallbacks(on_bounce=told.append)).run()
    assert queue.settled[1].state is DeliveryState.FAILED
    assert [(bounce.delivery, bounce.kind) for bounce in told] == [(1, BounceKind.POLICY)]
    assert transport.got == [1, 2]


def test_a_letter_that_meets_the_account_s_limit_again_while_others_pass_waits_alone() -> None:
    queue, told = FakeQueue([1, 2], others_pass=True), []
    limit = (Stage.RCPT, 550, "you may send 90 messages per hour")
    transport = FakeTransport(reply=lambda row: limit if row == 1 else TAKEN)
    sender(queue, transport, callbacks=DispatchCallbacks(on_bounce=told.append)).run()
    assert queue.settled[1].state is DeliveryState.QUEUED
    assert transport.got == [1, 2]
    assert not queue.paused
    assert not told


def test_a_refusal_that_others_met_too_is_undone_and_pauses_everything() -> None:
    queue = FakeQueue([3, 4])
    said = [Outcome(row, Stage.RCPT, 550, "5.1.1", "5.1.1 go away") for row in (3, 2, 1)]
    queue.refusals = [FailedAttempt(one.delivery, one.delivery, "ada@mail.example", NOW, one) for one in said]
    transport = FakeTransport(reply=lambda _: (Stage.RCPT, 550, "5.1.1 go away"))
    sending = sender(queue, transport)
    sending.run()
    assert transport.got == [3]
    assert queue.undone == [3, 2, 1]
    until = NOW + timedelta(minutes=15)
    alarm = "3 subscribers in a row got the same refusal, so the sending account is blocked: 550 5.1.1 go away"
    assert queue.paused == (until, alarm)
    assert sending.paused == f"paused until 2026-11-23 07:15 UTC: {alarm}"
    assert queue.undone_with is not None
    assert queue.undone_with[0] >= until + timedelta(minutes=30), "the refused letters go after all others"
    assert queue.undone_with[1] == alarm
    assert (sending.tally, sending.failed) == ({"failed": 1}, {3})
    assert sending.undone == {3, 2, 1}, "two of them failed before this run"
    assert queue.waiting == [4]


def test_letters_that_another_process_or_an_earlier_run_sent_are_not_subtracted_when_they_are_undone() -> None:
    other = SendingResult(Counter(sent=5, failed=2), "", 1, frozenset({1, 2}))
    own = SendingResult(Counter(failed=1), "paused", 2, frozenset({3}), frozenset({1, 3, 99}))
    assert own.letters == Counter(queued=1)
    both = SendingResult.unpacked(json.loads(json.dumps((own + other).packed())))
    assert both.letters == Counter(sent=5, failed=1, queued=2)
    assert (both.paused, both.deferred_because_of_site) == ("paused", 3)


def test_refusals_of_several_domains_within_minutes_are_undone_and_the_latest_reply_is_the_one_told() -> None:
    queue = FakeQueue([5, 6])
    said = [
        Outcome(row, Stage.FINAL, 550, "5.7.1", f"5.7.1 your IP is on a blocklist, see {row}") for row in (5, 2, 1)
    ]
    queue.refusals = [
        FailedAttempt(one.delivery, one.delivery, f"ada@{one.delivery}.example", NOW, one) for one in said
    ]
    reply = (Stage.FINAL, 550, "5.7.1 your IP is on a blocklist, see 5")
    sending = sender(queue, FakeTransport(reply=lambda _: reply))
    sending.run()
    assert queue.undone == [5, 2, 1]
    assert sending.paused.endswith("550 5.7.1 your IP is on a blocklist, see 5")


def test_each_letter_is_built_from_its_own_digest_for_its_own_subscriber() -> None:
    built: list[tuple[int, object, object]] = []

    def remember(delivery: Delivery, digest: object, subscriber: Subscriber) -> Letter:
        built.append((delivery.row, digest, subscriber))
        return build(delivery, digest, subscriber)

    queue = FakeQueue([1, 2, 3], written={11: "digest 11", 13: "digest 13", 1: "somebody else's"})
    queue.digest_of = {1: 11, 3: 13}
    sender(queue, FakeTransport(), build=remember).run()
    assert built == [(1, "digest 11", "subscriber 1"), (2, None, "subscriber 2"), (3, "digest 13", "subscriber 3")]


def test_a_final_refusal_is_passed_on_as_the_report_that_would_have_followed_it() -> None:
    told: list[Bounce] = []
    transport = FakeTransport(reply=lambda _: (Stage.RCPT, 550, "5.1.1 nobody of this name"))
    sender(FakeQueue([7]), transport, callbacks=DispatchCallbacks(on_bounce=told.append)).run()
    assert told == [Bounce(smtp_fingerprint(7, "rcpt"), 7, BounceKind.HARD, "5.1.1", "550 5.1.1 nobody of this name")]


def test_letters_go_one_by_one_where_they_cannot_be_prepared_together() -> None:
    queue, transport, asked = FakeQueue([1, 2, 3]), FakeTransport(), []

    def broken_for_the_second(requests: Sequence[LetterRequest]) -> list[Callable[[], Letter]]:
        asked.append(len(requests))
        if any(request.delivery.row == 2 for request in requests):
            raise ConfigurationError("the theme is broken")
        return [partial(build, *request) for request in requests]

    sender(queue, transport, prepare=broken_for_the_second).run()
    assert transport.got == [1, 3]
    assert asked == [3, 1, 1, 1]
    assert queue.settled[2].reason == "cannot be laid out: the theme is broken"


def test_of_two_pauses_the_longer_one_holds() -> None:
    replies = {1: (Stage.MAIL, 421, "4.7.28 slow down"), 2: (Stage.FINAL, 550, "5.4.5 daily limit")}
    queue = FakeQueue([1, 2])
    transport = FakeTransport(reply=replies.__getitem__, group=2)
    sending = sender(queue, transport)
    sending.run()
    assert queue.paused is not None
    assert queue.paused[0] == datetime(2026, 11, 24, tzinfo=UTC)
    assert "daily limit" in queue.paused[1]


def test_whoever_watches_is_told_of_letters_that_are_put_off_for_the_sender_s_sake() -> None:
    told: list[tuple[str, str]] = []
    around = DispatchCallbacks(on_site_deferral=lambda email, problem: told.append((email, problem)))
    reply = (Stage.RCPT, 450, "4.7.1 you are on a blocklist")
    sender(FakeQueue([1]), FakeTransport(reply=lambda _: reply), callbacks=around).run()
    assert [email for email, _ in told] == ["1@mail.example"]


@pytest.mark.parametrize(
    ("reply", "state", "counts"),
    [
        ((Stage.RCPT, 451, "4.3.0 later"), DeliveryState.DEFERRED, True),
        ((Stage.FINAL, None, "no reply"), DeliveryState.DEFERRED, True),
        ((Stage.DATA, None, "connection lost"), DeliveryState.QUEUED, False),
        ((Stage.RCPT, 550, "5.1.1 nobody"), DeliveryState.FAILED, True),
    ],
)
def test_what_the_relay_says_is_recorded(
    reply: tuple[Stage, int | None, str], state: DeliveryState, counts: bool
) -> None:
    queue, told = FakeQueue([1]), []
    sender(queue, FakeTransport(reply=lambda _: reply), callbacks=DispatchCallbacks(on_bounce=told.append)).run()
    assert (queue.settled[1].state, queue.settled[1].counts) == (state, counts)
    assert [bounce.kind for bounce in told] == ([BounceKind.HARD] if state is DeliveryState.FAILED else [])


def test_a_letter_that_cannot_be_laid_out_waits_and_the_others_go() -> None:
    def broken(delivery: Delivery, digest: object, subscriber: Subscriber) -> Letter:
        if delivery.row == 2:
            raise ValueError("a paper without a title")
        return build(delivery, digest, subscriber)

    queue, transport = FakeQueue([1, 2, 3]), FakeTransport()
    sending = sender(queue, transport, build=broken)
    sending.run()
    assert transport.got == [1, 3]
    assert queue.settled[2].state is DeliveryState.DEFERRED
    assert not queue.settled[2].counts
    assert (sending.tally, sending.deferred_because_of_site) == ({"sent": 2, "deferred": 1}, 1)


def test_a_subscriber_who_was_erased_a_moment_ago_gets_none() -> None:
    queue, transport = FakeQueue([1, 2, 3]), FakeTransport()
    queue.by_rows = lambda rows: {row: "somebody" for row in rows if row != 2}  # type: ignore[method-assign]
    sender(queue, transport).run()
    assert transport.got == [1, 3]


def test_a_program_about_to_end_draws_no_further_letter_and_puts_the_rest_back() -> None:
    around = DispatchCallbacks()
    queue = FakeQueue([1, 2, 3, 4])
    transport = FakeTransport(before=lambda row: around.stopping.set() if row == 2 else None)
    sender(queue, transport, callbacks=around).run()
    assert transport.got == [1, 2]
    assert queue.waiting == [3, 4]


def test_what_was_not_attempted_is_put_back_when_the_relay_cannot_be_reached() -> None:
    class Away(FakeTransport):
        def send(self, letters: Iterator[Letter], report: Callable[[list[Outcome]], None]) -> None:
            report([Outcome(next(letters).delivery, Stage.CONNECT, None)])
            raise TransportError("nobody answers")

    queue = FakeQueue([1, 2, 3])
    with pytest.raises(TransportError):
        sender(queue, Away()).run()
    assert queue.settled[1].state is DeliveryState.QUEUED
    assert queue.waiting == [2, 3]


def test_outcomes_that_are_reported_once_more_are_recorded_once() -> None:
    class Anxious(FakeTransport):
        def send(self, letters: Iterator[Letter], report: Callable[[list[Outcome]], None]) -> None:
            for letter in letters:
                for _ in range(2):
                    report([Outcome(letter.delivery, *TAKEN[:2])])

    queue = FakeQueue([1, 2])
    sending = sender(queue, Anxious())
    sending.run()
    assert sending.tally == {"sent": 2}


def test_whoever_watches_is_told_how_many_letters_are_done_and_pages_come_first() -> None:
    done: list[int] = []
    waited: list[int] = []
    around = DispatchCallbacks(yield_to_requests=lambda: waited.append(1), advance=done.append)
    sender(FakeQueue(list(range(1, 11))), FakeTransport(group=5), callbacks=around).run()
    assert done == [5, 5]
    assert len(waited) == 10


class NoChance(Random):
    """Jitter of zero."""

    def random(self) -> float:
        return 0.0


@pytest.mark.parametrize(
    ("reply", "others_pass", "expected"),
    [
        ((Stage.RCPT, 451, "4.3.0 later"), False, (DeliveryState.DEFERRED, timedelta(minutes=5), True)),
        ((Stage.DATA, None, "connection lost"), False, (DeliveryState.QUEUED, timedelta(minutes=1), False)),
        ((Stage.MAIL, 550, "5.4.5 daily limit"), False, (DeliveryState.QUEUED, timedelta(hours=17.5), False)),
        ((Stage.MAIL, 550, "5.7.1 not from you"), False, (DeliveryState.QUEUED, timedelta(minutes=45), False)),
        ((Stage.RCPT, 550, "90 messages per hour"), True, (DeliveryState.QUEUED, timedelta(minutes=45), False)),
    ],
)
def test_a_letter_that_goes_again_is_recorded_with_the_reply_and_its_next_time(
    reply: tuple[Stage, int | None, str],
    others_pass: bool,
    expected: tuple[DeliveryState, timedelta, bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dispatch.random, "Random", NoChance)
    queue = FakeQueue([1], others_pass=others_pass)
    sender(queue, FakeTransport(reply=lambda _: reply)).run()
    recorded = queue.settled[1]
    assert (recorded.state, recorded.next_attempt_at, recorded.counts) == (
        expected[0],
        NOW + expected[1],
        expected[2],
    )
    assert reply[2] in recorded.reason
    assert recorded.outcome.text == reply[2]


@pytest.mark.parametrize(
    ("reply", "others_pass", "kind", "status"),
    [
        ((Stage.RCPT, 550, "5.1.1 nobody"), False, BounceKind.HARD, "5.1.1"),
        ((Stage.MAIL, 550, "5.7.1 not from you"), True, BounceKind.POLICY, None),
    ],
)
def test_a_letter_that_fails_is_recorded_with_the_reply_and_what_it_says_of_the_address(
    reply: tuple[Stage, int | None, str], others_pass: bool, kind: BounceKind, status: str | None
) -> None:
    queue = FakeQueue([1], others_pass=others_pass)
    sender(queue, FakeTransport(reply=lambda _: reply)).run()
    recorded = queue.settled[1]
    assert (recorded.state, recorded.bounce, recorded.status) == (DeliveryState.FAILED, kind, status)
    assert reply[2] in recorded.reason


def test_a_letter_whose_next_attempt_would_come_too_late_is_given_up() -> None:
    queue = FakeQueue([1], expires_at=NOW + timedelta(minutes=4))
    sender(queue, FakeTransport(reply=lambda _: (Stage.RCPT, 451, "4.3.0 later"))).run()
    assert queue.settled[1].state is DeliveryState.EXPIRED
    assert "too late: rcpt: 451 4.3.0 later" in queue.settled[1].reason


def test_letters_deferred_because_of_the_sender_are_counted_and_reported_with_the_reply() -> None:
    told: list[tuple[str, str]] = []
    reply = (Stage.RCPT, 450, "4.7.1 you are on a blocklist")
    around = DispatchCallbacks(on_site_deferral=lambda email, problem: told.append((email, problem)))
    sending = sender(FakeQueue([1, 2]), FakeTransport(reply=lambda _: reply), callbacks=around)
    sending.run()
    assert (sending.tally, sending.deferred_because_of_site) == ({"deferred": 2}, 2)
    assert [(email, reply[2] in problem) for email, problem in told] == [
        ("1@mail.example", True),
        ("2@mail.example", True),
    ]


def test_a_letter_that_cannot_be_laid_out_is_recorded_with_what_is_wrong_and_comes_again_soon() -> None:
    def broken(delivery: Delivery, digest: object, subscriber: Subscriber) -> Letter:
        raise ValueError("a paper without a title")

    queue = FakeQueue([1, 2])
    sending = sender(queue, FakeTransport(), build=broken)
    sending.run()
    assert (sending.tally, sending.deferred_because_of_site) == ({"deferred": 2}, 2)
    recorded = queue.settled[2]
    assert recorded.outcome.stage is Stage.LOCAL
    assert recorded.reason == recorded.outcome.text == "cannot be laid out: a paper without a title"
    assert recorded.next_attempt_at is not None
    assert NOW < recorded.next_attempt_at <= NOW + timedelta(hours=1)


def test_what_a_claim_settles_by_itself_is_counted_too() -> None:
    queue = FakeQueue([1], overdue=Counter(expired=3))
    sending = sender(queue, FakeTransport())
    sending.run()
    assert sending.tally == {"sent": 1, "expired": 3}


def test_the_letters_of_a_chunk_are_prepared_together_except_those_of_erased_subscribers() -> None:
    prepared: list[list[LetterRequest]] = []

    def prepare(requests: Sequence[LetterRequest]) -> list[Callable[[], Letter]]:
        prepared.append(list(requests))
        return [partial(build, *request) for request in requests]

    queue = FakeQueue([1, 2, 3], written={11: "digest 11", 13: "digest 13", 1: "somebody else's"})
    queue.digest_of = {1: 11, 3: 13}
    queue.by_rows = lambda rows: {row: f"subscriber {row}" for row in rows if row != 3}  # type: ignore[method-assign]
    transport = FakeTransport()
    sender(queue, transport, prepare=prepare).run()
    assert [[(one.digest, one.subscriber) for one in chunk] for chunk in prepared] == [
        [("digest 11", "subscriber 1"), (None, "subscriber 2")]
    ]
    assert transport.got == [1, 2]


@pytest.mark.parametrize(
    ("seconds", "sizes"),
    [
        (lambda _: 0.0001, [16, 32, 64, 128, 250, 250, 250, 10]),
        (lambda _: 0.005, [16, *[32] * 30, 24]),
        (lambda row: 0.0001 if row < 240 else 0.01, [16, 32, 64, 128, 250, 125, 62, 31, *[16] * 18, 4]),
    ],
    ids=["a fast relay", "a slow one", "one that becomes slow"],
)
def test_the_letters_of_a_fraction_of_a_second_are_prepared_at_a_time_and_few_at_first(
    monkeypatch: pytest.MonkeyPatch, seconds: Callable[[int], float], sizes: list[int]
) -> None:
    now, prepared = [0.0], []

    def wait(row: int) -> None:
        now[0] += seconds(row)

    def prepare(requests: Sequence[LetterRequest]) -> list[Callable[[], Letter]]:
        prepared.append(len(requests))
        return [partial(build, *request) for request in requests]

    monkeypatch.setattr(dispatch.time, "monotonic", lambda: now[0])
    queue, transport = FakeQueue(list(range(1_000))), FakeTransport(before=wait)
    sender(queue, transport, prepare=prepare, settings=DeliverySettings(batch=1_000)).run()
    assert prepared == sizes
    assert transport.got == list(range(1_000))


def test_the_relay_is_asked_about_today_and_a_pause_that_ends_now_is_over() -> None:
    queue, days = FakeQueue([1], paused=(NOW, "too fast")), []

    def state(day: date) -> RelayState:
        days.append(day)
        return RelayState(NOW, "too fast", 0)

    queue.state = state  # type: ignore[method-assign]
    transport = FakeTransport()
    sender(queue, transport).run()
    assert transport.got == [1]
    assert set(days) == {NOW.date()}
