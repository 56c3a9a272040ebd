"""The queue of deliveries: one row per letter, from queued to a final state.

Claims and withdrawals are conditional UPDATEs, and outcomes are recorded while their rows are locked, so the database
decides every race.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import chain, islice
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Text,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)

from paperround.domain.models import BounceKind, Delivery, DeliveryState, Outcome, Stage, SubscriberState
from paperround.domain.schedule import Cadence, Issue
from paperround.store.bulk import NewRows, Prepared, among, among_given, processors
from paperround.store.delivery_conditions import STATE_OF_ROW, WAITING, is_held, waits_until_later
from paperround.store.engine import plan_once, reading, writing
from paperround.store.objections import ADDRESSED_ELSEWHERE, MOVED, OBJECTION, SUPPRESSED, objection
from paperround.store.relay import HandedOver, correct_relay_dates, letters_left_today
from paperround.store.schema import attempts, deliveries, issues, subscribers, suppressions
from paperround.store.subscribers import email_key
from paperround.store.unsent import (
    GIVEN_UP,
    IN_LETTER,
    confirm_late_acceptance,
    reclaim_papers,
    release_papers,
)

_MAX_DELAY = timedelta(days=3)  # well above any real delay: a pause until tomorrow, a retry in hours
_EXPIRED_AT_ONCE = 500
CHECKED_AT_ONCE = 16
"""Between the check that a letter is still wanted and handing it over there are at most this many letters."""
_MAX_REPLY_LENGTH = 500  # characters


class Settlement(NamedTuple):
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
class ClaimResult:
    """The deliveries that a claim took, and how many it settled instead, by state."""

    deliveries: list[Delivery]
    settled: Counter[str]


_SETTLE = update(deliveries).values(
    state=bindparam("state"),
    reason=bindparam("reason"),
    attempts=deliveries.c.attempts + bindparam("counted", type_=Integer),
    claim=None,
    lease_until=None,
    next_attempt_at=bindparam("next_attempt_at"),
    finished_at=bindparam("finished_at"),
)
_ATTEMPT_COLUMNS = ("delivery", "at", "stage", "code", "enhanced", "text", "connection")


def _attempt(outcome: Outcome, now: datetime) -> tuple[Any, ...]:
    """Return the values of `_ATTEMPT_COLUMNS`."""
    reply = outcome.text[:_MAX_REPLY_LENGTH]
    return outcome.delivery, now, outcome.stage.value, outcome.code, outcome.enhanced, reply, outcome.connection


def _whose_papers_are_released(settled: Sequence[Settlement]) -> set[int]:
    """Return the deliveries that were given up and whose papers the next letter may have.

    Not those whose content was refused: with the same papers, each further letter might be refused too. Nor those to
    a dead address: there is no next letter, and once somebody lifts the suppression, these can be sent again.
    """
    return {
        each.outcome.delivery
        for each in settled
        if each.state is DeliveryState.EXPIRED
        or (
            each.state is DeliveryState.FAILED
            and each.outcome.stage is not Stage.FINAL
            and each.bounce is not BounceKind.HARD
        )
    }


def _classify(locked: Sequence[Any], claim: str, accepted: Set[int]) -> tuple[list[int], list[int]]:
    """Return the deliveries whose outcome counts, and those that were accepted after they had been given up.

    `locked` has the number, state and claim of each delivery. A letter that the relay has accepted is sent, even if a
    sweep has put it back in the queue meanwhile. Another program may also give a delivery up while the relay is
    accepting its letter.
    """
    ours = [
        row
        for row, state, holder in locked
        if holder == claim or (row in accepted and holder is None and state in WAITING)
    ]
    return ours, [row for row, state, _ in locked if row in accepted and state in GIVEN_UP]


class Deliveries:
    """The queue of deliveries: claiming them, and recording what became of them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._handed_over = HandedOver(engine)
        given = among_given(engine, deliveries.c.row, "rows")
        self._lock, self._objections = (
            Prepared(engine, _LOCK.where(given)),
            Prepared(engine, _OBJECTIONS.where(given)),
        )
        self._attempts, self._settle = (
            NewRows(engine, attempts, _ATTEMPT_COLUMNS),
            Prepared(engine, _SETTLE.where(given)),
        )
        self._due_first = Prepared(engine, _DUE_NOTICES), Prepared(engine, _DUE)
        self._take = Prepared(engine, _TAKE.where(given))
        (self._read_moment,) = processors(engine, [deliveries.c.created_at])

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
                limit = min(limit, letters_left_today(db, now, per_day))
            if limit < 1:
                return ClaimResult([], Counter())
            due = self._due(db, now, limit)
            settled = _withdraw(db, [row for row, is_unwanted in due.items() if is_unwanted], now)
            claimed = self._claim_waiting(db, list(due), claim, now + lease)
            return ClaimResult([claimed[row] for row in due if row in claimed], settled)

    def _due(self, db: Connection, now: datetime, limit: int) -> dict[int, bool]:
        """Return up to `limit` due deliveries, notices first, then those that have waited longest.

        Each has whether it seems to be unwanted, which `_withdraw` finds out.
        """
        # One query per state reads the index in order; one query for both would sort all due rows first.
        notices, others = (
            sorted(chain.from_iterable(query.rows(db, waits=state, now=now, most=limit) for state in WAITING))
            for query in self._due_first
        )
        due = {row: is_unwanted for _, row, is_unwanted in (*notices, *others)}
        return dict(islice(due.items(), limit))

    def _claim_waiting(self, db: Connection, rows: Sequence[int], claim: str, until: datetime) -> dict[int, Delivery]:
        """Claim those of these deliveries that wait, and return them by number."""
        taken = self._take.rows(db, rows=rows, holder=claim, until=until)
        return {delivery.row: delivery for delivery in _deliveries(db, taken, self._read_moment)}

    def renew(self, claim: str, until: datetime) -> bool:
        """Extend the lease of a claim. Return False if it holds no deliveries any more."""
        with writing(self._engine) as db:
            held = update(deliveries).where(is_held(claim)).values(lease_until=until).returning(deliveries.c.row)
            return bool(db.execute(held).all())

    def still_wanted(self, rows: Sequence[int], claim: str, now: datetime) -> dict[int, bool]:
        """Return which of these deliveries may still be sent, and settle the others as suppressed.

        Those that the claim no longer holds are left out, and so are those whose subscriber has another address now:
        they return to the queue. Call this right before letters are handed over: a subscriber may have unsubscribed
        since the claim.
        """
        objections = {
            row: objection
            for row, objection, holder, state in self._objections.fetch(rows=rows)
            if holder == claim and state == DeliveryState.SENDING.value
        }
        if not any(objections.values()):
            return dict.fromkeys(objections, True)
        if moved := [row for row, objection in objections.items() if objection == MOVED]:
            self._requeue(deliveries.c.row.in_(moved) & is_held(claim), now)
        unwanted = [row for row, objection in objections.items() if objection and objection != MOVED]
        suppressed = self._suppress(unwanted, claim, now) if unwanted else ()
        return {row: not objection for row, objection in objections.items() if not objection or row in suppressed}

    def _suppress(self, rows: Sequence[int], claim: str, now: datetime) -> set[int]:
        values = {"state": DeliveryState.SUPPRESSED.value, "reason": OBJECTION, "claim": None, "finished_at": now}
        unwanted = deliveries.c.row.in_(rows) & OBJECTION.is_not(None)  # it may have been lifted in the meantime
        done = update(deliveries).where(unwanted, is_held(claim)).values(values)
        with writing(self._engine) as db:
            found = db.scalars(done.returning(deliveries.c.row)).all()
            release_papers(db, _of_those_who_left(db, found))
            return set(found)

    def settle(self, settled: Sequence[Settlement], claim: str, now: datetime) -> set[int]:
        """Record outcomes in one transaction, and return the deliveries whose state was set.

        A delivery that this claim no longer holds keeps its state, unless the relay has accepted its letter; the
        attempt is recorded in any case. Nothing is stored for a delivery whose subscriber was erased meanwhile.
        """
        last = {each.outcome.delivery: each for each in settled}  # a delivery may have been tried twice
        accepted = {each.outcome.delivery for each in settled if each.outcome.accepted}
        with writing(self._engine) as db:
            locked = self._lock.rows(db, rows=list(last))
            ours, late = _classify(locked, claim, accepted)
            if locked:
                stored = {row for row, *_ in locked}
                self._attempts.run(
                    db, [_attempt(each.outcome, now) for each in settled if each.outcome.delivery in stored]
                )
            if ours:
                self._set_states(db, [last[row] for row in ours], now)
                release_papers(db, sorted({*ours} & _whose_papers_are_released(settled)))
            if late:
                _record_late_acceptance(db, late, now)
            if accepted:
                self._handed_over.add(db, claim, now, len(accepted))
        return {*ours, *late}

    def _set_states(self, db: Connection, settled: Sequence[Settlement], now: datetime) -> None:
        # Nearly all letters of a group are accepted, which is the same change for each.
        same: dict[tuple[Any, ...], list[int]] = {}
        for each in settled:
            same.setdefault(each[1:], []).append(each.outcome.delivery)
        for (state, reason, next_attempt_at, counts, *_), rows in same.items():
            waits = state.value in WAITING
            change = {"state": state.value, "reason": reason, "counted": int(counts)}
            dates = {"next_attempt_at": next_attempt_at, "finished_at": None if waits else now}
            self._settle.run(db, rows=rows, **change, **dates)
            if waits:
                readdress(db, rows)

    def expire(self, now: datetime) -> int:
        """Expire waiting deliveries that are out of date, make their papers unsent, and return their number.

        This includes those that are never claimed because the relay is paused or the daily cap is reached.
        """
        over = and_(deliveries.c.state.in_(WAITING), deliveries.c.expires_at <= now)
        expired = 0
        while True:
            with writing(self._engine) as db:
                plan_once(db)
                rows = db.scalars(
                    select(deliveries.c.row).where(over).limit(_EXPIRED_AT_ONCE).with_for_update(skip_locked=True)
                ).all()
                expired += _withdraw(db, rows, now)[DeliveryState.EXPIRED.value]
            if len(rows) < _EXPIRED_AT_ONCE:
                return expired

    def release(self, claim: str, now: datetime) -> int:
        """Put claimed but unattempted deliveries back in the queue, and return how many there were."""
        return self._requeue(is_held(claim), now)

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
            farther = deliveries.c.state.in_(WAITING) & (deliveries.c.next_attempt_at > now + _MAX_DELAY)
            mended = update(deliveries).where(farther).values(next_attempt_at=now)
            corrected = db.execute(mended.returning(deliveries.c.row)).all()
            abandoned = deliveries.c.state == DeliveryState.SENDING.value
            abandoned &= deliveries.c.lease_until > now + _MAX_DELAY
            db.execute(update(deliveries).where(abandoned).values(lease_until=now))
            correct_relay_dates(db, now, _MAX_DELAY)
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

        An expired or failed letter stays so if a later letter has included some of its papers.
        """
        refused = deliveries.c.state == DeliveryState.DEFERRED.value
        with writing(self._engine) as db:
            taken = deliveries.c.row.in_(reclaim_papers(db, rows))
            done = db.scalars(
                update(deliveries)
                .where(or_(deliveries.c.row.in_(rows) & or_(refused, waits_until_later(now)), taken))
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

    def due_count(self, now: datetime, most: int) -> int:
        """Count the waiting deliveries that are due, up to `most` per waiting state."""
        with reading(self._engine) as db:
            some = (
                select(deliveries.c.row).where(deliveries.c.state == state, deliveries.c.next_attempt_at <= now)
                for state in WAITING
            )
            return sum(db.scalar(select(func.count()).select_from(one.limit(most).subquery())) or 0 for one in some)

    def has_late(self, before: datetime) -> bool:
        """Return whether a delivery waits that has been overdue since before a moment, as by `overdue_since`."""
        waits = deliveries.c.state.in_(WAITING) & (deliveries.c.next_attempt_at < before)
        with reading(self._engine) as db:
            return bool(db.scalar(select(exists().where(waits, deliveries.c.created_at < before))))

    def overdue_since(self, now: datetime) -> datetime | None:
        """Return since when a waiting delivery could have been sent, the longest waiting one; None if none is due.

        This is when it became due, but not before it was queued: a digest with papers of an earlier letter is due
        since these wait, so that it goes before others.
        """
        due = _DUE_SINCE.where(deliveries.c.next_attempt_at <= now)
        with reading(self._engine) as db:
            # One query per state, because each reads one part of the index.
            since = [db.scalar(due.where(deliveries.c.state == state)) for state in WAITING]
            return min(filter(None, since), default=None)

    def next_due(self) -> datetime | None:
        """Return when the next waiting delivery is due, or None if none waits.

        This may be before it was queued (see `overdue_since`).
        """
        with reading(self._engine) as db:
            first = select(func.min(deliveries.c.next_attempt_at))
            # One query per state, because each is one look-up in the index.
            due = [db.scalar(first.where(deliveries.c.state == state)) for state in WAITING]
            return min(filter(None, due), default=None)


def readdress(db: Connection, rows: Sequence[int]) -> None:
    """Address these deliveries, which wait now, to the present addresses of their subscribers.

    Call this wherever deliveries return to the queue, and after a change of address. A delivery that is being sent
    keeps its address: a bounce is about the address that the letter went to.
    """
    if not rows:
        return
    present = select(subscribers.c.email).where(subscribers.c.row == deliveries.c.subscriber).scalar_subquery()
    waits = among(db, deliveries.c.row, rows) & or_(deliveries.c.notice.is_(None), ~ADDRESSED_ELSEWHERE)
    db.execute(update(deliveries).where(waits, deliveries.c.email != present).values(email=present))


def requeue_withheld(db: Connection, lifted: ColumnElement[bool], again: datetime) -> int:
    """Queue letters again that were not sent because of suppressions that are lifted, due at `again`. Return how many
    there were.

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
    requeued = db.scalars(update(deliveries).where(rows).values(values).returning(deliveries.c.row)).all()
    readdress(db, requeued)
    return len(requeued)


