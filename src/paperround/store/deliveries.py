"""Deliveries: one row per letter, from queued to a final state, and one row per attempt.

Claims and withdrawals are conditional UPDATEs, and outcomes are recorded while their rows are locked, so the database
decides every race.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Any
from zlib import crc32

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Integer,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from paperround.domain.models import BounceKind, Delivery, DeliveryState, NoticeKind, Outcome, Stage, SubscriberState
from paperround.domain.schedule import Cadence, Issue
from paperround.store.bulk import ManyRows, RowsByNumber, among
from paperround.store.engine import lock_exclusively, reading, upsert, writing
from paperround.store.schema import (
    address_changes,
    attempts,
    deliveries,
    digests,
    issues,
    relay,
    subscribers,
    subscriptions,
    suppressions,
    topics,
)
from paperround.store.subscribers import SUBSCRIBED, email_key
from paperround.store.unsent import GIVEN_UP, IN_LETTER, confirm_late_acceptance, reclaim_papers, release_papers

WAITING = (DeliveryState.QUEUED.value, DeliveryState.DEFERRED.value)
_ADDRESSED_ELSEWHERE = or_(
    *(deliveries.c.notice == kind.value for kind in (NoticeKind.NEW_ADDRESS, NoticeKind.ADDRESS_CHANGED))
)
"""The notices about a change of address: to the address that is to be confirmed, and to the former one."""
_MOVED, SUPPRESSED = "the address has changed", "the address is suppressed"
_IN_STATE = "the subscriber is " + subscribers.c.state
_HAS_LEFT = and_(*(subscribers.c.state != state for state in SUBSCRIBED))
_ASKED_NO_MORE = or_(
    and_(subscribers.c.state != SubscriberState.PENDING.value, subscribers.c.request.is_(None)),
    and_(
        subscribers.c.state == SubscriberState.UNSUBSCRIBED.value,
        subscribers.c.unsubscribed_at > deliveries.c.created_at,
    ),
)
"""Somebody has nothing to confirm, or was unsubscribed, also by a complaint, after the confirmation was queued."""
_RELAY = "relay"
"""The name of the row that stores until when the relay is paused, and why."""
_COUNTERS = 16
"""The number of rows that count letters handed over. With one row, all programs would wait for each other's commits.
"""
_LONGEST_DELAY = timedelta(days=3)  # well above any real delay: a pause until tomorrow, a retry in hours
_EXPIRED_AT_ONCE = 500
CHECKED_AT_ONCE = 16
"""Between the check that a letter is still wanted and handing it over there are at most this many letters."""
_ATTEMPTS_LOOKED_AT = 5_000


@dataclass(frozen=True, slots=True)
class Settlement:
    """The outcome of an attempt, and the next state of its delivery."""

    outcome: Outcome
    state: DeliveryState
    reason: str = ""
    next_attempt_at: datetime | None = None
    counts: bool = True
    """Whether this counts as an attempt for the subscriber; a broken connection does not."""
    by_us: bool = False
    """Whether the letter is deferred because of this site, not of its recipient."""
    bounce: BounceKind | None = None
    """The kind of bounce that a final refusal is; None for any other outcome."""
    status: str | None = None
    """The enhanced status code of the bounce; None if unknown."""


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """An attempt that the relay refused permanently, with its subscriber."""

    row: int
    subscriber: int
    email: str
    at: datetime
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class RecentAttempts:
    """What the relay answered recently: its permanent refusals, and how many letters it accepted."""

    refusals: list[FailedAttempt]
    """Newest first."""
    accepted: int = 0
    last_accepted: int = 0
    """The number of the last attempt that was accepted; 0 if none was."""


@dataclass(frozen=True, slots=True)
class RelayState:
    """The relay's pause and its count of letters for one day."""

    paused_until: datetime | None = None
    reason: str = ""
    handed_over: int = 0
    """The number of letters it accepted on the requested day."""


@dataclass(frozen=True, slots=True)
class LatestDelivery:
    """A subscriber's latest digest: the local date of its issue and the state of its delivery."""

    day: date
    state: DeliveryState
    reason: str


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """The deliveries that a claim took, and how many it settled instead, by state."""

    deliveries: list[Delivery]
    settled: Counter[str]


