"""Events for webhooks: an outbox, filled in the transaction that makes the change.

A delivered event is deleted, and a failed event loses its payload, so nothing about a subscriber is stored for longer
than its delivery takes. Failed events are deleted after a month, and so are those of a webhook that is no longer
configured: not at once, since a program with other settings may use the same database.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, or_, select, update

from paperround.domain.models import Event, EventKind
from paperround.store.engine import reading, writing
from paperround.store.schema import events

WebhooksByEvent = Mapping[EventKind, Sequence[str]]
"""The names of the webhooks that receive each kind of event."""
_MAX_WAIT = timedelta(days=2)  # no event waits longer for its next attempt, unless a fast clock set the time


class EventState(StrEnum):
    """The state of a stored event; a delivered one is deleted."""

    WAITING = "waiting"
    FAILED = "failed"


def store_event(
    db: Connection, webhooks: WebhooksByEvent, kind: EventKind, email: str, now: datetime, **facts: str | None
) -> None:
    """Store an event about a subscriber for each webhook that receives this kind.

    Call this in the transaction that makes the change.
    """
    rows = [
        {
            "id": f"evt_{secrets.token_hex(15)}",
            "kind": kind.value,
            "webhook": webhook,
            "at": now,
            "payload": {"email": email, **facts},
            "state": EventState.WAITING.value,
            "tries": 0,
            "next_try_at": now,
            "answer": "",
        }
        for webhook in webhooks.get(kind, ())
    ]
    if rows:
        db.execute(insert(events), rows)


class Events:
    """The outbox of events."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim(self, webhook: str, now: datetime, limit: int, claim: str, lease: timedelta) -> list[Event]:
        """Claim due events of one webhook, oldest first, until the lease expires.

        Returns an empty list while the oldest event waits for its next attempt or one is claimed by another program:
        a receiver that was down gets a subscriber's events in order.
        """
        waiting = (events.c.state == EventState.WAITING.value) & (events.c.webhook == webhook)
        with writing(self._engine) as db:
            oldest = select(events).where(waiting).order_by(events.c.row).limit(limit).with_for_update()
            due = db.execute(oldest).all()
            claimed = any(event.claim and _is_ahead(event.lease_until, now) for event in due)
            if not due or _is_ahead(due[0].next_try_at, now) or claimed:
                return []
            rows = [event.row for event in due]
            mine = {"claim": claim, "lease_until": now + lease}
            db.execute(update(events).where(events.c.row.in_(rows)).values(mine))
        return [_event(event) for event in due]

    def acknowledge(self, event: Event, claim: str) -> None:
        """Delete an event that the receiver has accepted."""
        with writing(self._engine) as db:
            db.execute(delete(events).where(events.c.row == event.row, events.c.claim == claim))

    def reschedule(self, event: Event, claim: str, answer: str, again_at: datetime | None) -> None:
        """Record a failed attempt: the event is due again at `again_at`, or has failed for good if that is None.

        A failed event loses its payload, so nothing about the subscriber is kept.
        """
        values: dict[str, Any] = {"claim": None, "lease_until": None, "answer": answer, "next_try_at": again_at}
        values |= {
            "tries": event.tries + 1,
            "state": EventState.WAITING.value if again_at else EventState.FAILED.value,
        }
        if again_at is None:
            values["payload"] = {}
        with writing(self._engine) as db:
            db.execute(update(events).where(events.c.row == event.row, events.c.claim == claim).values(values))

    def release_claim(self, claim: str) -> None:
        """Release the events of a claim that were not attempted."""
        with writing(self._engine) as db:
            db.execute(update(events).where(events.c.claim == claim).values(claim=None, lease_until=None))

    def troubles(self) -> list[tuple[str, str, int, str]]:
        """Return webhook, state, number and latest answer of events with failed attempts, by webhook and state."""
        last = (
            select(
                events.c.webhook, events.c.state, func.count().label("number"), func.max(events.c.row).label("row")
            )
            .where(events.c.tries > 0)
            .group_by(events.c.webhook, events.c.state)
            .subquery()
        )
        query = select(last.c.webhook, last.c.state, last.c.number, events.c.answer).join_from(
            last, events, events.c.row == last.c.row
        )
        with reading(self._engine) as db:
            return [tuple(record) for record in db.execute(query.order_by(last.c.webhook, last.c.state))]

    def prune(self, before: datetime, webhooks: Sequence[str]) -> None:
        """Delete events from before a moment that have failed, or whose webhook is not in `webhooks`."""
        over = or_(events.c.state == EventState.FAILED.value, events.c.webhook.not_in(webhooks))
        with writing(self._engine) as db:
            db.execute(delete(events).where(events.c.at < before, over))


def _is_ahead(moment: datetime, now: datetime) -> bool:
    """Return whether a moment is still to come. One that is too far ahead was set by a clock that ran fast."""
    return now < moment <= now + _MAX_WAIT


def _event(record: Any) -> Event:
    return Event(
        record.row, record.id, EventKind(record.kind), record.webhook, record.at, record.payload, record.tries
    )
