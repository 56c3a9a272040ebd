"""Requests for an address, which wait for its owner's confirmation, and the links that its owner can have sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
    bindparam,
    exists,
    insert,
    or_,
    select,
    update,
)

from paperround.domain.clock import LONG_AGO
from paperround.domain.models import DeliveryState, NoticeKind, Subscriber, SubscriberState
from paperround.domain.preferences import DEFAULTS, Patch, Preferences, write
from paperround.process.chunks import chunked
from paperround.store.address_hashes import AddressHashes, recognize
from paperround.store.bulk import among
from paperround.store.engine import trial, upsert, writing
from paperround.store.schema import (
    deliveries,
    subscribers,
    suppressions,
)
from paperround.store.subscribers import (
    add,
    delete_with_addresses,
    email_key,
    load_subscribers,
    requested,
    stored,
    take_turns,
)
from paperround.store.unsent import GIVEN_UP

_CHUNK = 500
# Limits against abuse: strangers must not flood a mailbox by typing its address into forms.
_DAY, _PER_MONTH = timedelta(days=1), 5
MONTH = timedelta(days=30)
"""How far back notices to an address count."""
_LEFT_ALONE = timedelta(days=90)
"""How long after a complaint or hard bounce strangers cannot have a letter sent to an address."""


@dataclass(frozen=True, slots=True)
class NewNotice:
    """A notice to queue, unless the subscriber had one of its kind within a day or five within 30 days.

    A confirmation that the owner followed does not count for the day: they may leave and come back on the same day.
    """

    message_id: str
    context: Mapping[str, Any]
    expires_at: datetime


class Requester(Enum):
    """Who makes a request for an address."""

    STRANGER = "whoever typed the address into a form"
    OWNER = "whoever followed a link out of the owner's mail"
    OPERATOR = "the operator, or a program of theirs"


@dataclass(frozen=True, slots=True)
class SubscriptionRequest:
    """Preferences requested for an address, with the consent and the notice that asks its owner to confirm."""

    email: str
    patch: Patch
    consent: Mapping[str, str]
    notice: NewNotice
    by: Requester = Requester.STRANGER
    first_now: bool = False
    """Whether to send the first letter immediately."""
    ratings: Mapping[int, int] = field(default_factory=dict)
    """Feedback given before subscribing: +1 or −1 by paper number."""


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """A request that the owner of an address has not confirmed yet."""

    preferences: Preferences
    first_now: bool
    """Whether the first digest is to be sent immediately after the confirmation."""
    consent: Mapping[str, str]
    ratings: Mapping[int, int]
    """Feedback given before subscribing: +1 or −1 by paper number."""

    def stored(self) -> dict[str, Any]:
        """Return the request as the subscriber's row stores it."""
        facts = {**write(self.preferences), "first_now": self.first_now, "consent": dict(self.consent)}
        return facts | ({"answers": [list(pair) for pair in self.ratings.items()]} if self.ratings else {})

    @classmethod
    def of(cls, subscriber: Subscriber) -> PendingRequest | None:
        """Return the stored request of a subscriber, or None. One who is pending has one in any case."""
        if subscriber.request is None and subscriber.state is not SubscriberState.PENDING:
            return None
        request = subscriber.request or {}
        preferences = requested(subscriber.preferences, request)
        ratings = {row: verdict for row, verdict in request.get("answers", ()) if verdict in {1, -1}}
        return cls(preferences, bool(request.get("first_now")), request.get("consent", {}), ratings)


@dataclass(frozen=True, slots=True)
class RequestResult:
    """The result of a request."""

    known: Subscriber | None
    """The subscriber who had the address before; None if it was unknown."""
    fields: tuple[str, ...]
    """The preferences that the request changes, compared with the stored or earlier requested ones."""
    queued: bool
    """Whether a notice was queued."""


