"""What came back about letters; the same report counts once, however often it comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, select, update

from paperround.domain.models import BounceKind, DeliveryState, EventKind, SubscriberState
from paperround.store.engine import reading, upsert, writing
from paperround.store.events import Wanted, tell
from paperround.store.schema import bounces, deliveries, subscribers, suppressions
from paperround.store.subscribers import READING

_LETTERS_LOOKED_AT = 60


@dataclass(frozen=True, slots=True)
class Bounce:
    """A report about one letter."""

    fingerprint: str
    """The same for the same news about the same letter, however often and by whatever way it comes."""
    delivery: int
    kind: BounceKind
    status: str | None
    text: str


History = tuple[datetime, BounceKind | None, str | None]
"""One letter: when it was over, and the kind and status of the report about it, if one came."""


class Bounces:
    """The bounces' part of the store."""

    def __init__(self, engine: Engine, wanted: Wanted) -> None:
        self._engine, self._wanted = engine, wanted

    def take(self, bounce: Bounce, now: datetime, judge: Callable[[Sequence[History]], str | None]) -> str | None:
        """Keep a report and do what follows from it, all or nothing; None when it or its letter is not new to us.

        `judge` gives the reason to suppress the address, from what became of its letters, the latest first. A
        complaint unsubscribes as well. The reason comes back, or an empty text where there is none.
        """
        with writing(self._engine) as db:
            subscriber = db.execute(
                select(subscribers.c.row, subscribers.c.email, subscribers.c.email_key, subscribers.c.state)
                .join(deliveries, deliveries.c.subscriber == subscribers.c.row)
                .where(deliveries.c.row == bounce.delivery)
                .with_for_update()
            ).one_or_none()
            if subscriber is None or not _add(db, bounce, subscriber.email_key, now):
                return None
            if reason := judge(_fates(db, subscriber.row)):
                found = upsert(db, suppressions).values(email_key=subscriber.email_key, reason=reason, at=now)
                db.execute(found.on_conflict_do_nothing())
            said = {"bounce": bounce.kind.value, "status": bounce.status, "suppressed": reason or None}
            tell(db, self._wanted, EventKind.BOUNCED, subscriber.email, now, **said)
            if bounce.kind is BounceKind.COMPLAINT:
                # RFC 6449 5.6: whoever calls it spam does not want the next one.
                gone = {"state": SubscriberState.UNSUBSCRIBED.value, "paused_until": None, "unsubscribed_at": now}
                db.execute(update(subscribers).where(subscribers.c.row == subscriber.row).values(gone))
                if subscriber.state in READING:
                    tell(db, self._wanted, EventKind.UNSUBSCRIBED, subscriber.email, now)
            return reason or ""

    def report(self, limit: int | None = None) -> list[dict[str, Any]]:
        """Reports for people and programs, the latest first."""
        query = select(bounces, deliveries.c.email).join_from(bounces, deliveries).order_by(bounces.c.row.desc())
        with reading(self._engine) as db:
            return [
                {
                    "delivery": found.delivery,
                    "email": found.email,
                    "kind": found.kind,
                    "status": found.status,
                    "text": found.text,
                    "at": found.at,
                }
                for found in db.execute(query.limit(limit))
            ]

    def count(self, since: datetime) -> dict[str, int]:
        """How many reports of each kind came since a moment."""
        query = select(bounces.c.kind, func.count()).where(bounces.c.at >= since).group_by(bounces.c.kind)
        with reading(self._engine) as db:
            return dict(db.execute(query).all())


def _add(db: Connection, bounce: Bounce, key: str, now: datetime) -> bool:
    statement = upsert(db, bounces).values(
        fingerprint=bounce.fingerprint,
        delivery=bounce.delivery,
        email_key=key,
        kind=bounce.kind.value,
        status=bounce.status,
        text=bounce.text[:1000],
        at=now,
    )
    return bool(db.execute(statement.on_conflict_do_nothing().returning(bounces.c.row)).all())


def _fates(db: Connection, subscriber: int) -> list[History]:
    over = [DeliveryState.SENT.value, DeliveryState.FAILED.value]
    query = (
        select(deliveries.c.row, deliveries.c.finished_at, bounces.c.kind, bounces.c.status)
        .join_from(deliveries, bounces, bounces.c.delivery == deliveries.c.row, isouter=True)
        .where(deliveries.c.subscriber == subscriber, deliveries.c.state.in_(over))
        .order_by(deliveries.c.finished_at.desc(), bounces.c.row.desc())
        .limit(_LETTERS_LOOKED_AT)
    )
    seen: dict[int, History] = {}
    for row, at, kind, status in db.execute(query):
        seen.setdefault(row, (at, BounceKind(kind) if kind else None, status))
    return list(seen.values())
