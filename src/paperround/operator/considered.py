"""Which papers were considered for a previewed digest, where each ended up, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from operator import attrgetter

from paperround.app import App
from paperround.domain.models import Match, Paper, Pick, Score
from paperround.matching import ranking
from paperround.matching.candidates import is_by_followed_name, popularity_on
from paperround.matching.taste import Taste
from paperround.matching.words import lists_sources
from paperround.operator.preview import Origin, Preview
from paperround.rounds.tastes import make_tastes
from paperround.store.topics import news_horizon

_LOOKED_AT = 200  # papers of the past week that are checked for earlier emails to the subscriber


class Placement(StrEnum):
    """Where a candidate paper ended up."""

    PRINTED = "printed"
    NO_ROOM = "no room"
    """Selected, but the email would be clipped: counted in "N more"."""
    COUNTED = "counted"
    """Beyond the subscriber's maximum: counted in "N more"."""
    SENT_BEFORE = "had before"


@dataclass(frozen=True, slots=True)
class ConsideredPaper:
    """A candidate paper, its placement and its scores."""

    paper: Paper
    placement: Placement
    matches: tuple[Match, ...]
    """The matching topics of the subscriber, best first."""
    topics: tuple[str, ...]
    """The name of the topic of each match; that of an interest is its words."""
    rank: float
    """The rank that orders papers: the sum of the parts of the score."""
    score: Score = field(default_factory=Score)
    """The rank taken apart: as stored with the digest, or as of now."""
    why: tuple[str, ...] = ()
    """The reasons as printed in the email."""
    sent_on: date | None = None
    """The day of the issue in which the subscriber was sent the paper before; None if they were not."""
    unlike: str = ""
    """The title of a similar paper that the subscriber wanted less of, if that lowers the rank."""


def considered_papers(app: App, preview: Preview) -> list[ConsideredPaper]:
    """Return the candidate papers: those in the email first, in its order, then the others by rank."""
    if preview.digest is None:
        return []
    digest = preview.digest
    papers, matches, sent_before = _candidates(app, preview, (*digest.papers, *digest.more))
    topics = _Topics.read(app, preview)
    ranked = _ranked(app, matches, papers, topics, _taste_for(app, preview, papers))
    picks = {pick.paper: pick for section in digest.sections for pick in section.picks}
    scores = digest.scores
    considered = [
        replace(
            _with_pick(ranked.get(row), papers[row], picks.get(row), scores.get(row)),
            placement=_placement(row, preview, sent_before),
            sent_on=sent_before.get(row),
        )
        for row in (*digest.papers, *digest.more, *sent_before)
        if row in papers
    ]
    # A digest keeps its papers in order; the others were never in one.
    return sorted(
        considered,
        key=lambda considered: (
            list(Placement).index(considered.placement),
            0 if considered.placement is Placement.PRINTED else -considered.rank,
        ),
    )


def _with_pick(
    considered: ConsideredPaper | None, paper: Paper, pick: Pick | None, score: Score | None
) -> ConsideredPaper:
    """Return a candidate with what the digest says of it."""
    considered = considered or ConsideredPaper(paper, Placement.PRINTED, (), (), 0.0)
    if pick is None:
        return considered
    if score is None:
        return replace(considered, why=pick.why)
    unlike = considered.unlike if score.taste < 0 else ""
    return replace(considered, why=pick.why, rank=pick.rank, score=score, unlike=unlike)


def _taste_for(app: App, preview: Preview, papers: Mapping[int, Paper]) -> Taste:
    """Return the subscriber's current taste, used to choose the papers of this digest; a neutral taste without a
    subscriber.
    """
    assert preview.digest
    feedback, new = app.store.feedback.ratings(preview.subscriber.row), {*preview.digest.papers, *preview.digest.more}
    return make_tastes(app).taste(
        feedback, {**papers, **app.store.papers.by_rows(feedback_entry.paper for feedback_entry in feedback)}, new
    )


