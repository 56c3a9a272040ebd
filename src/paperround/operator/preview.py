"""Preview any email. The same code as in delivery builds it; nothing is stored, and only test emails are sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

from paperround.app import App
from paperround.domain.errors import TransportError, UnknownNameError, UsageError
from paperround.domain.match_table import BatchMatches
from paperround.domain.models import (
    Delivery,
    DeliveryState,
    Digest,
    Match,
    NoticeKind,
    Outcome,
    Paper,
    Stage,
    Subscriber,
    SubscriberState,
    TopicCounts,
)
from paperround.domain.preferences import Preferences, as_spelled
from paperround.domain.schedule import Cadence, Issue, issue_date, span_days
from paperround.process.resources import templates
from paperround.rendering import language as languages
from paperround.rendering import notice, sample
from paperround.rendering import theme as themes
from paperround.rounds import pipeline
from paperround.rounds.digest_selection import RoundContext, choose
from paperround.rounds.letters import FinishedLetter, LetterBuilder, as_preview, new_message_id
from paperround.store.due import DueBatch, DueSubscriber
from paperround.subscribers.membership import address as checked_address
from paperround.subscribers.membership import subscriber as subscriber_named

_PAPERS_A_DAY = 100
_FIRST_YEAR = 1900
_LOOKED_AT = 200  # papers of the past week that are checked for earlier emails to the subscriber
_TEST = "[test] "


class Origin(StrEnum):
    """The origin of a previewed email."""

    COMPOSED = "composed"
    """A stored digest that was composed for the subscriber."""
    LATEST = "latest"
    """The subscriber's latest stored digest, because the next round would compose none."""
    NEXT = "next"
    """A digest that the next round would compose."""
    FOLLOWER = "follower"
    """A digest for a new subscriber to these topics."""
    SAMPLE = "sample"
    """The sample digest, with every feature."""
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class PreviewRequest:
    """Which email to preview: for a subscriber, or for topics; with neither, the sample email."""

    email: str = ""
    topics: tuple[str, ...] = ()
    day: date | None = None
    cadence: Cadence | None = None
    """The subscriber's by default, like theme and language; daily for topics."""
    theme: str = ""
    language: str = ""
    notice: str = ""
    """The kind of a notice, to preview it instead of a digest."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A previewed email and its origin."""

    subscriber: Subscriber
    origin: Origin
    finished: FinishedLetter
    digest: Digest | None = None
    papers: Mapping[int, Paper] = field(default_factory=dict)
    matches: tuple[Match, ...] = ()
    """The matches that the papers were selected from, if known."""
    notice: str = ""
    counts: tuple[TopicCounts, ...] | None = None
    """The numbers of its chart, if they are not in the store."""


@dataclass(frozen=True, slots=True)
class _Draft:
    """A digest for a subscriber before rendering."""

    subscriber: Subscriber
    origin: Origin
    digest: Digest | None
    papers: Mapping[int, Paper]
    matches: tuple[Match, ...] = ()
    counts: tuple[TopicCounts, ...] | None = None


def build(app: App, request: PreviewRequest) -> Preview | None:
    """Build the email; return None if there are no papers for it.

    For a day whose digest exists it is that digest; for a past day without one there is none, and otherwise it is
    the one that the next round would compose. Without a day it is today's, the next one, or the latest if the next
    one would have no papers.
    Raises ConfigurationError if a template is broken, and UnknownNameError for an unknown subscriber, topic, theme or
    language.
    """
    if request.day and request.day.year < _FIRST_YEAR:
        raise UsageError(f"there are no emails of {request.day}; choose a later day")
    if request.cadence is Cadence.OFF:
        raise UsageError("there is no letter if the cadence is off; choose daily, weekdays, weekly or monthly")
    draft = _draft(app, request)
    subscriber = draft.subscriber.with_preferences(
        theme=_as_spelled(request.theme, themes.names(templates())) or draft.subscriber.theme,
        language=_as_spelled(request.language, languages.available(templates())) or draft.subscriber.language,
    )
    app.shared(LetterBuilder).check(subscriber.theme, subscriber.language)
    if kind := request.notice:
        return Preview(subscriber, Origin.NOTICE, _notice_letter(app, subscriber, kind), notice=kind)
    if draft.digest is None:
        return None
    letter = _digest_letter(app, draft, draft.digest, subscriber)
    return Preview(subscriber, draft.origin, letter, draft.digest, draft.papers, draft.matches, counts=draft.counts)


def _as_spelled(name: str, names: Collection[str]) -> str:
    return as_spelled(name, names) or name


