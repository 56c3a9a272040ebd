"""Deletion of old data, oldest first, with a limited number of rows per transaction.

`digest_papers` and the lists of counted papers are never deleted: because of them nobody is sent a paper twice.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Connection, Engine, Table, delete, func, insert, select

from paperround.domain.models import DeliveryState
from paperround.store.delivery_conditions import WAITING
from paperround.store.engine import writing
from paperround.store.schema import attempts, close_papers, counted_papers, deliveries, digests, editions, issues

_UNFINISHED = (*WAITING, DeliveryState.SENDING.value)


class Retention:
    """Deletes old data. Each method returns how many rows it deleted."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def forget_letters(self, before: datetime, limit: int) -> int:
        """Delete letters created before a moment, with their digests, attempts and bounces.

        Examines the `limit` oldest letters, skips unfinished ones, and returns how many were deleted.
        """
        oldest = select(deliveries.c.row, deliveries.c.digest, deliveries.c.created_at, deliveries.c.state)
        with writing(self._engine) as db:
            oldest_letters = db.execute(
                oldest.where(deliveries.c.row > 0).order_by(deliveries.c.row).limit(limit)
            ).all()
            old = [
                letter for letter in oldest_letters if letter.created_at < before and letter.state not in _UNFINISHED
            ]
            # Letters first: erasing a subscriber locks them in the same order, so the two cannot deadlock.
            db.execute(delete(deliveries).where(deliveries.c.row.in_([letter.row for letter in old])))
            composed = digests.c.row.in_([letter.digest for letter in old if letter.digest])
            counted = select(digests.c.subscriber, digests.c.last_counted, digests.c.row, digests.c.more)
            counted = counted.where(composed, digests.c.last_counted.is_not(None))
            db.execute(insert(counted_papers).from_select(["subscriber", "last_counted", "digest", "more"], counted))
            db.execute(delete(digests).where(composed))
        return len(old)

    def forget_attempts(self, before: datetime, limit: int) -> int:
        """Delete relays' replies from before a moment among the `limit` oldest; return how many."""
        with writing(self._engine) as db:
            oldest = select(attempts.c.row, attempts.c.at).where(attempts.c.row > 0)
            oldest_attempts = db.execute(oldest.order_by(attempts.c.row).limit(limit)).all()
            old = [attempt.row for attempt in oldest_attempts if attempt.at < before]
            db.execute(delete(attempts).where(attempts.c.row.in_(old)))
        return len(old)

    def forget_close(self, before: datetime) -> int:
        """Delete the close papers of the oldest edition that was closed before a moment; return how many."""
        with writing(self._engine) as db:
            old = select(func.max(editions.c.number)).where(editions.c.closed_at < before).scalar_subquery()
            oldest = db.scalar(select(func.min(close_papers.c.edition)).where(close_papers.c.edition <= old))
            if oldest is None:  # comparing with it would delete those that no edition has yet
                return 0
            gone = delete(close_papers).where(close_papers.c.edition == oldest).returning(close_papers.c.paper)
            return len(db.execute(gone).all())

    def forget_issues(self, before: date) -> int:
        """Delete issues of days before this one that have no letters left, with their snapshots of papers."""
        with writing(self._engine) as db:
            old = db.scalars(select(issues.c.row).where(issues.c.day < before)).all()
            # One index lookup per issue: for a single query, PostgreSQL would read all digests.
            gone = [row for row in old if not any(_is_of(db, table, row) for table in (digests, deliveries))]
            db.execute(delete(issues).where(issues.c.row.in_(gone)))
        return len(gone)


def _is_of(db: Connection, table: Table, issue: int) -> bool:
    first = select(table.c.row).where(table.c.issue == issue).order_by(table.c.subscriber).limit(1)
    return db.scalar(first) is not None
