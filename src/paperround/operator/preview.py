"""Preview any email. The same code as in delivery builds it; nothing is stored, and only test emails are sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

from paperround.app import App
from paperround.domain.errors import TransportError, UnknownName, WrongUse
from paperround.domain.match_table import BatchMatches
from paperround.domain.models import (
    Delivery,
    DeliveryState,
    Digest,
    Match,
    NoticeKind,
    Outcome,
    Paper,
    Pick,
    Score,
    Stage,
    Subscriber,
    SubscriberState,
    TopicCounts,
)
from paperround.domain.preferences import Preferences, as_spelled
from paperround.domain.schedule import Cadence, Issue, issue_date, span_days
from paperround.matching import ranking
from paperround.matching.candidates import by_name, popularity_on
from paperround.matching.profile import Taste
from paperround.process.resources import templates
from paperround.rendering import language as languages
from paperround.rendering import notice, sample
from paperround.rendering import theme as themes
from paperround.rounds import pipeline
from paperround.rounds.choosing import RoundContext, choose
from paperround.rounds.interests import tastes
from paperround.rounds.letters import FinishedLetter, LetterBuilder, as_preview, new_message_id
from paperround.store.due import DueBatch, DueSubscriber
from paperround.store.topics import news_horizon
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
    NEXT = "next"
    """A digest that the next round would compose."""
    FOLLOWER = "follower"
    """A digest for a new subscriber to these topics."""
    SAMPLE = "sample"
    """The sample digest, with every feature."""
    NOTICE = "notice"


class Placement(StrEnum):
    """Where a candidate paper ended up."""

    PRINTED = "printed"
    NO_ROOM = "no room"
    """Selected, but the email would be clipped: counted in "N more"."""
    COUNTED = "counted"
    """Beyond the subscriber's maximum: counted in "N more"."""
    HAD = "had before"


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
class ConsideredPaper:
    """A candidate paper, its placement and its scores."""

    paper: Paper
    placement: Placement
    matches: tuple[Match, ...]
    """The matching topics of the subscriber, best first."""
    popularity: float
    affinity: float
    """The affinity from the subscriber's feedback, −1 to 1; 0 without feedback."""
    rank: float
    """The rank that orders papers: the sum of the parts of the score."""
    score: Score = field(default_factory=Score)
    """The rank taken apart: as stored with the digest, or as of now."""
    why: tuple[str, ...] = ()
    """The reasons as printed in the email."""
    had: date | None = None
    unlike: str = ""
    """The title of a similar paper that the subscriber wanted less of, if that lowers the rank."""


@dataclass(frozen=True, slots=True)
class _DigestDraft:
    """A digest for a subscriber before rendering."""

    subscriber: Subscriber
    origin: Origin
    digest: Digest | None
    papers: Mapping[int, Paper]
    matches: tuple[Match, ...] = ()
    counts: tuple[TopicCounts, ...] | None = None


def look(app: App, wanted: PreviewRequest) -> Preview | None:
    """Build the email; return None if there are no papers for it.

    For a day whose digest exists it is that digest; for a past day without one there is none, and otherwise it is
    the one that the next round would compose. Without a day it is today's, the next one, or the latest if the next
    one would have no papers.
    Raises ConfigurationError if a template is broken, and UnknownName for an unknown subscriber, topic, theme or
    language.
    """
    if wanted.day and wanted.day.year < _FIRST_YEAR:
        raise WrongUse(f"there are no emails of {wanted.day}; choose a later day")
    if wanted.cadence is Cadence.OFF:
        raise WrongUse("with the cadence off there is no letter; choose daily, weekdays, weekly or monthly")
    drawn = _drawn(app, wanted)
    subscriber = drawn.subscriber.with_preferences(
        theme=_as_spelled(wanted.theme, themes.names(templates())) or drawn.subscriber.theme,
        language=_as_spelled(wanted.language, languages.available(templates())) or drawn.subscriber.language,
    )
    app.shared(LetterBuilder).check(subscriber.theme, subscriber.language)
    if wanted.notice:
        return Preview(subscriber, Origin.NOTICE, _notice(app, subscriber, wanted.notice), notice=wanted.notice)
    if drawn.digest is None:
        return None
    finished = _laid_out(app, drawn, drawn.digest, subscriber)
    return Preview(subscriber, drawn.origin, finished, drawn.digest, drawn.papers, drawn.matches, counts=drawn.counts)


