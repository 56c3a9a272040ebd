"""Issues and digests: which matches are unread, who is due, and what each digest contains, frozen once composed."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any, overload

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Text,
    bindparam,
    cast,
    exists,
    func,
    insert,
    select,
    update,
)

from paperround.domain.errors import UnknownNameError
from paperround.domain.models import (
    DayFacts,
    DeliveryState,
    Digest,
    IssueCounts,
    Paper,
    PaperNote,
    Pick,
    Score,
    Section,
    Subscriber,
    SubscriberState,
    TopicCounts,
    pack_scores,
)
from paperround.domain.notes import choose_news, is_thin, may_have_close, read_facts, read_notes
from paperround.domain.preferences import is_own
from paperround.domain.schedule import Cadence, Issue, span_days
from paperround.process.lazy import LazyModule
from paperround.store.bulk import Prepared, among, among_given
from paperround.store.close_papers import close_to
from paperround.store.due import DueBatch, DueSubscriber
from paperround.store.engine import lock_exclusively, lock_shared, plan_once, reading, writing
from paperround.store.examples import examples_of
from paperround.store.feedback import ratings_of
from paperround.store.new_digests import DigestWriter, count_by_day
from paperround.store.owned_papers import owned_by
from paperround.store.papers import paper_from_snapshot
from paperround.store.reading_lists import saved_by
from paperround.store.schema import (
    close_papers,
    deliveries,
    digest_papers,
    digests,
    editions,
    issue_papers,
    issue_topics,
    issues,
    matches,
    subscribers,
    subscriptions,
)
from paperround.store.sent_before import sent_before
from paperround.store.sent_papers import news_for, sent_notes
from paperround.store.subscribers import DUE_COLUMNS, due_subscriber, load_subscribers
from paperround.store.unread import Follows, MatchCache
from paperround.store.unsent import GIVEN_UP, first_edition, unsent_papers_of

if TYPE_CHECKING:
    import numpy as np

    from paperround.domain import match_table
else:
    np = LazyModule("numpy")  # slow to load, and few commands choose papers
    match_table = LazyModule("paperround.domain.match_table")  # loads NumPy

Due = Sequence[tuple[Subscriber, tuple[str, ...], Sequence[tuple[int, int]]]]
"""Subscribers, each with the slugs of their topics, and the numbers of these with the last edition sent of each."""
_IN_EDITIONS = matches, close_papers
_NO_PAPER = 2**63 - 1  # larger than any number of a paper


class Issues:
    """Issues, digests and the batches they are composed in."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._printed = Prepared(engine, _PRINTED.where(among_given(engine, digests.c.row, "rows")))
        self._writer = DigestWriter(engine)

    def close_edition(self, now: datetime) -> int:
        """Give all matches and close papers without an edition the next number; return that of the newest edition."""
        with writing(self._engine) as db:
            lock_exclusively(db, matches)  # close papers are stored under this lock too
            last = db.scalar(select(func.max(editions.c.number))) or 0
            first = [select(one.c.paper).where(one.c.edition.is_(None)).limit(1) for one in _IN_EDITIONS]
            if all(db.scalar(query) is None for query in first):
                return last
            db.execute(insert(editions).values(number=last + 1, closed_at=now))
            for one in _IN_EDITIONS:
                db.execute(update(one).where(one.c.edition.is_(None)).values(edition=last + 1))
            return last + 1

    def due_count(self, now: datetime) -> int:
        """Count the subscribers who are due."""
        with reading(self._engine) as db:
            return db.scalar(select(func.count()).select_from(subscribers).where(*_is_due(now))) or 0

    def next_digest_at(self) -> datetime | None:
        """Return when the next active subscriber is due, or None if nobody is."""
        with reading(self._engine) as db:
            query = select(func.min(subscribers.c.next_digest_at)).where(
                subscribers.c.state == SubscriberState.ACTIVE.value
            )
            found: datetime | None = db.scalar(query)
            return found

    @contextmanager
    def batch(self, now: datetime, cache: MatchCache, limit: int, most_matches: int) -> Iterator[DueBatch]:
        """Yield due subscribers, longest waiting first, and store the results at the end of the block.

        It is one transaction. There are up to `limit` subscribers, fewer if together they have more than
        `most_matches` unread matches: these determine how long the batch takes, and other writers wait for it. Use
        one `cache` for all batches of a round.

        Two programs never get the same subscriber: on SQLite the block holds the write lock; on PostgreSQL the
        subscribers' rows are locked and other programs skip them.
        """
        with writing(self._engine) as db:
            plan_once(db)
            lock_shared(db, digest_papers)
            cache.begin(db)
            batch = _with_matches(db, _due(db, now, cache, limit, most_matches), cache, now, lock=True)
            yield batch
            self._writer.keep(db, batch.decided, cache.edition or 0, now)

    def unread(self, subscriber: Subscriber, now: datetime) -> DueBatch:
        """Return a batch of one subscriber, due or not, for a preview: nothing is locked or stored."""
        with reading(self._engine) as db:
            return _unread_by(db, subscriber, now)

    def digest(self, row: int) -> Digest:
        """Return a digest as it was composed. Raises UnknownNameError if it no longer exists."""
        with reading(self._engine) as db:
            stored = _digests(db, digests.c.row == row)
        if row not in stored:
            raise UnknownNameError(f"digest {row} does not exist")
        return stored[row]

    def digest_owner(self, digest: int) -> tuple[int, datetime] | None:
        """Return the subscriber of a digest and when it was composed, or None if it no longer exists."""
        with reading(self._engine) as db:
            found = db.execute(
                select(digests.c.subscriber, digests.c.created_at).where(digests.c.row == digest)
            ).one_or_none()
            return (found.subscriber, found.created_at) if found else None

    def digest_of_delivery(self, row: int) -> Digest | None:
        """Return the digest of a delivery, or None for a notice or an unknown delivery."""
        with reading(self._engine) as db:
            digest = select(deliveries.c.digest).where(deliveries.c.row == row).scalar_subquery()
            return next(iter(_digests(db, digests.c.row == digest).values()), None)

    def digests(self, rows: Sequence[int]) -> dict[int, Digest]:
        """Return digests by number with what their letters print: without the components of ranks."""
        return {one[0]: _printed_digest(*one) for one in self._printed.fetch(rows=rows)}

    def digest_on(self, subscriber: int, day: date) -> Digest | None:
        """Return the subscriber's digest of a local date, or None."""
        with reading(self._engine) as db:
            found = _digests(db, (digests.c.subscriber == subscriber) & (issues.c.day == day))
            return next(iter(found.values()), None)

    def digests_of(self, subscriber: int, limit: int = 50) -> list[Digest]:
        """Return a subscriber's digests, latest first."""
        with reading(self._engine) as db:
            return _latest_digests(db, digests.c.subscriber == subscriber, limit)

    def past_digests_of(self, subscriber: int, limit: int) -> list[Digest]:
        """Return the digests of a subscriber's letters, latest first, without letters that were given up.

        A failed letter that has kept its papers is among them: no later one has them.
        """
        given_up = exists().where(deliveries.c.digest == digests.c.row, deliveries.c.state.in_(GIVEN_UP))
        same = (digest_papers.c.subscriber == digests.c.subscriber) & (digest_papers.c.digest == digests.c.row)
        without_papers = ~exists().where(same)
        with reading(self._engine) as db:
            return _latest_digests(db, (digests.c.subscriber == subscriber) & ~(given_up & without_papers), limit)

    def emailed(self, subscriber: int, rows: Sequence[int]) -> set[int]:
        """Return which of these papers a subscriber got with an email, as far as digests are kept."""
        unsent = exists().where(
            deliveries.c.digest == digest_papers.c.digest, deliveries.c.state != DeliveryState.SENT.value
        )
        query = select(digest_papers.c.paper).where(
            digest_papers.c.subscriber == subscriber, digest_papers.c.paper.in_(rows), ~unsent
        )
        with reading(self._engine) as db:
            return set(db.scalars(query))

    def printed(self, digest: Digest, rows: Sequence[int]) -> dict[int, Paper]:
        """Return papers by number as they were when the digest's issue first used them."""
        with reading(self._engine) as db:
            query = (
                select(issue_papers.c.paper, issue_papers.c.snapshot)
                .join_from(issue_papers, issues)
                .where(issues.c.cadence == digest.cadence.value, issues.c.day == digest.day)
                .where(issue_papers.c.paper.in_(rows))
            )
            return {row: paper_from_snapshot(row, stored) for row, stored in db.execute(query)}

    def counts(self, issue: Issue) -> IssueCounts:
        """Return an issue's papers by topic and day: frozen with the issue, or current if it does not exist yet."""
        with reading(self._engine) as db:
            where = (issues.c.cadence == issue.cadence.value, issues.c.day == issue.day)
            number = db.scalar(select(issues.c.row).where(*where))
            if number is None:
                return IssueCounts(count_by_day(db, issue))
            query = select(issue_topics).where(issue_topics.c.issue == number).order_by(issue_topics.c.topic)
            days = len(span_days(*issue))
            kept = [TopicCounts(one.topic, one.name, _filled(one.papers, days)) for one in db.execute(query)]
            return IssueCounts(tuple(kept), frozen=True)


