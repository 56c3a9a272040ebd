"""Who may do what here besides subscribers: sessions of operators, tokens of programs, and what both have changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from paperround.store.engine import reading, writing
from paperround.store.schema import api_tokens, audit_entries, sessions

_USE_NOTED_EVERY = timedelta(minutes=1)
_ENTRIES_KEPT = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class ApiToken:
    """What a program may do, without the token itself."""

    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change: by whom, what, and to what. A subscriber is told by number alone."""

    at: datetime
    who: str
    action: str
    subject: str


class Access:
    """The store's part for operators and programs. It is given hashes, and never sees a secret."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # --- sessions -------------------------------------------------------------------------------------------------

    def begin_session(self, hashed: str, now: datetime, expires_at: datetime) -> None:
        """Keep a session until a moment; those that are over are forgotten."""
        with writing(self._engine) as db:
            db.execute(delete(sessions).where(sessions.c.expires_at <= now))
            db.execute(insert(sessions).values(hash=hashed, expires_at=expires_at))

    def has_session(self, hashed: Sequence[str], now: datetime) -> bool:
        """Whether one of these hashes is of a session that goes on."""
        going_on = sessions.c.hash.in_(hashed) & (sessions.c.expires_at > now)
        with reading(self._engine) as db:
            return db.scalar(select(sessions.c.hash).where(going_on).limit(1)) is not None

    def end_session(self, hashed: Sequence[str]) -> None:
        """End a session: its cookie is worth nothing from now on."""
        with writing(self._engine) as db:
            db.execute(delete(sessions).where(sessions.c.hash.in_(hashed)))

    # --- tokens of programs ---------------------------------------------------------------------------------------

    def add_token(
        self, name: str, hashed: str, scopes: Sequence[str], now: datetime, expires_at: datetime | None
    ) -> bool:
        """Keep a program's token; False, and nothing kept, when the name has one already."""
        values = {"name": name, "hash": hashed, "scopes": sorted(scopes), "created_at": now, "expires_at": expires_at}
        with writing(self._engine) as db:
            if db.scalar(select(api_tokens.c.name).where(api_tokens.c.name == name)) is not None:
                return False
            try:
                db.execute(insert(api_tokens).values(values))
            except IntegrityError:  # somebody else was faster
                return False
        return True

    def remove_token(self, name: str) -> bool:
        """Take a program's token back; False when there is none of this name."""
        with writing(self._engine) as db:
            gone = delete(api_tokens).where(api_tokens.c.name == name).returning(api_tokens.c.name)
            return bool(db.execute(gone).all())

    def tokens(self) -> list[ApiToken]:
        """All tokens of programs, by name; also those that are over."""
        with reading(self._engine) as db:
            return [_token(found) for found in db.execute(select(api_tokens).order_by(api_tokens.c.name))]

    def use_token(self, hashed: str, now: datetime) -> ApiToken | None:
        """The token with this hash, if it holds; that it was used is noted, to the minute."""
        with reading(self._engine) as db:
            found = db.execute(select(api_tokens).where(api_tokens.c.hash == hashed)).one_or_none()
        if found is None or (found.expires_at and found.expires_at <= now):
            return None
        if found.last_used_at is None or found.last_used_at <= now - _USE_NOTED_EVERY:
            with writing(self._engine) as db:
                db.execute(update(api_tokens).where(api_tokens.c.hash == hashed).values(last_used_at=now))
        return _token(found)

    # --- what was changed -----------------------------------------------------------------------------------------

    def note_change(self, entry: AuditEntry) -> None:
        """Keep who changed what; what is older than 400 days is forgotten."""
        with writing(self._engine) as db:
            db.execute(delete(audit_entries).where(audit_entries.c.at < entry.at - _ENTRIES_KEPT))
            db.execute(
                insert(audit_entries).values(at=entry.at, who=entry.who, action=entry.action, subject=entry.subject)
            )

    def changes(self, limit: int, offset: int = 0) -> list[AuditEntry]:
        """What was changed last, the latest first."""
        latest = select(audit_entries).order_by(audit_entries.c.row.desc()).limit(limit).offset(offset)
        with reading(self._engine) as db:
            return [AuditEntry(found.at, found.who, found.action, found.subject) for found in db.execute(latest)]


def _token(found: object) -> ApiToken:
    return ApiToken(found.name, tuple(found.scopes), found.created_at, found.expires_at, found.last_used_at)  # type: ignore[attr-defined]
