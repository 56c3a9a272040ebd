"""Operators' sessions, API tokens, and the audit log of the changes made with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from paperround.store import pending_write
from paperround.store.engine import reading, writing
from paperround.store.schema import api_tokens, audit_entries, sessions

_USE_NOTED_EVERY = timedelta(minutes=1)
_ENTRIES_KEPT = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class ApiToken:
    """An API token's name, scopes and times, without the token itself."""

    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change: when, by whom, what, and to what. A subscriber is named only by number."""

    at: datetime
    who: str
    action: str
    subject: str


class AuditRecord:
    """An audit entry that is stored in the first transaction of a change, so that a crash leaves both or neither.

    A change that writes nothing is recorded when it is finished, unless it failed.
    """

    def __init__(self, engine: Engine, entry: AuditEntry) -> None:
        self._engine, self._entry = engine, entry
        self._row, self._is_written = 0, False
        self.subject = entry.subject
        """What the change is about, as far as it is known; it may be completed until the change is finished."""

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Store the entry in the first transaction that is committed in this block."""
        with pending_write.attached(self._write) as pending:
            try:
                yield
            finally:
                self._is_written = pending.is_committed

    def finish(self, *, failed: bool) -> None:
        """Store the entry or its final subject, or note in it that the change failed."""
        if not self._is_written and not failed:
            with writing(self._engine) as db:
                self._write(db)
        subject = f"{self.subject} (failed)" if failed else self.subject
        if self._is_written and subject != self._entry.subject:
            with writing(self._engine) as db:
                mine = update(audit_entries).where(audit_entries.c.row == self._row)
                db.execute(mine.values(subject=subject))

    def _write(self, db: Connection) -> None:
        entry = self._entry
        db.execute(delete(audit_entries).where(audit_entries.c.at < entry.at - _ENTRIES_KEPT))
        values = {"at": entry.at, "who": entry.who, "action": entry.action, "subject": self.subject}
        self._row = db.scalar(insert(audit_entries).values(values).returning(audit_entries.c.row)) or 0


class Access:
    """Sessions, API tokens and audit entries. The store receives only hashes of secrets."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # --- sessions -------------------------------------------------------------------------------------------------

    def begin_session(self, hashed: str, now: datetime, expires_at: datetime) -> None:
        """Store a session until `expires_at`, and delete expired sessions."""
        with writing(self._engine) as db:
            db.execute(delete(sessions).where(sessions.c.expires_at <= now))
            db.execute(insert(sessions).values(hash=hashed, expires_at=expires_at))

    def has_session(self, hashed: Sequence[str], now: datetime) -> bool:
        """Return whether one of these hashes belongs to a session that has not expired."""
        going_on = sessions.c.hash.in_(hashed) & (sessions.c.expires_at > now)
        with reading(self._engine) as db:
            return db.scalar(select(sessions.c.hash).where(going_on).limit(1)) is not None

    def end_session(self, hashed: Sequence[str]) -> None:
        """Delete these sessions, so that their cookies are no longer accepted."""
        with writing(self._engine) as db:
            db.execute(delete(sessions).where(sessions.c.hash.in_(hashed)))

    # --- API tokens -----------------------------------------------------------------------------------------------

    def add_token(
        self, name: str, hashed: str, scopes: Sequence[str], now: datetime, expires_at: datetime | None
    ) -> bool:
        """Store an API token. Return False, and store nothing, if the name is already in use."""
        values = {"name": name, "hash": hashed, "scopes": sorted(scopes), "created_at": now, "expires_at": expires_at}
        with writing(self._engine) as db:
            if db.scalar(select(api_tokens.c.name).where(api_tokens.c.name == name)) is not None:
                return False
            try:
                db.execute(insert(api_tokens).values(values))
            except IntegrityError:  # another process added the name at the same moment
                return False
        return True

    def remove_token(self, name: str) -> bool:
        """Revoke an API token. Return False if there is no token of this name."""
        with writing(self._engine) as db:
            gone = delete(api_tokens).where(api_tokens.c.name == name).returning(api_tokens.c.name)
            return bool(db.execute(gone).all())

    def tokens(self) -> list[ApiToken]:
        """Return all API tokens by name, including expired ones."""
        with reading(self._engine) as db:
            return [_token(record) for record in db.execute(select(api_tokens).order_by(api_tokens.c.name))]

    def use_token(self, hashed: str, now: datetime) -> ApiToken | None:
        """Return the token with this hash and record its use to the minute; None if it is unknown or expired."""
        with reading(self._engine) as db:
            record = db.execute(select(api_tokens).where(api_tokens.c.hash == hashed)).one_or_none()
        if record is None or (record.expires_at and record.expires_at <= now):
            return None
        if record.last_used_at is None or record.last_used_at <= now - _USE_NOTED_EVERY:
            with writing(self._engine) as db:
                db.execute(update(api_tokens).where(api_tokens.c.hash == hashed).values(last_used_at=now))
        return _token(record)

    # --- audit entries --------------------------------------------------------------------------------------------

    @contextmanager
    def recording(self, entry: AuditEntry) -> Iterator[AuditRecord]:
        """Store an audit entry about the change in this block, as `AuditRecord` says."""
        record = self.record(entry)
        failed = True
        try:
            with record.attached():
                yield record
            failed = False
        finally:
            record.finish(failed=failed)

    def record(self, entry: AuditEntry) -> AuditRecord:
        """Return an audit entry to be stored, for callers that cannot write to the database where the change ends."""
        return AuditRecord(self._engine, entry)

    def changes(self, limit: int, offset: int = 0) -> list[AuditEntry]:
        """Return up to `limit` audit entries, latest first."""
        latest = select(audit_entries).order_by(audit_entries.c.row.desc()).limit(limit).offset(offset)
        with reading(self._engine) as db:
            return [AuditEntry(entry.at, entry.who, entry.action, entry.subject) for entry in db.execute(latest)]


def _token(record: object) -> ApiToken:
    return ApiToken(record.name, tuple(record.scopes), record.created_at, record.expires_at, record.last_used_at)  # type: ignore[attr-defined]
