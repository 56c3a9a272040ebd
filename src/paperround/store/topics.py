"""Topics and their matches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    Table,
    bindparam,
    delete,
    exists,
    func,
    select,
    update,
)

from paperround.domain.clock import LONG_AGO
from paperround.domain.errors import UnknownNameError
from paperround.domain.models import Match, Paper, SubscriberState, Topic
from paperround.domain.preferences import OWN_PREFIX
from paperround.domain.text import did_you_mean
from paperround.process.chunks import chunked
from paperround.store.bulk import ManyRows, among
from paperround.store.engine import lock_exclusively, lock_shared, reading, upsert, writing
from paperround.store.papers import load_papers
from paperround.store.schema import (
    UNMATCHED,
    WAITING_FOR_VECTOR,
    close_papers,
    editions,
    matches,
    papers,
    subscribers,
    subscriptions,
    topics,
    vectors,
)
from paperround.store.subscribers import SUBSCRIBED, email_key, take_turns

_LAST_EDITION = func.coalesce(subscriptions.c.last_edition, subscribers.c.last_edition)
UNMAILED_EDITION = 0
"""The edition of matches that are shown on pages and never sent."""
_CHUNK = 5_000


class ClosePaper(NamedTuple):
    """A paper that came close to an interest of a subscriber's own without matching it."""

    topic: int
    paper: int
    fit: float


class ComparisonResult(NamedTuple):
    """What comparing papers with topics has found."""

    matches: Sequence[tuple[int, Match]] = ()
    """Pairs of topic number and match."""
    close: Sequence[ClosePaper] = ()


@dataclass(slots=True)
class Matching:
    """Papers to compare with topics, and what was found."""

    papers: list[Paper]
    topics: list[Topic]
    found: ComparisonResult = field(default_factory=ComparisonResult)


class DueTopic(NamedTuple):
    """A topic that is due for comparing with stored papers."""

    topic: Topic
    taste_version: int
    """How often the ratings or the breadth of its subscriber had changed when this was read."""
    unread_since: datetime | None
    """When its subscriber was sent a digest last, if only unread matches are due; None if all are."""


