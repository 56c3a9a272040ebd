"""Matches interests in plain words with papers, by how well a paper fits compared with earlier papers."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paperround.app import App
from paperround.domain.models import Feedback, Paper, Topic
from paperround.domain.notes import may_have_close
from paperround.domain.preferences import Breadth
from paperround.matching import search
from paperround.matching.closeness import with_meaning
from paperround.matching.expansion import ExpandedQuery, expand_query
from paperround.matching.interest_feedback import add_taste, is_related, learned_scale
from paperround.matching.learning import TermVectors
from paperround.matching.lexical import COUNTED_PAPERS, Hit, Index
from paperround.matching.near_copies import NearCopies
from paperround.matching.relevance import relevance
from paperround.matching.scale import Scale, z_scale
from paperround.matching.search import SearchBounds
from paperround.matching.taste import Features, Learner, PastPapers, Taste, Tastes
from paperround.matching.vectors import Numbers, Vectors
from paperround.matching.words import Wanted, Words, interpret, interpret_once, is_plain_words
from paperround.process.chunks import chunked
from paperround.rounds.collection import Collection
from paperround.rounds.meaning import Meaning
from paperround.store.feedback import InterestFollower

_MOST_MEASURED = 20_000
_MOST_TASTES = 1_000  # tastes kept in memory: 120 MB; those with the latest feedback first
_INTERESTS_PER_PRODUCT = 256  # interests per matrix product
MOST_NEAR = 50  # papers that a search adds by vector


class Comparison(NamedTuple):
    """What a topic matches in a batch of papers."""

    hits: Mapping[int, Hit]
    """The matches of a query, or what stands out for plain words, by paper number."""
    close: Mapping[int, float]
    """How well the papers fit that come closest without standing out enough, best first; none for a query."""


@dataclass(eq=False)
class InterestBatch:
    """Papers to compare interests with: their words, and their vectors if they have any."""

    index: Index
    vectors: Vectors
    features: tuple[Learner, Features] | None = None
    """The features that tastes of a learner compare; None until a taste needs them."""
    z_scores: dict[str, Numbers | None] = field(default_factory=dict)
    """Z-scores of these papers for interests, as far as they are computed; only of papers with feedback."""
    untaught: dict[tuple[str, Breadth], Comparison] = field(default_factory=dict)
    """What queries match, and interests without feedback: the same words may be those of many subscribers."""

    @cached_property
    def known(self) -> NDArray[np.intp]:
        """The indexes of the papers with a vector."""
        return np.flatnonzero(self.vectors.known)


@dataclass(frozen=True, slots=True)
class _ScoreScales:
    """The distribution of past scores for one interest."""

    words: Scale
    """The scale of scores by words alone."""
    meaning: Scale
    """The scale of scores with vectors."""
    expanded: ExpandedQuery | None
    """The vector that papers are compared with; None if the interest has none."""

    @property
    def threshold_reduction(self) -> float:
        """How much lower the threshold of scores with vectors is."""
        return self.expanded.threshold_reduction if self.expanded else 0.0


@dataclass(eq=False)
class _History:
    """The earlier papers, and what was computed from them."""

    batch: InterestBatch
    learner: Learner
    """Learns tastes, and caches what it computes about papers."""
    sizes: tuple[int, int]
    """The numbers of vectors in memory when those of the earlier papers were last counted."""
    coverage: tuple[int, int]
    """How many eighths of the earlier papers had a vector of their text and of their title."""
    measured: dict[str, _ScoreScales] = field(default_factory=dict)
    """The scales of interests."""


class _TasteSource(NamedTuple):
    """What a taste was learned from."""

    interest: str
    feedback: tuple[Feedback, ...]
    past: _History
    others: tuple[str, ...] = ()
    """The subscriber's other interests."""


@dataclass(frozen=True, slots=True)
class _TrainedInterest:
    """The taste of the subscriber who follows an interest of their own."""

    of: _TasteSource
    taste: Taste
    scale: Scale
    """The scale of the sums of both z-scores, of the interest and of the taste."""


