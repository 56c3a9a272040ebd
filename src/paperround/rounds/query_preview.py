"""Previews a query on the papers of the past week: how many match, and which are the best.

A subscriber sees it below the interests of the form. `trial.py` tries one interest more thoroughly, with ratings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from paperround.app import App
from paperround.domain import preferences
from paperround.domain.errors import QueryError
from paperround.domain.models import Feedback, Paper
from paperround.domain.preferences import DEFAULTS, Breadth
from paperround.matching import lexical
from paperround.matching.leave_out import LeaveOut
from paperround.matching.negation import unwanted_in
from paperround.matching.query import Query
from paperround.matching.scale import least_fit
from paperround.matching.words import Words, check_is_informative, interpret_uncached, operators_in
from paperround.rendering import reasons
from paperround.rendering.language import Language
from paperround.rendering.trial_sentences import (
    describe_closest,
    describe_misreading,
    describe_operators,
    describe_remedies,
    describe_single_word,
    describe_week,
    describe_week_without_word,
    suggest_correction,
)
from paperround.rounds.authors import query_for_author
from paperround.rounds.collection import Collection, is_known
from paperround.rounds.interest_batch import InterestBatch
from paperround.rounds.interests import Interests
from paperround.rounds.meaning import Meaning
from paperround.rounds.trial import wider_breadth
from paperround.store.topics import news_horizon

_MAX_SHOWN = 5  # papers that match
_MAX_COMPARED = 50  # papers that match a query, of which the best are shown
_MAX_CLOSEST = 3  # papers that come close, if none matches
_MAX_COUNTED = 1_000  # papers

Shown = tuple[tuple[Paper, tuple[str, ...]], ...]
"""Papers, each with the reasons why it is shown."""


@dataclass(frozen=True, slots=True)
class QueryPreview:
    """The matches of a query in the past week."""

    query: str
    summary: str = ""
    """How many papers match, as a sentence before `papers`; empty if the query is invalid."""
    papers: Shown = ()
    """The best matches, or the closest papers if none matches an interest in plain words."""
    error: str = ""
    """Why the query is invalid; empty if it is valid."""


class PastWeek:
    """The papers of the past week, read and indexed once for all interests of a form, and who would get them."""

    def __init__(
        self,
        app: App,
        feedback: Sequence[Feedback] = (),
        breadth: Breadth = DEFAULTS.breadth,
        leave_out: Sequence[str] = (),
    ) -> None:
        """Take what is known of the subscriber; `leave_out` are the entries of what no email brings them."""
        self._app, self.feedback, self.breadth = app, feedback, breadth
        self._entries, self._leave_out = leave_out, LeaveOut()

    @cached_property
    def papers(self) -> Sequence[Paper]:
        """The papers that the subscriber does not leave out, newest first."""
        first, today = _past_week(self._app)
        newest = self._app.store.browsing.newest(today, _MAX_COUNTED)
        return self._leave_out.kept(self._entries, (paper for paper in newest if paper.day >= first))

    def matching(self, query: Query) -> tuple[int, Sequence[Paper]]:
        """Return how many papers match a query, and the newest of them, without what the subscriber leaves out."""
        browsing, week = self._app.store.browsing, _past_week(self._app)
        if self._entries:
            found = self._leave_out.kept(self._entries, browsing.matching(query, _MAX_COUNTED, week))
            return len(found), found[:_MAX_COMPARED]
        return browsing.count_found(query, _MAX_COUNTED, week), browsing.matching(query, _MAX_COMPARED, week)

    @cached_property
    def batch(self) -> InterestBatch:
        """The papers with their index and vectors."""
        self._app.shared(Meaning).table()
        return self._app.shared(Interests).batch(self.papers)

    @cached_property
    def rated(self) -> InterestBatch | None:
        """The papers with feedback, with their index and vectors; None if there is no feedback."""
        return self._app.shared(Interests).rated_batch(self.feedback) if self.feedback else None


def preview_query(app: App, text: str, language: Language, week: PastWeek | None = None) -> QueryPreview:
    """Try a subscriber's query on the papers of the past week, within the limits of the preference."""
    try:
        preferences.read_field("queries", [text])
        check_is_informative(text)
        return _preview(app, text, language, week or PastWeek(app), advise=True)
    except QueryError as error:
        return QueryPreview(text, error=error.translated(language.gettext))


