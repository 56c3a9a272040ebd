"""READ THIS FIRST. What happens on a morning, in order.

    source ──▶ store ──▶ match ──▶ compose ──▶ render ──▶ deliver

    ingest   asks the sources, merges their listings into papers, matches new papers with the topics and fetches
             their pictures
    publish  closes an edition over the new matches, composes one digest for each subscriber who is due, queues one
             delivery per digest, and has missing summaries written if there is a model for that
    deliver  claims due deliveries, renders each letter, hands it to the relay and records every outcome
             (a large round sends its first letters while it composes others, see helpers.py)
    sweep    repairs what time or a crash has left: claims of a program that died, pauses that are over, papers and
             topics that were stored but not matched, papers indexed by an older version

Each step asks the database what is due. It may run twice, late, or on several machines at once: a second run
changes nothing. docs/flow.md says what happens when the power fails between any two lines.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache

from paperround.app import App
from paperround.domain.errors import PaperroundError, SourceError
from paperround.domain.models import Listing, Problem
from paperround.domain.schedule import Issue, Schedule, issue_date, next_digest_at
from paperround.process import logs, memory
from paperround.process.chunks import chunked
from paperround.rounds import topic_matching, webhooks
from paperround.rounds.digest_selection import RoundContext, choose
from paperround.rounds.helpers import SendingProcesses
from paperround.rounds.letters import digest_message_id
from paperround.rounds.meaning import embed, enough_embedded
from paperround.rounds.retention import clock_is_steady, prune
from paperround.rounds.sending import SendingResult
from paperround.rounds.summaries import write_summaries
from paperround.sources import FetchResult, Source, SourceState, Window, pictures
from paperround.sources.entries import RejectionReasons
from paperround.store.due import DueBatch, NewDelivery
from paperround.store.sources import SourceRecord
from paperround.store.unread import MatchCache

log = logs.logger()
_LISTINGS_AT_ONCE = 500
_FIRST_LOOK_BACK = timedelta(days=2)
MAX_LOOK_BACK = timedelta(days=30)
"""The longest window that a source is asked for."""
_PICTURES_PER_ROUND = 100
_PICTURE_SECONDS = 60.0  # for all pictures of a round; the next round fetches the rest
_PICTURES_OF = timedelta(days=7)  # the age of papers; older ones are in no letter
_EMBED_SECONDS = 20.0  # per call


@dataclass(slots=True)
class IngestReport:
    """The result of asking one source, or of reading one file."""

    source: str
    fetched: int = 0
    new: int = 0
    updated: int = 0
    too_old: int = 0
    """The new papers of a file that are too old to be mailed."""
    problems: list[Problem] = field(default_factory=list)
    state: SourceState = SourceState.FRESH
    note: str = ""

    @property
    def rejected(self) -> int:
        """The number of entries that could not be used."""
        return sum(problem.entries for problem in self.problems)

    @property
    def stale(self) -> bool:
        """Whether the answer was that of an earlier day."""
        return self.state is SourceState.STALE

    @property
    def failed(self) -> bool:
        """Whether the source gave no usable answer."""
        return self.state is SourceState.FAILED

    def fail(self, note: str) -> None:
        """Record that there was no usable answer, and why."""
        self.state, self.note = SourceState.FAILED, note


@dataclass(slots=True)
class Tally:
    """The counts of a round in subscribers and letters, and the seconds that each stage took."""

    due: int = 0
    composed: int = 0
    empty: int = 0
    letters: Counter[str] = field(default_factory=Counter)
    stages: dict[str, float] = field(default_factory=dict)
    paused: str = ""
    """Why the relay accepts nothing at present; empty if it does."""
    deferred_because_of_site: int = 0
    """The number of deferred letters whose deferral is this site's own fault."""

    def record(self, sent: SendingResult) -> None:
        """Record what was sent."""
        self.letters, self.paused, self.deferred_because_of_site = (
            sent.letters,
            sent.paused,
            sent.deferred_because_of_site,
        )

    def record_seconds(self, stage: str, since: float) -> None:
        """Record the seconds that a stage took."""
        self.stages[stage] = self.stages.get(stage, 0.0) + time.perf_counter() - since


# --- ingest ---------------------------------------------------------------------------------------------------


def ingest(
    app: App, names: Sequence[str] = (), since: date | None = None, *, unmailed: bool = False
) -> list[IngestReport]:
    """Fetch new papers from the sources (all, or those named); a failing source does not stop the others.

    With `unmailed` the papers are shown on the pages and found by searches, but never mailed. Without `since` each
    source is asked for what is new since its last success.

    Returns one report per source. Raises ConfigurationError for an unknown name.
    """
    sources = [app.settings.source(name) for name in names] or list(app.settings.sources)
    app.progress.begin("ingesting", len(sources))
    reports = [_ingest_source(app, source, since, unmailed=unmailed) for source in sources]
    fetch_pictures(app)
    return reports