def _filled(papers: Sequence[int], days: int) -> tuple[int, ...]:
    """Return one number for each day; earlier versions did not count an issue's own day, the last one."""
    return (*papers, *[0] * (days - len(papers)))


def _due(db: Connection, now: datetime, cache: MatchCache, limit: int, most_matches: int) -> Due:
    """Return the due subscribers who fit into one batch."""
    rows = {one[0]: one for one in db.execute(_DUE, {"now": now, "most": limit})}
    follows = _follows(db, list(rows))
    cache.count(db, follows)
    taken = fitting({row: cache.unread_count(followed) for row, followed in follows.items()}, most_matches)
    cache.read(db, {row: follows[row] for row in taken})
    slugs = cache.slugs(db, {topic for row in taken for topic, _ in follows[row]})
    return [
        (due_subscriber(*rows[row]), tuple([slugs[topic] for topic, _ in follows[row]]), follows[row])
        for row in taken
    ]


def fitting(wanted: Mapping[int, int], most: int) -> list[int]:
    """Return the first keys whose numbers together do not exceed `most`, but at least one key."""
    sums = accumulate(wanted.values())
    return [key for place, (key, total) in enumerate(zip(wanted, sums, strict=True)) if place == 0 or total <= most]


def _is_due(now: datetime | BindParameter[datetime]) -> tuple[Any, ...]:
    return subscribers.c.state == SubscriberState.ACTIVE.value, subscribers.c.next_digest_at <= now


