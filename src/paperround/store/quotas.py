"""Quotas on requests that cost others something: they survive a restart and apply to all programs together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Engine, delete, func, insert, select

from paperround.store.engine import lock_shared, reading, writing
from paperround.store.schema import quota_uses

_USES_KEPT = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Quota:
    """A maximum number of uses of a kind within a time span, for each key."""

    kind: str
    most: int
    within: timedelta


class Quotas:
    """Uses counted under quotas."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self, requested: list[tuple[Quota, str]], now: datetime) -> Quota | None:
        """Count one use under each quota and key; if that would exceed a quota, count none and return the quota.

        Two programs that count at the same moment may exceed a quota by one.
        """
        with writing(self._engine) as db:
            lock_shared(db, quota_uses)
            db.execute(delete(quota_uses).where(quota_uses.c.at < now - _USES_KEPT))
            for limit, key in requested:
                if _count(db, limit, key, now) >= limit.most:
                    return limit
            for limit, key in requested:
                db.execute(insert(quota_uses).values(kind=limit.kind, key=key, at=now))
        return None

    def refund(self, taken: list[tuple[Quota, str]]) -> None:
        """Delete the latest use under each quota and key."""
        with writing(self._engine) as db:
            for limit, key in taken:
                mine = (quota_uses.c.kind == limit.kind) & (quota_uses.c.key == key)
                latest = select(func.max(quota_uses.c.row)).where(mine).scalar_subquery()
                db.execute(delete(quota_uses).where(quota_uses.c.row == latest))

    def count(self, limit: Quota, key: str, now: datetime) -> int:
        """Return the uses counted under a quota for a key within its span."""
        with reading(self._engine) as db:
            return _count(db, limit, key, now)

    def wait(self, limit: Quota, key: str, now: datetime) -> int:
        """Return the seconds until another use is allowed, or 0 if it is allowed now."""
        since = now - limit.within
        newest = select(quota_uses.c.at).where(_in_window(limit, key, now)).order_by(quota_uses.c.at.desc())
        with reading(self._engine) as db:
            times = db.scalars(newest.limit(limit.most)).all()
        return max(1, int((times[-1] - since).total_seconds())) if len(times) >= limit.most else 0

    def clear(self, limit: Quota, key: str) -> None:
        """Delete the uses counted under a quota for a key."""
        with writing(self._engine) as db:
            db.execute(delete(quota_uses).where(quota_uses.c.kind == limit.kind, quota_uses.c.key == key))


def _count(db: Connection, limit: Quota, key: str, now: datetime) -> int:
    return db.scalar(select(func.count()).select_from(quota_uses).where(_in_window(limit, key, now))) or 0


def _in_window(limit: Quota, key: str, now: datetime) -> ColumnElement[bool]:
    """Return the condition for the uses of a key within the span, without those that a clock far ahead counted."""
    mine = (quota_uses.c.kind == limit.kind) & (quota_uses.c.key == key)
    return mine & (quota_uses.c.at > now - limit.within) & (quota_uses.c.at <= now + limit.within)