class Topics:
    """Topics and matches."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        stored = upsert(engine, matches)
        # A changed paper keeps the edition of its match: a new score does not make it news.
        changed = {name: stored.excluded[name] for name in ("day", "score", "why")}
        stored = stored.on_conflict_do_update(index_elements=["topic", "paper"], set_=changed)
        self._matches = ManyRows(engine, stored, [column.name for column in matches.c])
        self._lost, self._lost_close = _deletion(engine, matches), _deletion(engine, close_papers)
        close = upsert(engine, close_papers)
        # Its edition stays too: it is offered once.
        close = close.on_conflict_do_update(index_elements=["topic", "paper"], set_={"fit": close.excluded.fit})
        self._close = ManyRows(engine, close, [column.name for column in close_papers.c])

    def all(self) -> list[Topic]:
        """Return all topics, oldest first."""
        with reading(self._engine) as db:
            return [_topic(record) for record in db.execute(select(topics).order_by(topics.c.row))]

    def public(self) -> list[Topic]:
        """Return the public topics: all but subscribers' own queries."""
        with reading(self._engine) as db:
            return _public(db)

    def by_slugs(self, slugs: Sequence[str]) -> list[Topic]:
        """Return the topics with these slugs, without those that do not exist."""
        with reading(self._engine) as db:
            return [_topic(record) for record in db.execute(select(topics).where(topics.c.slug.in_(slugs)))]

    def by_slug(self, slug: str) -> Topic | None:
        """Return the topic with this slug, or None."""
        with reading(self._engine) as db:
            record = db.execute(select(topics).where(topics.c.slug == slug)).one_or_none()
            return _topic(record) if record else None

    def require(self, slug: str) -> Topic:
        """Return the topic with this slug. Raises UnknownNameError, with the slug that was probably meant."""
        named = self.by_slug(slug)
        if named is None:
            hint = did_you_mean(slug, (topic.slug for topic in self.public()))
            raise UnknownNameError(f"there is no topic {slug!r}{hint}; see: paperround topics list")
        return named

    def save(self, saved: Iterable[Topic]) -> None:
        """Add or change topics; a topic whose query changes is due for matching."""
        with writing(self._engine) as db:
            save_topics(db, list(saved))

    def due(self, emails: Collection[str] | None = None) -> list[DueTopic]:
        """Return the topics to compare with stored papers; only those followed from these addresses, if given."""
        whole = topics.c.matched_query.is_(None) | (topics.c.matched_query != topics.c.query)
        due = whole | (topics.c.renewed != topics.c.renewals)
        query = select(topics, whole.label("whole")).order_by(topics.c.row)
        with reading(self._engine) as db:
            conditions = [due] if emails is None else _of_addresses(db, due, emails)
            records = [row for where in conditions for row in db.execute(query.where(where))]
            unread_since = _unread_since(db, [row.row for row in records if not row.whole])
        return [DueTopic(_topic(row), row.renewals, unread_since.get(row.row)) for row in records]

    def as_due(self, slugs: Collection[str]) -> list[DueTopic]:
        """Return the topics with these slugs as due, whether or not they are."""
        query = select(topics).where(topics.c.slug.in_(slugs)).order_by(topics.c.row)
        with reading(self._engine) as db:
            return [DueTopic(_topic(row), row.renewals, None) for row in db.execute(query)]

    def unread_of(self, rows: Collection[int]) -> dict[int, set[int]]:
        """Return the papers of these interests' matches that their subscribers have not been sent, by interest."""
        unread = {row: set[int]() for row in rows}
        query = select(matches.c.topic, matches.c.paper).join_from(matches, subscriptions, _followed(matches))
        query = query.join(subscribers, subscribers.c.row == subscriptions.c.subscriber)
        with reading(self._engine) as db:
            for topic, paper in db.execute(query.where(among(db, matches.c.topic, rows), _unread(matches))):
                unread[topic].add(paper)
        return unread

    def rematch_all(self) -> None:
        """Mark every topic as due for matching with the stored papers."""
        with writing(self._engine) as db:
            db.execute(update(topics).values(matched_query=None))

    def papers_waiting(self) -> int:
        """Count the papers that have not been compared with the topics yet."""
        with reading(self._engine) as db:
            return db.scalar(select(func.count()).select_from(papers).where(UNMATCHED)) or 0

    def waiting_rows(self) -> set[int]:
        """Return the papers, by number, that have not been compared with the topics yet."""
        with reading(self._engine) as db:
            return set(db.scalars(select(papers.c.row).where(UNMATCHED)))

    def matches_of(self, topic: Topic) -> set[int]:
        """Return the numbers of the topic's matching papers."""
        with reading(self._engine) as db:
            return set(db.scalars(select(matches.c.paper).where(matches.c.topic == topic.row)))

    def matched(self, due: DueTopic, outdated: Collection[int]) -> None:
        """Record that a due topic's matches are complete, and delete the `outdated` ones.

        If only its unread matches were due, others are kept. Does nothing if the query has changed again meanwhile:
        then the topic is still due. It also is if its subscriber's ratings or breadth have.
        """
        topic = due.topic
        same = (topics.c.row == topic.row) & (topics.c.query == topic.query)
        done = update(topics).where(same).values(matched_query=topic.query, renewed=due.taste_version)
        with writing(self._engine) as db:
            gone = sorted(outdated) if db.execute(done.returning(topics.c.row)).all() else []
            lock_shared(db, matches)
            for chunk in chunked(gone, _CHUNK):
                condition = matches.c.paper.in_(chunk)
                old = delete(matches).where(matches.c.topic == topic.row, condition)
                db.execute(old if due.unread_since is None else old.where(_still_unread(matches)))

    def remove(self, slug: str, move_to: str = "") -> None:
        """Delete a topic with its matches.

        With `move_to`, its subscribers follow that topic instead, and so will those who have yet to confirm.
        """
        old, new = (select(topics.c.row).where(topics.c.slug == name).scalar_subquery() for name in (slug, move_to))
        with writing(self._engine) as db:
            if move_to:
                take_turns(db)
            lock_shared(db, matches)
            if move_to:
                both = select(subscriptions.c.subscriber).where(subscriptions.c.topic == new)
                lone = (subscriptions.c.topic == old) & subscriptions.c.subscriber.not_in(both)
                db.execute(update(subscriptions).where(lone).values(topic=new))
                _move_requests(db, slug, move_to)
            db.execute(delete(topics).where(topics.c.slug == slug))

    def remove_unfollowed(self, rows: Collection[int]) -> set[int]:
        """Delete the given topics that have no subscribers, with their matches, and return their rows."""
        with writing(self._engine) as db:
            lock_shared(db, matches)
            # Lock the topics first: on PostgreSQL, a subscription that is being added refers to one of them.
            db.execute(select(topics.c.row).where(topics.c.row.in_(rows)).order_by(topics.c.row).with_for_update())
            followed = select(subscriptions.c.topic)
            unfollowed = delete(topics).where(topics.c.row.in_(rows), topics.c.row.not_in(followed))
            return set(db.scalars(unfollowed.returning(topics.c.row)))

    def delete_unfollowed_private(self) -> None:
        """Delete subscribers' own queries that nobody follows any more."""
        with writing(self._engine) as db:
            lock_exclusively(db, topics)  # a subscriber may be about to follow one of them
            lock_shared(db, matches)
            # With NOT IN, PostgreSQL scans all subscriptions once per topic as soon as they do not fit into work_mem.
            followed = exists().where(subscriptions.c.topic == topics.c.row)
            db.execute(delete(topics).where(topics.c.private, ~followed))

    @contextmanager
    def matching(self, limit: int) -> Iterator[Matching]:
        """Yield unmatched papers and all topics, and store the matches found in the block at its end.

        It is one transaction. The papers are read before the topics. So a topic saved after that finds these papers
        stored when it is compared with all papers, and no pair is missed.
        """
        with writing(self._engine) as db:
            waiting = select(papers.c.row).where(UNMATCHED).order_by(papers.c.row).limit(limit)
            rows = db.scalars(waiting.with_for_update(skip_locked=True, key_share=True)).all()
            work = _matching(db, papers.c.row.in_(rows)) if rows else Matching([], [])
            yield work
            self._insert(db, work.found, papers.c.archived, work)
            db.execute(update(papers).where(papers.c.row.in_(rows)).values(unmatched=False))

    @contextmanager
    def matching_again(
        self, rows: Collection[int], news_since: datetime, includes: Callable[[str], bool]
    ) -> Iterator[Matching]:
        """Yield these papers and the topics whose query `includes`, and replace what was found before.

        What is found in the block is stored as `add_found` does. Matches that are not found again are deleted, of
        papers first seen since `news_since`; an interest keeps those that its subscriber has been sent.

        It is one transaction. Papers that are unmatched are left to `matching`.
        """
        with writing(self._engine) as db:
            work = _matching(db, papers.c.row.in_(rows) & ~UNMATCHED)
            work.topics = [topic for topic in work.topics if includes(topic.query)]
            yield work
            # Exclusively, so that no other transaction adds matches of a paper or topic that has changed between
            # reading which are lost and deleting them.
            self._insert(db, work.found, _too_old(news_since), work, lock_exclusively)
            _delete(db, self._lost, _lost_matches(db, work, news_since))

    def add_found(self, result: ComparisonResult, news_since: datetime) -> None:
        """Store what was found for topics in stored papers.

        Matches of papers first seen before `news_since` are archived, so that a new topic does not send last year's
        papers.
        """
        with writing(self._engine) as db:
            for matched in chunked(result.matches, _CHUNK):
                self._insert(db, ComparisonResult(matched), _too_old(news_since))
            for close in chunked(result.close, _CHUNK):
                self._insert(db, ComparisonResult(close=close), _too_old(news_since))

    def forget_close(self, rows: Collection[int]) -> None:
        """Delete the close papers of these interests that no digest of their subscribers has passed over yet."""
        with writing(self._engine) as db:
            mine = among(db, close_papers.c.topic, rows)
            db.execute(delete(close_papers).where(mine, _still_unread(close_papers)))

    def _insert(
        self,
        db: Connection,
        result: ComparisonResult,
        old: Any,
        compared: Matching | None = None,
        lock: Callable[[Connection, Table], None] = lock_shared,
    ) -> None:
        """Store what was found.

        Matches of papers that are `old` are archived, and such papers are not stored as close. Papers and interests
        that were `compared` with each other are close only if that was found now.

        A paper may have been merged into another meanwhile, and a topic deleted. The existing ones are locked until
        the end of the transaction. To avoid deadlocks, every transaction locks papers before topics and topics before
        matches, each in ascending order.
        """
        matched = {(topic, match.paper): match for topic, match in result.matches}
        close = {(candidate.topic, candidate.paper): candidate.fit for candidate in result.close}
        pairs = sorted(matched.keys() | close.keys())
        stored = (
            select(papers.c.row, papers.c.day, old)
            .where(papers.c.row.in_({paper for _, paper in pairs}))
            .order_by(papers.c.row)
            .with_for_update(read=True, key_share=True)
        )
        facts = {row: (day, archived) for row, day, archived in db.execute(stored)}
        query = select(topics.c.row).where(topics.c.row.in_({topic for topic, _ in pairs})).order_by(topics.c.row)
        there = set(db.scalars(query.with_for_update(read=True, key_share=True)))
        insertable = [(topic, paper) for topic, paper in pairs if paper in facts and topic in there]
        if insertable or (compared and compared.papers):
            lock(db, matches)
        values = [_match_row(pair[0], matched[pair], *facts[pair[1]]) for pair in insertable if pair in matched]
        for chunk in chunked(values, _CHUNK):
            self._matches.run(db, chunk)
        nearby = [(topic, paper) for topic, paper in insertable if (topic, paper) in close and not facts[paper][1]]
        if compared:
            _delete(db, self._lost_close, _lost_close(db, compared, set(nearby)))
        for part in chunked(nearby, _CHUNK):
            rows = [{"topic": pair[0], "paper": pair[1], "fit": close[pair], "edition": None} for pair in part]
            self._close.run(db, rows)

    def of_paper(self, row: int) -> list[tuple[Topic, Match]]:
        """Return the topics that a paper matches, best score first."""
        query = (
            select(topics, matches.c.score, matches.c.why).join_from(matches, topics).where(matches.c.paper == row)
        )
        with reading(self._engine) as db:
            return [
                (_topic(record), Match(record.slug, row, record.score, tuple(record.why)))
                for record in db.execute(query.order_by(matches.c.score.desc()))
            ]

    def recent_matches(self, slug: str, since: date, limit: int = 100) -> list[Match]:
        """Return a topic's matches of papers announced since a day, newest day first, then best score first."""
        query = (
            select(matches.c.paper, matches.c.score, matches.c.why)
            .join_from(matches, topics)
            .where(topics.c.slug == slug, matches.c.day >= since)
            .order_by(matches.c.day.desc(), matches.c.score.desc(), matches.c.paper)
            .limit(limit)
        )
        with reading(self._engine) as db:
            return [Match(slug, paper, score, tuple(why)) for paper, score, why in db.execute(query)]

    def counts(self) -> dict[str, tuple[int, int]]:
        """Count the active subscribers and the papers of each topic, by slug."""
        with reading(self._engine) as db:
            followers = _numbers(
                db,
                select(subscriptions.c.topic, func.count())
                .join(subscribers, subscribers.c.row == subscriptions.c.subscriber)
                .where(subscribers.c.state == SubscriberState.ACTIVE.value)
                .group_by(subscriptions.c.topic),
            )
            by_topic = _numbers(db, select(matches.c.topic, func.count()).group_by(matches.c.topic))
            names = db.execute(select(topics.c.row, topics.c.slug)).all()
            return {slug: (followers.get(row, 0), by_topic.get(row, 0)) for row, slug in names}

    def followers(self, slug: str) -> tuple[int, int]:
        """Count the active and paused subscribers of a topic, and those of them who follow nothing else."""
        mine = (
            select(subscriptions.c.subscriber)
            .join_from(subscriptions, topics)
            .join(subscribers, subscribers.c.row == subscriptions.c.subscriber)
            .where(topics.c.slug == slug, subscribers.c.state.in_(SUBSCRIBED))
        )
        followed = (
            select(func.count().label("topics"))
            .where(subscriptions.c.subscriber.in_(mine))
            .group_by(subscriptions.c.subscriber)
            .subquery()
        )
        alone = func.count().filter(followed.c.topics == 1)
        with reading(self._engine) as db:
            everybody, lone = db.execute(select(func.count(), alone).select_from(followed)).one()
            return everybody, lone

    def public_counts(self, since: date) -> list[tuple[Topic, int, int]]:
        """Return each public topic with its number of active subscribers and of papers announced since a day."""
        # Nearly all subscriptions belong to active subscribers, so subtracting the others is faster than joining
        # every subscriber.
        idle = select(subscriptions.c.topic, func.count()).join(
            subscribers, subscribers.c.row == subscriptions.c.subscriber
        )
        idle = idle.where(
            subscribers.c.state.in_([s.value for s in SubscriberState if s is not SubscriberState.ACTIVE])
        )
        news = select(func.count()).where(matches.c.topic == topics.c.row, matches.c.day >= since)
        with reading(self._engine) as db:
            followed = _numbers(db, select(subscriptions.c.topic, func.count()).group_by(subscriptions.c.topic))
            unread = _numbers(db, idle.group_by(subscriptions.c.topic))
            by_topic = _numbers(db, select(topics.c.row, news.scalar_subquery()).where(topics.c.private.is_(False)))
            return [
                (topic, followed.get(topic.row, 0) - unread.get(topic.row, 0), by_topic.get(topic.row, 0))
                for topic in _public(db)
            ]

    def private_count(self) -> int:
        """Count subscribers' own queries."""
        with reading(self._engine) as db:
            return db.scalar(select(func.count()).select_from(topics).where(topics.c.private)) or 0


