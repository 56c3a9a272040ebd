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
    MAX_VECTOR_EXAMPLES,
    MAX_WORD_EXAMPLES,
    Sparse,
    SparseRows,
    TermVectors,
    WordModel,
    fit_ridge,
    predict,
    train_svm,
    weight,
)
from paperround.matching.lexical import Statistics
from paperround.matching.vectors import Lookup, Numbers, Vectors

# One deviation above other papers, averaged over the models, should move a paper about as far as two deviations of
# relevance. On a site without past papers, papers are measured against today's, and none of them stands out far.
_STRETCH = 16.0
_STRETCH_ON_A_NEW_SITE = 4.0
# What a deviation, averaged over the models, is worth beside one of an interest; values from 1.2 to 1.6 do as well.
_MAX_WEIGHT = np.float32(1.4)
# How many counter-examples a disliked paper counts as. As one of them it would rank above other papers, because it is
# like the liked ones; as a hundred it would also take away what is liked.
_DISLIKED_COUNTS = 30
# The scores of few other papers may be close by chance, so that a deviation is assumed for them.
_FEW_SCORES = 20
_DEVIATION_OF_FEW = 0.2
_MIN_DEVIATION = 0.02  # of many scores
# From this degree (before weighting) and this likeness to a liked paper, that paper is named as the reason.
_MIN_DEGREE = 0.2
_MIN_LIKENESS = 0.12
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


_UNMEASURED = ScoreDistribution()


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

    def vectors(self, rows: Sequence[int]) -> Vectors:
        """Return the vectors of papers, where they have one."""
        found = self._lookup(rows)
        return found._replace(numbers=found.numbers - self._center) if len(found.numbers) else found

    def vector(self, row: int) -> Numbers | None:
        """Return the vector of one paper, or None if it has none."""
        if row not in self._known:
            found = self.vectors([row])
            if found.known[0]:
                self._known[row] = found.numbers[0]
        return self._known.get(row)

    def learn(self, examples: Iterable[tuple[Paper, int]], measured: Sequence[Paper]) -> VectorModel | None:
        """Return the model of these examples, whose scores are measured against other papers.

        An example is a paper with its label (see `learning.train_svm`). Return None if those with a vector are all of
        one kind.
        """
        known = [(vector, label) for paper, label in examples if (vector := self.vector(paper.row)) is not None]
        if len({label > 0 for _, label in known}) < 2:
            return None
        weights = fit_ridge(np.stack([vector for vector, _ in known]), [label for _, label in known])
        others = [vector for paper in measured if (vector := self.vector(paper.row)) is not None]
        scores = predict(np.stack(others), weights).tolist() if others else []
        return VectorModel(self, weights, _distribution(scores))

    @cached_property
    def _center(self) -> Numbers:
        found = self._lookup([paper.row for paper in self._past]).numbers
        return np.asarray(found.mean(axis=0)) if len(found) else np.float32(0)  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class VectorModel:
    """What one subscriber's feedback says about vectors of one kind."""

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
        return Features(self.terms.rows(papers), {space: space.vectors(rows) for space in self._spaces})

    def learn(self, feedback: Iterable[Feedback], papers: Mapping[int, Paper], new: Collection[int]) -> Taste:
        """Learn a taste from this feedback; ignore feedback on papers that are not in `papers`.

        `new` contains the rows of the papers to choose from next, which must not serve as counter-examples.
        """
        ratings = sorted((rating.paper, rating.verdict) for rating in feedback if rating.paper in papers)
        if not ratings:
            return Taste(self)
        training = self._training_papers(ratings, papers, new)
        model, usual = self._train_words(training)
        return Taste(
            self,
            model,
            usual,
            self._train_vectors(training),
            liked=tuple(paper for paper, label in training.rated if label > 0),
            disliked=tuple(paper for paper, label in training.rated if label < 0),
            stretch=training.stretch,
        )

    def _training_papers(
        self, ratings: Sequence[tuple[int, int]], papers: Mapping[int, Paper], new: Collection[int]
    ) -> _TrainingPapers:
        """Choose the papers to learn from and to measure by."""
        excluded = {row for row, _ in ratings} | set(new)
        others = [paper for paper in self._past.papers if paper.row not in excluded]
        # Learn from half of the papers and measure by the others: a model is overconfident on its training data.
        measured, stretch = _spread(others[1::2], MAX_WORD_EXAMPLES), _STRETCH
        if len(measured) < _FEW_SCORES:
            available = [papers[row] for row in sorted(new) if row in papers]
            measured, stretch = [*measured, *_spread(available, MAX_WORD_EXAMPLES)], _STRETCH_ON_A_NEW_SITE
        rated = [(papers[row], 1 if verdict > 0 else -_DISLIKED_COUNTS) for row, verdict in ratings]
        # If nothing was liked, papers in general count as wanted.
        label = -1 if any(verdict > 0 for _, verdict in ratings) else 1
        return _TrainingPapers(rated, others[::2], label, measured, stretch)

    def _train_words(self, training: _TrainingPapers) -> tuple[WordModel, ScoreDistribution]:
        """Return the model of words, and the distribution of its scores."""
        examples = training.examples(MAX_WORD_EXAMPLES)
        rows = [self.terms.vector(paper) for paper, _ in examples]
        weights = train_svm(rows, [label for _, label in examples], len(self.terms.names))
        model = WordModel(len(training.rated), weights)
        return model, _distribution([model.score(self.terms.vector(paper)) for paper in training.measured])

    def _train_vectors(self, training: _TrainingPapers) -> tuple[VectorModel, ...]:
        """Return the models of texts' and of titles' vectors, where there are enough of these."""
        examples = training.examples(MAX_VECTOR_EXAMPLES)
        models = [space.learn(examples, training.measured) for space in self._spaces]
        return tuple(model for model in models if model is not None)


