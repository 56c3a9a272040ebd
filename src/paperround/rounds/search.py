"""Searches the papers for a visitor's text: by words and meaning, by author, or by identifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from paperround.app import App
from paperround.domain.errors import QueryError
from paperround.domain.identifiers import identifier_in
from paperround.domain.models import Paper
from paperround.domain.text import terms
from paperround.matching import search as matching_search
from paperround.matching.author_names import author_exactly_named, author_named, is_name_of
from paperround.matching.closeness import is_close, with_closeness
from paperround.matching.expansion import expand_query, trust_in_best
from paperround.matching.lexical import Index, Statistics
from paperround.matching.query import Phrase, conjoin
from paperround.matching.relevance import MAX_RELEVANCE, USUAL_COSINE, relevance
from paperround.matching.search import UNBOUNDED, SearchBounds
from paperround.matching.vectors import Numbers
from paperround.matching.words import (
    SearchExpression,
    Words,
    any_of,
    interpret_by_meaning,
    interpret_search,
    mistake_in,
    with_known_fields,
    with_phrase,
)
from paperround.rounds.collection import Collection
from paperround.rounds.meaning import Meaning

_MAX_NEAR = 50  # papers that are added for their vectors
_OF_THE_BEST = 0.5  # plain words sorted by date or votes: papers with half the score of the best one
_SORTED = 660  # papers that plain words sorted by date or votes are chosen from; more than MAX_LISTED
_NEAREST = 10  # shown if papers are ranked by meaning, even if they do not match, as far as so many are near
# The cosine of a paper that is near: for texts without meaning, such as "zzzz qqqq", the nearest of 600 have 0.21.
_NEAR_COSINE = 2 * USUAL_COSINE
MAX_COUNTED = 1_000
"""As far as the results of a search are counted."""
MAX_LISTED = 600
"""The last result that pages and the API show. Each further one makes a search rank more papers."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A search result: the paper, its score and the reasons."""

    paper: Paper
    score: float
    """0 to 1."""
    why: tuple[str, ...]
    parts: Mapping[str, float]
    """What the score is made of: `words`, the share of the evidence possible, and `meaning`, a cosine."""


class SearchOrder(StrEnum):
    """What the results of a search are sorted by."""

    RELEVANCE = "relevance"
    NEWEST = "newest"
    VOTES = "votes"


@dataclass(frozen=True, slots=True)
class Search:
    """The results of a search, in its order, and how the text was understood."""

    found: Sequence[SearchResult] = ()
    corrected: tuple[tuple[str, str], ...] = ()
    """Misspelled words, each with the word that was searched for instead."""
    total: int = 0
    """How many papers match, counted up to MAX_COUNTED: those with any of the words, or close to them in meaning.

    If fewer than ten match, `found` continues with others that are near in meaning, as far as there are any.
    """
    mistake: QueryError | None = None
    """Why a text that looks like a query was taken for plain words."""
    suggestion: str = ""
    """A query that finds papers where this one finds none."""
    author: str = ""
    """A query for the author whose name the text is, or nearly is if no paper has its words as written."""
    by_author: bool = False
    """Whether the results are those of `author`, because no paper has all words of this name in its text."""
    identifier: str = ""
    """The arXiv identifier or DOI that the text is. The result is then this paper, or none if it is not stored."""


def best_candidates(
    app: App, text: str, query: SearchExpression, needed: int = 500, bounds: SearchBounds = UNBOUNDED
) -> list[int]:
    """Return the numbers of the papers within bounds that may fit best by words or meaning, newest first.

    `needed` is the number of papers to be shown.
    """
    plan = matching_search.plan(query, app.shared(Collection).recent().statistics, needed)
    within = [[(bounds.narrow(narrowed), limit) for narrowed, limit in chain] for chain in plan]
    rows = app.store.papers.candidates(within, bounds.days)
    meaning = app.shared(Meaning)
    vector = meaning.query_vector(text) if isinstance(query, Words) else None
    if vector is None:
        return rows
    near = meaning.table().nearest(vector, _MAX_NEAR).keys() - set(rows)
    if bounds != UNBOUNDED:
        near = {row for row, paper in app.store.papers.by_rows(near).items() if bounds.include(paper)}
    return sorted((*rows, *near), reverse=True)


def search_papers(
    app: App,
    text: str,
    limit: int,
    offset: int = 0,
    *,
    bounds: SearchBounds = UNBOUNDED,
    order: SearchOrder = SearchOrder.RELEVANCE,
) -> Search:
    """Return the papers for a query or keywords, within bounds.

    Sorted by date or votes, a query lists every match; plain keywords, which match almost anything, list only the
    best. The name of an author finds their papers unless a paper has all words of the name in its text. An arXiv
    identifier or a DOI finds this paper, in any order and within any bounds. Raises QueryError if there is nothing to
    search for.
    """
    if identifier := identifier_in(text):
        return _search_identifier(app, identifier, offset)
    text, fields = with_known_fields(text)
    author = author_exactly_named(app.shared(Collection).recent().vocabulary, text)
    if author and is_name_of(text, author) and not _in_a_text(app, text):
        by_author = _search(app, author, limit, offset, bounds, order)
        if by_author.total:
            return replace(by_author, author=author, by_author=True)
    result = _search(app, text, limit, offset, bounds, order)
    if " " in author:  # one word is more often a subject than a name
        result = replace(result, author=author)
    return replace(result, corrected=(*fields, *result.corrected))


