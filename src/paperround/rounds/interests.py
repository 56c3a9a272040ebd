"""Matches interests in plain words with papers: by how well a paper fits compared with the papers of the past."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from paperround.app import App
from paperround.domain.models import Paper, Topic
from paperround.matching import profile, search
from paperround.matching.interests import CLOSE, Scale, is_close, relevance, toward_best
from paperround.matching.learning import TermVectors
from paperround.matching.lexical import Hit, Index
from paperround.matching.near_copies import NearCopies
from paperround.matching.profile import Tastes
from paperround.matching.search import SearchBounds
from paperround.matching.vectors import Vectors
from paperround.matching.words import Wanted, Words, interpret
from paperround.rounds.collection import Collection
from paperround.rounds.meaning import Meaning, is_words

_MOST_MEASURED = 20_000
_STEP = 100  # papers of the past that have got a vector since: then what is usual is measured anew
_FEW_REASONS = 2
_AT_ONCE = 256  # interests that are measured together
_NEAREST = 200  # papers that a search takes for their meaning

Numbers = NDArray[np.float32]


@dataclass(frozen=True)
class InterestBatch:
    """Papers to compare interests with: their words, and their vectors where they have one."""

    index: Index
    vectors: Vectors

    @cached_property
    def unknown(self) -> NDArray[np.intp]:
        """The indexes of the papers without a vector."""
        return np.flatnonzero(~self.vectors.known)

    @cached_property
    def known(self) -> NDArray[np.intp]:
        """The indexes of the papers with a vector."""
        return np.flatnonzero(self.vectors.known)


@dataclass(frozen=True, slots=True)
class _Measured:
    """The distribution of past scores for one interest."""

    at: int
    """How many of them had a vector, in steps; −1 where the interest has none."""
    words: Scale
    """The scale of scores by words alone."""
    meaning: Scale
    """The scale of scores with vectors."""
    vector: Numbers | None
    """The interest's vector, moved toward the papers that fit it best."""


