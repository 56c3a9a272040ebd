"""READ THIS FIRST. One morning, in reading order.

    source ──▶ store ──▶ match ──▶ compose ──▶ render ──▶ deliver

    ingest   asks the sources, merges what they list into papers, matches new ones with the topics, and fetches
             their pictures
    publish  closes an edition over the new matches, composes one digest for each subscriber whose hour has come,
             and queues one delivery for it
    deliver  claims due deliveries, lays each letter out and hands it to the relay, recording every outcome
    sweep    puts right what time or a crash has left: claims whose program is gone, pauses that are over, papers
             and topics that were stored and not compared yet, papers that an older program indexed

Each step asks the database what is due and may run twice, late, or on several machines at once: the second time
it changes nothing. docs/flow.md tells what happens when the power fails between any two lines.
"""

from __future__ import annotations

import time
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import chain

from paperround.app import App
from paperround.domain.errors import PaperroundError, SourceError, TransportError, WrongUse
from paperround.domain.models import Digest, Listing, Parsed, Problem
from paperround.domain.schedule import Cadence, Schedule, issue_date, next_digest_at, span
from paperround.matching.candidates import Candidates
from paperround.matching.compose import compose
from paperround.matching.popularity import DiscussionCache
from paperround.matching.profile import Tastes
from paperround.network import compression
from paperround.process import logs
from paperround.rounds import bounce_intake, interests, topics, webhooks
from paperround.rounds.dispatch import BatchSender, Surroundings
from paperround.rounds.letters import LetterBuilder, digest_message_id
from paperround.rounds.meaning import embed
from paperround.sources import FORMATS, Fetched, Source, SourceState, Window, jsonl, pictures
from paperround.sources.entries import RejectionReasons
from paperround.sources.guess import HEAD, guess_format
from paperround.store.issues import DueBatch, DueSubscriber, NewDelivery
from paperround.store.sources import SourceRecord
from paperround.store.unread import News

log = logs.logger()
_LISTINGS_AT_ONCE = 500
_SUBSCRIBERS_AT_ONCE = 200
_MATCHES_AT_ONCE = 5_000  # that they have unread together: a batch holds the database for some hundredths of a second
_UNCONFIRMED_KEPT = timedelta(days=30)  # an address that somebody typed in and nobody confirmed
_FIRST_LOOK_BACK = timedelta(days=2)
_LONGEST_LOOK_BACK = timedelta(days=30)
_GZIP = b"\x1f\x8b"
_LARGEST_FILE = 64 << 20  # bytes, unpacked
_LARGEST_EXPORT = 1 << 40  # bytes; it is never in memory as a whole
_PICTURES_AT_ONCE = 100
_PICTURE_SECONDS = 60.0  # for all of them together: what is missing then comes with the next round
_PICTURES_OF = timedelta(days=7)  # papers; older ones reach no letter
_EMBED_SECONDS = 20.0  # at a time
_PICTURES_KEPT = timedelta(days=365)


@dataclass(slots=True)
class Ingested:
    """What one source brought."""

    source: str
    fetched: int = 0
    new: int = 0
    updated: int = 0
    problems: list[Problem] = field(default_factory=list)
    state: str = ""
    note: str = ""

    @property
    def rejected(self) -> int:
        """How many entries were left out."""
        return sum(problem.entries for problem in self.problems)

    @property
    def stale(self) -> bool:
        """Whether the answer was of an earlier day than it should be."""
        return self.state == SourceState.STALE

    @property
    def failed(self) -> bool:
        """Whether the source gave nothing usable."""
        return self.state == "failed"


@dataclass(slots=True)
class Tally:
    """What a round did, in subscribers and letters, and the seconds each stage took."""

    due: int = 0
    composed: int = 0
    empty: int = 0
    letters: Counter[str] = field(default_factory=Counter)
    stages: dict[str, float] = field(default_factory=dict)
    paused: str = ""
    """Why the relay takes nothing at present, if it does not."""

    def took(self, stage: str, since: float) -> None:
        """Note the time that a stage took."""
        self.stages[stage] = self.stages.get(stage, 0.0) + time.perf_counter() - since


# --- ingest ---------------------------------------------------------------------------------------------------


