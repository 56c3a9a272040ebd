"""Computes the scales of interests: how well past papers fit each of them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from paperround.app import App
from paperround.domain.models import Paper
from paperround.matching.expansion import ExpandedQuery, expand_query, trust_in_best
from paperround.matching.lexical import Index
from paperround.matching.relevance import relevance
from paperround.matching.scale import Scale
from paperround.matching.taste import Learner, PastPapers
from paperround.matching.vectors import Numbers
from paperround.matching.words import Words, interpret, interpret_uncached
from paperround.process.chunks import chunked
from paperround.rounds.collection import Collection
from paperround.rounds.interest_batch import InterestBatch
from paperround.rounds.meaning import Meaning

_MAX_SCALES = 20_000  # interests whose scales are kept in memory
_INTERESTS_PER_PRODUCT = 256  # interests per matrix product


class Interest(NamedTuple):
    """An interest in plain words, with the long forms of its acronyms."""

    text: str
    words: Words


@dataclass(frozen=True, slots=True)
class ScoreScales:
    """The distribution of the scores of past papers for one interest."""

    words: Scale
    """The scale of scores by words alone."""
    meaning: Scale
    """The scale of scores with vectors."""
    expanded: ExpandedQuery | None
    """The vector that papers are compared with; None if the interest has none."""

    @property
    def threshold_reduction(self) -> float:
        """How much lower the threshold of scores with vectors is, in standard deviations."""
        return self.expanded.threshold_reduction if self.expanded else 0.0

    def with_liked(self, shares: Numbers) -> ScoreScales:
        """Return the scales after feedback, given the shares of the interest's words that liked papers have."""
        return replace(self, expanded=self.expanded.with_liked(shares)) if self.expanded else self

    def z_scores(self, words: Words, batch: InterestBatch) -> Numbers:
        """Return how far each paper of a batch stands out for the interest with these words."""
        shares = batch.index.shares(words)
        # The reduced threshold of an interest in other words is for scores with meaning.
        z_scores = self.words.z_scores(shares) - np.float32(self.threshold_reduction)
        if self.expanded is not None and len(batch.embedded):
            shares, cosines = shares[batch.embedded], batch.vectors.cosines(self.expanded.vector)
            boosts = self.expanded.boosts(shares, batch.vectors)
            z_scores[batch.embedded] = self.meaning.z_scores(relevance(shares, cosines)) + boosts
        return z_scores


@dataclass(eq=False)
class History:
    """The past papers, and what was computed from them."""

    batch: InterestBatch
    learner: Learner
    """Learns tastes, and caches what it computes about papers."""
    sizes: tuple[int, int]
    """The numbers of vectors in memory when those of the past papers were last counted."""
    coverage: tuple[int, int]
    """How many eighths of the past papers had a vector of their text and of their title."""
    _scales: dict[str, ScoreScales] = field(default_factory=dict)
    """The scales of interests, by text."""

    @cached_property
    def likeness(self) -> float:
        """The mean cosine between past papers: the more of them are of one field, the higher."""
        numbers = self.batch.vectors.numbers
        center = numbers.mean(axis=0) if len(numbers) else np.zeros(0)
        return float(center @ center)

    def scales(self, interest: Interest, vector: Numbers | None) -> ScoreScales:
        """Return the scales of an interest with this vector, computed if they are not known."""
        known = self.known_scales(interest.text, meaning=vector is not None)
        if known is not None:
            return known
        if vector is None:
            shares = self.batch.index.shares(interest.words)
            return self._store(interest.text, shares, shares[:0], None)
        return self.compute_scales([interest], [vector])[0]

    def known_scales(self, text: str, *, meaning: bool) -> ScoreScales | None:
        """Return the scales of an interest, with or without its vector, if they were computed before."""
        scales = self._scales.get(text)
        return scales if scales is not None and (scales.expanded is not None) == meaning else None

    def compute_scales(self, interests: Sequence[Interest], vectors: Sequence[Numbers]) -> list[ScoreScales]:
        """Compute the scales of interests with these vectors, with two matrix products for all of them."""
        batch, numbers = self.batch, self.batch.vectors.numbers
        all_shares = [batch.index.shares(interest.words) for interest in interests]
        if not len(batch.embedded):
            return [
                self._store(interest.text, shares, shares[:0], ExpandedQuery(vector, vector))
                for interest, shares, vector in zip(interests, all_shares, vectors, strict=True)
            ]
        complete = batch.vectors.known.all()
        embedded_shares = all_shares if complete else [shares[batch.embedded] for shares in all_shares]
        trust = trust_in_best(len(numbers))
        expanded_queries = [
            expand_query(vector, numbers, shares, cosines, trust)
            for vector, shares, cosines in zip(vectors, embedded_shares, np.stack(vectors) @ numbers.T, strict=True)
        ]
        cosines = np.stack([expanded.vector for expanded in expanded_queries]) @ numbers.T
        scores = map(relevance, embedded_shares, cosines)
        texts = (interest.text for interest in interests)
        return [self._store(*row) for row in zip(texts, all_shares, scores, expanded_queries, strict=True)]

    def _store(self, text: str, shares: Numbers, scores: Numbers, expanded: ExpandedQuery | None) -> ScoreScales:
        if len(self._scales) >= _MAX_SCALES:
            self._scales.clear()
        meaning = Scale.of(scores, meaning=True, likeness=self.likeness)
        scales = ScoreScales(Scale.of(shares, meaning=False), meaning, expanded)
        self._scales[text] = scales
        return scales