# Without a condition on claim or state: SQLite would take the index on states, and read all that are being sent.
_OBJECTIONS = select(
    deliveries.c.row,
    objection((deliveries.c.email != subscribers.c.email, MOVED)),
    deliveries.c.claim,
    deliveries.c.state,
)
_LOCK = select(deliveries.c.row, deliveries.c.state, deliveries.c.claim).order_by(deliveries.c.row).with_for_update()
_DUE = (
    select(
        *(deliveries.c.next_attempt_at, deliveries.c.row),
        or_(deliveries.c.expires_at <= bindparam("now"), OBJECTION.is_not(None)).label("is_unwanted"),
    )
    .where(deliveries.c.state == bindparam("waits"), deliveries.c.next_attempt_at <= bindparam("now"))
    .order_by(deliveries.c.next_attempt_at, deliveries.c.row)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True)
)

_DUE_SINCE = select(
    func.min(
        case(
            (deliveries.c.next_attempt_at < deliveries.c.created_at, deliveries.c.created_at),
            else_=deliveries.c.next_attempt_at,
        )
    )
)


# Somebody waits for a notice, such as the request to confirm: it must not wait for thousands of digests, nor each day
# anew for those that a daily cap has put off.
_DUE_NOTICES = _DUE.where(deliveries.c.digest.is_(None))