def write_files(finished: FinishedLetter, folder: Path) -> list[Path]:
    """Write letter.eml, letter.html and letter.txt to a folder, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "letter.eml": finished.letter.message,
        "letter.html": finished.rendered.html.encode(),
        "letter.txt": finished.rendered.text.encode(),
    }
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in contents]


def send_test(app: App, preview: Preview, email: str) -> Outcome:
    """Send the email to another address once, without storing anything, and return the outcome.

    Its subject says that it is a test, and its personal links are nobody's: whoever presses them, or scans the
    letter, changes nothing for the subscriber whose letter it is.
    """
    to = checked_address(email)
    subscriber = app.store.subscribers.by_email(to)
    if subscriber and subscriber.suppressed:
        raise UsageError(f"{to} is suppressed ({subscriber.suppressed[0]}), so nothing is sent there")
    letter = _test_letter(app, preview, preview.subscriber._replace(row=0, email=to)).letter
    outcomes: list[Outcome] = []
    try:
        app.transport.send(iter([letter]), outcomes.extend)
    except TransportError as error:
        return Outcome(0, Stage.CONNECT, None, text=str(error))
    return outcomes[0]


def describe_test(app: App, email: str, outcome: Outcome) -> str:
    """Return a sentence that says what came of a test email to this address, with the reply."""
    where, reply = f"by {app.settings.transport.kind}", f"{outcome.code or ''} {outcome.text}".strip()
    if outcome.accepted:
        return f"Test email sent to {email.strip()} {where}: {reply}"
    return f"The test email was not accepted {where} ({outcome.stage.value}): {reply}"


def days(app: App, request: PreviewRequest, limit: int = 14) -> list[date]:
    """Return the days for which there is an email, latest first."""
    if request.email:
        digests = app.store.issues.digests_of(subscriber_named(app, request.email).row, limit)
        return [digest.day for digest in digests]
    return app.store.explanations.days(request.topics, limit) if request.topics else []


def _draft(app: App, request: PreviewRequest) -> _Draft:
    """Choose the digest that is requested."""
    if request.email:
        return _draft_for_subscriber(app, subscriber_named(app, request.email), request.day, request.cadence)
    cadence = request.cadence or Cadence.DAILY
    if request.topics:
        return _draft_for_topics(app, request.topics, request.day, cadence)
    # Placeholder links, so that the sample subscriber does not get those of a real one.
    nobody, counts = sample.subscriber(cadence)._replace(row=0), sample.counts(cadence)
    return _Draft(nobody, Origin.SAMPLE, sample.digest(cadence), sample.PAPERS, counts=counts)


def _draft_for_subscriber(app: App, subscriber: Subscriber, day: date | None, cadence: Cadence | None) -> _Draft:
    """Return the subscriber's stored digest of a day, or choose the one of the next round; see `build`."""
    today = issue_date(subscriber.schedule, app.clock())
    frozen = app.store.issues.digest_on(subscriber.row, day or today)
    if frozen and cadence in (None, frozen.cadence):
        return _draft_of_stored(app, subscriber, frozen)
    if frozen is None and day and day < today:
        return _Draft(subscriber, Origin.COMPOSED, None, {})
    draft = _draft_of_next_round(app, subscriber, day, cadence)
    if draft.digest is None and day is None:
        # Nothing new since the last letter, as just after midnight: show that one rather than none.
        latest = app.store.issues.digests_of(subscriber.row, 1)
        if latest and cadence in (None, latest[0].cadence):
            return replace(_draft_of_stored(app, subscriber, latest[0]), origin=Origin.LATEST)
    return draft


def _draft_of_stored(app: App, subscriber: Subscriber, digest: Digest) -> _Draft:
    return _Draft(subscriber, Origin.COMPOSED, digest, app.store.issues.printed(digest, digest.named))


def _draft_of_next_round(app: App, subscriber: Subscriber, day: date | None, cadence: Cadence | None) -> _Draft:
    """Choose the digest that the next round would compose."""
    subscriber = subscriber.with_preferences(cadence=cadence or subscriber.schedule.cadence)
    batch = app.store.issues.unread(subscriber, app.clock())
    issue = Issue(subscriber.schedule.cadence, day or _next_issue_day(app, subscriber))
    (digest,) = choose(batch, [issue], RoundContext.read(app))
    # Another subscriber's letter of the same issue may have printed a paper before it changed: it stays as printed.
    printed = app.store.issues.printed(digest, digest.named) if digest else {}
    if digest:
        printed = {**app.store.papers.by_rows(set(digest.named) - printed.keys() - batch.papers.keys()), **printed}
    return _Draft(
        subscriber, Origin.NEXT, digest, {**batch.papers, **printed}, tuple(batch.matches.for_subscriber(0))
    )