class Interests:
    """Matches interests with papers. There is one instance per process; it computes each interest's scale once.

    Any thread may call it at any time: rounds, sweeps and pages do. A call keeps to the earlier papers that it began
    with, and what it computes from them is stored with them, even if another thread renews them meanwhile.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._meaning = app.shared(Meaning)
        self._newest: _History | None = None
        self._renewing = threading.Lock()
        self._followers: Mapping[int, InterestFollower] = {}
        self._expected: Mapping[int, InterestFollower] = {}
        self._learned: dict[int, _TrainedInterest] = {}

    def prepare(self, topics: Iterable[Topic]) -> None:
        """Load the vectors of papers and of topics in plain words, and learn from their subscribers' feedback.

        Call this outside of transactions, since it may write, and before that `renew` the Collection.
        """
        plain = [topic for topic in topics if is_plain_words(topic.query)]
        if self._meaning.on:
            self._meaning.table()
            found = {self._meaning.written_out(topic.query): self._meaning.of_topic(topic.query) for topic in plain}
            self._measure({text: vector for text, vector in found.items() if vector is not None})
        followers = self._followers = {**self._app.store.feedback.interest_followers(), **self._expected}
        self._learn([topic for topic in plain if topic.row in followers], followers)

    @contextmanager
    def expecting(self, followers: Mapping[int, InterestFollower]) -> Iterator[None]:
        """In the block, take these for the followers of interests, by topic number: they are about to be stored."""
        with self._renewing:
            self._expected = {**self._expected, **followers}
        try:
            yield
        finally:
            with self._renewing:
                self._expected = {row: one for row, one in self._expected.items() if row not in followers}

    def batch(self, papers: Iterable[Paper]) -> InterestBatch:
        """Return these papers as a batch to compare interests with."""
        index = Index(papers, self._app.shared(Collection).fixed().statistics)
        return InterestBatch(index, self._meaning.held().of(index.numbers))

    def compare(self, text: str, wanted: Wanted, batch: InterestBatch, topic: int = 0) -> Comparison:
        """Return what a topic matches in a batch.

        `topic` is the number of a subscriber's own interest, as prepared: their feedback counts, and their breadth
        decides how many papers it takes.
        """
        learned, breadth = self._learned.get(topic), self._followers.get(topic, InterestFollower()).breadth
        if learned is not None and isinstance(wanted, Words):
            return self._compare(text, wanted, batch, learned, breadth)
        if (text, breadth) not in batch.untaught:
            batch.untaught[text, breadth] = (
                self._compare(text, wanted, batch, None, breadth)
                if isinstance(wanted, Words)
                else Comparison(batch.index.matches(wanted), {})
            )
        return batch.untaught[text, breadth]

    def wants_close(self, topic: int) -> bool:
        """Return whether close papers are of use to the subscriber of an interest, as prepared."""
        follower = self._followers.get(topic, InterestFollower())
        return may_have_close(follower.cadence, follower.breadth)

    def _written_out(self, query: str, words: Words) -> tuple[str, Words]:
        """Return an interest with the long forms of its acronyms, as text and as words."""
        text = self._meaning.written_out(query)
        if text != query:
            longer = interpret_once(text)
            assert isinstance(longer, Words)
            return text, longer
        return query, words

    def _compare(
        self, text: str, words: Words, batch: InterestBatch, learned: _TrainedInterest | None, breadth: Breadth
    ) -> Comparison:
        """Return what stands out for plain words and for what was learned, and what comes close."""
        text, words = self._written_out(text, words)
        known = self._known(text, words, learned.of.past if learned else self._past())
        z_scores, scale = self._sums(known, words, batch, learned)
        places = np.flatnonzero(scale.above_threshold(z_scores, breadth.steps)).tolist()
        numbers, close = batch.index.numbers, scale.close(z_scores, breadth.steps)
        why = self._reasons(text, words, batch, [numbers[at] for at in places])
        return Comparison(
            {row: Hit(scale.fit(float(z_scores[at])), why[row]) for at, row in zip(places, why, strict=True)},
            {numbers[at]: scale.fit(float(z_scores[at])) for at in close},
        )

    def _sums(
        self, known: _ScoreScales, words: Words, batch: InterestBatch, learned: _TrainedInterest | None
    ) -> tuple[Numbers, Scale]:
        """Return how far each paper stands out for an interest and what was learned, and its scale."""
        z_scores = self._z_scores(known, words, batch)
        if learned is None:
            return z_scores, z_scale(known.threshold_reduction)
        taste = learned.taste.z_scores(_features(batch, learned.taste.learner))
        return add_taste(z_scores, taste, learned.scale), learned.scale

    def _z_scores(self, known: _ScoreScales, words: Words, batch: InterestBatch) -> Numbers:
        """Return how far each paper stands out for an interest."""
        shares = batch.index.shares(words)
        # The reduced threshold of an interest in other words is for scores with meaning.
        z_scores = known.words.z_scores(shares) - np.float32(known.threshold_reduction)
        if known.expanded is not None and len(batch.known):
            some, cosines = shares[batch.known], batch.vectors.cosines(known.expanded.vector)
            boosts = known.expanded.boosts(some, batch.vectors)
            z_scores[batch.known] = known.meaning.z_scores(relevance(some, cosines)) + boosts
        return z_scores

    def rated(self, feedback: Iterable[Feedback]) -> InterestBatch:
        """Return the papers with this feedback as a batch."""
        return self.batch(self._app.store.papers.by_rows({one.paper for one in feedback}).values())

    def fits(
        self,
        text: str,
        wanted: Wanted,
        batch: InterestBatch,
        feedback: Sequence[Feedback] = (),
        rated: InterestBatch | None = None,
    ) -> dict[int, float]:
        """Return how well papers of a batch fit, by number: above 0 to 1, with the threshold at 0.5.

        They fit as they do in the letters of a subscriber who has only this interest and gave this feedback. `rated`
        are the papers with feedback, if they were read before.
        """
        if not isinstance(wanted, Words):
            return {row: 0.5 + hit.score / 2 for row, hit in batch.index.matches(wanted).items()}
        past, learned = self._past(), None
        if feedback:
            rated = rated or self.rated(feedback)
            papers = {paper.row: paper for paper in rated.index.papers}
            learned = self._learn_one(_TasteSource(text, tuple(feedback), past), papers, rated, frozenset())
        text, words = self._written_out(text, wanted)
        z_scores, scale = self._sums(self._known(text, words, past), words, batch, learned)
        fits = zip(batch.index.numbers, map(scale.fit, z_scores.tolist()), strict=True)
        return {row: fit for row, fit in fits if fit > 0}

    def reasons(
        self, text: str, wanted: Wanted, batch: InterestBatch, rows: Sequence[int]
    ) -> dict[int, tuple[str, ...]]:
        """Return why the best papers of a batch fit, by number."""
        if isinstance(wanted, Words):
            return self._reasons(*self._written_out(text, wanted), batch, rows)
        return batch.index.reasons(wanted, rows)

    def _reasons(
        self, text: str, words: Words, batch: InterestBatch, rows: Sequence[int]
    ) -> dict[int, tuple[str, ...]]:
        """Return why the best papers of a batch fit an interest that is written out."""
        if not rows:
            return {}
        reasons, vector = batch.index.reasons(words, rows), self._meaning.known(text)
        if vector is None:
            return reasons
        held = self._meaning.held().of(rows)
        cosines = dict(zip(np.array(rows)[held.known].tolist(), held.cosines(vector).tolist(), strict=True))
        return {row: with_meaning(why, cosines.get(row)) for row, why in reasons.items()}

    def _learn(self, topics: Sequence[Topic], followers: Mapping[int, InterestFollower]) -> None:
        """Learn from the feedback of the subscribers of these interests, unless that was done before.

        Tastes of other interests that are still followed are kept: a single new topic must not make all be learned
        again.
        """
        wanted = [topic for topic in topics if followers[topic.row].feedback]
        if not wanted and not self._learned:
            return  # the earlier papers are not needed
        wanted.sort(key=lambda topic: followers[topic.row].feedback[0].at, reverse=True)
        past = self._past()
        of = {topic.row: _source(topic.query, followers[topic.row], past) for topic in wanted[:_MOST_TASTES]}
        others = followers.keys() - {topic.row for topic in topics}
        for row, one in list(self._learned.items()):
            if row not in others and one.of != of.get(row):
                self._learned.pop(row, None)
        fresh = of.keys() - self._learned.keys()
        if fresh:
            papers = self._app.store.papers.by_rows({one.paper for row in fresh for one in of[row].feedback})
            new, rated = self._app.store.topics.waiting_rows(), self.batch(papers.values())
            for row in fresh:
                self._learned[row] = self._learn_one(of[row], papers, rated, new)

    def _learn_one(
        self, of: _TasteSource, papers: Mapping[int, Paper], rated: InterestBatch, new: Set[int]
    ) -> _TrainedInterest:
        """Learn from the feedback of one subscriber; `rated` are `papers`, indexed once for all subscribers."""
        past, wanted = of.past, interpret(of.interest)
        assert isinstance(wanted, Words)
        text, words = self._written_out(of.interest, wanted)
        known, earlier = self._known(text, words, past), past.batch
        z_scores = self._z_scores(known, words, earlier)
        near = self._related(of, rated, z_scores)
        if not near:
            return _TrainedInterest(of, Taste(past.learner), z_scale(known.threshold_reduction))
        taste = past.learner.of(near, papers, new)
        # Leave out papers with feedback: the taste was learned from them.
        others = ~np.isin(earlier.index.numbers, [one.paper for one in near])
        both = z_scores + taste.z_scores(_features(earlier, past.learner))
        liked = sum(one.verdict > 0 for one in near)
        scale = learned_scale(both[others], liked, len(near) - liked, known.threshold_reduction)
        return _TrainedInterest(of, taste, scale)

    def _related(self, of: _TasteSource, rated: InterestBatch, past: Numbers) -> Sequence[Feedback]:
        """Return the feedback on papers that are near an interest, given the z-scores of past papers.

        Without vectors, return all feedback: a paper may say the interest in other words.
        """
        z_scores = self._rated_z_scores(of.interest, rated, of.past)
        if z_scores is None:
            return of.feedback
        others = [self._rated_z_scores(other, rated, of.past) for other in of.others]
        near = is_related(z_scores, past, [one for one in others if one is not None]).tolist()
        kept = {row for row, is_near in zip(rated.index.numbers, near, strict=True) if is_near}
        return [one for one in of.feedback if one.paper in kept]

    def _rated_z_scores(self, query: str, rated: InterestBatch, past: _History) -> Numbers | None:
        """Return the z-scores of rated papers for an interest; None if it has no vector or is no plain words."""
        if query not in rated.z_scores:
            rated.z_scores[query] = None
            if is_plain_words(query) and isinstance(wanted := interpret(query), Words):
                text, words = self._written_out(query, wanted)
                if (known := self._known(text, words, past)).expanded is not None:
                    rated.z_scores[query] = self._z_scores(known, words, rated)
        return rated.z_scores[query]

    def _known(self, text: str, words: Words, past: _History) -> _ScoreScales:
        vector, kept = self._meaning.known(text), past.measured.get(text)
        if kept is not None and (kept.expanded is None) == (vector is None):
            return kept
        if vector is None:
            shares = past.batch.index.shares(words)
            return _keep(past, text, shares, shares[:0], None)
        return _measure_some(past, {text: words}, [vector])[0]

    def _measure(self, vectors: Mapping[str, Numbers]) -> None:
        """Compute the scales of new interests in batches."""
        past = self._past()
        if not len(past.batch.known):
            return
        fresh = [text for text in vectors if (kept := past.measured.get(text)) is None or kept.expanded is None]
        for chunk in chunked(fresh, _INTERESTS_PER_PRODUCT):
            some = {text: interpret(text) for text in chunk}
            words = {text: one for text, one in some.items() if isinstance(one, Words)}
            _measure_some(past, words, [vectors[text] for text in words])

    def _past(self) -> _History:
        """Return the newest earlier papers.

        They are made anew, and all scales with them, when the collection is renewed or the share of its papers that
        have a vector changes.
        """
        held, fixed = self._meaning.held(), self._app.shared(Collection).fixed()
        with self._renewing:
            past, sizes = self._newest, self._meaning.sizes()
            if past is not None and past.batch.index is not fixed.index:
                past = None
            if past is not None and past.sizes == sizes:
                return past
            coverage = self._meaning.coverage(fixed.index.numbers)
            if past is not None and past.coverage == coverage:
                past.sizes = sizes
                return past
            known = PastPapers(fixed.papers, fixed.statistics, *self._meaning.lookups())
            batch = InterestBatch(fixed.index, held.of(fixed.index.numbers))
            self._newest = _History(batch, Learner(known), sizes, coverage)
            return self._newest


def _source(query: str, follower: InterestFollower, past: _History) -> _TasteSource:
    others = tuple(other for other in follower.queries if other != query)
    return _TasteSource(query, follower.feedback, past, others)


def _features(batch: InterestBatch, learner: Learner) -> Features:
    if batch.features is None or batch.features[0] is not learner:
        batch.features = learner, learner.features(batch.index.papers)
    return batch.features[1]


def _measure_some(past: _History, words: Mapping[str, Words], vectors: Sequence[Numbers]) -> list[_ScoreScales]:
    """Compute the scales of interests, with two matrix products for all of them."""
    batch, numbers = past.batch, past.batch.vectors.numbers
    shares = [batch.index.shares(one) for one in words.values()]
    if not len(batch.known):
        return [
            _keep(past, text, share, share[:0], ExpandedQuery(vector, vector))
            for text, share, vector in zip(words, shares, vectors, strict=True)
        ]
    known = shares if batch.vectors.known.all() else [share[batch.known] for share in shares]
    own = np.stack(vectors) @ numbers.T
    trust = min(len(numbers) / COUNTED_PAPERS, 1.0)
    expanded_queries = [
        expand_query(vector, numbers, share, cosines, trust)
        for vector, share, cosines in zip(vectors, known, own, strict=True)
    ]
    moved = np.stack([expanded.vector for expanded in expanded_queries]) @ numbers.T
    scores = map(relevance, known, moved)
    return [_keep(past, *one) for one in zip(words, shares, scores, expanded_queries, strict=True)]


def _keep(
    past: _History, text: str, shares: Numbers, scores: Numbers, expanded: ExpandedQuery | None
) -> _ScoreScales:
    if len(past.measured) >= _MOST_MEASURED:
        past.measured.clear()
    by_words, by_meaning = Scale.of(shares, meaning=False), Scale.of(scores, meaning=True)
    found = past.measured[text] = _ScoreScales(by_words, by_meaning, expanded)
    return found


def best_candidates(
    app: App, text: str, wanted: Wanted, needed: int = 500, bounds: SearchBounds = search.UNBOUNDED
) -> list[int]:
    """Return the numbers of the papers within bounds that may fit best by words or meaning, newest first.

    `needed` is the number of papers to be shown.
    """
    plan = search.plan(wanted, app.shared(Collection).recent().statistics, needed)
    within = [[(bounds.narrow(query), limit) for query, limit in chain] for chain in plan]
    rows = app.store.papers.candidates(within, bounds.days)
    meaning = app.shared(Meaning)
    vector = meaning.of_query(text) if isinstance(wanted, Words) else None
    if vector is None:
        return rows
    near = meaning.table().nearest(vector, MOST_NEAR).keys() - set(rows)
    if bounds != search.UNBOUNDED:
        near = {row for row, paper in app.store.papers.by_rows(near).items() if bounds.include(paper)}
    return sorted((*rows, *near), reverse=True)


def tastes(app: App) -> Tastes:
    """Return a factory of taste profiles; the newest papers are read for the first one with feedback."""

    def past() -> PastPapers:
        newest, meaning = app.shared(Collection).current(), app.shared(Meaning)
        meaning.table()
        return PastPapers(newest.papers, newest.statistics, *meaning.lookups())

    return Tastes(past)


def near_copies(app: App) -> NearCopies:
    """Return a detector of near-duplicate papers; earlier papers are read only if a paper has no vector."""
    meaning = app.shared(Meaning)

    @cache
    def terms() -> TermVectors:
        return TermVectors(app.shared(Collection).current().statistics)

    return NearCopies(terms, meaning.table().of if meaning.on else None)