_DUE = (
    select(*DUE_COLUMNS)
    .where(*_is_due(bindparam("now", type_=subscribers.c.next_digest_at.type)))
    .order_by(subscribers.c.next_digest_at, subscribers.c.row)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True)
)


def _follows(db: Connection, rows: Sequence[int]) -> dict[int, list[tuple[int, int]]]:
    """Return each subscriber's topics, in their order, with the last edition sent of each."""
    follows: dict[int, list[tuple[int, int]]] = {row: [] for row in rows}
    last_edition = func.coalesce(subscriptions.c.last_edition, subscribers.c.last_edition)
    query = (
        select(subscriptions.c.subscriber, subscriptions.c.topic, last_edition)
        .join_from(subscriptions, subscribers)
        .where(among(db, subscriptions.c.subscriber, rows))
        .order_by(subscriptions.c.subscriber, subscriptions.c.place)
    )
    for subscriber, topic, after in db.execute(query).all():
        follows[subscriber].append((topic, after))
    return follows


def unread_by(db: Connection, row: int, now: datetime) -> DueBatch:
    """Return a batch of the subscriber with this number, due or not; nothing is locked or stored."""
    (subscriber,) = load_subscribers(db, subscribers.c.row == row)
    return _unread_by(db, subscriber, now)


def _unread_by(db: Connection, subscriber: Subscriber, now: datetime) -> DueBatch:
    cache, follows = MatchCache(None), _follows(db, [subscriber.row])
    cache.read(db, follows)
    return _with_matches(db, [(subscriber, subscriber.topics, follows[subscriber.row])], cache, now)