class _TrainingPapers(NamedTuple):
    """The papers that one taste is learned from, and those that its scores are measured by."""

    rated: Sequence[tuple[Paper, int]]
    """With labels (see `learning.train_svm`)."""
    others: Sequence[Paper]
    """Papers without feedback, to choose further examples from."""
    label: int
    """The label of these."""
    measured: Sequence[Paper]
    stretch: float
    """How far z-scores have to be to move papers as far as the taste can."""

    def examples(self, others: int) -> list[tuple[Paper, int]]:
        """Return the rated papers and at most this many others, with labels."""
        return [*self.rated, *((paper, self.label) for paper in _spread(self.others, others))]


@dataclass(frozen=True, slots=True)
class Taste:
    """One subscriber's taste. The order of their feedback makes no difference."""

    learner: Learner
    model: WordModel | None = None
    """None for a subscriber without feedback, for whom every paper is neutral."""
    words: ScoreDistribution = _UNMEASURED
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
        features = self.learner.terms.vector(paper)
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
        of texts and titles. It is weighted by the number of ratings, and so that it can be added to an interest's
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
        return self._nearest(paper, self.learner.terms.vector(paper), self.disliked)

    def _nearest(self, paper: Paper, features: Sparse, rated: Sequence[Paper]) -> str:
        """Return the title of the most similar other paper of these; empty if none is similar enough to name."""
        alike = max(
            (
                (likeness(features, self.learner.terms.vector(other)), -other.row, other.title)
                for other in rated
                if other.row != paper.row
            ),
            default=(0.0, 0, ""),
        )
        return _shorten(alike[2]) if alike[0] >= _MIN_LIKENESS else ""


class Tastes:
    """The tastes of many subscribers. The past papers are read only once a subscriber with feedback is asked for."""

    def __init__(self, past: Callable[[], PastPapers]) -> None:
        self._past = past

    def taste(self, feedback: Sequence[Feedback], papers: Mapping[int, Paper], new: Collection[int] = ()) -> Taste:
        """Return one subscriber's taste; `new` contains the rows of the papers to choose from next."""
        return self._learner.learn(feedback, papers, new) if feedback else _NO_FEEDBACK

    @cached_property
    def _learner(self) -> Learner:
        return Learner(self._past())


_NO_FEEDBACK = Taste(Learner(PastPapers()))


def likeness(one: Sparse, other: Sparse) -> float:
    """Return the cosine between the features of two papers."""
    _, here, there = np.intersect1d(one.places, other.places, assume_unique=True, return_indices=True)
    return float(one.weights[here] @ other.weights[there])


def _spread(papers: Sequence[Paper], limit: int) -> list[Paper]:
    """Return at most `limit` of the papers, evenly spaced."""
    number = min(len(papers), limit)
    return [papers[place * len(papers) // number] for place in range(number)]


def _distribution(scores: Sequence[float]) -> ScoreDistribution:
    if len(scores) < _FEW_SCORES:
        return ScoreDistribution(float(np.mean(scores)) if scores else 0.0, _DEVIATION_OF_FEW)
    return ScoreDistribution(float(np.mean(scores)), max(float(np.std(scores)), _MIN_DEVIATION))


def _shorten(title: str) -> str:
    """Return the title, cut at a word if it is too long."""
    if len(title) <= _MAX_TITLE:
        return title
    start = title[: _MAX_TITLE - 1]
    return (start.rpartition(" ")[0] or start).rstrip(" ,;:.-") + "…"
