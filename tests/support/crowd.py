"""Thousands of papers, subscribers and letters around those of a test, made by the database itself."""

from __future__ import annotations

from sqlalchemy import Connection, text

from paperround.store.engine import writing
from support.databases import engine_of
from support.site import Site

_FIRST = 1_000_000
"""The number of the first row; those of the test lie far below."""
_MANY = 20_000
_PAPERS = {"id": "'crowd-' || i", "title": "title", "facts": "facts", "sources": "sources", "day": "'2025-01-01'",
           "upvotes": "0", "first_seen": "'2025-01-01'", "unmatched": "false", "archived": "false"}  # fmt: skip


def crowd(site: Site, many: int = _MANY) -> None:
    """Add so many papers, subscribers and sent letters, made after the last one there is, none of them due."""
    with writing(engine_of(site.app.store)) as db:
        sent = "'2025-01-01 06:00:00'"
        _copy(db, many, "papers", _PAPERS)
        _copy(db, many, "matches", {"day": "'2025-01-01'", "score": "1", "why": "why", "edition": "0"}, topic="topic")
        listed = {"source": "source", "day": "day", "facts": "facts", "seen_at": "seen_at"}
        _copy(db, many, "listings", listed, key="paper")
        people = {column: column for column in _columns(db, "subscribers") if column != "row"}
        people |= {"email": "'c' || i || '@example.org'", "email_key": "'c' || i || '@example.org'"}
        _copy(db, many, "subscribers", people | {"next_digest_at": "'2026-11-24 06:00:00'"})
        followed = {"topic": "topic", "place": "place", "created_at": "created_at"}
        _copy(db, many, "subscriptions", followed, key="subscriber")
        db.execute(text("INSERT INTO issues (row, cadence, day) VALUES (1000000, 'daily', '2025-01-01')"))
        digest = {"issue": "1000000", "subscriber": "i", "sections": "'[]'", "more": "'[]'", "created_at": sent}
        _make(db, many, "digests", {"row": "i", **digest})
        _make(db, many, "digest_papers", {"subscriber": "i", "paper": "i", "digest": "i", "place": "0"})
        letter = {"issue": "1000000", "subscriber": "i", "digest": "i", "context": "'{}'", "email": "'c'",
                  "message_id": "'<' || i || '@crowd>'", "state": "'sent'", "reason": "''", "attempts": "1",
                  "next_attempt_at": sent, "created_at": sent, "finished_at": sent}  # fmt: skip
        _make(db, many, "deliveries", {"row": "i", **letter})
        tried = {"delivery": "i", "at": sent, "stage": "'final'", "code": "250", "text": "''", "connection": "''"}
        _make(db, many, "attempts", {"row": "i", **tried})
        _index(db)


def _columns(db: Connection, table: str) -> list[str]:
    return list(db.execute(text(f"SELECT * FROM {table} LIMIT 0")).keys())


def _copy(
    db: Connection, many: int, table: str, columns: dict[str, str], key: str | None = None, **more: str
) -> None:
    """Rows like the last one of the table; `key` is the column that gets the row's number."""
    key = key or ("paper" if table == "matches" else "row")
    one = f"(SELECT * FROM {table} ORDER BY {key} DESC LIMIT 1) AS one"
    _make(db, many, table, {key: "i", **columns, **more}, f", {one}")


def _make(db: Connection, many: int, table: str, columns: dict[str, str], others: str = "") -> None:
    postgres = db.dialect.name == "postgresql"
    last = _FIRST + many
    numbers = f"WITH RECURSIVE n(i) AS (SELECT {_FIRST + 1} UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
    moments = ("day", "at", "first_seen", "created_at", "finished_at", "next_digest_at", "next_attempt_at")
    typed = {
        name: f"CAST({value} AS {'date' if name == 'day' else 'timestamptz'})"
        if postgres and name in moments and value.startswith("'")
        else f"CAST({value} AS json)"
        if postgres and value in ("'[]'", "'{}'")
        else value
        for name, value in columns.items()
    }
    query = f"{numbers} SELECT {', '.join(typed.values())} FROM n{others}"
    db.execute(text(f"INSERT INTO {table} ({', '.join(columns)}) {query}".replace(":", r"\:")))


def _index(db: Connection) -> None:
    """The papers' index says of each what it says of the last, and PostgreSQL counts what is there."""
    if db.dialect.name == "postgresql":
        terms = "(SELECT terms FROM paper_index ORDER BY row DESC LIMIT 1)"
        db.execute(text(f"INSERT INTO paper_index SELECT row, {terms} FROM papers WHERE row > {_FIRST}"))
        db.execute(text("SELECT gin_clean_pending_list('ix_paper_index_terms')"))  # as a vacuum does
        db.execute(text("ANALYZE"))
    else:
        columns = "title, keywords, abstract, author, org, cat, source"
        one = f"(SELECT {columns} FROM paper_index ORDER BY rowid DESC LIMIT 1)"
        query = f"SELECT row, one.* FROM papers, {one} AS one WHERE row > {_FIRST}"
        db.execute(text(f"INSERT INTO paper_index (rowid, {columns}) {query}"))
