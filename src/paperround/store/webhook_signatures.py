"""The signatures of relays' webhook calls, so that a captured one cannot be sent again with another event."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, delete, select

from paperround.store.engine import upsert, writing
from paperround.store.schema import webhook_signatures


class WebhookSignatures:
    """The signatures that were received, each with the event that it came with first."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim(self, token: str, event: str, now: datetime) -> bool:
        """Remember the event that a signature came with, and return whether it came with no other before."""
        values = {"token": token, "event": event, "at": now}
        first = select(webhook_signatures.c.event).where(webhook_signatures.c.token == token)
        with writing(self._engine) as db:
            db.execute(upsert(db, webhook_signatures).values(values).on_conflict_do_nothing())
            return db.scalar(first) == event

    def forget(self, before: datetime) -> None:
        """Forget the signatures that were claimed before a moment."""
        with writing(self._engine) as db:
            db.execute(delete(webhook_signatures).where(webhook_signatures.c.at < before))