def _as_spelled(name: str, known: Collection[str]) -> str:
    return as_spelled(name, known) or name


def write(finished: FinishedLetter, folder: Path) -> list[Path]:
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


def send_test(app: App, shown: Preview, email: str) -> Outcome:
    """Send the email to another address once, without storing anything, and return the outcome.

    Its subject says that it is a test, and its personal links are nobody's: whoever presses them, or scans the
    letter, changes nothing for the subscriber whose letter it is.
    """
    to = checked_address(email)
    known = app.store.subscribers.by_email(to)
    if known and known.suppressed:
        raise WrongUse(f"{to} is suppressed ({known.suppressed[0]}), so nothing is sent there")
    letter = _marked(app, shown, replace(shown.subscriber, row=0, email=to)).letter
    outcomes: list[Outcome] = []
    try:
        app.transport.send(iter([letter]), outcomes.extend)
    except TransportError as error:
        return Outcome(0, Stage.CONNECT, None, text=str(error))
    return outcomes[0]


def result_of_test(app: App, email: str, outcome: Outcome) -> str:
    """Return a sentence that says what came of a test email to this address, with the reply."""
    where, reply = f"by {app.settings.transport.kind}", f"{outcome.code or ''} {outcome.text}".strip()
    if outcome.accepted:
        return f"Test email sent to {email.strip()} {where}: {reply}"
    return f"The test email was not accepted {where} ({outcome.stage.value}): {reply}"


def considered(app: App, shown: Preview) -> list[ConsideredPaper]:
    """The candidate papers: those in the email first, in its order, then the others by rank."""
    if shown.digest is None:
        return []
    digest = shown.digest
    papers, matches, had = _evidence(app, shown, (*digest.papers, *digest.more))
    found = _by_paper(app, matches, papers, _taste(app, shown, papers))
    picks = {pick.paper: pick for section in digest.sections for pick in section.picks}
    scores = digest.scores
    considered_papers = [
        replace(
            _as_picked(found.get(row), papers[row], picks.get(row), scores.get(row)),
            placement=_placement(row, shown, had),
            had=had.get(row),
        )
        for row in (*digest.papers, *digest.more, *had)
        if row in papers
    ]
    # A digest keeps its papers in order; the others were never in one.
    return sorted(
        considered_papers,
        key=lambda one: (
            list(Placement).index(one.placement),
            0 if one.placement is Placement.PRINTED else -one.rank,
        ),
    )


def _as_picked(one: ConsideredPaper | None, paper: Paper, pick: Pick | None, score: Score | None) -> ConsideredPaper:
    """A candidate with what the digest says of it."""
    one = one or ConsideredPaper(paper, Placement.PRINTED, (), 0.0, 0.0, 0.0)
    if pick is None:
        return one
    if score is None:
        return replace(one, why=pick.why)
    return replace(one, why=pick.why, rank=pick.rank, score=score)


def days(app: App, wanted: PreviewRequest, limit: int = 14) -> list[date]:
    """The days for which there is an email, latest first."""
    if wanted.email:
        found = app.store.issues.digests_of(subscriber_named(app, wanted.email).row, limit)
        return [digest.day for digest in found]
    return app.store.explanations.days(wanted.topics, limit) if wanted.topics else []