def ingest(
    app: App, names: Sequence[str] = (), since: date | None = None, *, archive: bool = False
) -> list[Ingested]:
    """Ask the sources (all, or those named) for what is new; one that fails does not stop the others.

    With `archive` what they bring is shown and searched, never mailed.
    """
    wanted = [app.settings.source(name) for name in names] or list(app.settings.sources)
    app.progress.begin("ingesting", len(wanted))
    reports = [_ask(app, source, since, archive=archive) for source in wanted]
    fetch_pictures(app)
    return reports


def ingest_file(
    app: App, pieces: Iterable[bytes], form: str | None, name: str, *, archive: bool = False, size: int | None = None
) -> Ingested:
    """Take in a file in one of the FORMATS, perhaps packed with gzip, from its bytes in pieces.

    Without `form` it is guessed from the name and the beginning; WrongUse where it cannot be. An export of any size
    is taken in as it is read; of the others at most 64 MB. A file that is something else is reported as failed.
    `size`, in bytes, is for the progress.
    """
    report, reasons = Ingested(name, state=SourceState.FRESH), RejectionReasons()
    app.progress.begin("reading", size)
    try:
        for parsed in _parsed(app, pieces, form, name):
            report.fetched += len(parsed.listings)
            reasons.add(parsed.problems)
            _take_in(app, parsed.listings, report, archive=archive)
    except SourceError as error:
        report.state, report.note = "failed", str(error)
    except zlib.error:
        report.state, report.note = "failed", f"{name}: it ends too early, or is no whole gzip file"
    report.problems = reasons.folded()
    return report


def _parsed(app: App, pieces: Iterable[bytes], form: str | None, name: str) -> Iterator[Parsed]:
    unpacked, head = _beginning(_told_of(app, pieces))
    if head.startswith(_GZIP):
        unpacked, head = _beginning(compression.unpacked(unpacked, "gzip", _LARGEST_EXPORT))
    form = form or guess_format(name, head)
    if form is None:
        raise WrongUse(f"{name}: its format cannot be told; name it with --as: {', '.join(FORMATS)}")
    today = app.clock().date()
    if form == jsonl.KIND:
        yield from jsonl.parse_pieces(unpacked, today)
        return
    data = bytearray()
    for piece in unpacked:
        data += piece
        if len(data) > _LARGEST_FILE:
            raise SourceError(f"{name}: it is larger than {_LARGEST_FILE >> 20} MB; split it", again=False)
    yield FORMATS[form](bytes(data), today)