def next_digest(app: App, subscriber: Subscriber) -> tuple[frozenset[int], Digest | None]:
    """Return the numbers of the papers that the subscriber's next digest is chosen from, and that digest; None if it
    would have no papers. For somebody who gets no letters, it is a daily one.
    """
    if subscriber.schedule.cadence is Cadence.OFF:
        subscriber = subscriber.with_preferences(cadence=Cadence.DAILY)
    batch = app.store.issues.unread(subscriber, app.clock())
    issue = Issue(subscriber.schedule.cadence, _next_issue_day(app, subscriber))
    (digest,) = choose(batch, [issue], RoundContext.read(app))
    return frozenset(match.paper for match in batch.matches.for_subscriber(0)), digest


def _next_issue_day(app: App, subscriber: Subscriber) -> date:
    """Return the date of the next issue for this subscriber."""
    now, schedule, due_at = app.clock(), subscriber.schedule, subscriber.next_digest_at
    return pipeline.next_issue(schedule, due_at, now)[0] if due_at else issue_date(schedule, now)


def _draft_for_topics(app: App, slugs: tuple[str, ...], day: date | None, cadence: Cadence) -> _Draft:
    """Choose the digest of a subscriber to only these topics.

    It has their papers of a day, or of the days that an issue of this date covers; by default the latest.
    """
    for slug in slugs:
        app.store.topics.require(slug)
    subscriber = Subscriber(
        row=0,
        email="subscriber@paperround.example",
        state=SubscriberState.ACTIVE,
        preferences=Preferences(topics=slugs, cadence=cadence),
    )
    newest = app.store.explanations.days(slugs, 1) if cadence.covers_several_days and day is None else []
    named = newest[0] if newest else day or app.clock().date()
    if span := span_days(cadence, named):
        matches = app.store.explanations.latest(slugs, span[0], span[-1], _PAPERS_A_DAY * len(span))
    else:
        matches = app.store.explanations.latest(slugs, day or date.min, day or date.max, _PAPERS_A_DAY)
    rows = {match.paper for match in matches}
    batch = DueBatch(
        [DueSubscriber(subscriber, subscriber.topics)],
        BatchMatches.of_one(matches),
        app.store.papers.by_rows(rows),
        app.store.papers.daily_counts_of(rows) if span else {},
    )
    (digest,) = choose(batch, [Issue(cadence, named)], RoundContext.read(app))
    return _Draft(subscriber, Origin.FOLLOWER, digest, batch.papers, tuple(matches))


def _notice_letter(app: App, subscriber: Subscriber, kind: str, *, mark: str = "") -> FinishedLetter:
    """Build a notice with every optional part; its links do not belong to any subscriber."""
    if kind not in notice.kinds(templates()):
        raise UnknownNameError(f"there is no notice {kind!r}; there are: {', '.join(notice.kinds(templates()))}")
    names, language = _topic_names(app), languages.load(subscriber.language, templates())
    context: dict[str, Any] = {
        "topics": [language.own_words(names.get(slug, slug)) for slug in subscriber.topics],
        "queries": 1,
        "follows": 1,
        "new_email": "new.address@example.org",
        "more": ["EvoArena: Tracking Memory Evolution"],
        "less": ["MiniMax Sparse Attention"],
        "unknown": [12],
        "person": app.site.sender,
    }
    # The state determines the links in the footer.
    state = SubscriberState.PENDING if kind == NoticeKind.CONFIRM else SubscriberState.ACTIVE
    subscriber = subscriber._replace(row=0, state=state)
    delivery = Delivery(
        0,
        subscriber.email,
        new_message_id(app.settings),
        DeliveryState.QUEUED,
        subscriber.row,
        None,
        None,
        notice=kind,
        context=context,
    )
    return app.shared(LetterBuilder).notice_letter(delivery, subscriber, app.clock(), mark=mark)


def _test_letter(app: App, preview: Preview, subscriber: Subscriber) -> FinishedLetter:
    if preview.digest is None:
        return _notice_letter(app, subscriber, preview.notice, mark=_TEST)
    return _digest_letter(app, preview, preview.digest, subscriber, mark=_TEST)


def _digest_letter(
    app: App, source: _Draft | Preview, digest: Digest, subscriber: Subscriber, *, mark: str = ""
) -> FinishedLetter:
    delivery = as_preview(app, digest, subscriber)
    if mark:  # a mailbox drops a letter whose Message-ID it has seen, and a test may be sent twice
        delivery = delivery._replace(message_id=new_message_id(app.settings))
    return app.shared(LetterBuilder).lay_out(
        delivery, digest, source.papers, subscriber, app.clock(), counts=source.counts, mark=mark
    )


def _topic_names(app: App) -> dict[str, str]:
    return {topic.slug: topic.name for topic in app.store.topics.all()}
