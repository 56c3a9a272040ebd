"""Read-only queries for the public pages: papers by day, by topic, by search and by popularity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, exists, func, select

from paperround.domain.models import DailyCounts, Match, Paper, Topic
from paperround.domain.search_plan import DaySpan
from paperround.store.engine import reading
from paperround.store.papers import load_daily_counts, load_in_order
from paperround.store.schema import daily_counts, matches, papers, topics
from paperround.store.search import SearchIndex

_HEARD_CANDIDATES = 2_000
_SORTED = 2_000  # the newest results, which a search by date or votes then sorts


@dataclass(frozen=True, slots=True)
class DiscussedPaper:
    """A paper's day and daily counts, without the paper: enough to compute its popularity."""

    paper: int
    announced: date
    daily_counts: Sequence[DailyCounts]


class Browsing:
    """Queries for the public pages."""

    def __init__(self, engine: Engine, index: SearchIndex) -> None:
        self._engine = engine
        self._index = index

    def on_days(self, first: date, last: date, limit: int, offset: int = 0, topic: int | None = None) -> list[Paper]:
        """Return the papers announced from `first` to `last` (inclusive), most upvoted first.

        With `topic`, only that topic's papers.
        """
        # The sort uses the index alone; only the papers of the requested page are read.
        order = (papers.c.upvotes.desc(), papers.c.day.desc(), papers.c.row)
        rows = _between(select(papers.c.row), first, last, topic).order_by(*order).limit(limit).offset(offset)
        with reading(self._engine) as db:
            return load_in_order(db, db.scalars(rows).all())

    def newest(self, until: date, limit: int, offset: int = 0) -> list[Paper]:
        """Return papers announced up to `until` (inclusive), newest day first, most upvoted first within a day."""
        order = (papers.c.day.desc(), papers.c.upvotes.desc(), papers.c.row)
        rows = select(papers.c.row).where(papers.c.day <= until).order_by(*order).limit(limit).offset(offset)
        with reading(self._engine) as db:
            return load_in_order(db, db.scalars(rows).all())

    def count(self, first: date, last: date, topic: int | None = None) -> int:
        """Count the papers announced from `first` to `last` (inclusive); of one topic if given."""
        with reading(self._engine) as db:
            return db.scalar(_between(select(func.count()).select_from(papers), first, last, topic)) or 0

    def day_before(self, day: date) -> date | None:
        """Return the last day before this one that has papers, or None."""
        with reading(self._engine) as db:
            before: date | None = db.scalar(select(func.max(papers.c.day)).where(papers.c.day < day))
            return before

    def day_after(self, day: date, until: date) -> date | None:
        """Return the first day after this one, up to `until` (inclusive), that has papers, or None."""
        with reading(self._engine) as db:
            found: date | None = db.scalar(
                select(func.min(papers.c.day)).where(papers.c.day > day, papers.c.day <= until)
            )
            return found

    def discussed_since(self, since: date) -> list[DiscussedPaper]:
        """Return up to 2,000 papers with daily counts since a day, most recently counted and most upvoted first."""
        # Grouped by the bare column, SQLite walks the whole table in key order;
        # the expression makes it use ix_daily_counts_day.
        paper = daily_counts.c.paper + 0
        latest = (
            select(paper)
            .where(daily_counts.c.day >= since)
            .group_by(paper)
            .order_by(func.max(daily_counts.c.day).desc(), func.max(daily_counts.c.upvotes).desc(), paper)
            .limit(_HEARD_CANDIDATES)
        )
        with reading(self._engine) as db:
            counted = load_daily_counts(db, db.scalars(latest))
            announced = select(papers.c.row, papers.c.day).where(papers.c.row.in_(counted))
            return [DiscussedPaper(row, day, counted[row]) for row, day in db.execute(announced)]

    def in_order(self, rows: Sequence[int]) -> list[Paper]:
        """Return the papers with these numbers, in this order, without those that do not exist."""
        with reading(self._engine) as db:
            return load_in_order(db, rows)

    def on_topic(self, topic: int, limit: int, offset: int = 0) -> list[tuple[Paper, Match]]:
        """Return a topic's papers, each with its match: newest day first, best score first within a day."""
        query = (
            select(matches.c.paper, matches.c.score, matches.c.why)
            .where(matches.c.topic == topic)
            .order_by(matches.c.day.desc(), matches.c.score.desc(), matches.c.paper)
            .limit(limit)
            .offset(offset)
        )
        with reading(self._engine) as db:
            slug = db.scalar(select(topics.c.slug).where(topics.c.row == topic)) or ""
            matched = {row: Match(slug, row, score, tuple(why)) for row, score, why in db.execute(query)}
            return [(paper, matched[paper.row]) for paper in load_in_order(db, list(matched))]

    def topics_of(self, rows: Iterable[int]) -> dict[int, list[Topic]]:
        """Return the public topics that each of these papers matches, best score first."""
        query = (
            select(matches.c.paper, topics.c.slug, topics.c.name, topics.c.row)
            .join_from(matches, topics)
            .where(matches.c.paper.in_(list(rows)), topics.c.private.is_(False))
            .order_by(matches.c.paper, matches.c.score.desc())
        )
        by_paper: dict[int, list[Topic]] = {}
        with reading(self._engine) as db:
            for paper, slug, name, row in db.execute(query):
                by_paper.setdefault(paper, []).append(Topic(slug, name, "", row=row))
        return by_paper

    def first_row_since(self, moment: datetime) -> int:
        """Return the number of the first paper stored since a moment, or 2**62 if none; numbers only grow."""
        stored = select(papers.c.row).where(papers.c.first_seen >= moment)
        with reading(self._engine) as db:
            return db.scalar(stored.order_by(papers.c.first_seen, papers.c.row).limit(1)) or 2**62

    def matching(self, query: Any, limit: int, days: DaySpan | None = None) -> list[Paper]:
        """Return the newest papers that match a query; within `days` if given."""
        with reading(self._engine) as db:
            return load_in_order(db, self._index.rows(db, query, 0, limit, newest_first=True, days=days))

    def sorted_found(
        self, query: Any, limit: int, *, by_votes: bool = False, days: DaySpan | None = None
    ) -> list[int]:
        """Return the numbers of the last announced, or the most upvoted, of the 2,000 newest papers that match."""
        with reading(self._engine) as db:
            rows = self._index.rows(db, query, 0, _SORTED, newest_first=True, days=days)
            return _sorted(db, rows, by_votes=by_votes)[:limit]

    def sorted_rows(self, rows: Sequence[int], *, by_votes: bool = False) -> list[int]:
        """Return the numbers of these papers, the last announced or the most upvoted first."""
        with reading(self._engine) as db:
            return _sorted(db, rows, by_votes=by_votes)

    def count_found(self, query: Any, most: int, days: DaySpan | None = None) -> int:
        """Count the papers that match a query, up to `most`; within `days` if given."""
        with reading(self._engine) as db:
            return len(self._index.rows(db, query, 0, most, newest_first=True, days=days))

    def ids_from(self, row: int, limit: int) -> list[tuple[int, str, date]]:
        """Return the number, public identifier and day of up to `limit` papers, starting at number `row`."""
        query = (
            select(papers.c.row, papers.c.id, papers.c.day)
            .where(papers.c.row >= row)
            .order_by(papers.c.row)
            .limit(limit)
        )
        with reading(self._engine) as db:
            return [(paper.row, paper.id, paper.day) for paper in db.execute(query)]

    def last_row(self) -> int:
        """Return the number of the newest paper, or 0 if there is none."""
        with reading(self._engine) as db:
            return db.scalar(select(func.max(papers.c.row))) or 0


def _sorted(db: Connection, rows: Sequence[int], *, by_votes: bool) -> list[int]:
    order = (papers.c.upvotes.desc(), papers.c.day.desc()) if by_votes else (papers.c.day.desc(),)
    query = select(papers.c.row).where(papers.c.row.in_(rows)).order_by(*order, papers.c.row.desc())
    return list(db.scalars(query))


def _between(query: Select[Any], first: date, last: date, topic: int | None) -> Select[Any]:
    query = query.where(papers.c.day.between(first, last))
    if topic is not None:
        # A subquery per paper: these days have far fewer papers than a topic has matches in a year.
        query = query.where(exists().where(matches.c.topic == topic, matches.c.paper == papers.c.row))
    return query
