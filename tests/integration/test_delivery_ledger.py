"""The delivery ledger by itself, on both databases: what each of its methods writes and what it leaves alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from paperround.domain.models import BounceKind, Delivery, DeliveryState, NoticeKind, Outcome, Stage, SubscriberState
from paperround.rounds import pipeline
from paperround.store.attempts import RecentAttempts
from paperround.store.deliveries import Deliveries, Settlement
from paperround.store.delivery_reports import LatestDelivery
from paperround.store.engine import reading, writing
from paperround.store.relay import RelayState
from paperround.store.schema import deliveries, relay, subscribers, suppressions
from paperround.store.subscription_requests import NewNotice, notice_row
from support.databases import engine_of
from support.papers import listing
from support.site import MORNING, Site

LEASE = timedelta(minutes=1)
LATER = MORNING + timedelta(hours=1)
END = MORNING + timedelta(days=2)


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    made = Site(tmp_path, database_url)
    made.topic("robots")
    for name in ("ada", "ben", "eve"):
        made.subscriber(f"{name}@example.org", "robots")
    yield made
    made.app.store.close()


@pytest.fixture
def ledger(site: Site) -> Deliveries:
    return site.app.store.deliveries


def _notice(site: Site, name: str, kind: str = "welcome", at: datetime = MORNING, until: datetime = END) -> int:
    subscriber = site.app.store.subscribers.by_email(f"{name}@example.org")
    assert subscriber is not None
    notice = NewNotice(f"<{name}.{kind}.{at:%d%H%M}@papers.example.org>", {"words": name}, until)
    with writing(engine_of(site.app.store)) as db:
        queued = insert(deliveries).values(notice_row(subscriber.row, subscriber.email, NoticeKind(kind), notice, at))
        row: int = db.execute(queued.returning(deliveries.c.row)).scalar_one()
        return row


def _get(ledger: Deliveries, row: int) -> Delivery:
    found = ledger.by_row(row)
    assert found is not None
    return found


def _settle(ledger: Deliveries, row: int, state: DeliveryState, claim: str = "c", **others: Any) -> set[int]:
    stage, code = others.pop("reply", (Stage.RCPT, 451))
    outcome = Outcome(row, stage, code, None, "as told", "relay.example:25")
    return ledger.settle([Settlement(outcome, state, **others)], claim, MORNING)


def _finished_at(site: Site, row: int) -> datetime | None:
    with reading(engine_of(site.app.store)) as db:
        found: datetime | None = db.scalar(select(deliveries.c.finished_at).where(deliveries.c.row == row))
        return found


def _published(site: Site) -> list[int]:
    """Publish the digests of the morning; the numbers of their deliveries."""
    site.papers(listing(1))
    site.clock.now = MORNING + timedelta(hours=2)
    pipeline.publish(site.app)
    return sorted(told["id"] for told in site.app.store.delivery_reports.find())


def test_a_notice_waits_from_now_on_and_is_found_by_its_message_id(site: Site, ledger: Deliveries) -> None:
    row = _notice(site, "ada")
    found = _get(ledger, row)
    assert ledger.by_row(row + 1) is None
    assert found == Delivery(
        row, "ada@example.org", "<ada.welcome.230600@papers.example.org>", DeliveryState.QUEUED, found.subscriber,
        None, None, attempts=0, expires_at=END, notice="welcome", context={"words": "ada"},
        next_attempt_at=MORNING, created_at=MORNING,
    )  # fmt: skip
    assert ledger.by_message_id(found.message_id) == found
    assert ledger.by_message_id("<nobody@papers.example.org>") is None
    [told] = site.app.store.delivery_reports.find()
    assert (told["reason"], told["attempts"], told["state"]) == ("", [], "queued")


def test_a_claim_takes_what_is_due_the_longest_waiting_first(site: Site, ledger: Deliveries) -> None:
    late, early = _notice(site, "ada", at=MORNING), _notice(site, "ben", at=MORNING - timedelta(minutes=5))
    _notice(site, "eve", at=LATER)
    assert ledger.next_due() == MORNING - timedelta(minutes=5)
    claimed = ledger.claim(MORNING, 1, "a", LEASE)
    assert [one.row for one in claimed.deliveries] == [early]
    assert claimed.deliveries[0].state is DeliveryState.SENDING
    assert not claimed.settled.total()
    assert [one.row for one in ledger.claim(MORNING, 9, "b", LEASE).deliveries] == [late]
    assert ledger.claim(MORNING, 9, "c", LEASE).deliveries == []
    assert ledger.next_due() == LATER


def test_the_letters_of_a_claim_come_in_the_order_in_which_they_are_due(site: Site, ledger: Deliveries) -> None:
    first, second = _published(site)[:2]
    with writing(engine_of(site.app.store)) as db:
        waits = update(deliveries).where(deliveries.c.row == first)
        db.execute(waits.values(next_attempt_at=site.clock.now + LEASE, state=DeliveryState.DEFERRED.value))
    claimed = [one.row for one in ledger.claim(site.clock.now + LEASE, 9, "a", LEASE).deliveries]
    assert claimed[0] == second
    assert claimed[-1] == first


def test_a_letter_whose_suppression_is_lifted_while_it_is_claimed_is_not_withdrawn(
    site: Site, ledger: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, look = _notice(site, "ada"), ledger._due
    site.app.store.subscribers.suppress("ada@example.org", "dead", MORNING)

    def look_and_lift(db: Connection, now: datetime, limit: int) -> dict[int, bool]:
        found = look(db, now, limit)
        db.execute(delete(suppressions))
        return found

    monkeypatch.setattr(ledger, "_due", look_and_lift)
    claimed = ledger.claim(MORNING, 9, "a", LEASE)
    assert ([one.row for one in claimed.deliveries], claimed.settled.total()) == ([row], 0)


def test_a_claim_takes_notices_before_the_digests_that_have_waited_longer(site: Site, ledger: Deliveries) -> None:
    digests = _published(site)
    notice, later = _notice(site, "ada", "reply", at=site.clock.now), _notice(site, "ben", at=LATER + LEASE * 999)
    claimed = ledger.claim(site.clock.now, 2, "a", LEASE).deliveries
    assert [one.row for one in claimed] == [notice, digests[0]]
    others = {one.row for one in ledger.claim(site.clock.now, 9, "b", LEASE).deliveries}
    assert others == set(digests[1:])
    assert _get(ledger, later).state is DeliveryState.QUEUED


def test_a_claim_settles_expired_and_unwanted_letters(site: Site, ledger: Deliveries) -> None:
    old, gone = _notice(site, "ada", until=MORNING), _notice(site, "ben")
    fine, asked = _notice(site, "eve"), _notice(site, "ben", "confirm")
    with writing(engine_of(site.app.store)) as db:
        db.execute(update(subscribers).where(subscribers.c.email == "ben@example.org").values(request={}))
    site.app.store.subscribers.suppress("ben@example.org", "dead", MORNING)
    claimed = ledger.claim(MORNING, 9, "a", LEASE)
    assert [one.row for one in claimed.deliveries] == [fine, asked], "confirming lifts a suppression"
    assert claimed.settled == Counter(expired=1, suppressed=1)
    states = {row: _get(ledger, row).state for row in (old, gone)}
    assert states == {old: DeliveryState.EXPIRED, gone: DeliveryState.SUPPRESSED}
    assert [site.app.store.delivery_reports.find(row=row)[0]["reason"] for row in (old, gone)] == [
        "not accepted before it expired",
        "the address is suppressed",
    ]
    assert [_finished_at(site, row) for row in (old, gone)] == [MORNING, MORNING]


def test_a_claim_settles_no_more_than_it_looks_at(site: Site, ledger: Deliveries) -> None:
    first, old = _notice(site, "ada", at=MORNING - LEASE), _notice(site, "ben", until=MORNING)
    claimed = ledger.claim(MORNING, 1, "a", LEASE)
    assert ([one.row for one in claimed.deliveries], claimed.settled.total()) == ([first], 0)
    assert _get(ledger, old).state is DeliveryState.QUEUED


def test_digests_of_those_who_paused_are_withdrawn_and_their_notices_are_not(site: Site, ledger: Deliveries) -> None:
    rows = _published(site)
    [ada] = [told["id"] for told in site.app.store.delivery_reports.find(email="ada")]
    found = _get(ledger, ada)
    site.app.store.subscribers.set_state(found.subscriber, SubscriberState.PAUSED, site.clock.now)
    notice = _notice(site, "ada", "reply")
    claimed = ledger.claim(site.clock.now, 9, "a", LEASE)
    assert {one.row for one in claimed.deliveries} == {*rows, notice} - {ada}
    assert {str(one.issue) for one in claimed.deliveries} == {"daily 2026-11-23", "None"}
    assert len({one.subscriber for one in claimed.deliveries}) == 3
    assert claimed.settled == Counter(suppressed=1)
    assert site.app.store.delivery_reports.find(row=ada)[0]["reason"] == "the subscriber is paused"


def test_notices_that_mean_nothing_to_those_who_left_are_withdrawn(site: Site, ledger: Deliveries) -> None:
    kinds = ("welcome", "reply", "new-address", "confirm", "your-link", "address-changed")
    notices = {kind: _notice(site, "ada", kind) for kind in kinds}
    ada = _get(ledger, notices["welcome"]).subscriber
    site.app.store.subscribers.set_state(ada, SubscriberState.UNSUBSCRIBED, MORNING + LEASE)
    claimed = {one.row for one in ledger.claim(MORNING, 9, "a", LEASE).deliveries}
    assert claimed == {notices[kind] for kind in ("your-link", "address-changed")}
    assert (
        site.app.store.delivery_reports.find(row=notices["welcome"])[0]["reason"] == "the subscriber is unsubscribed"
    )


def test_the_last_check_leaves_out_a_letter_whose_suppression_is_lifted_meanwhile(
    site: Site, ledger: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, suppress = _notice(site, "ada"), ledger._suppress
    ledger.claim(MORNING, 1, "mine", LEASE)
    site.app.store.subscribers.suppress("ada@example.org", "dead", MORNING)

    def lift(*given: Any) -> set[int]:
        with writing(engine_of(site.app.store)) as db:
            db.execute(delete(suppressions))
        return suppress(*given)

    monkeypatch.setattr(ledger, "_suppress", lift)
    assert ledger.still_wanted([mine], "mine", LATER) == {}
    assert _get(ledger, mine).state is DeliveryState.SENDING


def test_the_last_check_withdraws_claimed_letters_that_are_unwanted_and_no_others(
    site: Site, ledger: Deliveries
) -> None:
    mine, gone, other = _notice(site, "ada"), _notice(site, "ben"), _notice(site, "ben", "reply")
    ledger.claim(MORNING, 2, "mine", LEASE)
    ledger.claim(MORNING, 1, "other", LEASE)
    assert ledger.still_wanted([mine, gone, other], "mine", LATER) == {mine: True, gone: True}
    site.app.store.subscribers.suppress("ben@example.org", "dead", MORNING)
    assert ledger.still_wanted([mine, gone, other], "mine", LATER) == {mine: True, gone: False}
    states = [_get(ledger, row).state for row in (mine, gone, other)]
    assert states == [DeliveryState.SENDING, DeliveryState.SUPPRESSED, DeliveryState.SENDING]
    assert site.app.store.delivery_reports.find(row=gone)[0]["reason"] == "the address is suppressed"
    assert _finished_at(site, gone) == LATER
    assert ledger.release("mine", LATER) == 1, "the withdrawn letter belongs to no claim any more"


def test_a_lease_is_renewed_for_its_own_claim_alone_and_ends_with_the_claim(site: Site, ledger: Deliveries) -> None:
    mine, other = _notice(site, "ada"), _notice(site, "ben")
    ledger.claim(MORNING, 1, "mine", LEASE)
    ledger.claim(MORNING, 1, "other", LEASE)
    assert ledger.renew("mine", MORNING + timedelta(hours=2))
    assert not ledger.renew("nobody's", END)
    assert ledger.release_expired_claims(MORNING + LEASE) == 1, "the other one's lease is over, and mine is not"
    assert (_get(ledger, other).state, _get(ledger, mine).state) == (DeliveryState.QUEUED, DeliveryState.SENDING)
    assert ledger.release_expired_claims(MORNING + timedelta(hours=2)) == 1
    assert not ledger.renew("mine", END)


def test_what_was_not_attempted_goes_back_and_keeps_its_place(site: Site, ledger: Deliveries) -> None:
    first, tried = _notice(site, "ada", at=MORNING - timedelta(hours=1)), _notice(site, "ben")
    ledger.claim(MORNING, 9, "c", LEASE)
    _settle(ledger, tried, DeliveryState.DEFERRED, next_attempt_at=LATER, reason="rcpt: 451 as told")
    assert ledger.release("c", MORNING) == 1
    assert _get(ledger, first).next_attempt_at == MORNING - timedelta(hours=1)
    assert _get(ledger, first).state is DeliveryState.QUEUED
    assert _get(ledger, tried).next_attempt_at == LATER


@pytest.mark.parametrize(
    ("state", "counts", "attempts"),
    [(DeliveryState.DEFERRED, True, 1), (DeliveryState.QUEUED, False, 0), (DeliveryState.FAILED, True, 1)],
)
def test_an_outcome_is_recorded_with_the_attempt(
    site: Site, ledger: Deliveries, state: DeliveryState, counts: bool, attempts: int
) -> None:
    row = _notice(site, "ada")
    ledger.claim(MORNING, 9, "c", LEASE)
    again = LATER if state is not DeliveryState.FAILED else None
    others = {"reason": "why", "next_attempt_at": again, "counts": counts, "bounce": BounceKind.SOFT}
    assert _settle(ledger, row, state, **others) == {row}
    found = _get(ledger, row)
    assert (found.state, found.attempts, found.next_attempt_at) == (state, attempts, again)
    [told] = site.app.store.delivery_reports.find(row=row)
    assert told["reason"] == "why"
    assert told["attempts"] == [
        {"at": MORNING, "code": 451, "enhanced": None, "text": "as told", "stage": "rcpt"},
    ]


def test_a_claim_of_somebody_else_keeps_its_state_and_gets_the_attempt(site: Site, ledger: Deliveries) -> None:
    row = _notice(site, "ada")
    ledger.claim(MORNING, 9, "theirs", LEASE)
    assert _settle(ledger, row, DeliveryState.FAILED, "mine", reason="why") == set()
    assert _get(ledger, row).state is DeliveryState.SENDING
    assert len(site.app.store.delivery_reports.find(row=row)[0]["attempts"]) == 1


def test_failed_and_deferred_letters_are_tried_again_at_once_and_others_are_not(
    site: Site, ledger: Deliveries
) -> None:
    failed, deferred, sent = _notice(site, "ada"), _notice(site, "ben"), _notice(site, "eve", until=LATER)
    ledger.claim(MORNING, 9, "c", LEASE)
    _settle(ledger, failed, DeliveryState.FAILED, reason="nobody")
    _settle(ledger, deferred, DeliveryState.DEFERRED, reason="later", next_attempt_at=END)
    _settle(ledger, sent, DeliveryState.SENT, reply=(Stage.FINAL, 250))
    assert ledger.retry([failed, deferred, sent], LATER) == [failed, deferred]
    for row in (failed, deferred):
        found = _get(ledger, row)
        assert (found.state, found.next_attempt_at, found.expires_at) == (DeliveryState.QUEUED, LATER, END)
        assert site.app.store.delivery_reports.find(row=row)[0]["reason"] == ""
        assert _finished_at(site, row) is None, "so that retention does not remove it"
    assert _get(ledger, sent).state is DeliveryState.SENT
    assert _finished_at(site, sent) == MORNING
    assert [one.row for one in ledger.claim(LATER, 9, "d", LEASE).deliveries] == [failed, deferred]


@pytest.mark.parametrize("until", [LATER, MORNING + timedelta(minutes=1)])
def test_a_letter_that_is_out_of_date_gets_one_more_day_when_it_is_tried_again(
    site: Site, ledger: Deliveries, until: datetime
) -> None:
    row = _notice(site, "ada", until=until)
    ledger.claim(MORNING, 9, "c", LEASE)
    _settle(ledger, row, DeliveryState.FAILED)
    ledger.retry([row], LATER)
    assert _get(ledger, row).expires_at == LATER + timedelta(days=1)


def test_a_refused_letter_asks_whether_others_were_taken_since_its_own_last_try(
    site: Site, ledger: Deliveries
) -> None:
    mine, other = _notice(site, "ada"), _notice(site, "ben")
    assert not site.app.store.relay.has_accepted_since_last_try(mine), "it was never tried"
    ledger.claim(MORNING, 9, "c", LEASE)

    def tried(row: int, state: DeliveryState, at: datetime, code: int) -> None:
        stage = Stage.FINAL if code < 300 else Stage.MAIL
        ledger.settle([Settlement(Outcome(row, stage, code), state)], "c", at)

    tried(other, DeliveryState.SENT, MORNING, 250)
    tried(mine, DeliveryState.QUEUED, MORNING + timedelta(minutes=1), 550)
    assert not site.app.store.relay.has_accepted_since_last_try(mine), "the other one was taken before"
    third = _notice(site, "eve", at=MORNING)
    ledger.claim(LATER, 9, "c", LEASE)
    tried(third, DeliveryState.SENT, MORNING + timedelta(minutes=1), 250)
    assert not site.app.store.relay.has_accepted_since_last_try(mine), "at the same moment is not since"
    fourth = _notice(site, "eve", "confirm")
    ledger.claim(LATER, 9, "c", LEASE)
    tried(fourth, DeliveryState.SENT, LATER, 250)
    assert site.app.store.relay.has_accepted_since_last_try(mine)


def test_the_latest_letter_of_each_subscriber_is_the_one_of_the_last_issue(site: Site, ledger: Deliveries) -> None:
    for day in range(2):
        site.papers(listing(day))
        site.clock.now = MORNING + timedelta(days=day, hours=2)
        pipeline.publish(site.app)
    ada, ben, _ = site.app.store.subscribers.by_address()
    _notice(site, "ada", at=site.clock.now)  # no digest
    assert site.app.store.delivery_reports.latest_digests([ada.row, ben.row]) == {
        one.row: LatestDelivery(date(2026, 11, 24), DeliveryState.QUEUED, "") for one in (ada, ben)
    }
    assert site.app.store.delivery_reports.latest_digests([]) == {}


def test_the_latest_letter_may_be_of_the_first_issue_and_is_no_notice(site: Site, ledger: Deliveries) -> None:
    site.subscriber("ada@example.org", "robots", first_now=True)
    site.papers(listing(1))
    pipeline.publish(site.app)
    ada = site.app.store.subscribers.by_email("ada@example.org")
    assert ada
    _notice(site, "ada")
    assert site.app.store.delivery_reports.latest_digests([ada.row]) == {
        ada.row: LatestDelivery(MORNING.date(), DeliveryState.QUEUED, "")
    }


def test_the_relay_is_paused_and_counts_what_it_took_by_the_day(site: Site, ledger: Deliveries) -> None:
    day = MORNING.date()
    assert site.app.store.relay.state(day) == RelayState()
    site.app.store.relay.pause(LATER, "too fast")
    assert site.app.store.relay.state(day) == RelayState(LATER, "too fast", 0)
    with reading(engine_of(site.app.store)) as db:
        assert db.scalars(select(relay.c.handed_over)).all() == [0]
    for name in ("ada", "ben"):
        row = _notice(site, name)
        ledger.claim(MORNING, 9, "c", LEASE)
        _settle(ledger, row, DeliveryState.SENT, reply=(Stage.FINAL, 250))
    assert site.app.store.relay.state(day).handed_over == 2
    assert site.app.store.relay.state(day + timedelta(days=1)).handed_over == 0
    site.app.store.relay.resume(LATER)
    assert site.app.store.relay.state(day) == RelayState(None, "", 2)


def test_resuming_makes_due_what_is_queued_for_later_and_not_what_a_subscribers_server_put_off(
    site: Site, ledger: Deliveries
) -> None:
    waits, deferred, sent = (_notice(site, name) for name in ("ada", "ben", "eve"))
    ledger.claim(MORNING, 9, "c", LEASE)
    _notice(site, "ada", "reply")  # due since before the pause, and never tried
    _settle(ledger, waits, DeliveryState.QUEUED, next_attempt_at=LATER)
    _settle(ledger, deferred, DeliveryState.DEFERRED, next_attempt_at=LATER)
    _settle(ledger, sent, DeliveryState.SENT, reply=(Stage.FINAL, 250))
    site.app.store.relay.pause(LATER, "not encrypted")
    assert site.app.store.relay.resume(MORNING) == 2
    assert ledger.next_due() == _get(ledger, waits).next_attempt_at == MORNING
    assert _get(ledger, deferred).next_attempt_at == LATER
    assert site.app.store.relay.resume(MORNING) == 2
    assert site.app.store.relay.resume(LATER) == 3


def test_a_page_of_the_report_has_its_own_letters_and_attempts(site: Site, ledger: Deliveries) -> None:
    rows = [_notice(site, name) for name in ("ada", "ben", "eve")]
    ledger.claim(MORNING, 9, "c", LEASE)
    for row in rows:
        _settle(ledger, row, DeliveryState.SENT)
    pages = [site.app.store.delivery_reports.find(limit=1, offset=offset) for offset in range(4)]
    assert [[letter["id"] for letter in page] for page in pages] == [[row] for row in reversed(rows)] + [[]]
    assert [len(letter["attempts"]) for page in pages for letter in page] == [1, 1, 1]


def test_a_letter_that_is_queued_for_later_can_be_sent_at_once(site: Site, ledger: Deliveries) -> None:
    waits, due = _notice(site, "ada"), _notice(site, "ben")
    ledger.claim(MORNING, 1, "c", LEASE)
    _settle(ledger, waits, DeliveryState.QUEUED, next_attempt_at=LATER)
    assert ledger.retry([waits, due], MORNING) == [waits]
    assert _get(ledger, waits).next_attempt_at == MORNING


def test_letters_that_wait_expire_without_a_claim_and_all_others_stay(site: Site, ledger: Deliveries) -> None:
    over, waiting, sending = (
        _notice(site, "ada", until=LATER),
        _notice(site, "ben"),
        _notice(site, "eve", until=LATER),
    )
    ledger.claim(MORNING, 1, "x", LEASE)
    ledger.release("x", MORNING)
    claimed = ledger.claim(MORNING, 9, "c", LEASE)
    assert len(claimed.deliveries) == 3
    _settle(ledger, over, DeliveryState.DEFERRED, next_attempt_at=END)
    _settle(ledger, waiting, DeliveryState.DEFERRED, next_attempt_at=END)
    assert ledger.expire(LATER - timedelta(seconds=1)) == 0
    assert ledger.expire(LATER) == 1
    assert _finished_at(site, waiting) is None
    states = [_get(ledger, row).state for row in (over, waiting, sending)]
    assert states == [DeliveryState.EXPIRED, DeliveryState.DEFERRED, DeliveryState.SENDING]
    assert site.app.store.delivery_reports.count() == {"expired": 1, "deferred": 1, "sending": 1}
    assert site.app.store.delivery_reports.count(MORNING) == site.app.store.delivery_reports.count()
    assert site.app.store.delivery_reports.count(MORNING + timedelta(seconds=1)) == {}


def test_letters_that_are_due_are_counted_up_to_a_number_for_each_state(site: Site, ledger: Deliveries) -> None:
    rows = [_notice(site, name, kind) for name in ("ada", "ben") for kind in ("welcome", "reply")]
    _notice(site, "eve", at=LATER)
    ledger.claim(MORNING, 2, "c", LEASE)
    for row in rows[:2]:
        _settle(ledger, row, DeliveryState.DEFERRED, next_attempt_at=MORNING)
    assert ledger.due_count(MORNING - timedelta(seconds=1), 9) == 0
    assert ledger.due_count(MORNING, 9) == 4
    assert ledger.due_count(MORNING, 1) == 2
    assert ledger.due_count(LATER, 9) == 5


def test_a_letter_that_was_accepted_after_its_lease_is_sent_and_not_claimed_again(
    site: Site, ledger: Deliveries
) -> None:
    row = _notice(site, "ada")
    ledger.claim(MORNING, 9, "slow", LEASE)
    assert ledger.release_expired_claims(LATER) == 1
    assert _settle(ledger, row, DeliveryState.SENT, claim="slow", reply=(Stage.FINAL, 250)) == {row}
    assert _get(ledger, row).state is DeliveryState.SENT
    assert ledger.claim(LATER, 9, "other", LEASE).deliveries == []


def test_a_claim_stays_within_the_letters_of_a_day(site: Site, ledger: Deliveries) -> None:
    rows = [_notice(site, name, kind) for name in ("ada", "ben", "eve") for kind in ("welcome", "reply")]
    ledger.claim(MORNING, 1, "c", LEASE, 4)
    _settle(ledger, rows[0], DeliveryState.SENT, reply=(Stage.FINAL, 250))
    assert [one.row for one in ledger.claim(MORNING, 2, "c", LEASE, 4).deliveries] == rows[1:3]
    assert [one.row for one in ledger.claim(MORNING, 9, "d", LEASE, 4).deliveries] == rows[3:4], "one is sent, two go"
    full = ledger.claim(MORNING, 9, "d", LEASE, 4)
    assert (full.deliveries, full.settled) == ([], Counter())
    ledger.release("c", MORNING)
    ledger.release("d", MORNING)
    assert len(ledger.claim(MORNING + timedelta(days=1), 9, "d", LEASE, 4).deliveries) == 4, "another day"


def test_many_letters_expire_in_groups_and_are_all_counted(
    site: Site, ledger: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paperround.store.deliveries._EXPIRED_AT_ONCE", 2)
    for kind in ("welcome", "reply"):
        for name in ("ada", "ben"):
            _notice(site, name, kind, until=LATER)
    assert ledger.expire(LATER) == 4
    assert site.app.store.delivery_reports.count() == {"expired": 4}


def test_the_papers_of_a_letter_that_its_sender_gives_up_come_with_the_next_one(
    site: Site, ledger: Deliveries
) -> None:
    expired, sent, _ = _published(site)
    ledger.claim(site.clock.now, 2, "c", LEASE)
    _settle(ledger, expired, DeliveryState.EXPIRED, reason="too old")
    _settle(ledger, sent, DeliveryState.SENT, reply=(Stage.FINAL, 250))
    site.clock.now += timedelta(days=1)
    assert pipeline.publish(site.app).composed == 2, "the one that was given up, and the one that expired by itself"
    [again] = site.app.store.delivery_reports.find(subscriber=_get(ledger, expired).subscriber, limit=1)
    assert (again["issue"], again["paper_rows"]) == ("daily 2026-11-24", [1])


def _expired_while_it_is_sent(site: Site, ledger: Deliveries) -> tuple[int, datetime]:
    """A letter that one program is sending, when another takes it for abandoned and expires it; and when that is."""
    late, *_ = _published(site)
    ledger.claim(site.clock.now, 1, "c", LEASE)
    over = site.clock.now + timedelta(days=1)
    assert ledger.release_expired_claims(over) == 1
    assert ledger.expire(over) == 3
    return late, over


def test_the_papers_of_a_letter_that_two_programs_give_up_come_with_the_next_one(
    site: Site, ledger: Deliveries
) -> None:
    late, over = _expired_while_it_is_sent(site, ledger)
    assert _settle(ledger, late, DeliveryState.EXPIRED, reason="too late") == set()
    assert site.app.store.delivery_reports.find(row=late)[0]["reason"] != "too late"
    site.clock.now = over
    assert pipeline.publish(site.app).composed == 3
    [again] = site.app.store.delivery_reports.find(subscriber=_get(ledger, late).subscriber, limit=1)
    assert again["paper_rows"] == [1]


def test_a_letter_that_was_accepted_after_it_had_expired_is_sent_and_keeps_its_papers(
    site: Site, ledger: Deliveries
) -> None:
    late, over = _expired_while_it_is_sent(site, ledger)
    assert _settle(ledger, late, DeliveryState.SENT, reply=(Stage.FINAL, 250)) == {late}
    assert _get(ledger, late).state is DeliveryState.SENT
    assert site.app.store.delivery_reports.find(row=late)[0]["reason"] == ""
    assert _finished_at(site, late) == MORNING
    site.clock.now = over
    assert pipeline.publish(site.app).composed == 2, "for the two others"


def test_dates_that_a_clock_running_ahead_has_written_are_mended(site: Site, ledger: Deliveries) -> None:
    ahead, fine, lost = _notice(site, "ada", at=MORNING), _notice(site, "ben"), _notice(site, "eve")
    ledger.claim(MORNING, 9, "c", timedelta(days=400))
    far = MORNING + timedelta(days=400)
    _settle(ledger, ahead, DeliveryState.DEFERRED, next_attempt_at=far)
    _settle(ledger, fine, DeliveryState.DEFERRED, next_attempt_at=MORNING + timedelta(days=3))
    site.app.store.relay.pause(far, "too fast")
    assert ledger.correct_dates(MORNING) == 1
    assert _get(ledger, ahead).next_attempt_at == MORNING
    assert _get(ledger, fine).next_attempt_at == MORNING + timedelta(days=3)
    assert site.app.store.relay.state(MORNING.date()).paused_until is None
    assert ledger.release_expired_claims(MORNING) == 1
    assert _get(ledger, lost).state is DeliveryState.QUEUED


def test_mending_dates_leaves_leases_pauses_and_counts_that_are_possible(site: Site, ledger: Deliveries) -> None:
    row, later = _notice(site, "ada"), _notice(site, "ben")
    ledger.claim(MORNING, 1, "c", LEASE)
    site.app.store.relay.pause(LATER, "too fast")
    assert ledger.correct_dates(MORNING) == 0
    assert ledger.release_expired_claims(MORNING) == 0, "the lease of the letter that is being sent still runs"
    assert site.app.store.relay.state(MORNING.date()).paused_until == LATER
    site.app.store.relay.pause(LATER - timedelta(minutes=1), "another program was refused for a shorter time")
    assert (
        site.app.store.relay.state(MORNING.date()).paused_until,
        site.app.store.relay.state(MORNING.date()).reason,
    ) == (LATER, "too fast")
    _settle(ledger, row, DeliveryState.SENT, reply=(Stage.FINAL, 250))
    ledger.claim(MORNING, 1, "d", LEASE)
    refusal = Settlement(Outcome(later, Stage.MAIL, 550), DeliveryState.QUEUED)
    ledger.settle([refusal], "d", MORNING - timedelta(minutes=1))
    ledger.correct_dates(MORNING + timedelta(minutes=1))
    assert site.app.store.relay.has_accepted_since_last_try(later), "the time of the last accepted letter is kept"


def test_a_letter_accepted_by_a_clock_ahead_does_not_speak_for_the_relay_forever(
    site: Site, ledger: Deliveries
) -> None:
    early, late = _notice(site, "ada"), _notice(site, "ben")
    ledger.claim(MORNING, 9, "c", LEASE)
    accepted = Settlement(Outcome(early, Stage.FINAL, 250), DeliveryState.SENT)
    ledger.settle([accepted], "c", MORNING + timedelta(days=400))
    refused = Settlement(Outcome(late, Stage.MAIL, 550), DeliveryState.QUEUED)
    ledger.settle([refused], "c", MORNING - timedelta(minutes=1))
    ledger.correct_dates(MORNING)
    assert site.app.store.relay.has_accepted_since_last_try(late), (
        "the letter counts as accepted when the clock was put right"
    )
    ledger.settle([refused], "c", LATER)
    assert not site.app.store.relay.has_accepted_since_last_try(late)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["eve", "ben", "ada"]), ({"limit": 2}, ["eve", "ben"]), ({"state": DeliveryState.SENT}, ["ben"]),
        ({"email": "AD"}, ["ada"]), ({"email": "_"}, []), ({"topic": "robots"}, ["eve", "ben", "ada"]),
        ({"topic": "cooking"}, []), ({"state": DeliveryState.SENT, "email": "ada"}, []),
    ],
)  # fmt: skip
def test_deliveries_are_listed_the_latest_first_by_what_is_asked(
    site: Site, ledger: Deliveries, asked: dict[str, Any], found: list[str]
) -> None:
    rows = {name: _notice(site, name) for name in ("ada", "ben", "eve")}
    ledger.claim(MORNING, 9, "c", LEASE)
    _settle(ledger, rows["ben"], DeliveryState.SENT, reply=(Stage.FINAL, 250))
    assert [told["email"].partition("@")[0] for told in site.app.store.delivery_reports.find(**asked)] == found


def test_the_attempts_of_listed_deliveries_are_in_the_order_of_time(site: Site, ledger: Deliveries) -> None:
    older, newer = _notice(site, "ada"), _notice(site, "ben")
    for text, row in (("first", newer), ("other", older), ("second", newer)):
        ledger.claim(MORNING, 9, "c", LEASE)
        outcome = Outcome(row, Stage.RCPT, 451, None, text, "relay.example:25")
        ledger.settle([Settlement(outcome, DeliveryState.QUEUED)], "c", MORNING)
    [found] = site.app.store.delivery_reports.find(limit=1)
    assert (found["id"], [attempt["text"] for attempt in found["attempts"]]) == (newer, ["first", "second"])


def test_a_reported_delivery_names_its_issue_its_papers_and_its_next_attempt(site: Site, ledger: Deliveries) -> None:
    site.papers(listing(1))
    site.clock.now = MORNING + timedelta(hours=2)
    pipeline.publish(site.app)
    notice = _notice(site, "eve", at=LATER)
    [digest] = [told["id"] for told in site.app.store.delivery_reports.find(email="ada")]
    [found] = site.app.store.delivery_reports.find(row=digest)
    assert (found["id"], found["issue"], found["email"]) == (digest, "daily 2026-11-23", "ada@example.org")
    assert found["paper_rows"] == [1]
    assert found["next_attempt_at"] == site.clock.now
    [found] = site.app.store.delivery_reports.find(row=notice)
    assert (found["id"], found["issue"], found["paper_rows"]) == (notice, "notice welcome", [])
    assert found["next_attempt_at"] == LATER


def test_the_latest_refusals_leave_out_letters_that_are_refused_again_while_others_pass(
    site: Site, ledger: Deliveries
) -> None:
    first, second, third, fourth = (
        _notice(site, "ada", kind) for kind in ("welcome", "reply", "your-link", "confirm")
    )
    ledger.claim(MORNING, 9, "c", LEASE)

    def tried(row: int, stage: Stage, code: int | None) -> None:
        outcome = Outcome(row, stage, code, "5.1.1", "no", "relay.example:25")
        ledger.settle([Settlement(outcome, DeliveryState.QUEUED, counts=False)], "c", MORNING)
        ledger.claim(MORNING, 9, "c", LEASE)

    assert site.app.store.attempts.recent() == RecentAttempts([])
    tried(first, Stage.RCPT, 500)
    tried(third, Stage.RCPT, 451)
    tried(second, Stage.FINAL, 200)
    tried(first, Stage.RCPT, 550)  # refused again, and another one was taken in between: this letter is meant
    tried(third, Stage.RCPT, 500)  # what came before was no refusal for good
    tried(fourth, Stage.RCPT, 550)
    tried(fourth, Stage.RCPT, 250)  # the recipient, not the letter
    tried(fourth, Stage.FINAL, 300)
    tried(fourth, Stage.RCPT, 550)  # nothing was taken in between
    recent = site.app.store.attempts.recent()
    assert [one.outcome.delivery for one in recent.refusals] == [fourth, fourth, third, first]
    assert recent.refusals[0].outcome == Outcome(fourth, Stage.RCPT, 550, "5.1.1", "no", "relay.example:25")
    assert recent.accepted == 1
    assert (recent.refusals[0].email, recent.refusals[0].at) == ("ada@example.org", MORNING)
    assert recent.refusals[3].row < recent.last_accepted < recent.refusals[2].row


def test_refusals_of_long_ago_are_not_looked_at(
    site: Site, ledger: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paperround.store.attempts._RECENT", 2)
    old = _notice(site, "ada", "reply")
    rows = [_notice(site, name) for name in ("ada", "ben", "eve")]
    ledger.claim(MORNING, 9, "c", LEASE)
    _settle(ledger, old, DeliveryState.FAILED, reply=(Stage.RCPT, 550))
    _settle(ledger, rows[0], DeliveryState.SENT, reply=(Stage.FINAL, 250))
    _settle(ledger, rows[1], DeliveryState.FAILED, reply=(Stage.RCPT, 550))
    _settle(ledger, rows[2], DeliveryState.FAILED, reply=(Stage.RCPT, 550))
    recent = site.app.store.attempts.recent()
    assert [one.outcome.delivery for one in recent.refusals] == [rows[2], rows[1]]
    assert (recent.accepted, recent.last_accepted) == (0, 0), "it is older than the two attempts that are looked at"


def test_a_letter_refused_twice_in_a_row_is_listed_though_others_pass_afterwards(
    site: Site, ledger: Deliveries
) -> None:
    refused, passed = _notice(site, "ada"), _notice(site, "ben")
    for row, stage, code in ((refused, Stage.RCPT, 550), (refused, Stage.RCPT, 550), (passed, Stage.FINAL, 250)):
        ledger.claim(MORNING, 9, "c", LEASE)
        _settle(ledger, row, DeliveryState.QUEUED if code == 550 else DeliveryState.SENT, reply=(stage, code))
    recent = site.app.store.attempts.recent()
    assert [one.outcome.delivery for one in recent.refusals] == [refused, refused]
    assert recent.last_accepted > recent.refusals[0].row


def test_a_delivery_is_found_by_its_digest_and_by_whom_it_reached_last(site: Site, ledger: Deliveries) -> None:
    site.papers(listing(1))
    site.clock.now = MORNING + timedelta(hours=2)
    pipeline.publish(site.app)
    [ada, *_] = [told for told in site.app.store.delivery_reports.find() if told["email"] == "ada@example.org"]
    found = _get(ledger, ada["id"])
    assert found.digest is not None
    assert ledger.of_digest(found.digest) == found
    assert ledger.of_digest(10**6) is None
    assert ledger.latest_to("ada@example.org") is None, "nothing has reached her yet"
    ledger.claim(site.clock.now, 9, "c", LEASE)
    _settle(ledger, found.row, DeliveryState.SENT, reply=(Stage.FINAL, 250))
    later = _notice(site, "ada", at=site.clock.now)
    reached = ledger.latest_to("Ada@Example.org")
    assert reached is not None
    assert reached.row == found.row != later
    assert ledger.latest_to("nobody@example.org") is None