def _in_a_text(app: App, name: str) -> bool:
    """Return whether a paper has all words of a name in its text."""
    query = interpret_search(name)
    every = conjoin([Phrase((term,)) for term in terms(name)]) if isinstance(query, Words) else query
    return app.store.papers.finds(every)


def _search_identifier(app: App, identifier: str, offset: int) -> Search:
    """Return the paper with an identifier, or nothing."""
    paper = app.store.papers.by_id(identifier)
    results = [SearchResult(paper, 1.0, (), {})] if paper and not offset else []
    return Search(results, total=1 if paper else 0, identifier=identifier)


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Papers that may fit a search, in columns, and how well they do."""

    rows: Sequence[int]
    tier: NDArray[np.int64]
    complete: NDArray[np.bool_]
    """Whether they have all of the words that any of them has."""
    shares: Numbers
    """Their shares of the evidence possible by words."""
    scores: Numbers
    """By words and meaning, from 0 to 1."""
    cosines: Mapping[int, float]
    """Those of the papers with a vector, by index."""
    close: Set[int]
    """The indexes of the papers that are close in meaning."""
    near: Set[int]
    """The indexes of the papers that are near enough in meaning to be shown where too few match."""

    def matches(self, at: int) -> bool:
        """Return whether a paper has any of the words or is close in meaning."""
        return bool(self.shares[at] > 0) or at in self.close

    def only_close(self) -> int:
        """Return how many papers are close in meaning and have none of the words."""
        return sum(bool(self.shares[at] <= 0) for at in self.close)

    def parts(self, at: int) -> dict[str, float]:
        """Return what a paper's score is made of."""
        meaning = {"meaning": round(self.cosines[at], 4)} if at in self.cosines else {}
        return {"words": round(float(self.shares[at]), 4)} | meaning


def _search(app: App, text: str, limit: int, offset: int, bounds: SearchBounds, order: SearchOrder) -> Search:
    past, corrected = app.shared(Collection).recent(), app.shared(Collection).correct(text)
    expanded = past.expand_acronyms(corrected.text)
    query = _read(app, expanded, bounds)
    tiers = _find_candidates(app, expanded, query, offset + limit, bounds, order)
    candidates = _score_candidates(app, expanded, query, tiers, past.statistics)
    ranked = _sorted(app, candidates, order, plain=isinstance(query, Words))
    shown = _matching_first(candidates, ranked)[offset : offset + limit]
    results = _results(app, query, candidates, shown, past.statistics)
    total = app.store.browsing.count_found(bounds.narrow(any_of(query)), MAX_COUNTED, bounds.days)
    total += candidates.only_close()
    suggestion = "" if results else _suggested(app, corrected.text, bounds)
    author = "" if total and not corrected.changes else author_named(past.vocabulary, text)
    return Search(results, corrected.changes, total, mistake_in(text), suggestion, author)


def _read(app: App, text: str, bounds: SearchBounds) -> SearchExpression:
    """Interpret the text of a search. An ordinary word that no paper has is searched for by its meaning."""
    query, by_meaning = interpret_search(text), interpret_by_meaning(text)
    if by_meaning is None or app.store.browsing.count_found(bounds.narrow(any_of(query)), 1, bounds.days):
        return query
    return by_meaning


def _score_candidates(
    app: App, text: str, query: SearchExpression, tiers: Mapping[int, int], statistics: Statistics
) -> _Candidates:
    """Return the candidates of a search with their scores, given their tiers by number."""
    rows, texts = app.store.papers.indexed_texts(list(tiers))
    tier = np.array([tiers[row] for row in rows], dtype=np.int64)
    shares, complete = matching_search.scores(query, statistics, texts)
    scores, cosines, close, near = _with_meaning(app, text, rows, shares, tier == 0)
    return _Candidates(rows, tier, complete, shares, scores, cosines, close, near)


def _matching_first(candidates: _Candidates, ranked: Sequence[int]) -> list[int]:
    """Return the candidates that match, and of the others only as many as complete the fewest that are shown."""
    matching = [at for at in ranked if candidates.matches(at)]
    others = [at for at in ranked if at in candidates.near and not candidates.matches(at)]
    return matching + others[: max(0, _NEAREST - len(matching))]


