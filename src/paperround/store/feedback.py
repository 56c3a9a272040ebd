"""Feedback: subscribers' ratings of papers, more or less like this. The latest rating of a paper counts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, delete, func, or_, select

from paperround.domain.models import Feedback, NoticeKind
from paperround.domain.preferences import OWN_PREFIX, Breadth
from paperround.domain.schedule import Cadence
from paperround.process.chunks import chunked
from paperround.store.bulk import among
from paperround.store.engine import reading, upsert, writing
from paperround.store.reading_lists import save_paper
from paperround.store.schema import (
    ROW_KEY,
    deliveries,
    feedback,
    paper_keys,
    papers,
    subscribers,
    subscriptions,
    topics,
)
from paperround.store.subscription_requests import NewNotice, notice_row
from paperround.store.topics import renew_unread

_CHUNK = 500
_MAX_REPLIES_PER_DAY = 10  # of a subscriber in a day, so that replies and answers cannot go round forever

MAX_RATINGS = 100
"""How many of a subscriber's latest ratings determine their taste, so that a change of mind takes effect."""


@dataclass(frozen=True, slots=True)
class FeedbackEntry:
    """A subscriber's rating of a paper, for display."""

    paper: int
    id: str
    title: str
    verdict: int


@dataclass(frozen=True, slots=True)
class InterestFollower:
    """What decides which papers an interest of a subscriber takes, and whether close ones are wanted."""

    breadth: Breadth = Breadth.USUAL
    feedback: tuple[Feedback, ...] = ()
    """The latest first."""
    queries: tuple[str, ...] = ()
    """All interests that the subscriber has; empty without feedback."""
    cadence: Cadence = Cadence.DAILY


class SubscriberFeedback:
    """Subscribers' feedback."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def rate(self, subscriber: int, paper: int, verdict: int, now: datetime) -> bool:
        """Store a rating, +1 or −1. Return False if the subscriber or the paper no longer exists.

        `paper` may also be the former number of a merged paper.
        """
        with writing(self._engine) as db:
            return _lock_subscriber(db, subscriber) is not None and rate_one(db, subscriber, paper, verdict, now)

    def like_all(self, subscriber: int, papers_liked: Mapping[int, bool], now: datetime) -> None:
        """Store that a subscriber wants more like each of these papers, unless they have rated it.

        The value of each paper tells whether the subscriber has it, so that no letter brings it as new.
        """
        with writing(self._engine) as db:
            if _lock_subscriber(db, subscriber) is None:
                return
            present = _locked(db, list(papers_liked))
            owned = {present[row] for row, is_owned in papers_liked.items() if is_owned and row in present}
            if present:
                values = {"subscriber": subscriber, "verdict": 1, "at": now}
                statement = upsert(db, feedback)
                statement = statement.on_conflict_do_update(
                    index_elements=["subscriber", "paper"],
                    set_={"owned": or_(feedback.c.owned, statement.excluded.owned)},
                )
                rows = sorted(set(present.values()))
                db.execute(statement, [{**values, "paper": row, "owned": row in owned} for row in rows])
                renew_unread(db, [subscriber])

    def take_reply(
        self, subscriber: int, verdicts: Mapping[int, int], saved: Sequence[int], answer: NewNotice, now: datetime
    ) -> bool:
        """Store what a subscriber replied to a letter, and queue the notice that answers it, in one transaction.

        `verdicts` are by paper, +1 or −1; `saved` are the papers for the reading list. The answer's Message-ID
        identifies the reply. Return False and change nothing if the reply is known already, the subscriber no longer
        exists or has sent ten others within a day.
        """
        with writing(self._engine) as db:
            email = _lock_subscriber(db, subscriber)
            if email is None or _replies(db, subscriber, now - timedelta(days=1)) >= _MAX_REPLIES_PER_DAY:
                return False
            notice = upsert(db, deliveries).values(notice_row(subscriber, email, NoticeKind.REPLY, answer, now))
            if not db.execute(notice.on_conflict_do_nothing().returning(deliveries.c.row)).all():
                return False
            for paper, verdict in verdicts.items():
                rate_one(db, subscriber, paper, verdict, now)
            for paper in saved:
                save_paper(db, subscriber, paper, now)
            return True

    def forget(self, subscriber: int, paper: int) -> None:
        """Delete a subscriber's rating of a paper."""
        with writing(self._engine) as db:
            rows = (paper, _merged(db, [paper]).get(paper, paper))
            db.execute(delete(feedback).where(feedback.c.subscriber == subscriber, feedback.c.paper.in_(rows)))
            renew_unread(db, [subscriber])

    def forget_all(self, subscriber: int) -> int:
        """Delete all ratings of a subscriber and return how many there were."""
        with writing(self._engine) as db:
            gone = delete(feedback).where(feedback.c.subscriber == subscriber).returning(feedback.c.paper)
            number = len(db.execute(gone).all())
            renew_unread(db, [subscriber])
            return number

    def ratings(self, subscriber: int) -> tuple[Feedback, ...]:
        """Return the ratings that determine a subscriber's taste, latest first."""
        with reading(self._engine) as db:
            return ratings_of(db, [subscriber]).get(subscriber, ())

    def interest_followers(self) -> dict[int, InterestFollower]:
        """Return the followers of subscribers' own interests, by topic number.

        Left out are those who get a letter each day, chose no breadth and gave no feedback.
        """
        chosen = subscribers.c.breadth, subscribers.c.cadence
        query = (
            select(subscriptions.c.topic, subscriptions.c.subscriber, *chosen, topics.c.query)
            .join_from(subscriptions, topics)
            .join(subscribers, subscribers.c.row == subscriptions.c.subscriber)
            .where(topics.c.private, topics.c.slug.startswith(OWN_PREFIX, autoescape=True))
            .order_by(subscriptions.c.topic)
        )
        with reading(self._engine) as db:
            followers = db.execute(query).all()
            queries: dict[int, list[str]] = {}
            for follower in followers:
                queries.setdefault(follower.subscriber, []).append(follower.query)
            rating = sorted(queries.keys() & set(db.scalars(select(feedback.c.subscriber).distinct())))
            ratings: dict[int, tuple[Feedback, ...]] = {}
            for chunk in chunked(rating, _CHUNK):
                ratings |= ratings_of(db, chunk)
        by_topic = {
            topic: InterestFollower(breadth, ratings[subscriber], tuple(queries[subscriber]), cadence)
            if subscriber in ratings
            else InterestFollower(breadth, cadence=cadence)
            for topic, subscriber, breadth, cadence, _ in followers
        }
        return {topic: follower for topic, follower in by_topic.items() if follower != InterestFollower()}

    def verdicts(self, subscriber: int) -> dict[int, int]:
        """Return all verdicts of a subscriber, by paper."""
        query = select(feedback.c.paper, feedback.c.verdict).where(feedback.c.subscriber == subscriber)
        with reading(self._engine) as db:
            return dict(db.execute(query).all())

    def latest(self, subscriber: int, limit: int) -> list[FeedbackEntry]:
        """Return a subscriber's ratings with the papers' titles, latest first."""
        query = (
            select(feedback.c.paper, papers.c.id, papers.c.title, feedback.c.verdict)
            .join_from(feedback, papers)
            .where(feedback.c.subscriber == subscriber)
            .order_by(feedback.c.at.desc(), feedback.c.paper.desc())
            .limit(limit)
        )
        with reading(self._engine) as db:
            return [FeedbackEntry(*record) for record in db.execute(query)]

    def current_numbers(self, rows: Iterable[int]) -> dict[int, int]:
        """Map paper numbers to current numbers; they differ for papers that were merged into another."""
        papers_rated = list(rows)
        with reading(self._engine) as db:
            merged = _merged(db, papers_rated)
            return {row: merged.get(row, row) for row in papers_rated}


