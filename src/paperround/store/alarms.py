"""Alarms about letters that come back, one for each kind, domain and day, so that each is logged once a day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, Engine, delete, or_, select

from paperround.store.engine import reading, upsert, writing
from paperround.store.schema import alarms

EVERYWHERE = "all"
"""Stands for the domain in an alarm about all domains."""


class AlarmKind(StrEnum):
    """What is wrong with the letters to a domain."""

    DOMAIN = "domain"
    """Letters to most of its subscribers fail."""
    EVERYWHERE = "everywhere"
    """Letters to most subscribers of all domains fail."""
    POLICY = "policy"
    """It refuses this sender."""
    DEFERRED = "deferred"
    """It defers the letters of this sender."""


class Alarms:
    """The alarms of today and yesterday (UTC)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def first_today(self, kind: AlarmKind, domain: str, now: datetime) -> bool:
        """Record an alarm, and return whether it is the first one of its kind for the domain on this day (UTC)."""
        with writing(self._engine) as db:
            return first_today(db, kind, domain, now)

    def latest(self, now: datetime) -> list[tuple[AlarmKind, str]]:
        """Return kind and domain of the alarms of today and yesterday (UTC), each pair once."""
        yesterday = _day(now) - timedelta(days=1)
        query = select(alarms.c.kind, alarms.c.domain).where(alarms.c.day >= yesterday).distinct()
        with reading(self._engine) as db:
            return [(AlarmKind(kind), domain) for kind, domain in db.execute(query.order_by(*query.selected_columns))]


def first_today(db: Connection, kind: AlarmKind, domain: str, now: datetime) -> bool:
    """Record an alarm in a transaction, and return whether it is the first one of this day (UTC)."""
    today = _day(now)
    # Days after today are from a clock that ran ahead.
    db.execute(delete(alarms).where(or_(alarms.c.day < today - timedelta(days=1), alarms.c.day > today)))
    insertion = upsert(db, alarms).values(kind=kind.value, domain=domain, day=today).on_conflict_do_nothing()
    return bool(db.execute(insertion.returning(alarms.c.kind)).all())


def _day(now: datetime) -> date:
    return now.astimezone(UTC).date()