# For conditions on rows given by number: with the bare column SQLite would take the index on states, and read all
# deliveries that wait for each claim of a few hundred.
_STATE = func.coalesce(deliveries.c.state, "")
# Built once: building the statement took longer than running it.
_SETTLE = (
    update(deliveries)
    .where(deliveries.c.row == bindparam("settled"))
    .values(
        state=bindparam("state"),
        reason=bindparam("reason"),
        attempts=deliveries.c.attempts + bindparam("counted", type_=Integer),
        claim=None,
        lease_until=None,
        next_attempt_at=bindparam("next_attempt_at"),
        finished_at=bindparam("finished_at"),
    )
)
_COUNT = (
    update(relay)
    .where(relay.c.name == bindparam("counter"))
    .values(
        day=bindparam("today"),
        accepted_at=bindparam("now"),
        handed_over=case((relay.c.day == bindparam("today"), relay.c.handed_over), else_=0)
        + bindparam("sent", type_=Integer),
    )
)


_ATTEMPT_COLUMNS = ("delivery", "at", "stage", "code", "enhanced", "text", "connection")


class Deliveries:
    """Deliveries, their attempts, and the state of the relay."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._try_rows = ManyRows(engine, insert(attempts), _ATTEMPT_COLUMNS)
        self._settle_rows = ManyRows(engine, _SETTLE)
        self._objections = RowsByNumber(engine, _OBJECTIONS, deliveries.c.row, CHECKED_AT_ONCE)

    def claim(
        self, now: datetime, limit: int, claim: str, lease: timedelta, per_day: int | None = None
    ) -> ClaimResult:
        """Claim up to `limit` due deliveries, notices first, then longest waiting first, until the lease expires.

        With `per_day`, claim no more than the daily cap (UTC) allows, counting the letters that all programs have
        handed over or are sending.

        Deliveries that must not be sent any more are settled instead: as expired, or as suppressed because the
        subscriber has left. If the claim only settles, more deliveries may be due.
        """
        with writing(self._engine) as db:
            if per_day is not None:
                lock_exclusively(db, relay)
                limit = min(limit, per_day - (db.scalar(_TAKEN_TODAY, {"today": now.date()}) or 0))
            if limit < 1:
                return ClaimResult([], Counter())
            rows = _due(db, now, limit)
            settled = _withdraw(db, rows, now)
            taken = db.scalars(
                update(deliveries)
                .where(deliveries.c.row.in_(rows), _STATE.in_(WAITING))
                .values(state=DeliveryState.SENDING.value, claim=claim, lease_until=now + lease)
                .returning(deliveries.c.row)
            ).all()
            found = _load(db, deliveries.c.row.in_(taken)) if taken else []
            return ClaimResult(sorted(found, key=lambda delivery: delivery.notice is None), settled)

    def renew(self, claim: str, until: datetime) -> bool:
        """Extend the lease of a claim. Return False if it holds no deliveries any more."""
        with writing(self._engine) as db:
            held = update(deliveries).where(_is_held(claim)).values(lease_until=until).returning(deliveries.c.row)
            return bool(db.execute(held).all())

    def still_wanted(self, rows: Sequence[int], claim: str, now: datetime) -> dict[int, bool]:
        """Return which of these deliveries may still be sent, and settle the others as suppressed.

        Those that the claim no longer holds are left out, and so are those whose subscriber has another address now:
        they return to the queue. Call this right before letters are handed over: a subscriber may have unsubscribed
        since the claim.
        """
        with reading(self._engine) as db:
            found = self._objections.run(db, rows)
        ours = (claim, DeliveryState.SENDING.value)
        objections = {row: objection for row, objection, *held in found if tuple(held) == ours}
        if not any(objections.values()):
            return dict.fromkeys(objections, True)
        if moved := [row for row, objection in objections.items() if objection == _MOVED]:
            self._requeue(deliveries.c.row.in_(moved) & _is_held(claim), now)
        unwanted = [row for row, objection in objections.items() if objection and objection != _MOVED]
        suppressed = self._suppress(unwanted, claim, now) if unwanted else ()
        return {row: not objection for row, objection in objections.items() if not objection or row in suppressed}

    def _suppress(self, rows: Sequence[int], claim: str, now: datetime) -> set[int]:
        values = {"state": DeliveryState.SUPPRESSED.value, "reason": _OBJECTION, "claim": None, "finished_at": now}
        unwanted = deliveries.c.row.in_(rows) & _OBJECTION.is_not(None)  # it may have been lifted in the meantime
        done = update(deliveries).where(unwanted, _is_held(claim)).values(values)
        with writing(self._engine) as db:
            found = db.scalars(done.returning(deliveries.c.row)).all()
            release_papers(db, _of_those_who_left(db, found))
            return set(found)

    def settle(self, settled: Sequence[Settlement], claim: str, now: datetime) -> set[int]:
        """Record outcomes in one transaction, and return the deliveries whose state was set.

        A delivery that this claim no longer holds keeps its state, unless the relay has accepted its letter; the
        attempt is recorded in any case. Nothing is stored for a delivery whose subscriber was erased meanwhile.
        """
        tried = [
            {
                "delivery": s.outcome.delivery,
                "at": now,
                "stage": s.outcome.stage.value,
                "code": s.outcome.code,
                "enhanced": s.outcome.enhanced,
                "text": s.outcome.text[:500],
                "connection": s.outcome.connection,
            }
            for s in settled
        ]
        becomes = {
            s.outcome.delivery: {
                "settled": s.outcome.delivery,
                "state": s.state.value,
                "reason": s.reason,
                "counted": int(s.counts),
                "next_attempt_at": s.next_attempt_at,
                "finished_at": now if s.state not in (DeliveryState.QUEUED, DeliveryState.DEFERRED) else None,
            }
            for s in settled
        }
        accepted = {s.outcome.delivery for s in settled if s.outcome.accepted}
        with writing(self._engine) as db:
            there = db.execute(_LOCK_DELIVERIES, {"rows": list(becomes)}).all()
            # A letter that the relay has accepted is sent, even if a sweep has put it back in the queue meanwhile.
            ours = [
                row
                for row, state, holder in there
                if holder == claim or (row in accepted and holder is None and state in WAITING)
            ]
            # Another program gave the delivery up while the relay was accepting its letter.
            late = [row for row, state, _ in there if row in accepted and state in GIVEN_UP]
            if there:
                found = {row for row, *_ in there}
                self._try_rows.run(db, [one for one in tried if one["delivery"] in found])
            if ours:
                self._settle_rows.run(db, [becomes[row] for row in ours])
                readdress(db, [row for row in ours if becomes[row]["state"] in WAITING])
                release_papers(db, [row for row in ours if becomes[row]["state"] == DeliveryState.EXPIRED.value])
            if late:
                confirm_late_acceptance(db, late, WAITING, now)
                arrived = {"state": DeliveryState.SENT.value, "reason": "", "finished_at": now}
                db.execute(update(deliveries).where(deliveries.c.row.in_(late)).values(arrived))
            if accepted:
                _count_handed_over(db, claim, now, len(accepted))
        return {*ours, *late}

    def expire(self, now: datetime) -> int:
        """Expire waiting deliveries that are out of date, make their papers unsent, and return their number.

        This includes those that are never claimed because the relay is paused or the daily cap is reached.
        """
        over = and_(deliveries.c.state.in_(WAITING), deliveries.c.expires_at <= now)
        expired = 0
        while True:
            with writing(self._engine) as db:
                rows = db.scalars(
                    select(deliveries.c.row).where(over).limit(_EXPIRED_AT_ONCE).with_for_update(skip_locked=True)
                ).all()
                expired += _withdraw(db, rows, now)[DeliveryState.EXPIRED.value]
            if len(rows) < _EXPIRED_AT_ONCE:
                return expired

    def release(self, claim: str, now: datetime) -> int:
        """Put claimed but unattempted deliveries back in the queue, and return how many there were."""
        return self._requeue(_is_held(claim), now)

    def release_expired_claims(self, now: datetime) -> int:
        """Put deliveries with an expired lease back in the queue, and return how many there were."""
        abandoned = (deliveries.c.state == DeliveryState.SENDING.value) & (deliveries.c.lease_until <= now)
        return self._requeue(abandoned, now)

    def _requeue(self, where: ColumnElement[bool], now: datetime) -> int:
        with writing(self._engine) as db:
            values = {
                "state": DeliveryState.QUEUED.value,
                "claim": None,
                "lease_until": None,
                # Keep its place in the queue: it has waited since then.
                "next_attempt_at": case(
                    (deliveries.c.next_attempt_at > now, now), else_=deliveries.c.next_attempt_at
                ),
            }
            found = db.scalars(update(deliveries).where(where).values(values).returning(deliveries.c.row)).all()
            readdress(db, found)
            return len(found)

    def correct_dates(self, now: datetime) -> int:
        """Correct dates that a fast clock set over three days ahead; return the number of deliveries made due."""
        with writing(self._engine) as db:
            farther = deliveries.c.state.in_(WAITING) & (deliveries.c.next_attempt_at > now + _LONGEST_DELAY)
            mended = update(deliveries).where(farther).values(next_attempt_at=now)
            corrected = db.execute(mended.returning(deliveries.c.row)).all()
            abandoned = deliveries.c.state == DeliveryState.SENDING.value
            abandoned &= deliveries.c.lease_until > now + _LONGEST_DELAY
            db.execute(update(deliveries).where(abandoned).values(lease_until=now))
            db.execute(update(relay).where(relay.c.paused_until > now + _LONGEST_DELAY).values(paused_until=None))
            db.execute(update(relay).where(relay.c.accepted_at > now).values(accepted_at=now))
            return len(corrected)

    def by_row(self, row: int) -> Delivery | None:
        """Return the delivery with this number, or None."""
        with reading(self._engine) as db:
            return next(iter(_load(db, deliveries.c.row == row)), None)

    def of_digest(self, digest: int) -> Delivery | None:
        """Return the delivery of the digest with this number, or None."""
        with reading(self._engine) as db:
            return next(iter(_load(db, deliveries.c.digest == digest)), None)

    def by_message_id(self, message_id: str) -> Delivery | None:
        """Return the delivery whose letter has this Message-ID, or None."""
        with reading(self._engine) as db:
            return next(iter(_load(db, deliveries.c.message_id == message_id)), None)

    def latest_to(self, email: str) -> Delivery | None:
        """Return the latest delivery to this subscriber's present address that the relay accepted or permanently
        refused, or None.
        """
        over = deliveries.c.state.in_([DeliveryState.SENT.value, DeliveryState.FAILED.value])
        theirs = (subscribers.c.row == deliveries.c.subscriber) & (subscribers.c.email == deliveries.c.email)
        last = (
            select(func.max(deliveries.c.row))
            .join_from(deliveries, subscribers, theirs)
            .where(subscribers.c.email_key == email_key(email), over)
            .correlate(None)
            .scalar_subquery()
        )
        with reading(self._engine) as db:
            return next(iter(_load(db, deliveries.c.row == last)), None)

    def retry(self, rows: Sequence[int], now: datetime) -> list[int]:
        """Queue failed, expired, deferred or waiting deliveries again, due at once, and return their numbers.

        An expired letter stays expired if a later letter has included some of its papers.
        """
        refused = deliveries.c.state.in_([DeliveryState.FAILED.value, DeliveryState.DEFERRED.value])
        with writing(self._engine) as db:
            taken = deliveries.c.row.in_(reclaim_papers(db, rows))
            done = db.scalars(
                update(deliveries)
                .where(or_(deliveries.c.row.in_(rows) & or_(refused, _waits_until_later(now)), taken))
                .values(
                    state=DeliveryState.QUEUED.value,
                    reason="",
                    next_attempt_at=now,
                    finished_at=None,
                    # An operator who retries a letter wants it sent however old it is: allow one more day.
                    expires_at=case(
                        (deliveries.c.expires_at <= now, now + timedelta(days=1)),
                        else_=deliveries.c.expires_at,
                    ),
                )
                .returning(deliveries.c.row)
            ).all()
            readdress(db, done)
            return sorted(done)

    def objections(self, rows: Sequence[int]) -> dict[int, str]:
        """Return why some of these deliveries must not be sent, by row: their address is suppressed, for example."""
        with reading(self._engine) as db:
            found = db.execute(select(deliveries.c.row, _OBJECTION).where(_BY_ROWS), {"rows": list(rows)}).all()
        return {row: why for row, why in found if why}

    def report(
        self,
        state: DeliveryState | None = None,
        row: int | None = None,
        subscriber: int | None = None,
        limit: int | None = None,
        *,
        offset: int = 0,
        email: str = "",
        topic: str = "",
    ) -> list[dict[str, Any]]:
        """Return deliveries for display and export, latest first, each with its papers and attempts.

        `offset` is the number of deliveries to skip, of those that the other arguments select.
        `email` is part of the recipient's address; `topic` is the slug of a topic that the subscriber follows now.
        """
        where = [deliveries.c.state == state.value] if state else []
        where += [deliveries.c.row == row] if row is not None else []
        where += [deliveries.c.subscriber == subscriber] if subscriber is not None else []
        where += [deliveries.c.email.icontains(email, autoescape=True)] if email else []
        followers = select(subscriptions.c.subscriber).join_from(subscriptions, topics).where(topics.c.slug == topic)
        where += [deliveries.c.subscriber.in_(followers)] if topic else []
        newest = deliveries.c.row.desc()
        query = (
            select(deliveries, issues.c.cadence, issues.c.day, digests.c.sections)
            .join_from(deliveries, issues, isouter=True)
            .join(digests, digests.c.row == deliveries.c.digest, isouter=True)
            .where(*where)
            .order_by(newest)
            .limit(limit)
            .offset(offset)
        )
        with reading(self._engine) as db:
            stored = db.execute(query).all()
            tried: dict[int, list[Any]] = {}
            rows = select(deliveries.c.row).where(*where).order_by(newest).limit(limit).offset(offset)
            tries = select(attempts).where(attempts.c.delivery.in_(rows.scalar_subquery()))
            for attempt in db.execute(tries.order_by(attempts.c.row)):
                tried.setdefault(attempt.delivery, []).append(attempt)
        return [_reported(delivery, tried.get(delivery.row, [])) for delivery in stored]

    def latest_of(self, subscribers: Sequence[int]) -> dict[int, LatestDelivery]:
        """Return the delivery of the latest digest of each of these subscribers, by subscriber."""
        last = select(func.max(deliveries.c.row)).where(
            deliveries.c.subscriber.in_(subscribers), deliveries.c.issue > 0
        )
        query = (
            select(deliveries.c.subscriber, issues.c.day, deliveries.c.state, deliveries.c.reason)
            .join_from(deliveries, issues)
            .where(deliveries.c.row.in_(last.group_by(deliveries.c.subscriber)))
        )
        with reading(self._engine) as db:
            return {
                found[0]: LatestDelivery(found[1], DeliveryState(found[2]), found[3]) for found in db.execute(query)
            }

    def count(self, since: datetime | None = None) -> dict[str, int]:
        """Count the deliveries in each state; only those created since a moment if given."""
        query = select(deliveries.c.state, func.count()).group_by(deliveries.c.state)
        if since:
            query = query.where(deliveries.c.created_at >= since)
        with reading(self._engine) as db:
            return dict(db.execute(query).all())

    def due_count(self, now: datetime, most: int) -> int:
        """Count the waiting deliveries that are due, up to `most` per waiting state."""
        with reading(self._engine) as db:
            some = (
                select(deliveries.c.row).where(deliveries.c.state == state, deliveries.c.next_attempt_at <= now)
                for state in WAITING
            )
            return sum(db.scalar(select(func.count()).select_from(one.limit(most).subquery())) or 0 for one in some)

    def next_due(self) -> datetime | None:
        """Return when the next waiting delivery is due, or None if none waits."""
        with reading(self._engine) as db:
            first = select(func.min(deliveries.c.next_attempt_at))
            found = [
                db.scalar(first.where(deliveries.c.state == state)) for state in WAITING
            ]  # one index lookup per state
            return min((due for due in found if due), default=None)

    def recent_attempts(self) -> RecentAttempts:
        """Return the recent permanent refusals and the number of letters accepted meanwhile.

        A refusal is left out if the same letter was refused before and others were accepted in between: then the
        refusal is about that letter.
        """
        newest = select(func.max(attempts.c.row) - _ATTEMPTS_LOOKED_AT).scalar_subquery()
        accepted = (attempts.c.stage == "final") & attempts.c.code.between(200, 299)
        before, between = attempts.alias(), attempts.alias()
        refused_before = exists().where(
            before.c.delivery == attempts.c.delivery,
            before.c.row < attempts.c.row,
            before.c.code >= 500,
            exists().where(
                between.c.row > before.c.row,
                between.c.row < attempts.c.row,
                between.c.stage == "final",
                between.c.code.between(200, 299),
            ),
        )
        query = (
            select(attempts, deliveries.c.subscriber, deliveries.c.email)
            .join_from(attempts, deliveries)
            .where(attempts.c.row > newest, attempts.c.code >= 500, ~refused_before)
            .order_by(attempts.c.row.desc())
        )
        with reading(self._engine) as db:
            counted = select(func.count(), func.max(attempts.c.row)).where(attempts.c.row > newest, accepted)
            letters, last = db.execute(counted).one()
            return RecentAttempts([_failed_attempt(found) for found in db.execute(query)], letters, last or 0)

    def others_accepted_since_last_try(self, row: int) -> bool:
        """Return whether the relay has accepted another letter since the last attempt at this delivery."""
        last = select(func.max(attempts.c.at)).where(attempts.c.delivery == row).scalar_subquery()
        with reading(self._engine) as db:
            return db.scalar(select(relay.c.name).where(relay.c.accepted_at > last).limit(1)) is not None

    def relay(self, day: date) -> RelayState:
        """Return the relay's state, with the number of letters it accepted on a day (UTC)."""
        with reading(self._engine) as db:
            rows = db.execute(select(relay)).all()
        handed_over = sum(row.handed_over for row in rows if row.day == day)
        own = next((row for row in rows if row.name == _RELAY), None)
        return RelayState(own.paused_until, own.reason, handed_over) if own else RelayState(handed_over=handed_over)

    def pause_relay(self, until: datetime, reason: str) -> None:
        """Pause the relay until a moment, unless it is paused for longer."""
        with writing(self._engine) as db:
            values = {"paused_until": until, "reason": reason}
            statement = upsert(db, relay).values(name=_RELAY, handed_over=0, **values)
            shorter = or_(relay.c.paused_until.is_(None), relay.c.paused_until < until)
            db.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values, where=shorter))

    def resume_relay(self, now: datetime) -> int:
        """End a pause of the relay; letters that are queued for a later moment are due now. Return their number."""
        with writing(self._engine) as db:
            db.execute(update(relay).where(relay.c.name == _RELAY).values(paused_until=None, reason=""))
            due = update(deliveries).where(_waits_until_later(now)).values(next_attempt_at=now)
            return len(db.scalars(due.returning(deliveries.c.row)).all())