def ratings_of(db: Connection, subscribers: Sequence[int]) -> dict[int, tuple[Feedback, ...]]:
    """Return the ratings that determine these subscribers' tastes, latest first, by subscriber.

    Subscribers without any are left out.
    """
    age = func.row_number().over(
        partition_by=feedback.c.subscriber, order_by=(feedback.c.at.desc(), feedback.c.paper.desc())
    )
    aged = select(feedback, age.label("age")).where(among(db, feedback.c.subscriber, subscribers)).subquery()
    by_subscriber: dict[int, list[Feedback]] = {}
    for row in db.execute(select(aged).where(aged.c.age <= MAX_RATINGS).order_by(aged.c.subscriber, aged.c.age)):
        by_subscriber.setdefault(row.subscriber, []).append(Feedback(row.paper, row.verdict, row.at))
    return {subscriber: tuple(words) for subscriber, words in by_subscriber.items()}


def _lock_subscriber(db: Connection, subscriber: int) -> str | None:
    """Return the subscriber's address, and keep them from being erased before the transaction ends."""
    stored = select(subscribers.c.email).where(subscribers.c.row == subscriber)
    email: str | None = db.scalar(stored.with_for_update(read=True, key_share=True))
    return email


def _replies(db: Connection, subscriber: int, since: datetime) -> int:
    mine = (
        deliveries.c.subscriber == subscriber,
        deliveries.c.notice == NoticeKind.REPLY.value,
        deliveries.c.created_at > since,
    )
    return db.scalar(select(func.count()).select_from(deliveries).where(*mine)) or 0


def rate_one(db: Connection, subscriber: int, paper: int, verdict: int, now: datetime) -> bool:
    """Store a rating, +1 or −1. Return False if the paper no longer exists."""
    row = _locked(db, [paper]).get(paper)
    if row is None:
        return False
    word = upsert(db, feedback).values(subscriber=subscriber, paper=row, verdict=verdict, at=now)
    db.execute(
        word.on_conflict_do_update(index_elements=["subscriber", "paper"], set_={"verdict": verdict, "at": now})
    )
    renew_unread(db, [subscriber])
    return True


def _locked(db: Connection, rows: Sequence[int]) -> dict[int, int]:
    """Return the present number of each paper that exists, and keep it from being merged into another one.

    That holds until the transaction ends.
    """
    locked = {row: row for row in _lock(db, rows)}
    merged = _merged(db, [row for row in rows if row not in locked])
    there = _lock(db, merged.values())
    return locked | {old: row for old, row in merged.items() if row in there}


def _lock(db: Connection, rows: Collection[int]) -> set[int]:
    if not rows:
        return set()
    query = select(papers.c.row).where(among(db, papers.c.row, list(rows))).order_by(papers.c.row)
    return set(db.scalars(query.with_for_update(read=True, key_share=True)))


def _merged(db: Connection, rows: Sequence[int]) -> dict[int, int]:
    """Map the numbers of merged papers to the papers they were merged into."""
    keys = {f"{ROW_KEY}{row}": row for row in rows}
    query = select(paper_keys.c.key, paper_keys.c.paper).where(among(db, paper_keys.c.key, list(keys)))
    return {keys[key]: paper for key, paper in db.execute(query)}