def _ingest_source(app: App, source: Source, since: date | None, *, unmailed: bool) -> IngestReport:
    now = app.clock()
    before = app.store.sources.all().get(source.name)
    window = Window(since or _look_back(before, now), now.date(), dict(before.validators) if before else {})
    report = IngestReport(source.name)
    # An answer for the archive, or for the last days only, may lack papers that were not sent yet, so it must not
    # move the watermark.
    whole = not unmailed and window.since <= _look_back(before, now)
    answer: FetchResult | None = None
    try:
        answer = source.fetch(app.http, window)
        report.state, report.note = answer.state, answer.note
        report.fetched = len(answer.parsed.listings) + len(answer.unmailed)
        reasons = RejectionReasons()
        reasons.add(answer.parsed.problems)
        report.problems = reasons.folded()
        store_listings(app, answer.unmailed, report, unmailed=True)
        store_listings(app, answer.parsed.listings, report, unmailed=unmailed)
        topic_matching.match_papers(app)
        if report.state is SourceState.FRESH and not report.new and not report.updated:
            report.state = SourceState.UNCHANGED  # every paper was known
    except SourceError as error:
        report.fail(str(error))
    except (PaperroundError, OSError):
        raise  # the database or the disk failed, not the source
    except Exception as error:
        log.exception("unexpected error in a source", source=source.name)
        report.fail(f"{source.name}: {type(error).__name__}: {error}; please report this")
    app.progress.advance(1)
    # The watermark moves last, so that an answer that could not be stored is fetched again in full.
    app.store.sources.save(_updated_record(report, now, before, answer if whole and not report.failed else None))
    return report


def store_listings(app: App, listings: Sequence[Listing], report: IngestReport, *, unmailed: bool) -> None:
    """Store what a source or file lists, and count in the report what was new and what was updated."""
    for chunk in chunked(listings, _LISTINGS_AT_ONCE):
        stored = app.store.papers.add(chunk, app.clock(), unmailed=unmailed)
        report.new += len(stored.new)
        report.updated += len(stored.updated)


def fetch_pictures(app: App) -> int:
    """Fetch the missing thumbnails of recent papers; return how many were fetched."""
    if not app.settings.site.pictures:
        return 0
    now, began, fetched = app.clock(), time.monotonic(), 0
    for url in app.store.pictures.missing((now - _PICTURES_OF).date(), _PICTURES_PER_ROUND):
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
    """Return the first day to request: the day of the last success, but at most 30 days ago."""
    last = before.succeeded_at if before and before.succeeded_at else now - _FIRST_LOOK_BACK
    return max(min(last, now), now - MAX_LOOK_BACK).date()


def _updated_record(
    report: IngestReport, now: datetime, before: SourceRecord | None, answer: FetchResult | None
) -> SourceRecord:
    """Return the new record of the source; only a whole `answer` moves the watermark."""
    record = before or SourceRecord(report.source, report.state, "", now)
    days = [listing.day for listing in answer.parsed.listings] if answer else []
    return SourceRecord(
        name=report.source,
        state=report.state,
        note=report.note,
        tried_at=now,
        # A stale answer does not count as a success, so that its missing day is fetched again.
        succeeded_at=now if answer and not report.stale else record.succeeded_at,
        new_at=now if report.new else record.new_at,
        newest_day=max((day for day in (*days, record.newest_day) if day), default=None),
        validators=answer.validators if answer else record.validators,
    )


# --- publish --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BatchSize:
    """How much is composed in one transaction."""

    subscribers: int = 800
    matches: int = 120_000
    """The matches that all subscribers of a batch have not read; it locks the database for about 0.1 s."""


def publish(
    app: App, on_batch: Callable[[int, int], None] | None = None, batch_size: BatchSize = BatchSize()
) -> Tally:
    """Compose and queue a digest for every subscriber who is due.

    `on_batch` is called after each batch, with the number of letters composed so far and the number that is due.
    """
    started = time.perf_counter()
    now, tally = app.clock(), Tally()
    # Before composing, since the papers of an expired letter are part of the next one.
    if expired := app.store.deliveries.expire(now):
        log.warning("letters expired; their papers come with the next letters", letters=expired)
    cache = MatchCache(app.store.issues.close_edition(now))
    tally.due = app.store.issues.due_count(now)
    app.progress.begin("publishing", tally.due)
    if tally.due:  # most ticks have nobody due, and what composing needs is costly to read
        _compose_due(app, now, cache, tally, on_batch, batch_size)
    tally.record_seconds("publish", started)
    if tally.composed:
        began = time.perf_counter()
        write_summaries(app)
        tally.record_seconds("summaries", began)
    return tally


def _compose_due(
    app: App,
    now: datetime,
    cache: MatchCache,
    tally: Tally,
    on_batch: Callable[[int, int], None] | None,
    size: BatchSize,
) -> None:
    context = RoundContext.read(app)
    memory.keep_freed_blocks()
    while True:
        with app.store.issues.batch(now, cache, size.subscribers, size.matches) as batch:
            if batch.due:
                batch.decided = compose_batch(app, batch, context)
        tally.composed += sum(new.digest is not None for new in batch.decided)
        tally.empty += sum(new.digest is None for new in batch.decided)
        app.progress.advance(len(batch.decided))
        if not batch.due:
            break
        if on_batch:
            on_batch(tally.composed, tally.due)
        app.throttle.yield_to_requests()