def _of_addresses(db: Connection, due: ColumnElement[bool], emails: Collection[str]) -> Iterator[ColumnElement[bool]]:
    """Yield conditions that together select the due topics that are followed from these addresses."""
    keys = sorted(set(map(email_key, emails)))
    for chunk in chunked(keys, _CHUNK):
        named = select(subscribers.c.row).where(among(db, subscribers.c.email_key, chunk))
        yield due & topics.c.row.in_(select(subscriptions.c.topic).where(subscriptions.c.subscriber.in_(named)))


def _unread_since(db: Connection, rows: Collection[int]) -> dict[int, datetime]:
    """Return when the subscribers of these interests were last sent a digest, by interest."""
    unread_since = dict.fromkeys(rows, LONG_AGO)
    if rows:
        query = (
            select(subscriptions.c.topic, func.max(editions.c.closed_at))
            .join_from(subscriptions, subscribers)
            .join(editions, editions.c.number == _LAST_EDITION)
            .where(among(db, subscriptions.c.topic, rows))
            .group_by(subscriptions.c.topic)
        )
        unread_since |= dict(db.execute(query).all())
    return unread_since


def _deletion(engine: Engine, table: Table) -> ManyRows:
    """Return the statement that deletes pairs of topic and paper from a table."""
    pair = (table.c.topic == bindparam("of_topic")) & (table.c.paper == bindparam("of_paper"))
    return ManyRows(engine, delete(table).where(pair))


