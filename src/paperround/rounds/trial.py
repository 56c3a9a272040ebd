"""Tries an interest on the papers of the past weeks, ranked again after each rating."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from paperround.app import App
from paperround.domain import preferences
from paperround.domain.clock import latest_day
from paperround.domain.interest_trial import Doubt, InterestTrial, Ratings, TriedPaper, WiderBreadth
from paperround.domain.models import Feedback, Paper
from paperround.domain.preferences import Breadth
from paperround.matching import ranking
from paperround.matching.leave_out import LeaveOut
from paperround.matching.negation import unwanted_in
from paperround.matching.scale import least_fit
from paperround.matching.suggestions import suggest_words
from paperround.matching.taste import Taste
from paperround.matching.words import (
    SearchExpression,
    Words,
    interpret_uncached,
    is_german,
    operators_in,
    says_nothing,
)
from paperround.rounds.authors import query_for_author
from paperround.rounds.collection import Collection, CollectionSnapshot, is_known
from paperround.rounds.current_tastes import CurrentTastes
from paperround.rounds.interest_batch import InterestBatch
from paperround.rounds.interests import Interests
from paperround.rounds.meaning import Meaning

_MAX_SHOWN = 10  # papers
_MAX_RANKED = 150  # best fitting papers, which the ratings rank
_SUGGESTED_FROM = 20  # best fitting papers, whose common words are suggested
_LIKED_WORTH, _DISLIKED_WORTH = 3.0, -2.0  # weights of ratings; a paper that merely fits has 1
_BROAD_SHARE = 0.1  # of the papers; an interest that selects more is too broad
_SHORT = 3  # letters; a word of another language that is no longer may look like an English one


@dataclass(frozen=True, slots=True)
class _Comparison:
    """An interest, compared with the newest papers."""

    newest: CollectionSnapshot
    listed: Sequence[Paper]
    """The newest papers, without those of later days if the clock is set back."""
    papers: Mapping[int, Paper]
    """Those of these papers that the subscriber does not leave out, and those that were rated, by row."""
    fits: Mapping[int, float]
    """How well papers fit, by row."""
    best: Sequence[int]
    """The papers that fit best, best first."""
    shown: Sequence[int]
    """The best papers in the order in which a letter would rank them."""
    why: Mapping[int, tuple[str, ...]]
    """Why the papers in `shown` fit, by row."""


class Trials:
    """Tries interests on the newest papers. There is one instance per process, and it indexes the papers once."""

    def __init__(self, app: App) -> None:
        self._app = app

    def try_interest(
        self, text: str, ratings: Ratings, breadth: Breadth = Breadth.USUAL, leave_out: Sequence[str] = ()
    ) -> InterestTrial:
        """Return the result of an interest on the newest papers, ranked as in a letter.

        The papers fit and rank as for a subscriber with these ratings and this breadth; those that one of the entries
        in `leave_out` applies to are not among them. Raises QueryError or PreferenceError if the text cannot be an
        interest.
        """
        query = "".join(preferences.read_field("queries", [text]))
        expression = interpret_uncached(query)
        words = expression if isinstance(expression, Words) else None
        compared = self._compare(query, expression, ratings, leave_out)
        min_fit = least_fit(breadth.steps) if words else 0.0
        counted = [fit for row, fit in compared.fits.items() if not words or row not in ratings]
        correction = self._app.shared(Collection).correct(query)
        trial = InterestTrial(
            query,
            papers=tuple(_tried_paper(row, compared, ratings, min_fit, breadth) for row in compared.shown),
            suggestions=_suggestions(words, compared, ratings, min_fit) if words else (),
            selected=_count_selected(counted, min_fit),
            rated=bool(ratings),
            wider=wider_breadth(breadth, counted) if words else None,
            total=len(compared.listed),
            since=min((paper.day for paper in compared.listed), default=None),
            exact=words is None,
            operators=() if words else operators_in(query),
            unwanted=unwanted_in(query),
            author=query_for_author(self._app, query),
            correction=correction.text if correction.changes else "",
        )
        fits_none = not _count_selected(compared.fits.values(), min_fit)
        unknown = words is not None and fits_none and _are_unknown(words, compared.newest.statistics.frequencies)
        foreign = self._app.shared(Meaning).encoder.english_only and is_german(query)
        return replace(trial, doubt=_find_doubt(trial, unknown=unknown, foreign=foreign))

    def _compare(
        self, query: str, expression: SearchExpression, ratings: Ratings, leave_out: Sequence[str]
    ) -> _Comparison:
        """Compare an interest with the newest papers, for a subscriber with these ratings."""
        newest, interests = self._app.shared(Collection).recent(), self._app.shared(Interests)
        feedback = [Feedback(row, verdict, self._app.clock()) for row, verdict in ratings.items()]
        batch = self._batch(query, newest)
        listed = [paper for paper in newest.papers if paper.day <= latest_day(self._app.clock())]
        papers = {paper.row: paper for paper in LeaveOut().kept(leave_out, listed)}
        scored = interests.score_papers(query, expression, batch, feedback)
        fits = {row: fit for row, fit in scored.items() if row in papers}
        papers |= self._app.store.papers.by_rows(ratings.keys() - papers.keys())
        best = sorted(fits, key=lambda row: (-fits[row], -row))[:_MAX_RANKED]
        taste = self._app.shared(CurrentTastes).learn(feedback, papers)
        shown = _rank(best, fits, taste, papers)[:_MAX_SHOWN]
        return _Comparison(
            newest, listed, papers, fits, best, shown, interests.reasons(query, expression, batch, shown)
        )

    def _batch(self, query: str, newest: CollectionSnapshot) -> InterestBatch:
        """Return the newest papers to compare an interest with, whose vector is then known."""
        meaning = self._app.shared(Meaning)
        meaning.query_vector(meaning.expand_acronyms(query))
        table = meaning.table()
        return InterestBatch(newest.index, table.vectors(newest.index.numbers))


def _tried_paper(row: int, compared: _Comparison, ratings: Ratings, min_fit: float, breadth: Breadth) -> TriedPaper:
    """Return a paper of the result. `min_fit` is the least fit with which it is emailed; 0 for a query."""
    fit = compared.fits[row]
    wider = wider_breadth(breadth, [fit]) if min_fit else None
    return TriedPaper(
        compared.papers[row],
        fit=round(fit, 4),
        selected=fit >= min_fit,
        wider=wider.breadth if wider else None,
        why=compared.why[row],
        rating=ratings.get(row, 0),
    )


def _suggestions(words: Words, compared: _Comparison, ratings: Ratings, min_fit: float) -> tuple[str, ...]:
    """Return terms that the interest lacks of the papers that stand out and of the rated ones.

    `min_fit` is the least fit of those that stand out. Papers below it are as likely about something else.
    """
    worth = {1: _LIKED_WORTH, -1: _DISLIKED_WORTH}
    outstanding = takewhile(lambda row: compared.fits[row] >= min_fit, compared.best[:_SUGGESTED_FROM])
    rows = dict.fromkeys([*outstanding, *(row for row in ratings if row in compared.papers)])
    weighted = [(compared.papers[row], worth.get(ratings.get(row, 0), 1.0)) for row in rows]
    present = {term for phrase in words.phrases for term in phrase.terms}
    return tuple(suggest_words(present, weighted, compared.newest.field_vocabulary))


def _find_doubt(trial: InterestTrial, *, unknown: bool, foreign: bool) -> Doubt | None:
    """Return the first doubt about an interest.

    `unknown` says that papers do not know its words, and `foreign` that it is in another language than the papers.
    """
    vague = not trial.exact and not trial.selected
    doubts = {
        Doubt.NO_PAPERS: not trial.total,
        Doubt.EMPTY: says_nothing(trial.query),
        Doubt.UNWANTED: bool(trial.unwanted),
        Doubt.AUTHOR: bool(trial.author),
        Doubt.LANGUAGE: foreign and vague,
        Doubt.UNKNOWN: unknown,
        Doubt.VAGUE: vague,
        Doubt.BROAD: trial.selected > max(_MAX_SHOWN, _BROAD_SHARE * trial.total),
    }
    return next((doubt for doubt, applies in doubts.items() if applies), None)


def _are_unknown(words: Words, frequencies: Container[str]) -> bool:
    """Return whether papers have none of these words, or only short ones by chance, as in another language.

    The German "mit" is not MIT. More words must be missing, and not be English, than are found.
    """
    every = str(words).split()
    present = [term for term in every if term in frequencies]
    missing = [term for term in every if len(term) > _SHORT and not is_known(term)]
    return not present or (len(missing) > len(present) and all(len(term) <= _SHORT for term in present))


def _rank(rows: Iterable[int], fits: Mapping[int, float], taste: Taste, papers: Mapping[int, Paper]) -> list[int]:
    """Return the papers in the order in which a letter would rank them."""
    if taste.neutral:
        return list(rows)
    scores = {
        row: ranking.score(fits[row], 0.0, taste.affinity(papers[row]).degree, followed=False, code=False).total
        for row in rows
    }
    return sorted(scores, key=lambda row: (-scores[row], -row))


def wider_breadth(breadth: Breadth, fits: Sequence[float]) -> WiderBreadth | None:
    """Return the next wider breadth that selects more of the papers with these fits; None if there is none."""
    selected = _count_selected(fits, least_fit(breadth.steps))
    for wider in breadth.wider:
        if (number := _count_selected(fits, least_fit(wider.steps))) > selected:
            return WiderBreadth(wider, number)
    return None


def _count_selected(fits: Iterable[float], min_fit: float) -> int:
    return sum(fit >= min_fit for fit in fits)
