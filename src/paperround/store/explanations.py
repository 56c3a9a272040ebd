"""Read-only queries that explain why a paper is in a digest or not, for previews."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import NamedTuple

from sqlalchemy import Engine, Select, select

from paperround.domain.models import Match
from paperround.store.engine import reading
from paperround.store.owned_papers import owned_by
from paperround.store.schema import digests, issues, matches, papers, topics
from paperround.store.sent_before import earlier_numbers, sent_before


class StoredState(NamedTuple):
    """What decides whether a paper can be in a letter at all."""

    unmatched: bool
    """Whether it is new or changed, and was not compared with the topics yet."""
    archived: bool
    """Whether it was imported as an older paper, and is never sent."""


class Explanations:
    """Queries for previews."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def matches(self, papers: Collection[int], slugs: Collection[str]) -> list[Match]:
        """Return the current matches of these papers and topics, by paper, best score first."""
        query = (
            select(topics.c.slug, matches.c.paper, matches.c.score, matches.c.why)
            .join_from(matches, topics)
            .where(matches.c.paper.in_(papers), topics.c.slug.in_(slugs))
            .order_by(matches.c.paper, matches.c.score.desc(), topics.c.row)
        )
        with reading(self._engine) as db:
            return [Match(slug, paper, score, tuple(why)) for slug, paper, score, why in db.execute(query)]

    def owns(self, subscriber: int, paper: int) -> bool:
        """Return whether the paper is in the subscriber's library or on their reading list."""
        with reading(self._engine) as db:
            return paper in owned_by(db, [subscriber]).get(subscriber, ())

    def state(self, paper: int) -> StoredState:
        """Return whether a paper waits to be compared, and whether it is archived."""
        query = select(papers.c.unmatched, papers.c.archived).where(papers.c.row == paper)
        with reading(self._engine) as db:
            return StoredState(*db.execute(query).one())

    def latest(self, slugs: Collection[str], since: date, until: date, limit: int) -> list[Match]:
        """Return matches of these topics from `since` to `until` (inclusive), newest day and best score first."""
        query = (
            select(topics.c.slug, matches.c.paper, matches.c.score, matches.c.why)
            .join_from(matches, topics)
            .join(papers, papers.c.row == matches.c.paper)
            .where(topics.c.slug.in_(slugs), papers.c.day.between(since, until))
            .order_by(papers.c.day.desc(), matches.c.score.desc(), papers.c.row)
            .limit(limit)
        )
        with reading(self._engine) as db:
            return [Match(slug, paper, score, tuple(why)) for slug, paper, score, why in db.execute(query)]

    def days(self, slugs: Collection[str], limit: int) -> list[date]:
        """Return the latest days that have a paper on one of these topics, newest first."""
        query: Select[tuple[date]] = (
            select(papers.c.day)
            .join_from(papers, matches, matches.c.paper == papers.c.row)
            .join(topics, topics.c.row == matches.c.topic)
            .where(topics.c.slug.in_(slugs))
            .distinct()
            .order_by(papers.c.day.desc())
            .limit(limit)
        )
        with reading(self._engine) as db:
            return list(db.scalars(query))

    def had(self, subscriber: int, papers: Collection[int]) -> dict[int, date]:
        """Return which of these papers the subscriber was sent, included or counted, with the issue's day."""
        with reading(self._engine) as db:
            sent = sent_before(db, {subscriber: 0}, papers, earlier_numbers(db, papers)).get(subscriber, {})
            query = select(digests.c.row, issues.c.day).join_from(digests, issues)
            days = dict(db.execute(query.where(digests.c.row.in_(set(sent.values())))).all())
        return {paper: days[digest] for paper, digest in sent.items() if digest in days}
