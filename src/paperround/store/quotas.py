"""How often somebody asked for what costs others something: kept over a restart, and the same for all programs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, delete, func, insert, select

from paperround.store.engine import among_others, reading, writing
from paperround.store.schema import quota_uses

_KEPT = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Quota:
    """So many of a kind within so long a time, for each key."""

    kind: str
    most: int
    within: timedelta


class Quotas:
    """The rate counts' part of the store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self, wanted: list[tuple[Quota, str]], now: datetime) -> Quota | None:
        """Count one more under each of these limits and keys; the first limit that this would break, and then none.

        `wanted` has each limit with its key. Two programs that count at the same moment may let one more through.
        """
        with writing(self._engine) as db:
            among_others(db, quota_uses)
            db.execute(delete(quota_uses).where(quota_uses.c.at < now - _KEPT))
            for limit, key in wanted:
                if _count(db, limit, key, now) >= limit.most:
                    return limit
            for limit, key in wanted:
                db.execute(insert(quota_uses).values(kind=limit.kind, key=key, at=now))
        return None

    def count(self, limit: Quota, key: str, now: datetime) -> int:
        """How many are counted under a limit for a key."""
        with reading(self._engine) as db:
            return _count(db, limit, key, now)

    def wait(self, limit: Quota, key: str, now: datetime) -> int:
        """Seconds until one more is allowed; 0 when it is now."""
        since = now - limit.within
        mine = (quota_uses.c.kind == limit.kind) & (quota_uses.c.key == key) & (quota_uses.c.at > since)
        with reading(self._engine) as db:
            newest = select(quota_uses.c.at).where(mine).order_by(quota_uses.c.at.desc()).limit(limit.most)
            times = db.scalars(newest).all()
        return max(1, int((times[-1] - since).total_seconds())) if len(times) >= limit.most else 0

    def clear(self, limit: Quota, key: str) -> None:
        """Forget what was counted under a limit for a key."""
        with writing(self._engine) as db:
            db.execute(delete(quota_uses).where(quota_uses.c.kind == limit.kind, quota_uses.c.key == key))


def _count(db: Connection, limit: Quota, key: str, now: datetime) -> int:
    mine = (quota_uses.c.kind == limit.kind) & (quota_uses.c.key == key) & (quota_uses.c.at > now - limit.within)
    return db.scalar(select(func.count()).select_from(quota_uses).where(mine)) or 0
