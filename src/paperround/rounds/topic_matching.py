"""Matches topics with papers in both directions.

A new paper is compared with all topics, and a new topic with all papers that the search index finds for it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from paperround.app import App
from paperround.domain.errors import QueryError
from paperround.domain.followed import followed_in
from paperround.domain.models import Match, Paper, Topic
from paperround.matching.fields import INDEX_VERSION
from paperround.matching.words import SearchExpression, Words, interpret, is_plain_words
from paperround.process import logs
from paperround.process.chunks import chunked
from paperround.rounds.collection import Collection
from paperround.rounds.interests import Interests
from paperround.rounds.meaning import Meaning
from paperround.rounds.search import best_candidates
from paperround.store.feedback import InterestFollower
from paperround.store.topics import ClosePaper, ComparisonResult, DueTopic, news_horizon

log = logs.logger()
_PAPERS_AT_ONCE = 500
_INTERESTS_AT_ONCE = 500  # compared with the papers of a week in one pass; what they match is in memory
INDEX_VALUE = "text form"  # stores fields.INDEX_VERSION once all papers are indexed in it
_REINDEX_SECONDS = 20.0  # per sweep: about 20,000 papers


def match_papers(app: App) -> None:
    """Compare new and changed papers with all topics; each batch of papers is one transaction."""
    interests = app.shared(Interests)
    waiting = app.store.topics.papers_waiting()
    if waiting:
        # Once for all batches: a snapshot for each would cost more than comparing the batch.
        app.shared(Collection).renew()
    while True:
        if waiting:
            interests.prepare(app.store.topics.all())
        with app.store.topics.matching(_PAPERS_AT_ONCE) as work:
            # These papers are locked now. A vector that another process stored before is used; one that it stores
            # later makes the paper be compared again.
            app.shared(Meaning).table()
            work.found = _compare(app, work.papers, work.topics)
        if not work.papers:
            return
        waiting = app.store.topics.papers_waiting()


def match_embedded(app: App) -> None:
    """Compare the papers that got a vector with the topics in plain words.

    Of what matches only now, papers older than a week are shown on pages and not sent: a new model, or the first one,
    must not bring what letters have passed over long ago. Matches of newer papers that their vectors do not confirm
    are deleted. A topic whose own vector cannot be computed now keeps its matches, and is compared later.
    """
    rows, last = app.store.vectors.uncompared()
    interests, meaning = app.shared(Interests), app.shared(Meaning)
    since, complete = news_horizon(app.clock()), True
    if any(is_plain_words(topic.query) for topic in app.store.topics.all()):
        app.shared(Collection).renew()
        for chunk in chunked(rows, _PAPERS_AT_ONCE):
            topics = app.store.topics.all()
            interests.prepare(topics)
            plain = {topic.query for topic in topics if is_plain_words(topic.query)}
            embedded = {query for query in plain if meaning.cached_vector(meaning.expand_acronyms(query)) is not None}
            complete &= embedded == plain
            with app.store.topics.matching_again(chunk, since, embedded.__contains__) as work:
                work.found = _compare(app, work.papers, work.topics)
    if complete:
        app.store.vectors.compared(last)


def reindex(app: App, papers_at_once: int = _PAPERS_AT_ONCE) -> None:
    """Index stored papers again if this version indexes other text than the one that indexed them, for some seconds.

    The progress is stored in the database, so that each sweep continues where the last one ended. When all papers
    are indexed, all topics, including subscribers' own queries, are compared with them again. `papers_at_once` are
    indexed in one transaction.
    """
    if app.store.site_values.get(INDEX_VALUE) == INDEX_VERSION:
        return
    progress, began = f"{INDEX_VALUE} {INDEX_VERSION} after", time.monotonic()
    row: int | None = int(app.store.site_values.get(progress) or 0)
    while row is not None and time.monotonic() - began < _REINDEX_SECONDS and not app.stopping.is_set():
        row = app.store.papers.reindex(row, papers_at_once)
        if row is not None:
            app.store.site_values.set(progress, str(row))
        app.throttle.yield_to_requests()
    if row is None:
        app.store.topics.rematch_all()
        app.store.site_values.set(INDEX_VALUE, INDEX_VERSION)
        app.store.site_values.delete(progress)


def index_copied(app: App) -> None:
    """Index all papers of a database that was copied without its index. Their matches were copied."""
    row: int | None = 0
    while row is not None:
        row = app.store.papers.reindex(row, _PAPERS_AT_ONCE)
    app.store.site_values.set(INDEX_VALUE, INDEX_VERSION)


def match_topics(app: App) -> None:
    """Compare new and changed topics with the stored papers that the search index finds for them."""
    _match_topics(app, app.store.topics.due())


def match_followed(app: App, emails: Sequence[str]) -> None:
    """Compare the new and changed topics and interests of the subscribers with these addresses with stored papers."""
    _match_topics(app, app.store.topics.due(emails))


def match_requested(app: App, requested: Sequence[Topic], follower: InterestFollower) -> None:
    """Compare the interests that somebody has requested with stored papers, as if they already followed them."""
    due = app.store.topics.as_due([topic.slug for topic in requested])
    with app.shared(Interests).expecting(
        {task.topic.row: follower for task in due if is_plain_words(task.topic.query)}
    ):
        _match_topics(app, due)


def _match_topics(app: App, due: Sequence[DueTopic]) -> None:
    """Match topics. If a query cannot be used, skip its topic and log an error; `doctor` reports it."""
    if due:
        app.shared(Collection).renew()
        app.shared(Interests).prepare([task.topic for task in due])
    interests, others = list[DueTopic](), list[DueTopic]()
    for task in due:
        (interests if task.topic.private and is_plain_words(task.topic.query) else others).append(task)
    for start in range(0, len(interests), _INTERESTS_AT_ONCE):
        if start:
            app.throttle.yield_to_requests()
        _match_interests(app, interests[start : start + _INTERESTS_AT_ONCE])
    for task in others:
        _match_alone(app, task)


def _match_alone(app: App, due: DueTopic) -> None:
    try:
        _match_topic(app, due)
    except QueryError as error:
        log.error("topic disabled: its query cannot be used", topic=due.topic.slug, problem=error.problem)
        app.store.topics.matched(due, app.store.topics.matches_of(due.topic))


def _match_topic(app: App, due: DueTopic) -> None:
    """Match a topic that has operators, or belongs to no subscriber."""
    if due.unread_since:  # ratings and breadth make no difference to it
        app.store.topics.matched(due, ())
        return
    topic, since = due.topic, news_horizon(app.clock())
    # Read before comparing: matches that an ingest adds meanwhile must not count as outdated.
    outdated, week = app.store.topics.matches_of(topic), app.store.browsing.first_row_since(since)
    if topic.private:  # older matches are not compared again; a monthly letter may still need them
        outdated = {row for row in outdated if row >= week}
    for papers in _candidates(app, topic, week):
        result = _compare(app, papers, [topic])
        app.store.topics.add_found(result, since)
        outdated -= {match.paper for _, match in result.matches}
    app.store.topics.matched(due, outdated)


def _match_interests(app: App, due: Sequence[DueTopic]) -> None:
    """Match subscribers' interests in plain words with the papers of the past week, all in one pass.

    If only unread matches of an interest are due, so are only the papers that are newer than its subscriber's last
    digest, and those of the unread matches: a digest passes over a paper once and for all.
    """
    since = news_horizon(app.clock())
    relearned = [task.topic.row for task in due if task.unread_since]
    # Read before comparing, as above.
    unread, week = app.store.topics.unread_of(relearned), app.store.browsing.first_row_since(since)
    moments = {task.unread_since for task in due if task.unread_since}  # many were sent a digest at the same moment
    news = {moment: app.store.browsing.first_row_since(moment) for moment in moments}
    tasks = {
        task.topic.row: _InterestTask.of_relearned(unread[task.topic.row], max(week, news[task.unread_since]), week)
        if task.unread_since
        else _InterestTask.of_new(app.store.topics.matches_of(task.topic), week)
        for task in due
    }
    app.store.topics.forget_close(relearned)
    first = min((task.first for task in tasks.values()), default=week)
    for papers in app.store.papers.stored_since(first):
        compared = [task.topic for task in due if tasks[task.topic.row].first <= papers[-1].row]
        outcome = _compare(app, papers, compared)
        result = ComparisonResult(
            [(row, match) for row, match in outcome.matches if tasks[row].includes(match.paper)],
            [candidate for candidate in outcome.close if tasks[candidate.topic].includes(candidate.paper)],
        )
        app.store.topics.add_found(result, since)
        for row, match in result.matches:
            tasks[row].outdated.discard(match.paper)
    for task in due:
        app.store.topics.matched(task, tasks[task.topic.row].outdated)


@dataclass(slots=True)
class _InterestTask:
    """The papers to compare an interest with, by number, and its matches that were not found again so far.

    Matches that are older than the past week, which begins with the paper `week`, are not compared again; a monthly
    letter may still need them.
    """

    since: int
    """All papers from here on are compared."""
    older: Set[int]
    """These papers are compared too."""
    first: int
    """The first paper that is compared."""
    outdated: set[int]

    @classmethod
    def of_new(cls, matched: Set[int], week: int) -> _InterestTask:
        """Return the task of an interest that is compared for the first time, or whose words have changed."""
        return cls(week, frozenset(), week, {row for row in matched if row >= week})

    @classmethod
    def of_relearned(cls, unread: Set[int], news: int, week: int) -> _InterestTask:
        """Return a task that renews an interest's unread matches and matches papers from `news` on."""
        older = {row for row in unread if row >= week}
        return cls(news, frozenset(older), min((news, *older)), older)

    def includes(self, paper: int) -> bool:
        return paper >= self.since or paper in self.older


