"""Papers of a subscriber's own library that are not stored here, and the linked libraries they come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, select, update

from paperround.domain.models import Feedback, Paper
from paperround.store.bulk import among
from paperround.store.engine import reading, upsert, writing
from paperround.store.schema import examples, libraries

MAX_EXAMPLES = 200
"""The maximum number of examples kept per subscriber, the latest ones; more would not improve the taste."""
_MAX_TRIES = 3


@dataclass(frozen=True, slots=True)
class Example:
    """A paper that is not stored here and says what a subscriber likes."""

    key: str
    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ()
    owned: bool = True
    """Whether it is in their library, rather than only by an author whose papers they like."""


@dataclass(frozen=True, slots=True)
class LinkedLibrary:
    """A library at a service, and the result of its last synchronization."""

    subscriber: int
    kind: str
    """`zotero` or `orcid`."""
    account: str
    secret: str
    """The API key, encrypted; empty if there is none."""
    synced_at: datetime | None
    problem: str
    """The error of the last synchronization; empty if there was none."""


class Examples:
    """Subscribers' examples and linked libraries."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, subscriber: int, given: Iterable[Example], now: datetime) -> int:
        """Store examples and return how many are new. The oldest beyond MAX_EXAMPLES are deleted.

        One that is stored already is owned from now on if it is given as owned.
        """
        with writing(self._engine) as db:
            mine = examples.c.subscriber == subscriber
            owned = dict(db.execute(select(examples.c.key, examples.c.owned).where(mine)).all())
            by_key = _by_key(given)
            fresh = {key: example for key, example in by_key.items() if key not in owned}
            newly_owned = [key for key, example in by_key.items() if example.owned and owned.get(key) is False]
            db.execute(update(examples).where(mine, among(db, examples.c.key, newly_owned)).values(owned=True))
            if fresh:
                values = [_row(subscriber, example, now) for example in list(fresh.values())[:MAX_EXAMPLES]]
                db.execute(upsert(db, examples).on_conflict_do_nothing(), values)
            newest = select(examples.c.row).where(mine).order_by(examples.c.row.desc()).limit(MAX_EXAMPLES)
            db.execute(delete(examples).where(mine, examples.c.row.not_in(newest)))
            return len(fresh)

    def count(self, subscriber: int) -> int:
        """Count the examples of a subscriber whose titles are known."""
        with reading(self._engine) as db:
            query = select(func.count()).where(examples.c.subscriber == subscriber, examples.c.title != "")
            return db.scalar(query) or 0

    def waiting(self, limit: int) -> list[tuple[int, str]]:
        """Return the numbers and keys of arXiv examples whose titles are not known yet."""
        query = select(examples.c.row, examples.c.key).where(
            examples.c.title == "", examples.c.key.startswith("arxiv:"), examples.c.tries < _MAX_TRIES
        )
        with reading(self._engine) as db:
            return [(row, key) for row, key in db.execute(query.order_by(examples.c.row).limit(limit))]

    def fill(self, papers_found: Mapping[int, Example], tried: Sequence[int]) -> None:
        """Store the examples found, by number, and count an attempt for those in `tried` (at most three)."""
        with writing(self._engine) as db:
            db.execute(update(examples).where(examples.c.row.in_(tried)).values(tries=examples.c.tries + 1))
            for row, example in papers_found.items():
                values = {"title": example.title, "abstract": example.abstract, "authors": list(example.authors)}
                db.execute(update(examples).where(examples.c.row == row).values(values))

    def forget(self, subscriber: int) -> None:
        """Delete all examples and linked libraries of a subscriber."""
        with writing(self._engine) as db:
            db.execute(delete(examples).where(examples.c.subscriber == subscriber))
            db.execute(delete(libraries).where(libraries.c.subscriber == subscriber))

    def learned_from(self, subscriber: int) -> tuple[tuple[Feedback, ...], dict[int, Paper]]:
        """Return a subscriber's examples as feedback, and their papers by number; these numbers are negative."""
        with reading(self._engine) as db:
            learned = examples_of(db, [subscriber]).get(subscriber, [])
            return tuple(feedback for feedback, _ in learned), {paper.row: paper for _, paper in learned}

    # --- linked libraries ---------------------------------------------------------------------------------------

    def link(self, subscriber: int, kind: str, account: str, secret: str) -> None:
        """Store a linked library, or replace the one of this kind; the next sweep reads it."""
        values = {"account": account, "secret": secret, "synced_at": None, "problem": ""}
        with writing(self._engine) as db:
            statement = upsert(db, libraries).values(subscriber=subscriber, kind=kind, **values)
            db.execute(statement.on_conflict_do_update(index_elements=["subscriber", "kind"], set_=values))

    def unlink(self, subscriber: int, kind: str) -> None:
        """Delete a linked library and its key; its examples stay."""
        with writing(self._engine) as db:
            db.execute(delete(libraries).where(libraries.c.subscriber == subscriber, libraries.c.kind == kind))

    def linked(self, subscriber: int) -> list[LinkedLibrary]:
        """Return a subscriber's linked libraries, by kind."""
        query = select(libraries).where(libraries.c.subscriber == subscriber).order_by(libraries.c.kind)
        with reading(self._engine) as db:
            return [_linked(record) for record in db.execute(query)]

    def due(self, before: datetime, now: datetime, limit: int) -> list[LinkedLibrary]:
        """Return libraries that were not synchronized since a moment, those never synchronized first.

        Those that were synchronized in the future, by a clock that ran ahead, are due as well.
        """
        stale = libraries.c.synced_at.is_(None) | (libraries.c.synced_at < before) | (libraries.c.synced_at > now)
        query = select(libraries).where(stale).order_by(libraries.c.synced_at.is_not(None), libraries.c.synced_at)
        with reading(self._engine) as db:
            return [_linked(record) for record in db.execute(query.limit(limit))]

    def synced(self, library: LinkedLibrary, now: datetime, problem: str = "") -> None:
        """Record that a library was synchronized, or the problem that prevented it."""
        mine = (libraries.c.subscriber == library.subscriber) & (libraries.c.kind == library.kind)
        with writing(self._engine) as db:
            db.execute(update(libraries).where(mine).values(synced_at=now, problem=problem))