def compose_batch(app: App, batch: DueBatch, context: RoundContext) -> list[NewDelivery]:
    """Compose the digests of a batch. After missed issues, one digest holds the papers of all of them."""
    issues, upcoming = [], []
    for due in batch.due:
        schedule, due_at = due.subscriber.schedule, due.subscriber.next_digest_at
        assert due_at is not None
        issue, following = _due_issue(schedule, due_at, context.now)
        issues.append(issue)
        upcoming.append(following)
    policy = app.settings.delivery.policy()
    return [
        NewDelivery(
            due=due,
            issue=issue,
            next_digest_at=following,
            digest=digest,
            message_id=digest_message_id(app, issue, due.subscriber),
            expires_at=policy.expires_at(context.now, following),
        )
        for due, issue, following, digest in zip(
            batch.due, issues, upcoming, choose(batch, issues, context), strict=True
        )
    ]


@lru_cache(maxsize=1 << 12)  # many subscribers have the same schedule
def _due_issue(schedule: Schedule, due_at: datetime, now: datetime) -> tuple[Issue, datetime | None]:
    day, following = next_issue(schedule, due_at, now)
    return Issue(schedule.cadence, day), following


def next_issue(schedule: Schedule, due_at: datetime, now: datetime) -> tuple[date, datetime | None]:
    """Return the day of the issue due at `due_at` (if several were missed, of the last), and when the next is due."""
    day = issue_date(schedule, due_at)
    upcoming = next_digest_at(schedule, due_at, day)
    while upcoming and upcoming <= now:
        day = issue_date(schedule, upcoming)
        upcoming = next_digest_at(schedule, upcoming, day)
    return day, upcoming


# --- deliver --------------------------------------------------------------------------------------------------


def deliver(app: App) -> Tally:
    """Send due letters until none is left or the relay accepts no more."""
    tally = Tally()
    with SendingProcesses(app) as senders:
        _deliver(app, senders, tally)
    return tally


def publish_and_deliver(app: App, batch_size: BatchSize = BatchSize()) -> Tally:
    """Publish due digests and deliver them.

    If many are due, helper processes send the first letters while others are composed.
    """
    with SendingProcesses(app) as senders:
        tally = publish(app, senders.letters_queued, batch_size)
        _deliver(app, senders, tally)
    return tally


def _deliver(app: App, senders: SendingProcesses, tally: Tally) -> None:
    started = time.perf_counter()
    app.progress.begin("delivering", None)
    _release_abandoned(app, app.clock())
    tally.record(senders.send())
    tally.record_seconds("deliver", started)


# --- sweep ----------------------------------------------------------------------------------------------------


def sweep(app: App) -> int:
    """Repair what time or a crash has left; return how many deliveries and subscribers were repaired."""
    now = app.clock()
    topic_matching.reindex(app)
    topic_matching.match_papers(app)
    topic_matching.match_topics(app)
    if clock_is_steady(app):
        prune(app)
    app.store.subscribers.update_address_key()
    if misscheduled := app.store.subscribers.correct_dates(now):
        log.warning(
            "next digests were more than one period away and have been moved; the clock may have been ahead",
            subscribers=misscheduled,
        )
    corrected = misscheduled + app.store.deliveries.correct_dates(now)
    return corrected + _release_abandoned(app, now) + app.store.subscribers.resume_due(now)


def _release_abandoned(app: App, now: datetime) -> int:
    """Put the letters of programs that died while sending back in the queue; return how many there were."""
    # No attempt is recorded: nobody knows which of these letters were under way.
    if interrupted := app.store.deliveries.release_expired_claims(now):
        what = "a program ended while sending; its letters are sent again, and those in progress may arrive twice"
        log.warning(what, letters=interrupted)
    return interrupted


def embed_papers(app: App, seconds: float = _EMBED_SECONDS, advance: Callable[[int], None] = lambda _: None) -> int:
    """Compute vectors for papers that have none, for at most `seconds`, and match those papers again.

    Rounds do not wait for it: a paper without a vector is matched by its words, and matches by meaning follow a
    little later, of papers of the past week with the next letter.

    Returns the number of vectors computed; `advance` is called with the number of each batch.
    """
    number = embed(app, seconds, advance)
    if enough_embedded(app):
        topic_matching.match_embedded(app)
    return number


def run_round(app: App) -> tuple[list[IngestReport], Tally]:
    """Run all steps now: sweep, ingest, publish, deliver until nothing is due, call the webhooks, compute vectors."""
    started = time.perf_counter()
    sweep(app)
    reports = ingest(app)
    ingested = time.perf_counter() - started
    tally = publish_and_deliver(app)
    webhooks.call_due(app)
    embed_papers(app)
    tally.stages = {"ingest": ingested, **tally.stages}
    return reports, tally