def _unread(
    db: Connection, follows: Follows, cache: MatchCache, owned: Mapping[int, set[int]], *, lock: bool
) -> match_table.BatchMatches:
    """Return the matches of unsent editions and unsent papers, less the papers each subscriber has or was sent."""
    unread = _with_unsent(db, follows, cache, lock=lock)
    papers, oldest = unread.papers(), np.full(len(follows), _NO_PAPER)
    np.minimum.at(oldest, unread.subscriber, unread.paper)
    lowest = dict(zip(follows, oldest.tolist(), strict=True))
    sent = sent_before(db, lowest, papers, cache.earlier_numbers(db, papers))
    had = {row: {*sent.get(row, ()), *owned.get(row, ())} for row in sent.keys() | owned.keys()}
    return unread.select(~unread.of_papers(_by_place(had, follows)))


def _with_unsent(db: Connection, follows: Follows, cache: MatchCache, *, lock: bool) -> match_table.BatchMatches:
    """Return the matches of unsent editions, and those of unsent papers with topics that the subscriber follows."""
    unread, unsent = cache.unread(follows), unsent_papers_of(db, list(follows), lock=lock)
    since = first_edition(db, {paper for papers in unsent.values() for paper in papers}) if unsent else None
    if since is None:
        return unread
    waiting = {row: followed if row in unsent else () for row, followed in follows.items()}
    cache.read(db, {row: [(topic, since - 1) for topic, _ in followed] for row, followed in waiting.items()})
    read = cache.read_since(since, waiting)
    return unread.with_others(read.select(read.of_papers(_by_place(unsent, follows))))


def _by_place(papers: Mapping[int, Collection[int]], subscribers: Iterable[int]) -> dict[int, Collection[int]]:
    """Return the papers of some subscribers by the place of the subscriber in the batch."""
    return {place: papers[row] for place, row in enumerate(subscribers) if row in papers}


def _with_matches(db: Connection, due: Due, cache: MatchCache, now: datetime, *, lock: bool = False) -> DueBatch:
    """Add what their digests are composed of: unread matches, feedback, saved papers and news.

    With `lock`, unsent papers cannot be returned to their letters meanwhile.
    """
    rows = [subscriber.row for subscriber, _, _ in due]
    owned = owned_by(db, rows)
    unread = _unread(db, {subscriber.row: followed for subscriber, _, followed in due}, cache, owned, lock=lock)
    ratings, saved = ratings_of(db, rows), saved_by(db, rows)
    known = {row: owned.get(row, set()) | {one.paper for one in ratings.get(row, ())} for row in rows}
    close = _close_to(db, due, unread, known, cache)
    changed = news_for(db, rows, cache.changes(db, now.astimezone(UTC).date()))
    known_news = sent_notes(db, changed)
    own, published, composed = examples_of(db, rows), _published_at(db, rows), _composed_at(db, due)
    everybody = [
        DueSubscriber(
            subscriber,
            topics,
            (*ratings.get(subscriber.row, ()), *(feedback for feedback, _ in own.get(subscriber.row, ()))),
            tuple(saved.get(subscriber.row, ())),
            choose_news(changed.get(subscriber.row, ()), known_news.get(subscriber.row, ())),
            *close.get(subscriber.row, ((), frozenset[int]())),
            published.get(subscriber.row),
            composed.get(subscriber.row),
        )
        for subscriber, topics, _ in due
    ]
    wanted = unread.papers() | {word.paper for one in everybody for word in one.feedback}
    wanted |= {paper for one in everybody for paper in one.close}
    covers_several_days = np.array(
        [subscriber.preferences.cadence.covers_several_days for subscriber, _, _ in due], dtype=np.bool_
    )
    talked = unread.select(covers_several_days[unread.subscriber]).papers()
    papers = cache.papers(db, wanted)
    if own:
        papers = {**papers, **{paper.row: paper for some in own.values() for _, paper in some}}
    return DueBatch(everybody, unread, papers, cache.daily_counts(db, talked))


