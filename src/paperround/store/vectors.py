"""Vectors of papers and topics, and the papers that still need one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, Subquery, bindparam, case, func, select, tuple_, update

from paperround.domain.models import Paper
from paperround.store.engine import lock_exclusively, reading, writing
from paperround.store.papers import load_rows
from paperround.store.schema import WAITING_FOR_VECTOR, papers, site_values, topics, vectors
from paperround.store.site_values import read_value, write_first, write_value
from paperround.store.vector_queue import text_digest

_NUMBER = "vectors kept"
_COMPARED = "vectors compared"
_VECTORS_PER_READ = 10_000  # vectors read; 300,000 at once would take 300 MB more than the table they go to
_TITLES_READ = 20_000  # newest papers whose title's vector is read: tastes are learned from the newest 2,000


_WAITING_AMONG = (
    select(func.count())
    .select_from(vectors)
    .where(vectors.c.paper.in_(bindparam("rows", expanding=True)), WAITING_FOR_VECTOR)
)


VectorPlace = tuple[int, int]
"""The number of the transaction that stored a vector, and its paper."""


class EmbeddedPaper(NamedTuple):
    """A paper with its vectors."""

    paper: Paper
    vector: bytes
    """Of its title and abstract."""
    title: bytes | None
    """Of its title alone; None for a paper that is not among the newest."""


class StoredVector(NamedTuple):
    """A paper's vectors."""

    place: VectorPlace
    vector: bytes
    """Of its title and abstract."""
    title: bytes | None
    """Of its title alone; None if it has none, or is not among the newest papers."""