def _delete(db: Connection, deletion: ManyRows, pairs: Sequence[tuple[int, int]]) -> None:
    for chunk in chunked(pairs, _CHUNK):
        deletion.run(db, [{"of_topic": topic, "of_paper": paper} for topic, paper in chunk])


def _followed(table: Table) -> ColumnElement[bool]:
    """Return the condition that a subscription is to the topic of a match or close paper."""
    return subscriptions.c.topic == table.c.topic


def _unread(table: Table) -> ColumnElement[bool]:
    """Return the condition that no digest of the subscriber has covered a match or close paper."""
    return table.c.edition.is_(None) | (table.c.edition > _LAST_EDITION)


def _still_unread(table: Table) -> ColumnElement[bool]:
    """Return the condition that no digest of the topic's only subscriber has covered a match or close paper."""
    query = select(subscribers.c.row).join_from(subscriptions, subscribers)
    return exists(query.where(_followed(table), _unread(table)).correlate(table))


def _lost_close(db: Connection, work: Matching, pairs: Set[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the close papers, as pairs of topic and paper, that were not found again although both were compared."""
    of_papers = among(db, close_papers.c.paper, [paper.row for paper in work.papers])
    stored = db.execute(select(close_papers.c.topic, close_papers.c.paper).where(of_papers)).all()
    compared = {topic.row for topic in work.topics}
    return sorted({(topic, paper) for topic, paper in stored if topic in compared} - pairs)


def _lost_matches(db: Connection, work: Matching, news_since: datetime) -> list[tuple[int, int]]:
    """Return the matches, as pairs of topic and paper, that were not found again although both are as compared."""
    compared = {topic.row: topic.query for topic in work.topics}
    pairs = {(topic, match.paper) for topic, match in work.found.matches}
    # A paper whose text has changed meanwhile is unmatched or has no vector; it is compared again.
    as_compared = ~UNMATCHED & ~WAITING_FOR_VECTOR & (papers.c.first_seen >= news_since)
    unsent = _still_unread(matches) | (matches.c.edition == UNMAILED_EDITION)
    query = (
        select(matches.c.topic, matches.c.paper, topics.c.query)
        .join_from(matches, topics)
        .join(papers, papers.c.row == matches.c.paper)
        .join(vectors, vectors.c.paper == matches.c.paper)
        .where(among(db, matches.c.paper, [paper.row for paper in work.papers]), as_compared)
        .where(~topics.c.private | unsent)
    )
    return [
        (topic, paper)
        for topic, paper, text in db.execute(query)
        if compared.get(topic) == text and (topic, paper) not in pairs
    ]


def _move_requests(db: Connection, old: str, new: str) -> None:
    """Replace a topic in the preferences that wait for confirmation."""
    waiting = select(subscribers.c.row, subscribers.c.request).where(subscribers.c.request.is_not(None))
    for row, request in db.execute(waiting.with_for_update()).all():
        if old in request.get("topics", ()):
            slugs = dict.fromkeys(new if slug == old else slug for slug in request["topics"])
            changed = {**request, "topics": list(slugs)}
            db.execute(update(subscribers).where(subscribers.c.row == row).values(request=changed))


def _public(db: Connection) -> list[Topic]:
    query = select(topics).where(topics.c.private.is_(False)).order_by(topics.c.row)
    return [_topic(record) for record in db.execute(query)]


def _numbers(db: Connection, query: Select[Any]) -> dict[int, int]:
    return dict(db.execute(query).all())


def save_topics(db: Connection, given: Sequence[Topic]) -> None:
    """Add or change topics."""
    names = ("slug", "name", "query", "about", "private")
    added = upsert(db, topics)
    changed = {name: added.excluded[name] for name in names}
    if given:
        values = [{name: getattr(topic, name) for name in names} for topic in given]
        db.execute(added.on_conflict_do_update(index_elements=["slug"], set_=changed), values)


def renew_unread(db: Connection, rows: Collection[int]) -> None:
    """Make the unread matches of these subscribers' interests due again: their ratings or their breadth changed."""
    if rows:
        theirs = select(subscriptions.c.topic).where(among(db, subscriptions.c.subscriber, rows))
        own = topics.c.row.in_(theirs) & topics.c.slug.startswith(OWN_PREFIX, autoescape=True) & topics.c.private
        db.execute(update(topics).where(own).values(renewals=topics.c.renewals + 1))


def edition_before(db: Connection, moment: datetime) -> int:
    """Return the last edition closed before a moment; a subscription that starts there includes all later ones."""
    return db.scalar(select(func.max(editions.c.number)).where(editions.c.closed_at < moment)) or UNMAILED_EDITION


def news_horizon(now: datetime) -> datetime:
    """Return how far back a new topic or subscription reaches: one week."""
    return now - timedelta(days=7)


def _matching(db: Connection, which: ColumnElement[bool]) -> Matching:
    """Return papers to compare with all topics; the papers are read before the topics."""
    batch = list(load_papers(db, which))
    return Matching(batch, [_topic(topic) for topic in db.execute(select(topics).order_by(topics.c.row))])


def _too_old(news_since: datetime) -> ColumnElement[bool]:
    """Return the condition that a paper is not sent to those whose topic or interest turns out to match it."""
    return papers.c.archived | (papers.c.first_seen < news_since)


def _match_row(topic: int, match: Match, day: date, archived: bool) -> dict[str, Any]:
    return {
        "topic": topic,
        "paper": match.paper,
        "day": day,
        "score": match.score,
        "why": match.why,
        "edition": UNMAILED_EDITION if archived else None,
    }


def _topic(record: Any) -> Topic:
    return Topic(
        slug=record.slug,
        name=record.name,
        query=record.query,
        about=record.about,
        row=record.row,
        private=record.private,
    )