def _record_late_acceptance(db: Connection, rows: Sequence[int], now: datetime) -> None:
    """Let deliveries that were given up count as sent: the relay has accepted their letters after all."""
    confirm_late_acceptance(db, rows, WAITING, now)
    sent = {"state": DeliveryState.SENT.value, "reason": "", "finished_at": now}
    db.execute(update(deliveries).where(deliveries.c.row.in_(rows)).values(sent))


def _withdraw(db: Connection, rows: Sequence[int], now: datetime) -> Counter[str]:
    """Settle those of these deliveries that wait and must not be sent any more. Return how many, by state."""
    settled: Counter[str] = Counter()
    if not rows:
        return settled
    due = among(db, deliveries.c.row, rows) & STATE_OF_ROW.in_(WAITING)
    for state, condition, reason in (
        (DeliveryState.EXPIRED, deliveries.c.expires_at <= now, "not accepted before it expired"),
        (DeliveryState.SUPPRESSED, OBJECTION.is_not(None), OBJECTION),
    ):
        done = update(deliveries).where(due, condition).values(state=state.value, reason=reason, finished_at=now)
        found = db.scalars(done.returning(deliveries.c.row)).all()
        settled[state.value] += len(found)
        release_papers(db, found if state is DeliveryState.EXPIRED else _of_those_who_left(db, found))
    return settled


