"""Learn what one subscriber wants more and less of from the papers that they rated. Pure.

Small linear models (`learning`) of words, of texts' vectors and of titles' vectors score how much a paper resembles
the liked papers and differs from the others. Their scores are measured against papers without feedback, and count for
more the more feedback there is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import tanh
from typing import NamedTuple

import numpy as np

from paperround.domain.models import Feedback, Paper
from paperround.matching.learning import (
    WEAK_NEGATIVES,
    WEAK_VECTORS,
    Sparse,
    SparseRows,
    TermVectors,
    WordModel,
    predict,
    regress,
    separate,
    weight,
)
from paperround.matching.lexical import Statistics
from paperround.matching.vectors import Lookup, Numbers, Vectors

# One deviation above other papers, averaged over the models, should move a paper about as far as two deviations of
# relevance. On a site without past papers, papers are measured against today's, and none of them stands out far.
_STRETCH, _STRETCH_ON_A_NEW_SITE = 16.0, 4.0
# What a deviation, averaged over the models, is worth beside one of an interest; values from 1.2 to 1.6 do as well.
_MAX_WEIGHT = np.float32(1.4)
# How many counter-examples a disliked paper counts as. As one of them it would rank above other papers, because it is
# like the liked ones; as a hundred it would also take away what is liked.
_DISLIKED_COUNTS = 30
# The scores of few other papers may be close by chance, so that a deviation is assumed for them.
_LEAST_DEVIATION, _DEVIATION_OF_FEW, _FEW_SCORES = 0.02, 0.2, 20
# From this degree (before weighting) and this likeness to a liked paper, that paper is named as the reason.
_MIN_DEGREE, _MIN_LIKENESS = 0.2, 0.12
_MAX_TITLE = 70  # characters of the liked paper's title in a reason


class Affinity(NamedTuple):
    """How well a paper fits a subscriber's taste, from −1 to 1.

    `like` is the title of a similar liked paper; empty if none is similar enough.
    """

    degree: float = 0.0
    like: str = ""


NEUTRAL = Affinity()


class ScoreDistribution(NamedTuple):
    """The mean and standard deviation of a model's scores for papers without feedback."""

    mean: float = 0.0
    deviation: float = 1.0

    def z_score(self, score: float) -> float:
        """Return a score in standard deviations above the mean."""
        return (score - self.mean) / self.deviation


_ANY = ScoreDistribution()


@dataclass(frozen=True, slots=True)
class PastPapers:
    """The past papers that feedback is learned against, with the statistics and vectors needed to compare them."""

    papers: Sequence[Paper] = ()
    statistics: Statistics = field(default_factory=Statistics)
    vectors: Lookup | None = None
    """Looks up the vectors of papers' texts. None if papers have no vectors."""
    titles: Lookup | None = None
    """Looks up the vectors of papers' titles alone. None if papers have no vectors."""


class VectorSpace:
    """Vectors of one kind, of texts or of titles, minus the mean vector of past papers."""

    def __init__(self, lookup: Lookup, past: Sequence[Paper]) -> None:
        self._lookup, self._past = lookup, past
        self._known: dict[int, Numbers] = {}

    def of(self, rows: Sequence[int]) -> Vectors:
        """Return the vectors of papers, where they have one."""
        found = self._lookup(rows)
        return found._replace(numbers=found.numbers - self._center) if len(found.numbers) else found

    def vector(self, row: int) -> Numbers | None:
        """Return the vector of one paper, or None if it has none."""
        if row not in self._known:
            found = self.of([row])
            if found.known[0]:
                self._known[row] = found.numbers[0]
        return self._known.get(row)

    def learn(self, examples: Iterable[tuple[Paper, int]], measured: Sequence[Paper]) -> VectorModel | None:
        """Return the model of these examples, whose scores are measured against other papers.

        An example is a paper with its label (see `learning.separate`). Return None if those with a vector are all of
        one kind.
        """
        known = [(vector, label) for paper, label in examples if (vector := self.vector(paper.row)) is not None]
        if len({label > 0 for _, label in known}) < 2:
            return None
        weights = regress(np.stack([vector for vector, _ in known]), [label for _, label in known])
        others = [vector for paper in measured if (vector := self.vector(paper.row)) is not None]
        scores = predict(np.stack(others), weights).tolist() if others else []
        return VectorModel(self, weights, _usual(scores))

    @cached_property
    def _center(self) -> Numbers:
        found = self._lookup([paper.row for paper in self._past]).numbers
        return np.asarray(found.mean(axis=0)) if len(found) else np.float32(0)  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class VectorModel:
    """What one subscriber's feedback says of vectors of one kind."""

    space: VectorSpace
    weights: Numbers
    """The weight of each dimension, followed by the constant."""
    usual: ScoreDistribution

    def z_scores(self, vectors: Numbers) -> Numbers:
        """Return how far these vectors of the space are above those of other papers, in standard deviations."""
        scores = predict(vectors, self.weights)
        return np.asarray((scores - self.usual.mean) / self.usual.deviation, dtype=np.float32)