def _waits_until_later(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a delivery is queued for a later moment, after a pause or a broken connection."""
    return and_(deliveries.c.state == DeliveryState.QUEUED.value, deliveries.c.next_attempt_at > now)


def _failed_attempt(found: Any) -> FailedAttempt:
    outcome = Outcome(found.delivery, Stage(found.stage), found.code, found.enhanced, found.text, found.connection)
    return FailedAttempt(found.row, found.subscriber, found.email, found.at, outcome)


def readdress(db: Connection, rows: Sequence[int]) -> None:
    """Address these deliveries, which wait now, to the present addresses of their subscribers.

    Call this wherever deliveries return to the queue, and after a change of address. A delivery that is being sent
    keeps its address: a bounce is about the address that the letter went to.
    """
    if not rows:
        return
    present = select(subscribers.c.email).where(subscribers.c.row == deliveries.c.subscriber).scalar_subquery()
    waits = among(db, deliveries.c.row, rows) & or_(deliveries.c.notice.is_(None), ~_ADDRESSED_ELSEWHERE)
    db.execute(update(deliveries).where(waits, deliveries.c.email != present).values(email=present))


def requeue_withheld(db: Connection, lifted: ColumnElement[bool], again: datetime) -> None:
    """Queue letters again that were not sent because of suppressions that were a mistake, due at `again`.

    `lifted` is the condition on these suppressions, which must still be stored. A letter that is out of date expires
    with the next claim, and its papers go into the subscriber's next digest. Letters without papers are left out:
    those went into a later digest, or will.
    """
    has_papers = exists().where(IN_LETTER).correlate(deliveries)
    is_withheld = and_(deliveries.c.state == DeliveryState.SUPPRESSED.value, deliveries.c.reason == SUPPRESSED)
    withheld = (
        select(deliveries.c.row)
        .join(subscribers, subscribers.c.row == deliveries.c.subscriber)
        .join(suppressions, suppressions.c.email_key == subscribers.c.email_key)
        .where(lifted, is_withheld)
        .where(deliveries.c.finished_at >= suppressions.c.at, or_(deliveries.c.digest.is_(None), has_papers))
    )
    # Another program may lift the same suppressions, and a letter of theirs be sent already.
    rows = among(db, deliveries.c.row, db.scalars(withheld).all()) & is_withheld
    values = {"state": DeliveryState.QUEUED.value, "reason": "", "next_attempt_at": again, "finished_at": None}
    readdress(db, db.scalars(update(deliveries).where(rows).values(values).returning(deliveries.c.row)).all())


def _is_held(claim: str) -> ColumnElement[bool]:
    return and_(deliveries.c.claim == claim, deliveries.c.state == DeliveryState.SENDING.value)


def _objection(*further: tuple[ColumnElement[bool], str]) -> Any:
    """Return a SQL expression: why a delivery must not be sent, or NULL; for the queue and for the final check.

    `further` are conditions on deliveries to the subscribers' own addresses, with their reasons.
    """
    notice = deliveries.c.notice
    of_subscription = or_(notice == NoticeKind.WELCOME.value, notice == NoticeKind.REPLY.value)
    # Somebody whose frequency is off may have asked for one letter when they subscribed.
    sent_once = exists().where(issues.c.row == deliveries.c.issue, issues.c.cadence == "off").correlate(deliveries)
    reason = case(
        # A confirmation request is sent to a suppressed address too: confirming lifts the suppression.
        (notice == NoticeKind.CONFIRM.value, case((_ASKED_NO_MORE, _IN_STATE))),
        (_ADDRESSED_ELSEWHERE, _objection_elsewhere()),
        *further,
        (_is_suppressed(subscribers.c.email_key), SUPPRESSED),
        (or_(and_(notice.is_(None), subscribers.c.state != "active"), and_(of_subscription, _HAS_LEFT)), _IN_STATE),
        (and_(notice.is_(None), subscribers.c.cadence == "off", ~sent_once), "the subscriber's frequency is off"),
        else_=None,
    )
    return select(reason).where(subscribers.c.row == deliveries.c.subscriber).correlate(deliveries).scalar_subquery()


def _objection_elsewhere() -> Any:
    """Return a SQL expression: why a notice about a change of address must not be sent, or NULL."""
    open_change = exists().where(
        address_changes.c.subscriber == subscribers.c.row,
        address_changes.c.email == deliveries.c.email,
        address_changes.c.settled_at.is_(None),
    )
    asks = deliveries.c.notice == NoticeKind.NEW_ADDRESS.value
    return case(
        (_is_suppressed(func.lower(deliveries.c.email)), SUPPRESSED),
        (and_(asks, ~open_change.correlate(deliveries, subscribers)), "the change of address has ended"),
        (and_(asks, _HAS_LEFT), _IN_STATE),
    )


def _is_suppressed(key: ColumnElement[str]) -> ColumnElement[bool]:
    return exists().where(suppressions.c.email_key == key).correlate(deliveries, subscribers)


_OBJECTION = _objection()
_BY_ROWS = deliveries.c.row.in_(bindparam("rows", expanding=True))
# Without a condition on claim or state: SQLite would take the index on states, and read all that are being sent.
_OBJECTIONS = select(
    deliveries.c.row,
    _objection((deliveries.c.email != subscribers.c.email, _MOVED)),
    deliveries.c.claim,
    deliveries.c.state,
)
_LOCK_DELIVERIES = (
    select(deliveries.c.row, deliveries.c.state, deliveries.c.claim)
    .where(_BY_ROWS)
    .order_by(deliveries.c.row)
    .with_for_update()
)
_DUE = (
    select(deliveries.c.next_attempt_at, deliveries.c.row)
    .where(deliveries.c.state == bindparam("waits"), deliveries.c.next_attempt_at <= bindparam("now"))
    .order_by(deliveries.c.next_attempt_at, deliveries.c.row)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True)
)


# Somebody waits for a notice, such as the request to confirm: it must not wait for thousands of digests, nor each day
# anew for those that a daily cap has put off.
_DUE_NOTICES = _DUE.where(deliveries.c.digest.is_(None))


def _due(db: Connection, now: datetime, limit: int) -> list[int]:
    """Return up to `limit` due deliveries, notices first, then those that have waited longest."""
    # One query per state reads the index in order; one query for both would sort all due rows first.
    notices, others = (
        sorted(chain.from_iterable(db.execute(query, {"waits": s, "now": now, "most": limit}).all() for s in WAITING))
        for query in (_DUE_NOTICES, _DUE)
    )
    return list(dict.fromkeys(row for _, row in (*notices, *others)))[:limit]


# One statement reads one snapshot, so an outcome recorded at the same moment is not counted twice or missed.
_TAKEN_TODAY = select(
    select(func.coalesce(func.sum(relay.c.handed_over), 0)).where(relay.c.day == bindparam("today")).scalar_subquery()
    + select(func.count()).where(deliveries.c.state == DeliveryState.SENDING.value).scalar_subquery()
)


def _withdraw(db: Connection, rows: Sequence[int], now: datetime) -> Counter[str]:
    due = deliveries.c.row.in_(rows) & _STATE.in_(WAITING)
    settled: Counter[str] = Counter()
    for state, condition, reason in (
        (DeliveryState.EXPIRED, deliveries.c.expires_at <= now, "not accepted before it expired"),
        (DeliveryState.SUPPRESSED, _OBJECTION.is_not(None), _OBJECTION),
    ):
        done = update(deliveries).where(due, condition).values(state=state.value, reason=reason, finished_at=now)
        found = db.scalars(done.returning(deliveries.c.row)).all()
        settled[state.value] += len(found)
        release_papers(db, found if state is DeliveryState.EXPIRED else _of_those_who_left(db, found))
    return settled


def _of_those_who_left(db: Connection, rows: Sequence[int]) -> Sequence[int]:
    """Return those of these deliveries whose subscriber has paused or left, or turned emails off.

    When they come back, they get the papers. An address that is suppressed is different: letters to it go on being
    composed, and each would have all papers of those before it.
    """
    if not rows:
        return ()
    gone = select(deliveries.c.row).join(subscribers, subscribers.c.row == deliveries.c.subscriber)
    away = or_(subscribers.c.state != "active", subscribers.c.cadence == "off")
    return db.scalars(gone.where(deliveries.c.row.in_(rows), away)).all()


def _count_handed_over(db: Connection, claim: str, now: datetime, letters: int) -> None:
    counter = f"{_RELAY} {crc32(claim.encode()) % _COUNTERS}"
    counted = {"counter": counter, "today": now.date(), "now": now, "sent": letters}
    if db.execute(_COUNT, counted).rowcount == 0:
        db.execute(upsert(db, relay).values(name=counter, reason="", handed_over=0).on_conflict_do_nothing())
        db.execute(_COUNT, counted)


_DELIVERIES = (
    select(
        *(deliveries.c.row, deliveries.c.email, deliveries.c.message_id, deliveries.c.state),
        *(deliveries.c.subscriber, deliveries.c.digest, issues.c.cadence, issues.c.day, deliveries.c.attempts),
        *(deliveries.c.expires_at, deliveries.c.notice, deliveries.c.context, deliveries.c.next_attempt_at),
        deliveries.c.created_at,
    )
    .join_from(deliveries, issues, isouter=True)
    .order_by(deliveries.c.created_at, deliveries.c.row)
)


def _load(db: Connection, where: Any) -> list[Delivery]:
    return [
        Delivery(
            row=row[0],
            email=row[1],
            message_id=row[2],
            state=DeliveryState(row[3]),
            subscriber=row[4],
            digest=row[5],
            issue=Issue(Cadence(row[6]), row[7]) if row[6] else None,
            attempts=row[8],
            expires_at=row[9],
            notice=row[10],
            context=row[11],
            next_attempt_at=row[12],
            created_at=row[13],
        )
        for row in db.execute(_DELIVERIES.where(where)).all()
    ]


def _reported(row: Any, tried: Sequence[Any]) -> dict[str, Any]:
    return {
        "id": row.row,
        "issue": str(Issue(Cadence(row.cadence), row.day)) if row.cadence else f"notice {row.notice}",
        "email": row.email,
        "state": row.state,
        "reason": row.reason,
        "message_id": row.message_id,
        "paper_rows": [pick[0] for _, _, picks in row.sections or () for pick in picks],
        "attempts": [
            {"at": a.at, "code": a.code, "enhanced": a.enhanced, "text": a.text, "stage": a.stage} for a in tried
        ],
        "next_attempt_at": row.next_attempt_at,
    }
