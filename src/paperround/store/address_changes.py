"""Requests to change a subscriber's address, until they are confirmed at the new address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from sqlalchemy import ColumnElement, Connection, Engine, delete, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from paperround.domain.models import EventKind, NoticeKind, Subscriber, SubscriberState
from paperround.store.address_hashes import AddressHashes, conceal, lift, recognize
from paperround.store.deliveries import readdress
from paperround.store.delivery_conditions import WAITING
from paperround.store.engine import reading, writing
from paperround.store.events import WebhooksByEvent, store_event
from paperround.store.schema import address_changes, deliveries, subscribers, suppressions
from paperround.store.subscribers import email_key, load_subscribers, lock_letters, settle_address_changes
from paperround.store.subscription_requests import MONTH, NewNotice, is_within_limit, notice_row

_DAY = timedelta(days=1)
MAX_CHANGES_PER_DAY = 3
"""The maximum number of requests of one subscriber within 24 hours."""


@dataclass(frozen=True, slots=True)
class AddressChange:
    """A request to send a subscriber's emails to another address."""

    row: int
    subscriber: int
    email: str
    created_at: datetime
    settled: bool
    """Whether this or a later request has been confirmed, or the subscriber's links were replaced since."""


def keeps_address(other: Subscriber) -> bool:
    """Return whether a subscriber's address is protected from being taken over. An unconfirmed address is not."""
    return other.state is not SubscriberState.PENDING or bool(other.confirmed_at)


class ConfirmResult(Enum):
    """The result of confirming a change of address."""

    CHANGED = "the address has changed"
    TAKEN = "the new address belongs to another subscriber"
    GONE = "nothing to confirm"


class AddressRequestResult(Enum):
    """The result of requesting a change of address."""

    QUEUED = "the notice to the new address was queued"
    SILENT = "the request was stored, and no notice was queued"
    TOO_MANY = "the subscriber made MAX_CHANGES_PER_DAY requests within 24 hours"


class AddressChanges:
    """Address changes and the notices about them."""

    def __init__(self, engine: Engine, webhooks: WebhooksByEvent, hashes: AddressHashes) -> None:
        self._engine, self._webhooks, self._hashes = engine, webhooks, hashes

    def request(
        self, subscriber: Subscriber, email: str, notice: NewNotice, now: datetime, *, silent: bool = False
    ) -> AddressRequestResult:
        """Store a request and queue the notice to the new address.

        With `silent`, no notice is queued, nor if the address is suppressed, or was requested within 24 hours or five
        times within 30 days. The subscriber must not learn this, or they could find out who else uses this site.
        """
        key = email_key(email)
        with writing(self._engine) as db:
            recognize(db, self._hashes, [key])
            db.execute(select(subscribers.c.row).where(subscribers.c.row == subscriber.row).with_for_update()).all()
            recent = _request_times(db, address_changes.c.subscriber == subscriber.row, now - _DAY)
            if len(recent) >= MAX_CHANGES_PER_DAY:
                return AddressRequestResult.TOO_MANY
            silent |= not is_within_limit(_request_times(db, address_changes.c.email_key == key, now - MONTH), now)
            row = db.execute(
                insert(address_changes).values(subscriber=subscriber.row, email=email, email_key=key, created_at=now)
            ).inserted_primary_key
            assert row is not None
            if silent or _is_suppressed(db, key):
                return AddressRequestResult.SILENT
            asking = replace(notice, context={"change": int(row[0])})
            db.execute(insert(deliveries), notice_row(subscriber.row, email, NoticeKind.NEW_ADDRESS, asking, now))
            return AddressRequestResult.QUEUED

    def by_row(self, row: int) -> AddressChange | None:
        """Return the request with this number, or None."""
        with reading(self._engine) as db:
            return _load(db, row)

    def confirm(self, row: int, notice: NewNotice, now: datetime) -> ConfirmResult:
        """Give the subscriber the new address and queue a notice to the old one, in one transaction.

        Waiting emails are redirected to the new address, and so are those under way if they return to the queue. A
        pending subscriber who never confirmed the new address is deleted.
        """
        with writing(self._engine) as db:
            return self._confirm(db, row, notice, now)

    def forget(self, before: datetime) -> None:
        """Delete requests created before a moment."""
        with writing(self._engine) as db:
            db.execute(delete(address_changes).where(address_changes.c.created_at < before))

    def _confirm(self, db: Connection, row: int, notice: NewNotice, now: datetime) -> ConfirmResult:
        change = _load(db, row)
        if change is None:
            return ConfirmResult.GONE
        key = email_key(change.email)
        involved = (subscribers.c.row == change.subscriber) | (subscribers.c.email_key == key)
        lock_letters(db, deliveries.c.subscriber.in_(select(subscribers.c.row).where(involved)))
        db.execute(
            select(subscribers.c.row).where(involved).order_by(subscribers.c.email_key).with_for_update()
        ).all()
        by_row = {subscriber.row: subscriber for subscriber in load_subscribers(db, involved)}
        mine, change = by_row.pop(change.subscriber, None), _load(db, row)  # it may have been settled before the lock
        if change is None or change.settled or mine is None or not mine.state.is_subscribed:
            return ConfirmResult.GONE
        for other in by_row.values():
            if keeps_address(other):
                return ConfirmResult.TAKEN
            db.execute(delete(subscribers).where(subscribers.c.row == other.row))
        try:
            with db.begin_nested():
                self._move(db, mine, change.email, now)
        except IntegrityError:  # somebody subscribed with the address at the same moment
            return ConfirmResult.TAKEN
        if not mine.suppressed:
            completed = replace(notice, context={"new_email": change.email})
            db.execute(
                insert(deliveries), notice_row(mine.row, mine.email, NoticeKind.ADDRESS_CHANGED, completed, now)
            )
        return ConfirmResult.CHANGED

    def _move(self, db: Connection, mine: Subscriber, email: str, now: datetime) -> None:
        key, old = email_key(email), email_key(mine.email)
        consent = {**mine.consent, "address_confirmed_at": now.isoformat()}
        # A confirmation that was sent to the former address is not the word of the new one's owner.
        values = {"email": email, "email_key": key, "consent": consent, "request": None}
        db.execute(update(subscribers).where(subscribers.c.row == mine.row).values(values))
        # Its owner has just confirmed that the address works and is wanted.
        lift(db, self._hashes, key)
        conceal(db, self._hashes, [old])
        store_event(db, self._webhooks, EventKind.UNSUBSCRIBED, mine.email, now)
        store_event(db, self._webhooks, EventKind.SUBSCRIBED, email, now)
        waits = (deliveries.c.subscriber == mine.row) & deliveries.c.state.in_(WAITING)
        readdress(db, db.scalars(select(deliveries.c.row).where(waits)).all())
        settle_address_changes(db, mine.row, now)


def _load(db: Connection, row: int) -> AddressChange | None:
    record = db.execute(select(address_changes).where(address_changes.c.row == row)).one_or_none()
    if record is None:
        return None
    return AddressChange(
        record.row, record.subscriber, record.email, record.created_at, record.settled_at is not None
    )


def _request_times(db: Connection, where: ColumnElement[bool], since: datetime) -> Sequence[datetime]:
    """Return when changes were requested since a moment, the newest first."""
    created = address_changes.c.created_at
    return db.scalars(select(created).where(where, created > since).order_by(created.desc())).all()


def _is_suppressed(db: Connection, key: str) -> bool:
    return bool(db.scalar(select(exists().where(suppressions.c.email_key == key))))
