"""Pacing of requests to services, shared by all programs on one database and kept across restarts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, select, update

from paperround.store.engine import writing
from paperround.store.schema import site_values
from paperround.store.site_values import write_first

_FREE_AT = "may be asked at "
_MAX_WAIT = timedelta(days=1)  # a later moment was written by a clock that ran fast


class ServiceTurns:
    """The moment from which each service may be called again, stored as a site value."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim(self, service: str, now: datetime, until: datetime) -> datetime | None:
        """Reserve a service until a moment, and return None; or, if it is reserved, return when it will be free."""
        with writing(self._engine) as db:
            free_at = _free_at(db, service)
            if now < free_at <= now + _MAX_WAIT:
                return free_at
            _write(db, service, until)
        return None

    def release(self, service: str, free_at: datetime) -> None:
        """Release a reserved service: it may be called again from `free_at` on."""
        with writing(self._engine) as db:
            _write(db, service, free_at)

    def reserve(self, service: str, now: datetime, length: timedelta) -> datetime:
        """Reserve the next free `length` of a service's time and return when it begins."""
        with writing(self._engine) as db:
            free_at = _free_at(db, service)
            begins = free_at if now < free_at <= now + _MAX_WAIT else now
            _write(db, service, begins + length)
        return begins

    def postpone(self, service: str, free_at: datetime) -> None:
        """Block a service until `free_at`, or until a later moment that is already set."""
        with writing(self._engine) as db:
            _write(db, service, max(free_at, _free_at(db, service)))


def _free_at(db: Connection, service: str) -> datetime:
    name = _FREE_AT + service
    write_first(db, name, "")
    value = db.scalar(select(site_values.c.value).where(site_values.c.name == name).with_for_update())
    return datetime.fromisoformat(value) if value else datetime.min.replace(tzinfo=UTC)


def _write(db: Connection, service: str, moment: datetime) -> None:
    db.execute(update(site_values).where(site_values.c.name == _FREE_AT + service).values(value=moment.isoformat()))