def _of_those_who_left(db: Connection, rows: Sequence[int]) -> Sequence[int]:
    """Return the given deliveries whose subscribers are paused, unsubscribed or have emails turned off.

    When they come back, they get the papers. An address that is suppressed is different: letters to it go on being
    composed, and each would have all papers of those before it.
    """
    if not rows:
        return ()
    gone = select(deliveries.c.row).join(subscribers, subscribers.c.row == deliveries.c.subscriber)
    away = or_(subscribers.c.state != SubscriberState.ACTIVE.value, subscribers.c.cadence == Cadence.OFF.value)
    return db.scalars(gone.where(deliveries.c.row.in_(rows), away)).all()


_DELIVERY = (
    *(deliveries.c.row, deliveries.c.email, deliveries.c.message_id, deliveries.c.state, deliveries.c.subscriber),
    *(deliveries.c.digest, deliveries.c.issue),
    *(deliveries.c.attempts, deliveries.c.notice, cast(deliveries.c.context, Text)),
    *(deliveries.c.next_attempt_at, deliveries.c.expires_at, deliveries.c.created_at),
)
_ISSUE = _DELIVERY.index(deliveries.c.issue)
_TAKE = (
    update(deliveries)
    .where(STATE_OF_ROW.in_([literal(state) for state in WAITING]))
    .values(state=DeliveryState.SENDING.value, claim=bindparam("holder"), lease_until=bindparam("until"))
    .returning(*_DELIVERY)
)
_STATES = {state.value: state for state in DeliveryState}