class SubscriptionRequests:
    """Requests for addresses; whoever makes one must not learn whether the address is known."""

    def __init__(self, engine: Engine, hashes: AddressHashes) -> None:
        self._engine, self._hashes = engine, hashes

    def add(
        self, requests: Sequence[SubscriptionRequest], now: datetime, *, dry_run: bool = False
    ) -> list[RequestResult]:
        """Store requests until the owners of the addresses confirm them, and return their results.

        All are stored in one transaction. An unknown address becomes a pending subscriber. A subscriber who already
        receives letters keeps all preferences and is sent a link to change them. While the link of an earlier
        confirmation is valid, a stranger cannot replace the request that the owner is about to confirm. A suppressed
        address is sent a confirmation only if its owner requests it, or 90 days after it was suppressed or last
        asked. With `dry_run`, nothing is stored.
        """
        with trial(self._engine) if dry_run else writing(self._engine) as db:
            recognize(db, self._hashes, [email_key(request.email) for request in requests])
            if len(requests) == 1:
                return [_request(db, requests[0], now)]
            take_turns(db)
            return [result for chunk in chunked(requests, _CHUNK) for result in _request_several(db, chunk, now)]

    def queue_link(self, email: str, notice: NewNotice, now: datetime) -> bool:
        """Queue the link to the preferences of a known address, and return whether it was queued.

        A pending subscriber is sent the confirmation again, a suppressed one only as `add` describes.
        """
        with writing(self._engine) as db:
            subscriber = _subscriber(db, email)
            if subscriber is None or (subscriber.suppressed and _is_left_alone(db, subscriber, now)):
                return False
            pending = subscriber.state is SubscriberState.PENDING
            return _queue(db, subscriber, NoticeKind.CONFIRM if pending else NoticeKind.YOUR_LINK, notice, now)

    def forget_unconfirmed(self, before: datetime) -> int:
        """Delete addresses that were entered before a moment and never confirmed, and return how many there were.

        Suppressions, for example after a complaint about the confirmation, are kept under hashes.
        """
        mine = deliveries.c.subscriber == subscribers.c.row
        complained = exists().where(suppressions.c.email_key == subscribers.c.email_key)
        never_confirmed = or_(
            subscribers.c.state == SubscriberState.PENDING.value,
            and_(subscribers.c.state == SubscriberState.UNSUBSCRIBED.value, complained),
        )
        strangers = and_(
            never_confirmed,
            subscribers.c.confirmed_at.is_(None),
            subscribers.c.created_at < before,
            subscribers.c.request.is_not(None),
            ~exists().where(mine, deliveries.c.created_at >= before),
        )
        with writing(self._engine) as db:
            locked = select(subscribers.c.row).where(strangers).order_by(subscribers.c.email_key).with_for_update()
            rows = db.scalars(locked).all()
            if rows:
                delete_with_addresses(db, self._hashes, rows)
            return len(rows)


def _is_left_alone(db: Connection, subscriber: Subscriber, now: datetime) -> bool:
    """Return whether a suppressed address was suppressed, or asked to confirm, too recently to be asked again."""
    # Not from the subscriber's deliveries, which may be deleted before the 90 days are over.
    times = select(suppressions.c.at, suppressions.c.asked_at).where(
        suppressions.c.email_key == email_key(subscriber.email)
    )
    asked_at = db.execute(times).one_or_none()
    return asked_at is not None and max(asked_at.at, asked_at.asked_at or asked_at.at) > now - _LEFT_ALONE


def _queue_notices(db: Connection, notices: Sequence[dict[str, Any]], now: datetime) -> None:
    """Queue notices, and record for suppressed addresses that their owners were asked to confirm."""
    if not notices:
        return
    db.execute(insert(deliveries), notices)
    keys = [email_key(notice["email"]) for notice in notices if notice["notice"] == NoticeKind.CONFIRM.value]
    if keys:
        db.execute(update(suppressions).where(among(db, suppressions.c.email_key, keys)).values(asked_at=now))