def _told_of(app: App, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces, each shown as progress."""
    for piece in pieces:
        yield piece
        app.progress.advance(len(piece))


def _beginning(pieces: Iterable[bytes]) -> tuple[Iterator[bytes], bytes]:
    """All pieces once more, and what they begin with."""
    rest, head = iter(pieces), b""
    while len(head) < HEAD and (piece := next(rest, b"")):
        head += piece
    return chain((head,), rest), head[:HEAD]


def _ask(app: App, source: Source, since: date | None, *, archive: bool) -> Ingested:
    now = app.clock()
    before = app.store.sources.all().get(source.name)
    window = Window(since or _look_back(before, now), now.date(), dict(before.validators) if before else {})
    report = Ingested(source.name)
    # Asked for an archive or for the last days only, a source has not told what its subscribers still wait for.
    whole = not archive and window.since <= _look_back(before, now)
    answer: Fetched | None = None
    try:
        answer = source.fetch(app.http, window)
        report.state, report.note = answer.state, answer.note
        report.fetched = len(answer.parsed.listings) + len(answer.back_stock)
        reasons = RejectionReasons()
        reasons.add(answer.parsed.problems)
        report.problems = reasons.folded()
        _take_in(app, answer.back_stock, report, archive=True)
        _take_in(app, answer.parsed.listings, report, archive=archive)
        if report.state == SourceState.FRESH and not report.new and not report.updated:
            report.state = SourceState.UNCHANGED  # all of it was known: nothing about it is fresh
    except SourceError as error:
        report.state, report.note = "failed", str(error)
    except (PaperroundError, OSError):
        raise  # the database or the disk: that is no source's fault
    except Exception as error:
        log.exception("source broke", source=source.name)
        report.state, report.note = "failed", f"{source.name}: {type(error).__name__}: {error}; please report this"
    app.progress.advance(1)
    # Only now: an answer that could not be stored must be asked for again in full.
    app.store.sources.save(_record(report, now, before, answer if whole and not report.failed else None))
    return report


def _take_in(app: App, listings: Sequence[Listing], report: Ingested, *, archive: bool = False) -> None:
    for start in range(0, len(listings), _LISTINGS_AT_ONCE):
        stored = app.store.papers.add(listings[start : start + _LISTINGS_AT_ONCE], app.clock(), archive=archive)
        report.new += len(stored.new)
        report.updated += len(stored.updated)
    topics.match_papers(app)


def fetch_pictures(app: App) -> int:
    """Fetch the thumbnails that recent papers have and we do not; how many there are more of now."""
    if not app.settings.site.pictures:
        return 0
    now, began, fetched = app.clock(), time.monotonic(), 0
    for url in app.store.pictures.missing((now - _PICTURES_OF).date(), _PICTURES_AT_ONCE):
        if app.stopping.is_set() or time.monotonic() - began > _PICTURE_SECONDS:
            break
        try:
            app.store.pictures.keep(url, *pictures.fetch(app.pictures_http, url), now)
            fetched += 1
        except SourceError as error:
            log.info("no picture", problem=str(error))
            app.store.pictures.failed(url, now)
    return fetched


def _look_back(before: SourceRecord | None, now: datetime) -> date:
    """From which day on to ask: since the last success, so that an outage leaves no gap."""
    last = before.succeeded_at if before and before.succeeded_at else now - _FIRST_LOOK_BACK
    return max(min(last, now), now - _LONGEST_LOOK_BACK).date()


def _record(report: Ingested, now: datetime, before: SourceRecord | None, answer: Fetched | None) -> SourceRecord:
    """What is remembered of the source; the watermark moves by a whole `answer` alone."""
    known = before or SourceRecord(report.source, "", "", now)
    days = [listing.day for listing in answer.parsed.listings] if answer else []
    return SourceRecord(
        name=report.source,
        state=report.state,
        note=report.note,
        tried_at=now,
        # A stale answer is no success: the day it should have held is asked for again.
        succeeded_at=now if answer and not report.stale else known.succeeded_at,
        new_at=now if report.new else known.new_at,
        newest_day=max((day for day in (*days, known.newest_day) if day), default=None),
        validators=answer.validators if answer else known.validators,
    )


# --- publish --------------------------------------------------------------------------------------------------


def publish(app: App) -> Tally:
    """Compose a digest for every subscriber whose hour has come."""
    started = time.perf_counter()
    now, tally = app.clock(), Tally()
    # Before composing: the papers of a letter that is out of date come with the one that takes its place.
    if expired := app.store.deliveries.expire(now):
        log.warning("letters expired; their papers come with the next ones", letters=expired)
    news = News(app.store.issues.close_edition(now))
    tally.due = app.store.issues.due_count(now)
    app.progress.begin("publishing", tally.due)
    means = Means.of(app)
    while True:
        with app.store.issues.batch(now, news, _SUBSCRIBERS_AT_ONCE, _MATCHES_AT_ONCE) as batch:
            for due in batch.due:
                batch.decided.append(_decide(app, due, batch, means))
        tally.composed += sum(new.digest is not None for new in batch.decided)
        tally.empty += sum(new.digest is None for new in batch.decided)
        app.progress.advance(len(batch.decided))
        if not batch.due:
            break
        app.courtesy.give_way()
    tally.took("publish", started)
    return tally


@dataclass(frozen=True, slots=True)
class Means:
    """What all digests of a round are chosen with."""

    now: datetime
    names: Mapping[str, str]
    """Each topic's name by its slug."""
    tastes: Tastes
    candidates: Candidates
    discussion: DiscussionCache
    most_discussed: int

    @classmethod
    def of(cls, app: App) -> Means:
        """Those of this moment."""
        names = {topic.slug: topic.name for topic in app.store.topics.all()}
        now, discussed = app.clock(), app.settings.site.most_discussed
        return cls(
            now,
            names,
            interests.tastes(app),
            Candidates(now.date()),
            DiscussionCache(),
            discussed,
        )


def _decide(app: App, due: DueSubscriber, batch: DueBatch, means: Means) -> NewDelivery:
    """One subscriber's digest, also where several were missed: then it is one that holds them all."""
    subscriber, now = due.subscriber, means.now
    assert subscriber.next_digest_at is not None
    day, upcoming = next_issue(subscriber.schedule, subscriber.next_digest_at, now)
    cadence = subscriber.schedule.cadence
    digest = choose(due, batch, cadence, day, means)
    return NewDelivery(
        due=due,
        cadence=cadence,
        day=day,
        next_digest_at=upcoming,
        digest=digest,
        message_id=digest_message_id(app, f"{cadence.value} {day}", subscriber),
        expires_at=app.settings.delivery.policy().expires_at(now, upcoming),
    )


def next_issue(schedule: Schedule, due_at: datetime, now: datetime) -> tuple[date, datetime | None]:
    """The day that a digest due at this moment is named after, the last of those missed, and when the next is due."""
    day = issue_date(schedule, due_at)
    upcoming = next_digest_at(schedule, due_at, day)
    while upcoming and upcoming <= now:
        day = issue_date(schedule, upcoming)
        upcoming = next_digest_at(schedule, upcoming, day)
    return day, upcoming


def choose(due: DueSubscriber, batch: DueBatch, cadence: Cadence, day: date, means: Means) -> Digest | None:
    """The digest of a subscriber's unread matches; None when there is nothing to send."""
    new = {match.paper for match in due.matches}
    subscriber, taste = due.subscriber, means.tastes.of(due.feedback, batch.papers, new)
    found = means.candidates.of(due.matches, batch.papers, taste)
    issue, discussed = f"{cadence.value} {day}", 0
    if told := span(cadence, day):
        discussed = means.most_discussed
        found = [
            replace(
                c, discussion=means.discussion.of(batch.papers[c.paper], batch.daily_counts.get(c.paper, ()), told[0])
            )
            for c in found
        ]
    return compose(issue, found, subscriber.topics, means.names, subscriber.preferences.max_papers, discussed)


# --- deliver --------------------------------------------------------------------------------------------------


def deliver(app: App) -> Tally:
    """Send what is due, until nothing is or the relay takes no more."""
    started, tally = time.perf_counter(), Tally()
    app.progress.begin("delivering", None)
    sender = BatchSender(
        app.store,
        app.transport,
        app.shared(LetterBuilder).letter,
        app.clock,
        app.settings.delivery,
        getattr(app.settings.transport, "per_day", None),
        Surroundings(
            app.stopping,
            app.courtesy.give_way,
            app.progress.advance,
            lambda bounce: bounce_intake.take(app, bounce),
            lambda email, problem: bounce_intake.alarm(app, email, problem),
        ),
    )
    try:
        sender.run()
    except TransportError as error:
        sender.paused = str(error)
        log.error("relay takes nothing; the letters stay queued", problem=str(error))
    tally.letters, tally.paused = sender.tally, sender.paused
    tally.took("deliver", started)
    return tally


# --- sweep ----------------------------------------------------------------------------------------------------


def sweep(app: App) -> int:
    """Repair what time or a crash left behind; how many deliveries and subscribers that were."""
    now = app.clock()
    topics.reindex(app)
    topics.match_papers(app)
    topics.match_topics(app)
    app.store.personal.forget_unconfirmed(now - _UNCONFIRMED_KEPT)
    webhooks.prune(app)
    app.store.pictures.forget(now - _PICTURES_KEPT)
    if silenced := app.store.subscribers.mend_dates(now):
        log.warning("next digests were farther away than one period; did the clock run ahead?", subscribers=silenced)
    mended = silenced + app.store.deliveries.mend_dates(now)
    return mended + app.store.deliveries.sweep(now) + app.store.subscribers.wake(now)


def embed_papers(app: App, seconds: float = _EMBED_SECONDS) -> int:
    """Make vectors for papers that wait for one, for so many seconds at most, and match those papers again.

    Returns how many vectors were made. A round does not wait for it: a paper without a vector is matched by its
    words, and what its meaning brings is news a little later.
    """
    made = embed(app, seconds)
    if made:
        topics.match_papers(app)
    return made


def round_(app: App) -> tuple[list[Ingested], Tally]:
    """One round, now: ingest, publish, then deliver until nothing is due; other programs are told what came of it."""
    started = time.perf_counter()
    sweep(app)
    reports = ingest(app)
    ingested = time.perf_counter() - started
    tally = publish(app)
    sent = deliver(app)
    webhooks.call_due(app)
    embed_papers(app)
    tally.letters, tally.paused = sent.letters, sent.paused
    tally.stages = {"ingest": ingested, **tally.stages, **sent.stages}
    return reports, tally
