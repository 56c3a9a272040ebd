"""What other programs are told of readers: an outbox, filled in the transaction that makes it true.

An event that was taken is gone; one that nobody took stands as failed for a month. So nothing of a reader is kept for
longer than it takes to tell of it.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, or_, select, update

from paperround.models import Event, EventKind
from paperround.store.engine import reading, writing
from paperround.store.schema import events

Wanted = Mapping[EventKind, Sequence[str]]
"""The names of the webhooks that want each kind."""
_WAITING, _FAILED = "waiting", "failed"


def tell(db: Connection, wanted: Wanted, kind: EventKind, email: str, now: datetime, **facts: str | None) -> None:
    """Note, in the transaction that makes it true, what happened to a reader; once for each webhook that wants it."""
    rows = [
        {
            "id": f"evt_{secrets.token_hex(15)}",
            "kind": kind.value,
            "webhook": webhook,
            "at": now,
            "email_key": email.lower(),
            "payload": {"email": email, **facts},
            "state": _WAITING,
            "tries": 0,
            "next_try_at": now,
            "answer": "",
        }
        for webhook in wanted.get(kind, ())
    ]
    if rows:
        db.execute(insert(events), rows)


class Events:
    """The events' part of the store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim(self, webhook: str, now: datetime, limit: int, claim: str, lease: timedelta) -> list[Event]:
        """Events of one webhook that are due, the oldest first, for this program alone until the lease runs out."""
        free = or_(events.c.claim.is_(None), events.c.lease_until <= now)
        due = (events.c.state == _WAITING) & (events.c.webhook == webhook) & (events.c.next_try_at <= now) & free
        with writing(self._engine) as db:
            rows = db.scalars(
                select(events.c.row).where(due).order_by(events.c.row).limit(limit).with_for_update(skip_locked=True)
            ).all()
            taken = update(events).where(events.c.row.in_(rows)).values(claim=claim, lease_until=now + lease)
            found = db.execute(taken.returning(events)).all() if rows else []
        return sorted((_event(one) for one in found), key=lambda event: event.row)

    def taken(self, event: Event, claim: str) -> None:
        """The receiver has it: it is forgotten."""
        with writing(self._engine) as db:
            db.execute(delete(events).where(events.c.row == event.row, events.c.claim == claim))

    def put_off(self, event: Event, claim: str, answer: str, again_at: datetime | None) -> None:
        """The receiver does not have it: it is tried again at a moment, or has failed where there is none."""
        values: dict[str, Any] = {"claim": None, "lease_until": None, "answer": answer, "next_try_at": again_at}
        values |= {"tries": event.tries + 1, "state": _WAITING if again_at else _FAILED}
        with writing(self._engine) as db:
            db.execute(update(events).where(events.c.row == event.row, events.c.claim == claim).values(values))

    def give_back(self, claim: str) -> None:
        """Events that were claimed and not tried are anybody's again."""
        with writing(self._engine) as db:
            db.execute(update(events).where(events.c.claim == claim).values(claim=None, lease_until=None))

    def troubles(self) -> list[tuple[str, str, int, str]]:
        """For each webhook and state with tries behind it: how many events, and what the last of them met with."""
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
            return [tuple(found) for found in db.execute(query.order_by(last.c.webhook, last.c.state))]

    def prune(self, before: datetime, known: Sequence[str]) -> None:
        """Forget what failed long ago, and what was for webhooks that are not there any more."""
        old = (events.c.state == _FAILED) & (events.c.at < before)
        with writing(self._engine) as db:
            db.execute(delete(events).where(or_(old, events.c.webhook.not_in(known))))


def forget(db: Connection, email_key: str) -> None:
    """Forget an address in events that failed; what still waits is told, and then forgotten too."""
    db.execute(delete(events).where(events.c.email_key == email_key, events.c.state == _FAILED))


def _event(found: Any) -> Event:
    return Event(found.row, found.id, EventKind(found.kind), found.webhook, found.at, found.payload, found.tries)
