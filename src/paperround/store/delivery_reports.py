"""Reports on deliveries for people: lists, counts, and what became of a subscriber's latest digest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Engine, func, select

from paperround.domain.models import DeliveryState
from paperround.domain.schedule import Cadence, Issue
from paperround.store.engine import reading
from paperround.store.objections import OBJECTION
from paperround.store.schema import attempts, deliveries, digests, issues, subscriptions, topics


@dataclass(frozen=True, slots=True)
class LatestDelivery:
    """A subscriber's latest digest: the local date of its issue and the state of its delivery."""

    day: date
    state: DeliveryState
    reason: str


class DeliveryReports:
    """Deliveries as they are shown and exported; nothing here changes them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(
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

    def latest_digests(self, of: Sequence[int]) -> dict[int, LatestDelivery]:
        """Return the delivery of the latest digest of each of these subscribers, by subscriber."""
        last = select(func.max(deliveries.c.row)).where(deliveries.c.subscriber.in_(of), deliveries.c.issue > 0)
        query = (
            select(deliveries.c.subscriber, issues.c.day, deliveries.c.state, deliveries.c.reason)
            .join_from(deliveries, issues)
            .where(deliveries.c.row.in_(last.group_by(deliveries.c.subscriber)))
        )
        with reading(self._engine) as db:
            return {
                record[0]: LatestDelivery(record[1], DeliveryState(record[2]), record[3])
                for record in db.execute(query)
            }

    def count(self, since: datetime | None = None) -> dict[str, int]:
        """Count the deliveries in each state; only those created since a moment if given."""
        query = select(deliveries.c.state, func.count()).group_by(deliveries.c.state)
        if since:
            query = query.where(deliveries.c.created_at >= since)
        with reading(self._engine) as db:
            return dict(db.execute(query).all())

    def objections(self, rows: Sequence[int]) -> dict[int, str]:
        """Return why some of these deliveries must not be sent, by row: their address is suppressed, for example."""
        with reading(self._engine) as db:
            records = db.execute(select(deliveries.c.row, OBJECTION).where(deliveries.c.row.in_(rows))).all()
        return {row: why for row, why in records if why}


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
        # With papers of an earlier letter, a letter is due before it was queued (see Deliveries.overdue_since).
        "next_attempt_at": row.next_attempt_at and max(row.next_attempt_at, row.created_at),
    }
