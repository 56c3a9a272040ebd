"""What came back about letters; the same report counts once, however often it comes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, func, select

from paperround.models import BounceKind, DeliveryState
from paperround.store.engine import reading, upsert, writing
from paperround.store.schema import bounces, deliveries, subscribers

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


class Bounces:
    """The bounces' part of the store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, bounce: Bounce, now: datetime) -> bool:
        """Keep a report; False when it is known already or its letter is not."""
        with writing(self._engine) as db:
            key = db.scalar(
                select(subscribers.c.email_key)
                .join(deliveries, deliveries.c.subscriber == subscribers.c.row)
                .where(deliveries.c.row == bounce.delivery)
            )
            if key is None:
                return False
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

    def fates(self, subscriber: int) -> list[tuple[datetime, BounceKind | None, str | None]]:
        """What became of a reader's letters, the latest first: when, the report's kind and status if one came."""
        over = [DeliveryState.SENT.value, DeliveryState.FAILED.value]
        query = (
            select(deliveries.c.row, deliveries.c.finished_at, bounces.c.kind, bounces.c.status)
            .join_from(deliveries, bounces, bounces.c.delivery == deliveries.c.row, isouter=True)
            .where(deliveries.c.subscriber == subscriber, deliveries.c.state.in_(over))
            .order_by(deliveries.c.finished_at.desc(), bounces.c.row.desc())
            .limit(_LETTERS_LOOKED_AT)
        )
        seen: dict[int, tuple[datetime, BounceKind | None, str | None]] = {}
        with reading(self._engine) as db:
            for row, at, kind, status in db.execute(query):
                seen.setdefault(row, (at, BounceKind(kind) if kind else None, status))
        return list(seen.values())

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