class InterestScales:
    """Computes each interest's scales once. Any thread may call it."""

    def __init__(self, app: App) -> None:
        self._app, self._meaning = app, app.shared(Meaning)
        self._newest: History | None = None
        self._renewing = threading.Lock()

    def batch(self, papers: Iterable[Paper]) -> InterestBatch:
        """Return these papers as a batch to compare interests with."""
        index = Index(papers, self._app.shared(Collection).fixed().statistics)
        return InterestBatch(index, self._meaning.cached_table().vectors(index.numbers))

    def interest(self, query: str, words: Words) -> Interest:
        """Return an interest with the long forms of its acronyms."""
        text = self._meaning.expand_acronyms(query)
        if text == query:
            return Interest(query, words)
        longer = interpret_uncached(text)
        assert isinstance(longer, Words)
        return Interest(text, longer)

    def scales(self, interest: Interest, history: History) -> ScoreScales:
        """Return the scales of an interest, with meaning if its vector is in memory."""
        return history.scales(interest, self._meaning.cached_vector(interest.text))

    def prepare(self, vectors: Mapping[str, Numbers]) -> None:
        """Compute the scales of new interests in batches; `vectors` has theirs by text."""
        history = self.history()
        if not len(history.batch.embedded):
            return
        fresh = [text for text in vectors if history.known_scales(text, meaning=True) is None]
        for chunk in chunked(fresh, _INTERESTS_PER_PRODUCT):
            interpreted = ((text, interpret(text)) for text in chunk)
            interests = [Interest(text, words) for text, words in interpreted if isinstance(words, Words)]
            history.compute_scales(interests, [vectors[interest.text] for interest in interests])

    def history(self) -> History:
        """Return the newest past papers.

        They are replaced, and all scales with them, when the collection is renewed or the share of its papers that
        have a vector changes.
        """
        table, fixed = self._meaning.cached_table(), self._app.shared(Collection).fixed()
        with self._renewing:
            newest, sizes = self._newest, self._meaning.sizes()
            if newest is not None and newest.batch.index is not fixed.index:
                newest = None
            if newest is not None and newest.sizes == sizes:
                return newest
            coverage = self._meaning.coverage(fixed.index.numbers)
            if newest is not None and newest.coverage == coverage:
                newest.sizes = sizes
                return newest
            past = PastPapers(fixed.papers, fixed.statistics, *self._meaning.lookups())
            batch = InterestBatch(fixed.index, table.vectors(fixed.index.numbers))
            self._newest = History(batch, Learner(past), sizes, coverage)
            return self._newest