def _results(
    app: App,
    query: SearchExpression,
    candidates: _Candidates,
    shown: Sequence[int],
    statistics: Statistics,
) -> list[SearchResult]:
    papers = app.store.papers.by_rows(candidates.rows[at] for at in shown)
    reasons = Index(papers.values(), statistics).reasons(query)
    return [
        SearchResult(
            papers[row],
            round(float(candidates.scores[at]), 4),
            with_closeness(reasons[row], close=at in candidates.close),
            candidates.parts(at),
        )
        for at in shown
        if (row := candidates.rows[at]) in papers
    ]


def _suggested(app: App, text: str, bounds: SearchBounds) -> str:
    """Return a query for a phrase where the text has a field and several words, if it finds a paper."""
    phrase = with_phrase(text)
    matches_phrase = phrase and app.store.browsing.count_found(
        bounds.narrow(any_of(interpret_search(phrase))), 1, bounds.days
    )
    return phrase if matches_phrase else ""


def _find_candidates(
    app: App, text: str, query: SearchExpression, needed: int, bounds: SearchBounds, order: SearchOrder
) -> dict[int, int]:
    """Return the numbers of the papers that may fit, each with its tier; those of a query in the order asked for.

    By relevance, later tiers have what larger limits find in addition, and follow the earlier ones, so that the
    results before a page do not change with the page.
    """
    if order is SearchOrder.RELEVANCE:
        return _in_tiers(app, text, query, needed, bounds)
    if isinstance(query, Words):
        return dict.fromkeys(best_candidates(app, text, query, max(needed, _SORTED), bounds), 0)
    by_votes = order is SearchOrder.VOTES
    return dict.fromkeys(
        app.store.browsing.sorted_found(bounds.narrow(query), needed, by_votes=by_votes, days=bounds.days), 0
    )


def _in_tiers(app: App, text: str, query: SearchExpression, needed: int, bounds: SearchBounds) -> dict[int, int]:
    tiers: dict[int, int] = {}
    number, enough = 0, 0
    # Those that are only near in meaning may not be shown.
    while enough < needed and len(tiers) < needed + _MAX_NEAR:
        enough = matching_search.FIRST_PAGES << number
        for row in best_candidates(app, text, query, enough, bounds):
            tiers.setdefault(row, number)
        number += 1
    return tiers


def _sorted(app: App, candidates: _Candidates, order: SearchOrder, *, plain: bool) -> list[int]:
    """Return the indexes of the papers that fit, in the order asked for; of equal scores the newest is first.

    By relevance, papers with all of the words come first, because a common word in a title says less than two words.
    """
    rows, scores = candidates.rows, candidates.scores
    if order is SearchOrder.RELEVANCE:
        order_of_all = np.lexsort((-scores, ~candidates.complete, candidates.tier))
        return [int(at) for at in order_of_all if scores[at] > 0]
    least = _OF_THE_BEST * float(scores.max(initial=0.0)) if plain else 0.0
    fitting = {rows[at]: at for at in np.flatnonzero((scores > 0) & (scores >= least)).tolist()}
    by_votes = order is SearchOrder.VOTES
    return [fitting[row] for row in app.store.browsing.sorted_rows([*fitting], by_votes=by_votes)]


def _with_meaning(
    app: App, text: str, rows: Sequence[int], shares: Numbers, first: NDArray[np.bool_]
) -> tuple[Numbers, dict[int, float], set[int], set[int]]:
    """Return the scores of papers, 0 to 1, the cosines of those with a vector, and those close and those near in
    meaning, by index.

    The text's vector is moved toward the best papers of the `first` tier.
    """
    vector = app.shared(Meaning).cached_vector(text)
    if vector is None:
        return shares, {}, set(), set()
    vectors = app.shared(Meaning).cached_table().vectors(rows)
    cosines = np.full(len(rows), USUAL_COSINE, dtype=np.float32)
    embedded = np.flatnonzero(vectors.known)
    # Whether a paper is close depends on the text's own vector: moved toward the best papers, it is close to them in
    # any case.
    own = vectors.cosines(vector)
    close = {int(place) for place, cosine in zip(embedded, own, strict=True) if is_close(float(cosine))}
    near = set(embedded[own >= _NEAR_COSINE].tolist())
    early = first[embedded]
    trust = trust_in_best(len(app.shared(Collection).recent().papers))
    expanded = expand_query(vector, vectors.numbers[early], shares[embedded][early], own[early], trust)
    cosines[embedded] = vectors.cosines(expanded.vector)
    scores = relevance(shares, cosines) / np.float32(MAX_RELEVANCE)
    return np.clip(scores, 0, 1), {int(place): float(cosines[place]) for place in embedded}, close, near


def newest_found(app: App, text: str, limit: int) -> list[Paper]:
    """Return the newest papers that match a query; the best ones for plain words, which match almost anything."""
    query = interpret_search(text)
    if not isinstance(query, Words):
        return app.store.browsing.matching(query, limit)
    best = [result.paper for result in search_papers(app, text, limit).found]
    return sorted(best, key=lambda paper: (paper.day, paper.row), reverse=True)
