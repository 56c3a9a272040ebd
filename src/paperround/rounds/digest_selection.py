"""Choose the digests of a batch of subscribers, due or previewed, with what a round knows of papers and topics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

import numpy as np

from paperround.app import App
from paperround.domain.match_table import bounds
from paperround.domain.models import SCORE_UNIT, Digest, NoteKind, PaperNote, Topic
from paperround.domain.notes import choose_close, choose_saved, is_thin
from paperround.domain.preferences import Breadth, QuietDays
from paperround.domain.schedule import Issue, span
from paperround.matching.candidates import CandidateMaker
from paperround.matching.compose import Candidates, DigestRequest, compose
from paperround.matching.learning import TermVectors
from paperround.matching.leave_out import LeaveOut
from paperround.matching.near_copies import NearCopies
from paperround.matching.popularity import DiscussionCache
from paperround.matching.scale import least_fit
from paperround.matching.taste import Tastes
from paperround.matching.words import is_plain_words, lists_sources
from paperround.rounds.collection import Collection, is_new_site
from paperround.rounds.day_facts import DayFactsReader
from paperround.rounds.meaning import Meaning
from paperround.rounds.tastes import make_tastes
from paperround.store.due import DueBatch, DueSubscriber

_ROUNDING = 1e-5  # of a fit: scores are computed with 32-bit floats
_MIN_FIT = {breadth: least_fit(breadth.steps) - _ROUNDING for breadth in Breadth}


@dataclass(frozen=True, slots=True)
class RoundContext:
    """The data that all digests of a round are chosen with, read or computed once per round."""

    now: datetime
    names: Mapping[str, str]
    """The names of topics by slug."""
    tastes: Tastes
    candidate_maker: CandidateMaker
    near_copies: NearCopies
    leave_out: LeaveOut
    discussion: DiscussionCache
    most_discussed: int
    facts: DayFactsReader
    is_new_site: bool
    """Whether the site has too few papers to tell what stands out for an interest."""

    @classmethod
    def read(cls, app: App) -> RoundContext:
        """Read the data for a round that begins now."""
        topics = app.store.topics.all()
        now = app.clock()
        return cls(
            now,
            {topic.slug: topic.name for topic in topics},
            make_tastes(app),
            _candidate_maker(topics, now),
            _near_copies(app),
            LeaveOut(),
            DiscussionCache(),
            app.settings.site.most_discussed,
            DayFactsReader(app, now),
            is_new_site(app),
        )


def _near_copies(app: App) -> NearCopies:
    """Return a detector of near-duplicate papers; word counts are read only if a paper has no vector."""
    meaning = app.shared(Meaning)

    @cache
    def terms() -> TermVectors:
        return TermVectors(app.shared(Collection).current().statistics)

    return NearCopies(terms, meaning.table().vectors if meaning.enabled else None)


def _candidate_maker(topics: Iterable[Topic], now: datetime) -> CandidateMaker:
    stored = tuple(topics)
    interests = {topic.slug for topic in stored if is_plain_words(topic.query)}
    return CandidateMaker(now.date(), interests, {topic.slug for topic in stored if lists_sources(topic.query)})


def make_candidate_check(app: App) -> Callable[[DueBatch], bool]:
    """Return a function that tells whether `choose` would choose a paper for anybody in a batch."""
    maker = _candidate_maker(app.store.topics.all(), app.clock())

    def chooses(batch: DueBatch) -> bool:
        candidates, _ = _without_unwanted(maker.make(batch.matches, batch.papers, _least(batch)), batch, LeaveOut())
        return len(candidates.matches) > 0

    return chooses


def _least(batch: DueBatch) -> list[float]:
    """Return the least fit of the papers of each subscriber's interests."""
    return [_MIN_FIT[due.subscriber.preferences.breadth] for due in batch.due]


def choose(batch: DueBatch, issues: Sequence[Issue], context: RoundContext) -> list[Digest | None]:
    """Choose a digest for each subscriber of a batch from their unread matches; None if there is nothing to send."""
    candidates = context.candidate_maker.make(batch.matches, batch.papers, _least(batch))
    liked = _add_taste(candidates, batch, context)
    candidates, left_out = _without_unwanted(candidates, batch, context.leave_out)
    _add_discussion(candidates, batch, issues, context)
    oldest = context.candidate_maker.oldest(candidates.matches, len(batch.due))
    requests = [
        DigestRequest(
            issue,
            order=due.topics,
            max_papers=due.subscriber.preferences.max_papers,
            most_discussed=context.most_discussed if issue.cadence.covers_several_days else 0,
            liked=liked.get(number, {}),
            left_out=left_out.get(number, 0),
            notes=(*_saved(due, issue), *due.news),
            facts=context.facts.facts(issue.cadence, due.previous_issue_at, oldest[number]),
        )
        for number, (due, issue) in enumerate(zip(batch.due, issues, strict=True))
    ]
    digests = compose(
        requests,
        candidates,
        context.names,
        lambda rows: context.near_copies.find([batch.papers[row] for row in rows]),
    )
    each = zip(digests, batch.due, requests, strict=True)
    return [
        _with_close(digest, due, batch, context) if digest else _without_papers(due, request, batch, context)
        for digest, due, request in each
    ]