def _published_at(db: Connection, rows: Sequence[int]) -> dict[int, datetime]:
    """Return when the last edition was closed that each subscriber's digests have covered, if there is one."""
    query = select(subscribers.c.row, editions.c.closed_at).join_from(
        subscribers, editions, editions.c.number == subscribers.c.last_edition
    )
    return dict(db.execute(query.where(among(db, subscribers.c.row, rows))).all())


def _composed_at(db: Connection, due: Due) -> dict[int, datetime]:
    """Return when the digest of each subscriber's previous issue was composed, if it had one."""
    last_days = {subscriber.row: subscriber.last_issue_day for subscriber, _, _ in due}
    days = {day for day in last_days.values() if day is not None}
    if not days:
        return {}
    # Two queries: with one, SQLite reads all digests of each subscriber.
    day_of = dict(db.execute(select(issues.c.row, issues.c.day).where(issues.c.day.in_(sorted(days)))).all())
    query = select(digests.c.subscriber, digests.c.issue, digests.c.created_at)
    query = query.where(among(db, digests.c.subscriber, last_days), digests.c.issue.in_(sorted(day_of)))
    return {
        subscriber: created_at
        for subscriber, issue, created_at in db.execute(query.order_by(digests.c.created_at))
        if day_of[issue] == last_days[subscriber]
    }


def _close_to(
    db: Connection,
    due: Due,
    unread: match_table.BatchMatches,
    known: Mapping[int, set[int]],
    cache: MatchCache,
) -> dict[int, tuple[tuple[int, ...], frozenset[int]]]:
    """Return the papers that came close to the interests of those who may have few papers, by subscriber.

    Of those who have several, only the interests without a new paper count: others of their papers, as by an author
    whom they follow, say nothing about these. With the papers are those close to such an interest. `known` are the
    papers that they have or have rated. What they leave out is not known here, so a subscriber who leaves out
    anything may have few.
    """
    follows, others, empty = {}, dict[int, set[int]](), dict[int, set[int]]()
    slugs = cache.slugs(db, {topic for _, _, followed in due for topic, _ in followed})
    unread_papers, mine = unread.paper, match_table.bounds(unread.subscriber, len(due))
    for (subscriber, _, followed), (start, end) in zip(due, mine, strict=True):
        if not may_have_close(subscriber.preferences.cadence, subscriber.preferences.breadth):
            continue
        interests = [one for one in followed if is_own(slugs.get(one[0], ""))]
        if not interests:
            continue
        matched = {unread.table.topics[at] for at in set(unread.table.topic[unread.number[start:end]].tolist())}
        papers = set(unread_papers[start:end].tolist())
        empty[subscriber.row] = {topic for topic, _ in interests if slugs[topic] not in matched}
        if not is_thin(len(papers)) and not subscriber.preferences.leave_out:
            interests = [one for one in interests if one[0] in empty[subscriber.row]]
        if interests:
            follows[subscriber.row] = interests
            others[subscriber.row] = papers | known[subscriber.row]
    return close_to(db, follows, others, empty, cache) if follows else {}