class Features(NamedTuple):
    """What tastes compare of some papers, all in the same order."""

    words: SparseRows
    vectors: Mapping[VectorSpace, Vectors]


class Learner:
    """Learns the tastes of many subscribers against the same past papers, and caches what they share."""

    def __init__(self, past: PastPapers) -> None:
        self._past = past
        self.terms = TermVectors(past.statistics, shared=True)
        self._spaces = [VectorSpace(lookup, past.papers) for lookup in (past.vectors, past.titles) if lookup]

    def features(self, papers: Sequence[Paper]) -> Features:
        """Return what the tastes of this learner compare of these papers."""
        rows = [paper.row for paper in papers]
        return Features(self.terms.rows(papers), {space: space.of(rows) for space in self._spaces})

    def of(self, feedback: Iterable[Feedback], papers: Mapping[int, Paper], new: Collection[int]) -> Taste:
        """Return the taste learned from this feedback; ignore feedback on papers that are not in `papers`.

        `new` contains the rows of the papers to choose from next, which must not serve as counter-examples.
        """
        ratings = sorted((one.paper, one.verdict) for one in feedback if one.paper in papers)
        if not ratings:
            return Taste(self)
        taken = {row for row, _ in ratings} | set(new)
        others = [paper for paper in self._past.papers if paper.row not in taken]
        # Learn from half of the papers and measure by the others: a model is overconfident on its training data.
        weak, measured = _spread(others[::2]), _spread(others[1::2])
        stretch = _STRETCH
        if len(measured) < _FEW_SCORES:
            stretch = _STRETCH_ON_A_NEW_SITE
            measured = [*measured, *_spread([papers[row] for row in sorted(new) if row in papers])]
        # If nothing was liked, papers in general count as wanted.
        label = -1 if any(verdict > 0 for _, verdict in ratings) else 1
        answered = [(papers[row], 1 if verdict > 0 else -_DISLIKED_COUNTS) for row, verdict in ratings]
        rows = [self.terms.of(paper) for paper in (*(paper for paper, _ in answered), *weak)]
        labels = [*(verdict for _, verdict in answered), *[label] * len(weak)]
        model = WordModel(len(ratings), separate(rows, labels, len(self.terms.names)))
        usual = _usual([model.score(self.terms.of(paper)) for paper in measured])
        examples = [*answered, *((paper, label) for paper in _spread(others[::2], WEAK_VECTORS))]
        learned = [space.learn(examples, measured) for space in self._spaces]
        liked = tuple(paper for paper, verdict in answered if verdict > 0)
        disliked = tuple(paper for paper, verdict in answered if verdict < 0)
        meaning = tuple(one for one in learned if one is not None)
        return Taste(self, model, usual, meaning, liked, disliked, stretch)