def _topics_of(preview: Preview) -> set[str]:
    sections = preview.digest.sections if preview.digest else ()
    return {*preview.subscriber.topics, *(section.topic for section in sections)}


@dataclass(frozen=True, slots=True)
class _Topics:
    """What is known of the digest's topics."""

    names: Mapping[str, str]
    """The names by slug; those of topics that no longer exist are in the digest's sections."""
    by_votes: frozenset[str]
    """The slugs of the topics whose papers are ordered by votes."""

    @classmethod
    def read(cls, app: App, preview: Preview) -> _Topics:
        sections = preview.digest.sections if preview.digest else ()
        stored = app.store.topics.by_slugs([*_topics_of(preview)])
        return cls(
            {section.topic: section.name for section in sections if section.name}
            | {topic.slug: topic.name for topic in stored},
            frozenset(topic.slug for topic in stored if lists_sources(topic.query)),
        )


def _candidates(
    app: App, preview: Preview, rows: tuple[int, ...]
) -> tuple[Mapping[int, Paper], tuple[Match, ...], dict[int, date]]:
    """Return the papers of these rows and what they match, with those that the subscriber was sent, and when."""
    if preview.origin is Origin.SAMPLE:
        return preview.papers, (), {}  # in the store its numbers are other papers'
    sent_before = _sent_before(app, preview, rows) if preview.origin is Origin.NEXT else {}
    papers = {**app.store.papers.by_rows({*rows, *sent_before} - preview.papers.keys()), **preview.papers}
    matches = preview.matches or tuple(app.store.explanations.matches(rows, _topics_of(preview)))
    return papers, (*matches, *app.store.explanations.matches(sent_before, _topics_of(preview))), sent_before


def _sent_before(app: App, preview: Preview, rows: Iterable[int]) -> dict[int, date]:
    """Return the past week's papers on the subscriber's topics that they were sent before, and when."""
    since = news_horizon(app.clock()).date()
    week = app.store.explanations.latest(_topics_of(preview), since, date.max, _LOOKED_AT)
    return app.store.explanations.had(preview.subscriber.row, {match.paper for match in week} - set(rows))


def _ranked(
    app: App, matches: Iterable[Match], papers: Mapping[int, Paper], topics: _Topics, taste: Taste
) -> dict[int, ConsideredPaper]:
    """Return each paper with its matches and its rank, the highest that it has by any of them."""
    grouped: dict[int, list[Match]] = {}
    for match in matches:
        grouped.setdefault(match.paper, []).append(match)
    today = app.clock().date()
    return {
        row: _ranked_paper(papers[row], tuple(sorted(group, key=lambda match: -match.score)), topics, taste, today)
        for row, group in grouped.items()
        if row in papers
    }


def _ranked_paper(
    paper: Paper, matches: tuple[Match, ...], topics: _Topics, taste: Taste, today: date
) -> ConsideredPaper:
    """Return a paper with its rank; its best match comes first."""
    popular, degree = popularity_on(paper, today), taste.affinity(paper).degree
    followed, code = any(map(is_by_followed_name, matches)), paper.code_url is not None
    scores = (
        ranking.score(
            match.score, popular, degree, followed=followed, code=code, by_votes=match.topic in topics.by_votes
        )
        for match in matches
    )
    score = max(scores, key=attrgetter("total"))
    names = tuple(topics.names.get(match.topic, match.topic) for match in matches)
    rank, unlike = round(score.total, 4), taste.unlike(paper)
    return ConsideredPaper(paper, Placement.PRINTED, matches, names, rank, score, unlike=unlike)


def _placement(row: int, preview: Preview, sent_before: Mapping[int, date]) -> Placement:
    if row in sent_before:
        return Placement.SENT_BEFORE
    if row in preview.finished.rendered.papers:
        return Placement.PRINTED
    assert preview.digest
    return Placement.NO_ROOM if row in preview.digest.papers else Placement.COUNTED
