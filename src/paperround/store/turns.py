"""When each service may be asked next: kept for all programs on one database, and across restarts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, select, update

from paperround.store.engine import upsert, writing
from paperround.store.schema import notes

_NOTE = "may be asked at "
_LONGEST = timedelta(days=1)  # a later moment was written by a clock that ran ahead


class ServiceTurns:
    """The turns at services, as notes of the site: the name of a service, and from when on it may be asked."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim(self, service: str, now: datetime, until: datetime) -> datetime | None:
        """Take the turn until a moment; None when it is ours, else the moment from which on it can be had."""
        with writing(self._engine) as db:
            free_at = _free_at(db, service)
            if now < free_at <= now + _LONGEST:
                return free_at
            _write(db, service, until)
        return None

    def release(self, service: str, free_at: datetime) -> None:
        """Give back the turn that was claimed: the next one may begin at this moment."""
        with writing(self._engine) as db:
            _write(db, service, free_at)

    def reserve(self, service: str, now: datetime, length: timedelta) -> datetime:
        """Take the next stretch of a service's time that nobody has; when it begins."""
        with writing(self._engine) as db:
            free_at = _free_at(db, service)
            begins = free_at if now < free_at <= now + _LONGEST else now
            _write(db, service, begins + length)
        return begins

    def postpone(self, service: str, free_at: datetime) -> None:
        """Let nobody ask before this moment, and before one that was said earlier."""
        with writing(self._engine) as db:
            _write(db, service, max(free_at, _free_at(db, service)))


def _free_at(db: Connection, service: str) -> datetime:
    name = _NOTE + service
    db.execute(upsert(db, notes).values(name=name, value="").on_conflict_do_nothing())
    value = db.scalar(select(notes.c.value).where(notes.c.name == name).with_for_update())
    return datetime.fromisoformat(value) if value else datetime.min.replace(tzinfo=UTC)


def _write(db: Connection, service: str, moment: datetime) -> None:
    db.execute(update(notes).where(notes.c.name == _NOTE + service).values(value=moment.isoformat()))
