"""Forgetting what is old, a bounded number of rows in a transaction, the oldest first.

`digest_papers` stays, for good: it is the promise that nobody gets a paper twice.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Connection, Engine, Table, delete, select

from paperround.domain.models import DeliveryState
from paperround.store.deliveries import WAITING
from paperround.store.engine import writing
from paperround.store.schema import attempts, deliveries, digests, issues

_UNFINISHED = (*WAITING, DeliveryState.SENDING.value)


class Retention:
    """The store's part that keeps it from growing for ever. Each method says how many rows it looked at."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def forget_letters(self, before: datetime, limit: int) -> int:
        """Forget letters made before a moment, with their digests, attempts and bounces.

        Looks at the `limit` oldest ones; returns how many were forgotten.
        """
        oldest = select(deliveries.c.row, deliveries.c.digest, deliveries.c.created_at, deliveries.c.state)
        with writing(self._engine) as db:
            found = db.execute(oldest.where(deliveries.c.row > 0).order_by(deliveries.c.row).limit(limit)).all()
            old = [one for one in found if one.created_at < before and one.state not in _UNFINISHED]
            # Letters first: whoever erases a subscriber meets both in that order too.
            db.execute(delete(deliveries).where(deliveries.c.row.in_([one.row for one in old])))
            db.execute(delete(digests).where(digests.c.row.in_([one.digest for one in old if one.digest])))
        return len(old)

    def forget_attempts(self, before: datetime, limit: int) -> int:
        """Forget what relays answered before a moment; looks at the `limit` oldest, returns how many are gone."""
        with writing(self._engine) as db:
            oldest = select(attempts.c.row, attempts.c.at).where(attempts.c.row > 0)
            found = db.execute(oldest.order_by(attempts.c.row).limit(limit)).all()
            old = [one.row for one in found if one.at < before]
            db.execute(delete(attempts).where(attempts.c.row.in_(old)))
        return len(old)

    def forget_issues(self, before: date) -> int:
        """Forget issues of days before this one that no letter is left of, with the papers as they printed them."""
        with writing(self._engine) as db:
            old = db.scalars(select(issues.c.row).where(issues.c.day < before)).all()
            # One by one, by the index: together PostgreSQL would read all digests.
            gone = [row for row in old if not any(_is_of(db, table, row) for table in (digests, deliveries))]
            db.execute(delete(issues).where(issues.c.row.in_(gone)))
        return len(gone)


def _is_of(db: Connection, table: Table, issue: int) -> bool:
    first = select(table.c.row).where(table.c.issue == issue).order_by(table.c.subscriber).limit(1)
    return db.scalar(first) is not None