def preview_topic_query(app: App, text: str, language: Language) -> QueryPreview:
    """Try a topic's query on the papers of the past week."""
    try:
        check_is_informative(text)
        return _preview(app, text, language, PastWeek(app), advise=False)
    except QueryError as error:
        return QueryPreview(text, error=error.translated(language.gettext))


def has_only_unknown_words(app: App, text: str) -> bool:
    """Return whether an interest in plain words has no word that a paper, here or elsewhere, or ordinary English has.

    Always false if interests are compared by an encoder of other languages too.
    """
    query, encoder = interpret_uncached(text), app.shared(Meaning).encoder
    if not isinstance(query, Words) or (encoder.makes_vectors and not encoder.english_only):
        return False
    frequencies = app.shared(Collection).recent().statistics.frequencies
    return not any(word in frequencies or is_known(word) for word in str(query).split())


def _preview(app: App, text: str, language: Language, week: PastWeek, *, advise: bool) -> QueryPreview:
    """Try a query. `advise` says that its author is a subscriber, who can rate papers and change the breadth."""
    query = interpret_uncached(text)
    if not isinstance(query, Words):
        return _preview_exact(text, query, language, week)
    summary, papers = _preview_interest(app, text, query, language, week, advise=advise)
    misreading = describe_misreading(unwanted_in(text), query_for_author(app, text), language)
    if misreading:
        return QueryPreview(text, misreading, papers)
    correction = app.shared(Collection).correct(text)
    question = suggest_correction(correction.text, language) if correction.changes else ""
    return QueryPreview(text, f"{question} {summary}".lstrip(), papers)


def _preview_interest(
    app: App, text: str, words: Words, language: Language, week: PastWeek, *, advise: bool
) -> tuple[str, Shown]:
    """Return how many papers stand out, and the best of them, or else the closest ones."""
    papers, batch = week.papers, week.batch
    meaning, interests = app.shared(Meaning), app.shared(Interests)
    meaning.query_vector(meaning.expand_acronyms(text))
    fits, min_fit = (
        interests.score_papers(text, words, batch, week.feedback, week.rated),
        least_fit(week.breadth.steps),
    )
    closest = sorted(fits, key=lambda row: (-fits[row], -row))
    if selected := [row for row in closest if fits[row] >= min_fit]:
        why = interests.reasons(text, words, batch, selected[:_MAX_SHOWN])
        best = _best(papers, {row: lexical.Hit(fits[row], why[row]) for row in why}, language)
        return describe_week(len(selected), language, counted=_MAX_COUNTED), best
    closest = closest[:_MAX_CLOSEST]
    if not closest:
        return describe_week(0, language, counted=_MAX_COUNTED), ()
    by_row, why = {paper.row: paper for paper in papers}, interests.reasons(text, words, batch, closest)
    remedies = _remedies(app, week.breadth, list(fits.values()), language) if advise else []
    shown = tuple((by_row[row], reasons.as_sentences(why[row], language)) for row in closest)
    return describe_closest(remedies, language), shown


def _remedies(app: App, breadth: Breadth, fits: Sequence[float], language: Language) -> list[str]:
    """Return what would bring more papers of these fits, a sentence each."""
    total = len(app.shared(Collection).recent().papers)
    return describe_remedies(total, wider_breadth(breadth, fits), language)


def _preview_exact(text: str, query: Query, language: Language, week: PastWeek) -> QueryPreview:
    """Try a query with operators."""
    number, papers = week.matching(query)
    hits = lexical.Index(papers).matches(query)
    operators = operators_in(text)
    if operators or number:
        read = describe_operators(operators, language) or describe_single_word(language)
        summary = f"{read} {describe_week(number, language, counted=_MAX_COUNTED)}"
    else:
        summary = describe_week_without_word(language)
    return QueryPreview(text, summary, _best(papers, hits, language))


def _past_week(app: App) -> tuple[date, date]:
    return news_horizon(app.clock()).date(), app.clock().date()


def _best(papers: Sequence[Paper], hits: Mapping[int, lexical.Hit], language: Language) -> Shown:
    """Return the best matches, each with its reasons."""
    best = sorted((paper for paper in papers if paper.row in hits), key=lambda paper: -hits[paper.row].score)
    return tuple((paper, reasons.as_sentences(hits[paper.row].why, language)) for paper in best[:_MAX_SHOWN])