def _candidates(app: App, topic: Topic, week: int) -> Iterator[list[Paper]]:
    """Yield the stored papers to compare a topic with, in chunks; `week` is the first number of the past week."""
    query = interpret(topic.query)
    # A subscriber's own query is compared with the past week only: older papers are not sent, and no page lists them
    # for it. Plain words find something in most papers ever stored, so of the older ones only the best few hundred
    # are compared.
    if not isinstance(query, Words):
        yield from app.store.papers.matching(query, week if topic.private else 0)
        return
    text = app.shared(Meaning).expand_acronyms(topic.query)
    older = [row for row in best_candidates(app, text, interpret(text)) if row < week]
    yield list(app.store.papers.by_rows(older).values())
    yield from app.store.papers.stored_since(week)


def _compare(app: App, papers: Sequence[Paper], topics: Sequence[Topic]) -> ComparisonResult:
    if not papers:
        return ComparisonResult()
    interests = app.shared(Interests)
    batch = interests.batch(papers)
    authors = {paper.row: paper.authors for paper in papers}
    matches, close = list[tuple[int, Match]](), list[ClosePaper]()
    for topic in topics:
        follows = _follows(topic)
        for query in _parsed(topic):
            matched = interests.match(topic.query, query, batch, topic.row)
            matches += [
                (topic.row, Match(topic.slug, row, hit.score, hit.why))
                for row, hit in matched.hits.items()
                if not follows or followed_in(topic.about).is_among(authors[row])
            ]
            if topic.private and interests.wants_close(topic.row):
                close += [ClosePaper(topic.row, row, fit) for row, fit in matched.close.items()]
    return ComparisonResult(matches, close)


def _follows(topic: Topic) -> bool:
    """Return whether a topic is an author or an organization that subscribers follow."""
    return topic.private and bool(topic.about)


def _parsed(topic: Topic) -> list[SearchExpression]:
    """Return the parsed query; empty for an invalid query, which an earlier version may have stored."""
    try:
        return [interpret(topic.query)]
    except QueryError:
        return []