class Interests:
    """Matches interests with papers. There is one per process, and it computes each interest's scale once."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._meaning = app.shared(Meaning)
        self._measured: dict[str, _Measured] = {}
        self._past: tuple[int, InterestBatch] | None = None

    def prepare(self, topics: Iterable[Topic]) -> None:
        """Load the vectors of papers and of topics in plain words.

        Must be called outside of transactions, since it may write.
        """
        if self._meaning.on:
            self._meaning.table()
            plain = [topic.query for topic in topics if is_words(topic.query)]
            vectors = {text: vector for text in plain if (vector := self._meaning.of_topic(text)) is not None}
            self._measure(vectors)

    def batch(self, papers: Iterable[Paper]) -> InterestBatch:
        """Return these papers as a batch to compare interests with."""
        index = Index(papers, self._app.shared(Collection).fixed().statistics)
        return InterestBatch(index, self._meaning.held().of(index.numbers))

    def hits(self, text: str, wanted: Wanted, batch: InterestBatch, breadth: int = 0) -> Mapping[int, Hit]:
        """What of a batch a topic takes, by row: all that matches a query, what stands out for plain words."""
        if not isinstance(wanted, Words):
            return batch.index.matches(wanted)
        known = self._known(text, wanted)
        shares = batch.index.shares(wanted)
        if known.vector is None or not len(batch.known):
            return self._fitting(wanted, batch, np.arange(len(shares)), shares, known.words, breadth)
        cosines = batch.vectors.cosines(known.vector)
        scores = relevance(shares[batch.known], cosines)
        found = self._fitting(wanted, batch, batch.known, scores, known.meaning, breadth, cosines)
        return found | self._fitting(wanted, batch, batch.unknown, shares[batch.unknown], known.words, breadth)

    def fits(self, text: str, wanted: Wanted, batch: InterestBatch) -> dict[int, float]:
        """Return how well each paper of a batch fits that fits at all, 0 to 1, by row; a half is the cut."""
        if not isinstance(wanted, Words):
            return {row: 0.5 + hit.score / 2 for row, hit in batch.index.matches(wanted).items()}
        known, shares = self._known(text, wanted), batch.index.shares(wanted)
        scores, scales = shares.copy(), [known.words] * len(shares)
        if known.vector is not None and len(batch.known):
            scores[batch.known] = relevance(shares[batch.known], batch.vectors.cosines(known.vector))
            for place in batch.known:
                scales[place] = known.meaning
        rows = batch.index.numbers
        return {
            rows[place]: fit
            for place, (scale, score) in enumerate(zip(scales, scores.tolist(), strict=True))
            if (fit := scale.fit(score)) > 0
        }

    def _fitting(
        self,
        words: Words,
        batch: InterestBatch,
        places: NDArray[np.intp],
        scores: Numbers,
        scale: Scale,
        breadth: int,
        cosines: Numbers | None = None,
    ) -> dict[int, Hit]:
        found: dict[int, Hit] = {}
        for at in np.flatnonzero(scale.enough(scores, breadth)):
            row = batch.index.numbers[places[at]]
            why = batch.index.reasons(words, [row])[row]
            if cosines is not None and len(why) < _FEW_REASONS and is_close(float(cosines[at])):
                why = (*why, CLOSE)
            found[row] = Hit(scale.fit(float(scores[at])), why)
        return found

    def _known(self, text: str, words: Words) -> _Measured:
        vector, past = self._meaning.known(text), self._past_batch()
        at = len(past.known) // _STEP if vector is not None else -1
        kept = self._measured.get(text)
        if kept is None or kept.at != at:
            cosines = None if vector is None else past.vectors.cosines(vector)
            kept = self._measure_one(text, words, vector, cosines)
        return kept

    def _measure(self, vectors: Mapping[str, Numbers]) -> None:
        """Compute the scales of new interests, many at a time, with one matrix product for all."""
        past = self._past_batch()
        at = len(past.known) // _STEP
        fresh = [text for text in vectors if text not in self._measured or self._measured[text].at != at]
        for start in range(0, len(fresh), _AT_ONCE) if len(past.known) else ():
            some = fresh[start : start + _AT_ONCE]
            cosines = np.stack([vectors[text] for text in some]) @ past.vectors.numbers.T
            for text, row in zip(some, cosines, strict=True):
                words = interpret(text)
                assert isinstance(words, Words)
                self._measure_one(text, words, vectors[text], row)

    def _measure_one(self, text: str, words: Words, vector: Numbers | None, cosines: Numbers | None) -> _Measured:
        past = self._past_batch()
        shares = past.index.shares(words)
        scores, at = shares[:0], -1
        if vector is not None and cosines is not None:
            at = len(past.known) // _STEP
            if len(cosines):
                known = shares[past.known]
                moved = toward_best(vector, past.vectors.numbers, known, cosines)
                scores = relevance(known, cosines if moved is vector else past.vectors.cosines(moved))
                vector = moved
        if len(self._measured) >= _MOST_MEASURED:
            self._measured.clear()
        by_words, by_meaning = Scale.of(shares, meaning=False), Scale.of(scores, meaning=True)
        found = self._measured[text] = _Measured(at, by_words, by_meaning, vector)
        return found

    def _past_batch(self) -> InterestBatch:
        held = self._meaning.held()
        if self._past is None or self._past[0] != len(held) // _STEP:
            index = self._app.shared(Collection).fixed().index
            self._past = len(held) // _STEP, InterestBatch(index, held.of(index.numbers))
        return self._past[1]


def best_candidates(
    app: App, text: str, wanted: Wanted, needed: int = 500, bounds: SearchBounds = search.EVERYWHERE
) -> list[Paper]:
    """The papers within bounds that may fit best by words or meaning, the latest first.

    `needed` says how many are to be shown.
    """
    plan = search.plan(wanted, app.shared(Collection).recent().statistics, needed)
    papers = app.store.papers.candidates([(bounds.narrow(query), limit) for query, limit in plan], bounds.days)
    meaning = app.shared(Meaning)
    vector = meaning.of_query(text) if isinstance(wanted, Words) else None
    if vector is None:
        return papers
    found = {paper.row: paper for paper in papers}
    near = meaning.table().nearest(vector, _NEAREST).keys() - found.keys()
    found |= {row: paper for row, paper in app.store.papers.by_rows(near).items() if bounds.include(paper)}
    return [found[row] for row in sorted(found, reverse=True)]


def tastes(app: App) -> Tastes:
    """What subscribers' answers are learned with, as of now; the past is read for the first who has answered."""

    def past() -> profile.Past:
        newest, meaning = app.shared(Collection).current(), app.shared(Meaning)
        lookup = meaning.table().of if meaning.on else None
        return profile.Past(newest.papers, newest.statistics, lookup)

    return Tastes(past)


def near_copies(app: App) -> NearCopies:
    """Compare papers as of now; the past is read only when one of them has no vector."""
    meaning = app.shared(Meaning)

    @cache
    def terms() -> TermVectors:
        return TermVectors(app.shared(Collection).current().statistics)

    return NearCopies(terms, meaning.table().of if meaning.on else None)