def examples_of(db: Connection, subscribers: Sequence[int]) -> dict[int, list[tuple[Feedback, Paper]]]:
    """Return each subscriber's examples, as feedback and paper with a negative number."""
    by_subscriber: dict[int, list[tuple[Feedback, Paper]]] = {}
    query = select(examples).where(among(db, examples.c.subscriber, subscribers), examples.c.title != "")
    for row in db.execute(query.order_by(examples.c.row)):
        paper = Paper(
            id=row.key, row=-row.row, title=row.title, abstract=row.abstract, authors=tuple(row.authors),
            day=row.at.date(), sources=(), first_seen=row.at,
        )  # fmt: skip
        by_subscriber.setdefault(row.subscriber, []).append((Feedback(paper.row, 1, row.at), paper))
    return by_subscriber


def _by_key(given: Iterable[Example]) -> dict[str, Example]:
    """Return the last example of each key; it is owned if any of them is."""
    by_key: dict[str, Example] = {}
    for example in given:
        before = by_key.get(example.key)
        by_key[example.key] = replace(example, owned=example.owned or (before is not None and before.owned))
    return by_key


def _row(subscriber: int, example: Example, now: datetime) -> dict[str, Any]:
    return {
        "subscriber": subscriber,
        "key": example.key,
        "title": example.title,
        "abstract": example.abstract,
        "authors": list(example.authors),
        "at": now,
        "tries": 0,
        "owned": example.owned,
    }


def _linked(record: Any) -> LinkedLibrary:
    return LinkedLibrary(
        record.subscriber, record.kind, record.account, record.secret, record.synced_at, record.problem
    )
