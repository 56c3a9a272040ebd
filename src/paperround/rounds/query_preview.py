"""Previews a query on the papers of the past week: how many match, and which are the best.

A subscriber sees it beside each interest of the form. `trial.py` tries one interest more thoroughly, with answers.
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
from paperround.matching.interests import least_fit
from paperround.matching.negation import unwanted_in
from paperround.matching.query import Query
from paperround.matching.words import Words, check_topic_query, interpret_once
from paperround.rendering import reasons
from paperround.rendering.language import Language
from paperround.rounds.collection import Collection
from paperround.rounds.interests import InterestBatch, Interests
from paperround.rounds.meaning import Meaning
from paperround.rounds.trial import (
    describe_doubts,
    describe_help,
    describe_operators,
    name_of_author,
    wider_breadth,
)
from paperround.store.topics import news_horizon

_SHOWN, _CLOSEST = 5, 3  # papers
_COUNTED = 1_000  # the most papers that are counted


@dataclass(frozen=True, slots=True)
class QueryPreview:
    """The matches of a query in the past week."""

    query: str
    said: str = ""
    """How many papers match, as a sentence before `papers`; empty if the query is invalid."""
    papers: tuple[tuple[Paper, tuple[str, ...]], ...] = ()
    """The best matches, or the closest papers if none matches an interest in plain words; each with its reasons."""
    wrong: str = ""
    """Why the query is invalid; empty if it is valid."""


class PastWeek:
    """The papers of the past week, read and indexed once for all interests of a form, and who would get them."""

    def __init__(self, app: App, feedback: Sequence[Feedback] = (), breadth: Breadth = DEFAULTS.breadth) -> None:
        self._app, self.feedback, self.breadth = app, feedback, breadth

    @cached_property
    def papers(self) -> Sequence[Paper]:
        """The papers, newest first."""
        first, today = _past_week(self._app)
        return [paper for paper in self._app.store.browsing.newest(today, _COUNTED) if paper.day >= first]

    @cached_property
    def batch(self) -> InterestBatch:
        """The papers with their index and vectors."""
        self._app.shared(Meaning).table()
        return self._app.shared(Interests).batch(self.papers)

    @cached_property
    def rated(self) -> InterestBatch | None:
        """The papers with feedback, with their index and vectors; None if there is no feedback."""
        return self._app.shared(Interests).rated(self.feedback) if self.feedback else None


def preview_query(
    app: App, text: str, language: Language, *, own: bool = True, week: PastWeek | None = None
) -> QueryPreview:
    """Try a query on the papers of the past week.

    `own` means that the query is a subscriber's, which must keep the limits of the preference; otherwise it is a
    topic's.
    """
    try:
        if own:
            preferences.read_field("queries", [text])
        else:
            check_topic_query(text)
        wanted = interpret_once(text)
        if isinstance(wanted, Words):
            return _preview_interest(app, text, wanted, language, week or PastWeek(app), own=own)
        return _preview_exactly(app, text, wanted, language)
    except QueryError as error:
        return QueryPreview(text, wrong=error.told(language.gettext))


def _described(number: int, language: Language) -> str:
    """Return the number of matches as a sentence; it was counted up to 1,000."""
    if number >= _COUNTED:
        return language.gettext("More than %(number)s papers in the past week. Try more specific words.") % {
            "number": language.number(number)
        }
    if not number:
        return language.gettext("No papers in the past week. Try fewer words, or more general ones.")
    return language.count("%(num)s paper in the past week:", "%(num)s papers in the past week, including:", number)


def _preview_interest(
    app: App, text: str, words: Words, language: Language, week: PastWeek, *, own: bool
) -> QueryPreview:
    """Try an interest in plain words: the papers that stand out, or else the closest ones."""
    papers, batch = week.papers, week.batch
    meaning, interests = app.shared(Meaning), app.shared(Interests)
    meaning.of_query(meaning.written_out(text))
    fits, least = interests.fits(text, words, batch, week.feedback, week.rated), least_fit(week.breadth.steps)
    closest = sorted(fits, key=lambda row: (-fits[row], -row))
    if taken := [row for row in closest if fits[row] >= least]:
        verdict = _with_doubts(app, text, _described(len(taken), language), language)
        why = interests.reasons(text, words, batch, taken[:_SHOWN])
        return QueryPreview(
            text, verdict, _best(papers, {row: lexical.Hit(fits[row], why[row]) for row in why}, language)
        )
    closest = closest[:_CLOSEST]
    if not closest:
        return QueryPreview(text, _with_doubts(app, text, _described(0, language), language))
    known, why = {paper.row: paper for paper in papers}, interests.reasons(text, words, batch, closest)
    verdict = " ".join(
        (
            language.gettext("No paper of the past week stands out enough to be emailed."),
            *(_describe_help(app, week.breadth, list(fits.values()), language) if own else ()),
            language.gettext("The closest are:"),
        )
    )
    shown = tuple((known[row], reasons.as_sentences(why[row], language)) for row in closest)
    return QueryPreview(text, _with_doubts(app, text, verdict, language), shown)


def _describe_help(app: App, breadth: Breadth, fits: Sequence[float], language: Language) -> list[str]:
    """Return what would bring more papers of these fits, a sentence each."""
    total = len(app.shared(Collection).recent().papers)
    return describe_help(total, wider_breadth(breadth, fits), language)


def _with_doubts(app: App, text: str, verdict: str, language: Language) -> str:
    """Return what was found, after a probable typing mistake; or only why the words hardly find what is meant."""
    meant = app.shared(Collection).correct(text)
    mistyped = language.gettext("Did you mean “%(words)s”?") % {"words": meant.text} if meant.changes else ""
    doubts = describe_doubts(unwanted_in(text), name_of_author(app, text), language)
    return doubts or f"{mistyped} {verdict}".lstrip()


def _preview_exactly(app: App, text: str, query: Query, language: Language) -> QueryPreview:
    """Try a query with operators."""
    week = _past_week(app)
    number = app.store.browsing.count_found(query, _COUNTED, week)
    papers = app.store.browsing.found(query, _SHOWN * 10, week)
    hits = lexical.Index(papers).matches(query)
    verdict = f"{describe_operators(text, language)} {_described(number, language)}".strip()
    return QueryPreview(text, verdict, _best(papers, hits, language))


def _past_week(app: App) -> tuple[date, date]:
    return news_horizon(app.clock()).date(), app.clock().date()


def _best(
    papers: Sequence[Paper], hits: Mapping[int, lexical.Hit], language: Language
) -> tuple[tuple[Paper, tuple[str, ...]], ...]:
    """Return the best matches, each with its reasons."""
    best = sorted((paper for paper in papers if paper.row in hits), key=lambda paper: -hits[paper.row].score)
    return tuple((paper, reasons.as_sentences(hits[paper.row].why, language)) for paper in best[:_SHOWN])