class StoredVectors:
    """Stored vectors."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def waiting(self, limit: int, newest: int = 0) -> list[Paper]:
        """Return up to `limit` papers without a vector for their current text, newest first.

        If there are none, return those of the `newest` papers that have no vector for their title: earlier versions
        made none.
        """
        rows = select(vectors.c.paper).where(WAITING_FOR_VECTOR).order_by(vectors.c.paper.desc()).limit(limit)
        recent = _newest(newest, vectors.c.title)
        untitled = select(recent.c.paper).where(recent.c.title.is_(None)).order_by(recent.c.paper.desc()).limit(limit)
        with reading(self._engine) as db:
            loaded = load_rows(db, db.scalars(rows).all() or db.scalars(untitled).all())
            return [loaded[row] for row in sorted(loaded, reverse=True)]

    def first_of_newest(self, newest: int) -> int:
        """Return the row of the oldest of the `newest` most recent papers; 0 if there are no papers."""
        with reading(self._engine) as db:
            return db.scalar(select(func.min(_newest(newest).c.paper))) or 0

    def waiting_count(self) -> int:
        """Count the papers without a vector for their current text."""
        with reading(self._engine) as db:
            return db.scalar(select(func.count()).select_from(vectors).where(WAITING_FOR_VECTOR)) or 0

    def models(self) -> dict[str, int]:
        """Return how many papers have a vector of each model."""
        query = select(vectors.c.model, func.count()).where(~WAITING_FOR_VECTOR).group_by(vectors.c.model)
        with reading(self._engine) as db:
            return dict(db.execute(query).all())

    def coverage(self, newest: int) -> float:
        """Return the share of the newest papers, at most so many, that have a vector; 1 if there are no papers."""
        newest_vectors = _newest(newest, vectors.c.vector)
        with reading(self._engine) as db:
            all_, known = db.execute(
                select(func.count(), func.count(newest_vectors.c.vector)).select_from(newest_vectors)
            ).one()
        return known / all_ if all_ else 1.0

    def keep(self, model: str, computed: Sequence[EmbeddedPaper]) -> None:
        """Store the vectors that a model computed for papers.

        A paper whose text has changed meanwhile stays queued. `uncompared` returns those to compare with the topics;
        papers that only lacked the vector of their title are not among them if no others are.
        """
        rows = sorted(embedded.paper.row for embedded in computed)
        with writing(self._engine) as db:
            # Lock papers before vectors, as Papers.add() does, to avoid deadlocks.
            db.execute(select(papers.c.row).where(papers.c.row.in_(rows)).order_by(papers.c.row).with_for_update())
            lock_exclusively(db, vectors)  # so that numbers are assigned in the order of commits
            compared = db.scalar(_WAITING_AMONG, {"rows": rows}) == 0 and not _any_uncompared(db)
            number = _next_number(db)
            statement = (
                update(vectors)
                .where(vectors.c.paper == bindparam("row"), vectors.c.text.in_([bindparam("of"), ""]))
                .values(
                    text=bindparam("of"),
                    model=bindparam("by"),
                    vector=bindparam("made"),
                    title=bindparam("of_title"),
                    number=bindparam("as_number"),
                )
            )
            values = [
                {
                    "row": embedded.paper.row,
                    "of": text_digest(embedded.paper),
                    "by": model,
                    "made": embedded.vector,
                    "of_title": embedded.title,
                    "as_number": number,
                }
                for embedded in computed
            ]
            if values:
                db.execute(statement, values)
            # Earlier versions compared each paper at once.
            write_first(db, _COMPARED, str(number - 1))
            if compared:
                db.execute(update(site_values).where(site_values.c.name == _COMPARED).values(value=str(number)))

    def any_uncompared(self) -> bool:
        """Return whether papers got a vector since the last that was `compared`."""
        with reading(self._engine) as db:
            return _any_uncompared(db)

    def uncompared(self) -> tuple[Sequence[int], int]:
        """Return the papers with vectors after those that were `compared`, and the number of the newest vector."""
        with reading(self._engine) as db:
            number, compared = (_number(db, name) for name in (_NUMBER, _COMPARED))
            fresh = select(vectors.c.paper).where(vectors.c.number > compared, vectors.c.number <= number)
            return db.scalars(fresh.order_by(vectors.c.paper)).all(), number

    def compared(self, number: int) -> None:
        """Record that the papers with vectors up to this number have been compared with the topics."""
        with writing(self._engine) as db:
            db.execute(update(site_values).where(site_values.c.name == _COMPARED).values(value=str(number)))

    def after(self, model: str, last: VectorPlace) -> list[StoredVector]:
        """Return a model's vectors that were stored after the one at `last`, oldest first, at most 10,000."""
        place = tuple_(vectors.c.number, vectors.c.paper)
        newest = select(func.max(vectors.c.paper)).scalar_subquery()
        title = case((vectors.c.paper > newest - _TITLES_READ, vectors.c.title))
        query = (
            select(vectors.c.number, vectors.c.paper, vectors.c.vector, title.label("title"))
            .where(place > last, vectors.c.model == model, ~WAITING_FOR_VECTOR)
            .order_by(vectors.c.number, vectors.c.paper)
            .limit(_VECTORS_PER_READ)
        )
        with reading(self._engine) as db:
            return [StoredVector((row.number, row.paper), row.vector, row.title) for row in db.execute(query)]

    def rebuild(self, model: str) -> int:
        """Queue all papers whose vectors are from another model, and return how many there are."""
        others = (vectors.c.model != model) & ~WAITING_FOR_VECTOR
        with writing(self._engine) as db:
            lock_exclusively(db, vectors)
            values = {"vector": None, "title": None, "model": ""}
            forgotten = update(vectors).where(others).values(values).returning(vectors.c.paper)
            return len(db.scalars(forgotten).all())

    def topic_vectors(self, model: str, written_out: Callable[[str], str] = str) -> dict[str, bytes]:
        """Return the vectors that a model computed for topics, by their queries as they are now `written_out`."""
        query = select(topics.c.query, topics.c.vector, topics.c.vector_of).where(topics.c.vector.is_not(None))
        with reading(self._engine) as db:
            records = db.execute(query).all()
        texts = [(written_out(topic.query), topic) for topic in records]
        return {text: topic.vector for text, topic in texts if topic.vector_of == _origin(model, text)}

    def keep_topic(self, query: str, text: str, model: str, vector: bytes) -> None:
        """Store the vector of a topic's query, which is computed from `text`, with the topic."""
        with writing(self._engine) as db:
            db.execute(
                update(topics).where(topics.c.query == query).values(vector=vector, vector_of=_origin(model, text))
            )


def _newest(number: int, *columns: ColumnElement[Any]) -> Subquery:
    """Return the numbers of the newest papers, at most so many, and these columns of their vectors."""
    return select(vectors.c.paper, *columns).order_by(vectors.c.paper.desc()).limit(number).subquery()


def _any_uncompared(db: Connection) -> bool:
    return _number(db, _NUMBER) > _number(db, _COMPARED)


def _next_number(db: Connection) -> int:
    """Return a number that was never used before, even if the papers that had the last one are deleted."""
    number = _number(db, _NUMBER) + 1
    write_value(db, _NUMBER, str(number))
    return number


def _number(db: Connection, name: str) -> int:
    return int(read_value(db, name) or 0)


def _origin(model: str, text: str) -> str:
    """Return the model and a digest of the text that a topic's vector comes from; the query may change later."""
    return f"{model} {hashlib.sha256(text.encode()).hexdigest()[:32]}"