@dataclass(frozen=True, slots=True)
class Taste:
    """One subscriber's taste. The order of their feedback makes no difference."""

    learner: Learner
    model: WordModel | None = None
    """None for a subscriber without feedback, for whom every paper is neutral."""
    words: ScoreDistribution = _ANY
    meaning: tuple[VectorModel, ...] = ()
    """The models of texts and of titles; empty if there are no vectors."""
    liked: tuple[Paper, ...] = ()
    disliked: tuple[Paper, ...] = ()
    stretch: float = _STRETCH

    @property
    def neutral(self) -> bool:
        """Whether this taste treats all papers the same, because there is no feedback."""
        return self.model is None

    def affinity(self, paper: Paper) -> Affinity:
        """Return how well the paper fits this taste."""
        if self.model is None:
            return NEUTRAL
        features = self.learner.terms.of(paper)
        vectors = [(one, one.space.vector(paper.row)) for one in self.meaning]
        meaning = [float(one.z_scores(vector[None])[0]) for one, vector in vectors if vector is not None]
        z_score = self.words.z_score(self.model.score(features))
        if meaning:
            z_score = (z_score + sum(meaning) / len(meaning)) / 2
        sure = tanh(z_score / self.stretch)
        return Affinity(
            weight(self.model.rating_count) * sure,
            self._nearest(paper, features, self.liked) if sure >= _MIN_DEGREE else "",
        )

    def z_scores(self, features: Features) -> Numbers:
        """Return how far above other papers this taste puts each paper, in standard deviations.

        `features` are from this taste's learner. The result is the mean of words and meaning, and meaning is the mean
        of texts and titles. It is weighted by the number of answers, and so that it can be added to an interest's
        z-scores.
        """
        if self.model is None:
            return np.zeros(features.words.number, dtype=np.float32)
        z_scores = (features.words.products(self.model.terms) - self.words.mean) / self.words.deviation
        meaning, models = np.zeros_like(z_scores), np.zeros(len(z_scores), dtype=np.float32)
        for one in self.meaning:
            vectors = features.vectors[one.space]
            if len(vectors.numbers):
                meaning[vectors.known] += one.z_scores(vectors.numbers)
                models[vectors.known] += 1
        some = models > 0
        z_scores[some] = (z_scores[some] + meaning[some] / models[some]) / 2
        return np.asarray(_MAX_WEIGHT * np.float32(weight(self.model.rating_count)) * z_scores, dtype=np.float32)

    def unlike(self, paper: Paper) -> str:
        """Return the title of a similar disliked paper if this taste lowers the paper; empty if none is similar."""
        if self.affinity(paper).degree >= 0:
            return ""
        return self._nearest(paper, self.learner.terms.of(paper), self.disliked)

    def _nearest(self, paper: Paper, features: Sparse, answered: Sequence[Paper]) -> str:
        """Return the title of the most similar other paper of these; empty if none is similar enough to name."""
        alike = max(
            (
                (likeness(features, self.learner.terms.of(other)), -other.row, other.title)
                for other in answered
                if other.row != paper.row
            ),
            default=(0.0, 0, ""),
        )
        return _short(alike[2]) if alike[0] >= _MIN_LIKENESS else ""


class Tastes:
    """The tastes of many subscribers. The past papers are read only once a subscriber with feedback is asked for."""

    def __init__(self, past: Callable[[], PastPapers]) -> None:
        self._past = past

    def of(self, feedback: Sequence[Feedback], papers: Mapping[int, Paper], new: Collection[int] = ()) -> Taste:
        """Return one subscriber's taste; `new` contains the rows of the papers to choose from next."""
        return self._learner.of(feedback, papers, new) if feedback else _NONE

    @cached_property
    def _learner(self) -> Learner:
        return Learner(self._past())


_NONE = Taste(Learner(PastPapers()))


def likeness(one: Sparse, other: Sparse) -> float:
    """Return the cosine between the features of two papers."""
    _, here, there = np.intersect1d(one.places, other.places, assume_unique=True, return_indices=True)
    return float(one.weights[here] @ other.weights[there])


def _spread(papers: Sequence[Paper], most: int = WEAK_NEGATIVES) -> list[Paper]:
    """Return at most `most` of the papers, evenly spaced."""
    number = min(len(papers), most)
    return [papers[place * len(papers) // number] for place in range(number)]


def _usual(scores: Sequence[float]) -> ScoreDistribution:
    if len(scores) < _FEW_SCORES:
        return ScoreDistribution(float(np.mean(scores)) if scores else 0.0, _DEVIATION_OF_FEW)
    return ScoreDistribution(float(np.mean(scores)), max(float(np.std(scores)), _LEAST_DEVIATION))


def _short(title: str) -> str:
    """Return the title, cut at a word if it is too long."""
    if len(title) <= _MAX_TITLE:
        return title
    start = title[: _MAX_TITLE - 1]
    return (start.rpartition(" ")[0] or start).rstrip(" ,;:.-") + "…"