def _has_fresh_link(db: Connection, subscriber: Subscriber, now: datetime) -> bool:
    """Return whether a confirmation that the owner may still follow was sent to this subscriber or is queued."""
    fresh = and_(deliveries.c.expires_at > now, deliveries.c.created_at > _last_confirmed(subscriber))
    return db.scalar(select(exists().where(_notices(subscriber.row, NoticeKind.CONFIRM), fresh))) or False


def _last_confirmed(subscriber: Subscriber) -> datetime:
    """Return when the owner last followed a confirmation; long ago if never."""
    return subscriber.consent_moment("confirmed_at") or LONG_AGO


def _notices(row: int, kind: str) -> ColumnElement[bool]:
    # A notice that expired before its first attempt reached nobody, so it does not count. Neither does a confirmation
    # that was withdrawn when somebody unsubscribed.
    given_up = GIVEN_UP if kind == NoticeKind.CONFIRM else (DeliveryState.EXPIRED.value,)
    tried = or_(deliveries.c.state.not_in(given_up), deliveries.c.attempts > 0)
    return and_(deliveries.c.subscriber == row, deliveries.c.notice == str(kind), tried)


def _subscriber(db: Connection, email: str) -> Subscriber | None:
    """Return the subscriber with this address and lock their row; None if it is unknown."""
    return _locked(db, [email_key(email)]).get(email_key(email))


def _locked(db: Connection, keys: Sequence[str]) -> dict[str, Subscriber]:
    """Return the subscribers with these keys, by key, and lock their rows."""
    if not keys:
        return {}
    mine = among(db, subscribers.c.email_key, keys)
    db.execute(select(subscribers.c.row).where(mine).order_by(subscribers.c.email_key).with_for_update()).all()
    return {email_key(subscriber.email): subscriber for subscriber in load_subscribers(db, mine)}


def _request(db: Connection, request: SubscriptionRequest, now: datetime) -> RequestResult:
    before = _subscriber(db, request.email)
    if before is None:
        add(db, _stranger(request, now))
    subscriber = _subscriber(db, request.email)
    assert subscriber is not None  # it was known before, or was just added
    plan = _plan_request(db, request, before, subscriber, now)
    if plan.kept:
        db.execute(_SAVE_REQUEST, plan.kept)
    if plan.notice and _may_be_sent(db, subscriber, plan.notice["notice"], now):
        _queue_notices(db, [plan.notice], now)
        return plan.result
    return replace(plan.result, queued=False)


def _request_several(db: Connection, requests: Sequence[SubscriptionRequest], now: datetime) -> list[RequestResult]:
    """Store requests for several different addresses with few statements."""
    keys = [email_key(request.email) for request in requests]
    before = _locked(db, keys)
    if strangers := [_stranger(request, now) for request in requests if email_key(request.email) not in before]:
        db.execute(upsert(db, subscribers).on_conflict_do_nothing(index_elements=["email_key"]), strangers)
    after = {**_locked(db, [key for key in keys if key not in before]), **before}
    pairs = zip(keys, requests, strict=True)
    plans = [_plan_request(db, request, before.get(key), after[key], now) for key, request in pairs]
    # An address that was just added has not been sent a notice yet, so there is no limit to check.
    sent = [
        plan.notice is not None
        and (plan.result.known is None or _may_be_sent(db, after[key], plan.notice["notice"], now))
        for key, plan in zip(keys, plans, strict=True)
    ]
    if stored_requests := [plan.kept for plan in plans if plan.kept]:
        db.execute(_SAVE_REQUEST, stored_requests)
    notices = [plan.notice for plan, goes in zip(plans, sent, strict=True) if goes and plan.notice]
    _queue_notices(db, notices, now)
    return [replace(plan.result, queued=goes) for plan, goes in zip(plans, sent, strict=True)]