def _drawn(app: App, wanted: PreviewRequest) -> _DigestDraft:
    if wanted.email:
        return _subscribers(app, subscriber_named(app, wanted.email), wanted.day, wanted.cadence)
    cadence = wanted.cadence or Cadence.DAILY
    if wanted.topics:
        return _followers(app, wanted.topics, wanted.day, cadence)
    # Placeholder links, so that the sample subscriber does not get those of a real one.
    nobody, counts = replace(sample.subscriber(cadence), row=0), sample.counts(cadence)
    return _DigestDraft(nobody, Origin.SAMPLE, sample.digest(cadence), sample.PAPERS, counts=counts)


def _subscribers(app: App, subscriber: Subscriber, day: date | None, cadence: Cadence | None) -> _DigestDraft:
    today = issue_date(subscriber.schedule, app.clock())
    frozen = app.store.issues.digest_on(subscriber.row, day or today)
    if frozen and cadence in (None, frozen.cadence):
        return _stored(app, subscriber, frozen)
    if frozen is None and day and day < today:
        return _DigestDraft(subscriber, Origin.COMPOSED, None, {})
    draft = _next(app, subscriber, day, cadence)
    if draft.digest is None and day is None:
        # Nothing new since the last letter, as just after midnight: show that one rather than none.
        latest = app.store.issues.digests_of(subscriber.row, 1)
        if latest and cadence in (None, latest[0].cadence):
            return _stored(app, subscriber, latest[0])
    return draft


def _stored(app: App, subscriber: Subscriber, digest: Digest) -> _DigestDraft:
    return _DigestDraft(subscriber, Origin.COMPOSED, digest, app.store.issues.printed(digest, digest.named))


def _next(app: App, subscriber: Subscriber, day: date | None, cadence: Cadence | None) -> _DigestDraft:
    """The digest that the next round would compose."""
    subscriber = subscriber.with_preferences(cadence=cadence or subscriber.schedule.cadence)
    batch = app.store.issues.unread(subscriber)
    issue = Issue(subscriber.schedule.cadence, day or _next_day(app, subscriber))
    (digest,) = choose(batch, [issue], RoundContext.of(app))
    # Another subscriber's letter of the same issue may have printed a paper before it changed: it stays as printed.
    printed = app.store.issues.printed(digest, digest.named) if digest else {}
    if digest:
        printed = {**app.store.papers.by_rows(set(digest.named) - printed.keys() - batch.papers.keys()), **printed}
    return _DigestDraft(subscriber, Origin.NEXT, digest, {**batch.papers, **printed}, tuple(batch.matches.of(0)))


def _next_day(app: App, subscriber: Subscriber) -> date:
    """The date of the next issue for this subscriber."""
    now, schedule, due_at = app.clock(), subscriber.schedule, subscriber.next_digest_at
    return pipeline.next_issue(schedule, due_at, now)[0] if due_at else issue_date(schedule, now)


def _followers(app: App, slugs: tuple[str, ...], day: date | None, cadence: Cadence) -> _DigestDraft:
    """The topics' papers of a day, or of the days that an issue of this date tells of; by default the latest."""
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
    (digest,) = choose(batch, [Issue(cadence, named)], RoundContext.of(app))
    return _DigestDraft(subscriber, Origin.FOLLOWER, digest, batch.papers, tuple(matches))


def _notice(app: App, subscriber: Subscriber, kind: str, *, mark: str = "") -> FinishedLetter:
    """A notice with every optional part; its links do not belong to any subscriber."""
    if kind not in notice.kinds(templates()):
        raise UnknownName(f"there is no notice {kind!r}; there are: {', '.join(notice.kinds(templates()))}")
    names, language = _names(app), languages.load(subscriber.language, templates())
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
    subscriber = replace(subscriber, row=0, state=state)
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


def _marked(app: App, shown: Preview, subscriber: Subscriber) -> FinishedLetter:
    if shown.digest is None:
        return _notice(app, subscriber, shown.notice, mark=_TEST)
    return _laid_out(app, shown, shown.digest, subscriber, mark=_TEST)


