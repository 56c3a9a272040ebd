"""Suppressed addresses, which are sent nothing: which there are, and how a suppression is lifted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, delete, exists, func, or_, select

from paperround.domain.models import SubscriberState
from paperround.store.address_hashes import AddressHashes, is_hashed
from paperround.store.deliveries import requeue_withheld
from paperround.store.engine import reading, writing
from paperround.store.schema import subscribers, suppressions
from paperround.store.subscribers import email_key
from paperround.store.suppression_rows import is_complaint

NO_SUBSCRIBER = "an address without a subscriber"
"""How the audit log names an address that nobody has subscribed with."""


@dataclass(frozen=True, slots=True)
class SuppressedAddress:
    """A suppressed address, since when and why."""

    email: str | None
    """None if the subscriber was erased: only a hash of the address is stored."""
    reason: str
    at: datetime
    is_complaint: bool
    """Whether somebody reported spam, or asked their provider to send nothing more."""
    subscriber: int | None
    """The number of the subscriber who has this address; None if nobody has."""
    state: SubscriberState | None


@dataclass(frozen=True, slots=True)
class LiftResult:
    """What became of a request to lift a suppression."""

    suppressed: SuppressedAddress
    """The suppression as it was before."""
    lifted: bool
    """False for a complaint, after which only the owner of the address can ask for letters."""
    requeued: int = 0
    """How many letters that had been withheld are queued again."""

    @property
    def audit_subject(self) -> str:
        """The subscriber, as the audit log names them."""
        subscriber = self.suppressed.subscriber
        return NO_SUBSCRIBER if subscriber is None else f"subscriber {subscriber}"


class Suppressions:
    """Suppressed addresses."""

    def __init__(self, engine: Engine, hashes: AddressHashes) -> None:
        self._engine, self._hashes = engine, hashes

    def count(self) -> int:
        """Count the suppressed addresses, with those of erased subscribers."""
        with reading(self._engine) as db:
            return db.scalar(select(func.count()).select_from(suppressions)) or 0

    def find(self, email: str = "", *, limit: int | None = None, offset: int = 0) -> list[SuppressedAddress]:
        """Return the suppressed addresses, latest first; with `email`, those that contain this text."""
        query = _SUPPRESSED.order_by(suppressions.c.at.desc(), suppressions.c.email_key).limit(limit).offset(offset)
        if email:
            contained = suppressions.c.email_key.contains(email_key(email), autoescape=True)
            query = query.where(contained, ~is_hashed(suppressions.c.email_key))
        with reading(self._engine) as db:
            return [_suppressed(row) for row in db.execute(query)]

    def by_email(self, email: str) -> SuppressedAddress | None:
        """Return the suppression of an address, or None."""
        with reading(self._engine) as db:
            row = db.execute(_SUPPRESSED.where(suppressions.c.email_key == email_key(email))).first()
            return _suppressed(row) if row else None

    def lift(self, email: str, now: datetime) -> LiftResult | None:
        """Lift the suppression of an address, and queue the letters again that were withheld because of it.

        A suppression that follows from a complaint stays. Returns None if the address is not suppressed.
        """
        key = email_key(email)
        with writing(self._engine) as db:
            named = suppressions.c.email_key.in_(self._hashes.recognized(db, [key]))
            theirs = or_((suppressions.c.email_key == key) & ~is_hashed(suppressions.c.email_key), named)
            # Locked: a complaint that arrives now must not be lifted with it.
            locked = _SUPPRESSED.where(theirs).with_for_update(of=suppressions)
            rows = [_suppressed(row) for row in db.execute(locked)]
            if not rows:
                return None
            if complaint := next((row for row in rows if row.is_complaint), None):
                return LiftResult(complaint, lifted=False)
            return LiftResult(rows[0], lifted=True, requeued=lift_mistaken(db, theirs, now))


def lift_mistaken(db: Connection, mistaken: ColumnElement[bool], again: datetime) -> int:
    """Lift suppressions that were a mistake or whose cause is gone.

    Queues the letters again that were not sent because of them, and returns how many there were.
    """
    # Each bounce of an outage comes here, and seldom finds one: looking for the letters takes longer.
    if not db.scalar(select(exists().where(mistaken))):
        return 0
    requeued = requeue_withheld(db, mistaken, again)
    db.execute(delete(suppressions).where(mistaken))
    return requeued


_SUPPRESSED = select(
    suppressions.c.email_key,
    *(suppressions.c.reason, suppressions.c.at),
    is_complaint().label("is_complaint"),
    is_hashed(suppressions.c.email_key).label("is_hashed"),
    *(subscribers.c.email, subscribers.c.row, subscribers.c.state),
).join_from(suppressions, subscribers, subscribers.c.email_key == suppressions.c.email_key, isouter=True)


def _suppressed(row: Any) -> SuppressedAddress:
    return SuppressedAddress(
        email=None if row.is_hashed else row.email or row.email_key,
        reason=row.reason,
        at=row.at,
        is_complaint=row.is_complaint,
        subscriber=row.row,
        state=SubscriberState(row.state) if row.state else None,
    )