def _load(db: Connection, where: Any) -> list[Delivery]:
    query = select(*_DELIVERY).where(where).order_by(deliveries.c.created_at, deliveries.c.row)
    return _deliveries(db, db.execute(query).all())


def _as_it_is(moment: datetime | None) -> datetime | None:
    return moment


def _deliveries(
    db: Connection, records: Sequence[Any], read_moment: Callable[[Any], datetime | None] = _as_it_is
) -> list[Delivery]:
    """Return the deliveries in rows of `_DELIVERY`; `read_moment` converts the moments that a driver returned."""
    numbers = {record[_ISSUE] for record in records} - {None}
    query = select(issues.c.row, issues.c.cadence, issues.c.day).where(issues.c.row.in_(numbers))
    by_number = {row: Issue(Cadence(cadence), day) for row, cadence, day in db.execute(query)} if numbers else {}
    return [_delivery(record, by_number, read_moment) for record in records]


def _delivery(
    record: Sequence[Any], by_number: Mapping[int, Issue], read_moment: Callable[[Any], datetime | None]
) -> Delivery:
    row, email, message_id, state, subscriber, digest, issue, attempts, notice, context, *moments = record
    next_attempt_at, expires_at, created_at = map(read_moment, moments)
    return Delivery(
        *(row, email, message_id, _STATES[state], subscriber, digest, by_number.get(issue), attempts),
        *(next_attempt_at, expires_at, notice, _context_in(context), created_at),
    )


@lru_cache(maxsize=1024)  # that of digests is empty
def _context_in(text: str) -> Mapping[str, Any]:
    read: Mapping[str, Any] = json.loads(text)
    return read