def _saved(due: DueSubscriber, issue: Issue) -> tuple[PaperNote, ...]:
    """Return the notes on saved papers that a subscriber's letter of this issue begins with."""
    schedule = replace(due.subscriber.schedule, cadence=issue.cadence)
    return choose_saved(due.saved, schedule, issue.day, due.subscriber.last_issue_day)


def _slices(candidates: Candidates, batch: DueBatch) -> Iterator[tuple[int, DueSubscriber, slice]]:
    """Yield each subscriber with the rows of their candidates."""
    each = zip(batch.due, bounds(candidates.matches.subscriber, len(batch.due)), strict=True)
    for number, (due, mine) in enumerate(each):
        yield number, due, slice(*mine)


def _add_taste(candidates: Candidates, batch: DueBatch, context: RoundContext) -> dict[int, dict[int, str]]:
    """Fill the column `taste`. Return the titles of liked papers that others resemble, by subscriber and paper."""
    liked: dict[int, dict[int, str]] = {}
    papers = candidates.matches.paper
    for number, due, mine in _slices(candidates, batch):
        if due.feedback:
            rows = papers[mine].tolist()
            taste = context.tastes.taste(due.feedback, batch.papers, set(rows))
            affinities = {row: taste.affinity(batch.papers[row]) for row in set(rows)}
            candidates.taste[mine] = [round(round(affinities[row].degree, 4) * SCORE_UNIT) for row in rows]
            liked[number] = {row: affinity.like for row, affinity in affinities.items() if affinity.like}
    return liked


def _without_unwanted(
    candidates: Candidates, batch: DueBatch, leave_out: LeaveOut
) -> tuple[Candidates, dict[int, int]]:
    """Remove the papers that subscribers asked to leave out; return how many papers each subscriber loses too."""
    papers = candidates.matches.paper
    included = np.ones(len(papers), dtype=np.bool_)
    left_out: dict[int, int] = {}
    for number, due, mine in _slices(candidates, batch):
        if entries := due.subscriber.preferences.leave_out:
            rows = papers[mine]
            unwanted = leave_out.rows(entries, (batch.papers[row] for row in rows.tolist()))
            included[mine] = ~np.isin(rows, list(unwanted))
            left_out[number] = len(unwanted)
    return candidates.select(included) if left_out else candidates, left_out


def _add_discussion(candidates: Candidates, batch: DueBatch, issues: Sequence[Issue], context: RoundContext) -> None:
    """Fill the column `discussion` for issues that cover several days."""
    papers = candidates.matches.paper
    for number, _, mine in _slices(candidates, batch):
        if days := span(issues[number].cadence, issues[number].day):
            candidates.discussion[mine] = [
                context.discussion.discussion(batch.papers[row], batch.daily_counts.get(row, ()), days[0])
                for row in papers[mine].tolist()
            ]


def _with_close(digest: Digest, due: DueSubscriber, batch: DueBatch, context: RoundContext) -> Digest:
    """Return the digest with notes on papers that came close to an interest, of a digest with several papers only to
    one that brought none of them.
    """
    chosen = {*digest.named, *digest.more}
    thin = is_thin(len(digest.papers) + len(digest.more))
    close_enough = due.close if thin else [row for row in due.close if row in due.close_to_empty]
    rows = [row for row in close_enough if row not in chosen and row in batch.papers]
    if not rows:
        return digest
    preferences = due.subscriber.preferences
    close = context.leave_out.kept(preferences.leave_out, (batch.papers[row] for row in rows))
    alike = context.near_copies.find([batch.papers[row] for row in (*digest.papers, *digest.more, *rows)])
    notes = choose_close(close, chosen, alike)
    return replace(digest, notes=(*digest.notes, *notes))


def _without_papers(
    due: DueSubscriber, request: DigestRequest, batch: DueBatch, context: RoundContext
) -> Digest | None:
    """Return the digest of a subscriber without new papers; None unless it has saved ones, or a line is wanted.

    On a new site close papers are worth a letter too: most papers that fit only come close there, and without a
    letter its subscriber could not rate any.
    """
    wants_line = due.subscriber.preferences.quiet_days is QuietDays.LINE and due.topics
    if wants_line or any(note.kind is NoteKind.SAVED for note in request.notes):
        return _with_close(request.digest(), due, batch, context)
    if not context.is_new_site:
        return None
    digest = _with_close(request.digest(), due, batch, context)
    return digest if digest.close else None