_COLUMNS = digests.c.row, digests.c.sections, digests.c.more, digests.c.left_out, digests.c.notes, digests.c.facts
_DIGESTS = select(*_COLUMNS, digests.c.packed_scores, issues.c.cadence, issues.c.day).join_from(digests, issues)
# JSON as text: most of it is the same for many digests, or empty.
_PRINTED = select(
    digests.c.row,
    *(cast(column, Text) for column in (digests.c.sections, digests.c.more)),
    digests.c.left_out,
    *(cast(column, Text) for column in (digests.c.notes, digests.c.facts)),
    issues.c.cadence,
    issues.c.day,
).join_from(digests, issues)


def _digests(db: Connection, where: Any) -> dict[int, Digest]:
    return {
        row: Digest(
            _issue(cadence, day),
            _sections(sections),
            tuple(more),
            row,
            left_out,
            read_notes(notes),
            read_facts(facts),
            _earlier_scores(sections) if scores is None else scores,
        )
        for row, sections, more, left_out, notes, facts, scores, cadence, day in db.execute(_DIGESTS.where(where))
    }


def _latest_digests(db: Connection, where: ColumnElement[bool], limit: int) -> list[Digest]:
    """Return up to `limit` digests that meet a condition, latest first."""
    latest = select(digests.c.row).where(where).order_by(digests.c.row.desc()).limit(limit)
    found = _digests(db, digests.c.row.in_(db.scalars(latest).all()))
    return sorted(found.values(), key=lambda digest: -digest.row)


def _printed_digest(
    row: int,
    sections: str,
    more: str,
    left_out: int,
    notes: str | None,
    facts: str | None,
    cadence: str,
    day: date | str,
) -> Digest:
    return Digest(
        *(_issue(cadence, day), _sections_in(sections), _NumbersInJson(more), row, left_out),
        *(_notes_in(notes), _facts_in(facts)),
    )


class _NumbersInJson(Sequence[int]):
    """The numbers in a JSON array, which is read when one is asked for: letters only print how many there are."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __len__(self) -> int:
        return self._text.count(",") + 1 if self._text != "[]" else 0

    @overload
    def __getitem__(self, place: int) -> int: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[int]: ...
    def __getitem__(self, place: int | slice) -> int | Sequence[int]:
        numbers: list[int] = json.loads(self._text)
        return numbers[place]

    def __iter__(self) -> Iterator[int]:
        return iter(json.loads(self._text))


def _sections_in(text: str) -> tuple[Section, ...]:
    """Return the sections in JSON: each on a line, as `DigestWriter` writes them, or all on one as it once did."""
    return tuple(chain.from_iterable(map(_sections_in_line, text[1:-1].split("\n"))))


@lru_cache(maxsize=1 << 12)  # subscribers who follow the same topic often have the same section
def _sections_in_line(line: str) -> tuple[Section, ...]:
    return _sections(json.loads(f"[{line.rstrip(',')}]"))


@lru_cache(maxsize=1024)
def _issue(cadence: str, day: date | str) -> Issue:
    """Return an issue as the driver reads it: SQLite's returns the date as text."""
    return Issue(Cadence(cadence), date.fromisoformat(str(day)))


def _sections(stored: Any) -> tuple[Section, ...]:
    return tuple([Section(topic, name, tuple([_pick(*one) for one in picks])) for topic, name, picks in stored])


def _pick(paper: int, why: Sequence[str], rank: float = 0.0, _parts: object = None) -> Pick:
    return Pick(paper, tuple(why), rank)


def _earlier_scores(stored: Any) -> bytes:
    """Return the packed scores of a digest from before schema 0018, which has each with its paper, or none."""
    picks = [pick for _, _, picks in stored for pick in picks]
    return pack_scores(Score(**parts) for _, _, _, parts in picks) if all(len(pick) > 3 for pick in picks) else b""


@lru_cache(maxsize=1024)
def _notes_in(text: str | None) -> tuple[PaperNote, ...]:
    return read_notes(json.loads(text)) if text else ()


@lru_cache(maxsize=1024)
def _facts_in(text: str | None) -> DayFacts | None:
    return read_facts(json.loads(text)) if text else None
