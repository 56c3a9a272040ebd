"""The search index: what papers say, in the full-text table of SQLite (FTS5) or PostgreSQL (tsvector)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    bindparam,
    cast,
    column,
    delete,
    exists,
    func,
    insert,
    literal_column,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.exc import DBAPIError

from paperround.domain.errors import QueryError
from paperround.domain.models import Paper
from paperround.store.schema import papers

DaySpan = tuple[date, date]
"""The first and the last day of a span, both included."""


class SearchLanguage(Protocol):
    """What one kind of database is told of a paper, and how it is asked; `matching` has one for each."""

    def index_document(self, paper: Paper, /) -> Mapping[str, str]:
        """What the paper says, by column of the index."""

    def expression(self, query: Any, /) -> str:
        """A query of the search box or of a topic, as the database understands it."""


@dataclass(frozen=True, slots=True)
class _Dialect:
    """The index in one kind of database; :query is the expression."""

    row: str
    """The column of the paper's number."""
    found: ColumnElement[bool]
    two_steps: bool = False
    """Whether the nearest papers are looked through before the index is asked."""


_NEAR = 5_000  # papers; to look at each takes 4 µs
_TSQUERY: Any = cast(bindparam("query"), TSQUERY)
_DIALECTS = {
    "sqlite": _Dialect(
        row="rowid",
        found=literal_column("paper_index").op("MATCH")(bindparam("query")),
    ),
    "postgresql": _Dialect(
        row="row",
        found=literal_column("terms").op("@@")(_TSQUERY),
        two_steps=True,
    ),
}


class SearchIndex:
    """Which papers a query finds; the caller's transaction goes around."""

    def __init__(self, engine: Engine, languages: Mapping[str, SearchLanguage]) -> None:
        name = engine.dialect.name
        self._language, dialect = languages[name], _DIALECTS[name]
        self._index = table("paper_index", column(dialect.row, BigInteger))
        self._row = self._index.c[dialect.row]
        self._found = dialect.found
        self._two_steps = dialect.two_steps

    def put(self, db: Connection, changed: Sequence[Paper]) -> None:
        """Index papers, or index them anew."""
        if not changed:
            return
        self.drop(db, [paper.row for paper in changed])
        documents = [{self._row.name: paper.row, **self._language.index_document(paper)} for paper in changed]
        db.execute(insert(table("paper_index", *map(column, documents[0]))), documents)

    def drop(self, db: Connection, rows: Sequence[int]) -> None:
        """Take papers out of the index."""
        db.execute(delete(self._index).where(self._row.in_(rows)))

    def rows(
        self,
        db: Connection,
        query: Any,
        since: int,
        limit: int,
        *,
        newest_first: bool = False,
        days: DaySpan | None = None,
    ) -> Sequence[int]:
        """The numbers, from `since` on, of the papers that a query finds; with `days` of those announced in them."""
        with _understood(query):
            if self._two_steps:
                return self._in_two_steps(db, query, since, limit, newest_first=newest_first, days=days)
            there = self._found, self._row >= since, *_on(days, self._row)
            order = self._row.desc() if newest_first else self._row
            return db.scalars(select(self._row).where(*there).order_by(order).limit(limit), self._asked(query)).all()

    def _in_two_steps(
        self, db: Connection, query: Any, since: int, limit: int, *, newest_first: bool, days: DaySpan | None
    ) -> Sequence[int]:
        """Look through the nearest papers one by one, and ask the index only for what lies beyond them.

        PostgreSQL does not know that a document is slow to look at: asked for the newest of what a query finds, it
        walks through all papers for a rare word (0.7 s among 200,000), and by the index through all that a common
        one finds (1.2 s).
        """

        def ordered(row: ColumnElement[int]) -> ColumnElement[int]:
            return row.desc() if newest_first else row

        asked, row = self._asked(query), self._row.label("row")
        nearest = select(row, column("terms")).where(self._row >= since).order_by(ordered(self._row)).limit(_NEAR)
        near = nearest.subquery()
        found = select(near.c.row).where(self._found, *_on(days, near.c.row)).order_by(ordered(near.c.row))
        rows = db.scalars(found.limit(limit), asked).all()
        farthest = func.min if newest_first else func.max
        edge, looked_at = db.execute(select(farthest(near.c.row), func.count())).one()
        if len(rows) == limit or looked_at < _NEAR:
            return rows
        hits = select(row).where(self._found).cte("hits").prefix_with("MATERIALIZED")
        beyond = hits.c.row < edge if newest_first else hits.c.row > edge
        further = select(hits.c.row).where(beyond, *_on(days, hits.c.row)).order_by(ordered(hits.c.row))
        return [*rows, *db.scalars(further.limit(limit - len(rows)), asked)]

    def candidates(self, db: Connection, plan: Sequence[tuple[Any, int]], days: DaySpan | None = None) -> list[int]:
        """The numbers of the papers that queries find, of each the newest up to its limit; the latest first."""
        found: set[int] = set()
        for query, limit in plan:
            found.update(self.rows(db, query, 0, limit, newest_first=True, days=days))
        return sorted(found, reverse=True)

    def _asked(self, query: Any) -> dict[str, str]:
        return {"query": self._language.expression(query)}


def _on(days: DaySpan | None, row: ColumnElement[int]) -> Iterator[ColumnElement[bool]]:
    """The condition that papers were announced on these days, if days are asked for."""
    if days:
        yield exists().where(papers.c.row == row, papers.c.day.between(*days))


# What the databases say of an expression that they cannot take, whatever it is: https://sqlite.org/fts5.html,
# https://www.postgresql.org/docs/current/textsearch-limitations.html. All else is the database's own trouble.
_NOT_UNDERSTOOD = (
    *("fts5: syntax error", "fts5: parser stack overflow", "expression tree is too large"),
    *("in tsquery", "tsquery is too large", "stack depth limit"),
)


@contextmanager
def _understood(query: Any) -> Iterator[None]:
    """Tells a query that the database cannot take from a database that cannot be used."""
    try:
        yield
    except DBAPIError as error:
        message = " ".join(str(error.orig).split())
        if any(sign in message.lower() for sign in _NOT_UNDERSTOOD):
            raise QueryError(str(query), 0, f"the database cannot look for this ({message})") from None
        raise