def _laid_out(
    app: App, made: _DigestDraft | Preview, digest: Digest, subscriber: Subscriber, *, mark: str = ""
) -> FinishedLetter:
    delivery = as_preview(app, digest, subscriber)
    if mark:  # a mailbox drops a letter whose Message-ID it has seen, and a test may be sent twice
        delivery = replace(delivery, message_id=new_message_id(app.settings))
    return app.shared(LetterBuilder).lay_out(
        delivery, digest, made.papers, subscriber, app.clock(), counts=made.counts, mark=mark
    )


def _taste(app: App, shown: Preview, papers: Mapping[int, Paper]) -> Taste:
    """The subscriber's taste as it is now, for choosing the papers of this digest; nobody's has none."""
    assert shown.digest
    said, new = app.store.feedback.of(shown.subscriber.row), {*shown.digest.papers, *shown.digest.more}
    return tastes(app).of(said, {**papers, **app.store.papers.by_rows(one.paper for one in said)}, new)


def _names(app: App) -> dict[str, str]:
    return {known.slug: known.name for known in app.store.topics.all()}


def _slugs(shown: Preview) -> set[str]:
    sections = shown.digest.sections if shown.digest else ()
    return {*shown.subscriber.topics, *(section.topic for section in sections)}


def _evidence(
    app: App, shown: Preview, rows: tuple[int, ...]
) -> tuple[Mapping[int, Paper], tuple[Match, ...], dict[int, date]]:
    """The papers of these rows and what they match, with those that the subscriber has had, and when."""
    if shown.origin is Origin.SAMPLE:
        return shown.papers, (), {}  # in the store its numbers are other papers'
    had = _had(app, shown, rows) if shown.origin is Origin.NEXT else {}
    papers = {**app.store.papers.by_rows({*rows, *had} - shown.papers.keys()), **shown.papers}
    matches = shown.matches or tuple(app.store.explanations.matches(rows, _slugs(shown)))
    return papers, (*matches, *app.store.explanations.matches(had, _slugs(shown))), had


def _had(app: App, shown: Preview, rows: Iterable[int]) -> dict[int, date]:
    """The past week's papers on the subscriber's topics that they have had, and when."""
    since = news_horizon(app.clock()).date()
    week = app.store.explanations.latest(_slugs(shown), since, date.max, _LOOKED_AT)
    return app.store.explanations.had(shown.subscriber.row, {match.paper for match in week} - set(rows))


def _by_paper(
    app: App, matches: Iterable[Match], papers: Mapping[int, Paper], taste: Taste
) -> dict[int, ConsideredPaper]:
    """Each paper with its matches and its rank by the best of them."""
    grouped: dict[int, list[Match]] = {}
    for match in matches:
        grouped.setdefault(match.paper, []).append(match)
    today = app.clock().date()
    return {
        row: _considered(papers[row], tuple(sorted(some, key=lambda match: -match.score)), taste, today)
        for row, some in grouped.items()
        if row in papers
    }


def _considered(paper: Paper, matches: tuple[Match, ...], taste: Taste, today: date) -> ConsideredPaper:
    """Return a paper with its rank; its best match comes first."""
    popular, degree = popularity_on(paper, today), taste.affinity(paper).degree
    followed, code = any(map(by_name, matches)), paper.code_url is not None
    score = ranking.score(matches[0].score, popular, degree, followed=followed, code=code)
    rank, unlike = round(score.total, 4), taste.unlike(paper)
    return ConsideredPaper(paper, Placement.PRINTED, matches, popular, degree, rank, score, unlike=unlike)


def _placement(row: int, shown: Preview, had: Mapping[int, date]) -> Placement:
    if row in had:
        return Placement.HAD
    if row in shown.finished.rendered.papers:
        return Placement.PRINTED
    assert shown.digest
    return Placement.NO_ROOM if row in shown.digest.papers else Placement.COUNTED