@dataclass(frozen=True, slots=True)
class _RequestPlan:
    """What to write for a request: the request in the subscriber's row, and the notice; None if there is nothing."""

    result: RequestResult
    kept: dict[str, Any] | None = None
    notice: dict[str, Any] | None = None


def _plan_request(
    db: Connection, request: SubscriptionRequest, known: Subscriber | None, subscriber: Subscriber, now: datetime
) -> _RequestPlan:
    if subscriber.suppressed and request.by is not Requester.OWNER and _is_left_alone(db, subscriber, now):
        return _RequestPlan(RequestResult(known, (), queued=False))
    # A suppressed subscriber receives nothing until they confirm again, so they need a confirmation, not a link.
    reads = subscriber.state.is_subscribed and not subscriber.suppressed
    waits = PendingRequest.of(subscriber) is not None
    stays = waits and request.by is Requester.STRANGER and _has_fresh_link(db, subscriber, now)
    preferences = subscriber.preferences if reads or stays else subscriber.preferences.patched(request.patch)
    pending = PendingRequest(preferences, request.first_now, request.consent, request.ratings)
    return _RequestPlan(
        RequestResult(known, subscriber.preferences.changes_to(preferences) if known else (), queued=True),
        None if reads or stays else {"its_row": subscriber.row, "request": pending.stored()},
        notice_row(
            subscriber.row,
            subscriber.email,
            NoticeKind.YOUR_LINK if reads else NoticeKind.CONFIRM,
            request.notice,
            now,
        ),
    )


_SAVE_REQUEST = (
    update(subscribers).where(subscribers.c.row == bindparam("its_row")).values(request=bindparam("request"))
)


def _stranger(request: SubscriptionRequest, now: datetime) -> dict[str, Any]:
    """Return the row of a new pending subscriber with default preferences; the requested ones are in the request."""
    return {
        **stored(DEFAULTS),
        "email": request.email,
        "email_key": email_key(request.email),
        "state": SubscriberState.PENDING.value,
        "created_at": now,
        "consent": {},
    }


def _queue(db: Connection, subscriber: Subscriber, kind: NoticeKind, notice: NewNotice, now: datetime) -> bool:
    may = _may_be_sent(db, subscriber, kind, now)
    if may:
        _queue_notices(db, [notice_row(subscriber.row, subscriber.email, kind, notice, now)], now)
    return may


def _may_be_sent(db: Connection, subscriber: Subscriber, kind: str, now: datetime) -> bool:
    sent = select(deliveries.c.created_at).where(_notices(subscriber.row, kind))
    # A clock that ran ahead may have left some of a later day.
    recent = deliveries.c.created_at.between(now - MONTH, now + _DAY)
    times = db.scalars(sent.where(recent).order_by(deliveries.c.row.desc())).all()
    return is_within_limit(times, now, _last_confirmed(subscriber) if kind == NoticeKind.CONFIRM else LONG_AGO)


def is_within_limit(times: Sequence[datetime], now: datetime, since: datetime = LONG_AGO) -> bool:
    """Return whether another notice may be sent to an address: at most one a day, and five in 30 days.

    `times` are those of the notices of the past 30 days, the newest first. For the day, only those after `since`
    count.
    """
    return len(times) < _PER_MONTH and not (times and times[0] > max(now - _DAY, since))


def notice_row(row: int, email: str, kind: NoticeKind, notice: NewNotice, now: datetime) -> dict[str, Any]:
    """Return the row of a queued notice."""
    return {
        "subscriber": row,
        "issue": None,
        "digest": None,
        "notice": kind.value,
        "context": {} if kind == NoticeKind.YOUR_LINK else dict(notice.context),
        "email": email,
        "message_id": notice.message_id,
        "state": DeliveryState.QUEUED.value,
        "reason": "",
        "attempts": 0,
        "next_attempt_at": now,
        "expires_at": notice.expires_at,
        "created_at": now,
    }
