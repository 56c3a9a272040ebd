"""The search index of papers: a full-text table of SQLite (FTS5) or PostgreSQL (tsvector)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Text,
    bindparam,
    cast,
    column,
    delete,
    exists,
    func,
    literal_column,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.exc import DBAPIError

from paperround.domain.errors import QueryError
from paperround.domain.errors import translatable as _
from paperround.domain.models import Paper
from paperround.domain.search_plan import DaySpan, SearchPlan
from paperround.process.chunks import chunked
from paperround.store.bulk import NewRows
from paperround.store.schema import papers


class SearchSyntax(Protocol):
    """How papers are indexed and queries written for one kind of database; `matching` has one for each."""

    COLUMNS: tuple[str, ...]
    """The columns of the index."""

    def index_document(self, paper: Paper, /) -> Mapping[str, str]:
        """Return the text of a paper for each column of the index."""

    def read_documents(self, documents: Sequence[Sequence[str]], /) -> Any:
        """Return the indexed texts of some papers, given what the columns have for each of them."""

    def expression(self, query: Any, /) -> str:
        """Return a search or topic query in the database's full-text syntax."""


@dataclass(frozen=True, slots=True)
class _Dialect:
    """The index in one kind of database. The parameter :query is the expression."""

    row: str
    """The name of the column with the paper's number."""
    found: ColumnElement[bool]
    two_steps: bool = False
    """Whether to scan the nearest papers before using the index."""


_PAPERS_PER_QUERY = 500  # papers
_SCANNED_PAPERS = 5_000  # papers; checking one takes 4 µs
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
    """The full-text index; its methods run in the caller's transaction."""

    def __init__(self, engine: Engine, search_syntaxes: Mapping[str, SearchSyntax]) -> None:
        name = engine.dialect.name
        self._syntax, dialect = search_syntaxes[name], _DIALECTS[name]
        self._index = table("paper_index", column(dialect.row, BigInteger))
        self._row = self._index.c[dialect.row]
        self._found = dialect.found
        self._two_steps = dialect.two_steps
        texts = self._syntax.COLUMNS
        filled = table("paper_index", column(dialect.row, BigInteger), *(column(text, Text) for text in texts))
        self._add = NewRows(engine, filled, (dialect.row, *texts))

    def put(self, db: Connection, changed: Sequence[Paper]) -> None:
        """Add papers to the index, replacing their earlier entries."""
        if changed:
            self.drop(db, [paper.row for paper in changed])
            self.add(db, changed)

    def add(self, db: Connection, new: Sequence[Paper]) -> None:
        """Add papers that are not in the index to it."""
        if not new:
            return
        documents = ((paper.row, self._syntax.index_document(paper)) for paper in new)
        self._add.run(db, [(row, *map(texts.__getitem__, self._syntax.COLUMNS)) for row, texts in documents])

    def drop(self, db: Connection, rows: Sequence[int]) -> None:
        """Remove papers from the index."""
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
        """Return the numbers of papers that match a query, from `since` on; within `days` if given.

        Raises QueryError if the database rejects the query.
        """
        with _understood(query):
            if self._two_steps:
                return self._in_two_steps(db, query, since, limit, newest_first=newest_first, days=days)
            there = self._found, self._row >= since, *_on(days, self._row)
            order = self._row.desc() if newest_first else self._row
            return db.scalars(
                select(self._row).where(*there).order_by(order).limit(limit), self._parameters_of(query)
            ).all()

    def _in_two_steps(
        self, db: Connection, query: Any, since: int, limit: int, *, newest_first: bool, days: DaySpan | None
    ) -> Sequence[int]:
        """Scan the _SCANNED_PAPERS nearest papers, and use the index only for those beyond them.

        PostgreSQL's planner does not know that checking a document is slow. For the newest matches of a query, it
        scans all papers if the word is rare (0.7 s for 200,000), or sorts all matches from the index if it is common
        (1.2 s).
        """

        def ordered(row: ColumnElement[int]) -> ColumnElement[int]:
            return row.desc() if newest_first else row

        asked, row = self._parameters_of(query), self._row.label("row")
        nearest = (
            select(row, column("terms")).where(self._row >= since).order_by(ordered(self._row)).limit(_SCANNED_PAPERS)
        )
        near = nearest.subquery()
        found = select(near.c.row).where(self._found, *_on(days, near.c.row)).order_by(ordered(near.c.row))
        rows = db.scalars(found.limit(limit), asked).all()
        farthest = func.min if newest_first else func.max
        edge, looked_at = db.execute(select(farthest(near.c.row), func.count())).one()
        if len(rows) == limit or looked_at < _SCANNED_PAPERS:
            return rows
        hits = select(row).where(self._found).cte("hits").prefix_with("MATERIALIZED")
        beyond = hits.c.row < edge if newest_first else hits.c.row > edge
        further = select(hits.c.row).where(beyond, *_on(days, hits.c.row)).order_by(ordered(hits.c.row))
        return [*rows, *db.scalars(further.limit(limit - len(rows)), asked)]

    def candidates(self, db: Connection, plan: SearchPlan[Any], days: DaySpan | None = None) -> list[int]:
        """Return the numbers of papers that match a plan's queries, newest first."""
        matching: set[int] = set()
        for chain in plan:
            for query, limit in chain:
                rows = self.rows(db, query, 0, limit, newest_first=True, days=days)
                matching.update(rows)
                if len(rows) < limit:
                    break
        return sorted(matching, reverse=True)

    def texts(self, db: Connection, rows: Sequence[int]) -> tuple[list[int], Any]:
        """Return those of the papers that are indexed, in the same order, and their texts.

        The texts are what the language makes of them.
        """
        columns = [cast(column(name), Text) for name in self._syntax.COLUMNS]
        by_row: dict[int, tuple[str, ...]] = {}
        for chunk in chunked(rows, _PAPERS_PER_QUERY):
            condition = self._row.in_(chunk)
            by_row |= {row: tuple(texts) for row, *texts in db.execute(select(self._row, *columns).where(condition))}
        present = [row for row in rows if row in by_row]
        return present, self._syntax.read_documents([by_row[row] for row in present])

    def _parameters_of(self, query: Any) -> dict[str, str]:
        return {"query": self._syntax.expression(query)}


def _on(days: DaySpan | None, row: ColumnElement[int]) -> Iterator[ColumnElement[bool]]:
    """Yield the condition that papers were announced within `days`, if given."""
    if days:
        yield exists().where(papers.c.row == row, papers.c.day.between(*days))


# Error messages for a query that the database rejects: https://sqlite.org/fts5.html,
# https://www.postgresql.org/docs/current/textsearch-limitations.html. Other errors are not the query's fault.
_NOT_UNDERSTOOD = (
    *("fts5: syntax error", "fts5: parser stack overflow", "expression tree is too large"),
    *("in tsquery", "tsquery is too large", "stack depth limit"),
)


@contextmanager
def _understood(query: Any) -> Iterator[None]:
    """Raise QueryError for a query that the database rejects; other database errors pass through."""
    try:
        yield
    except DBAPIError as error:
        message = " ".join(str(error.orig).split())
        if any(sign in message.lower() for sign in _NOT_UNDERSTOOD):
            raise QueryError(
                str(query), 0, _("the database cannot search for this (%(message)s)"), message=message
            ) from None
        raise
