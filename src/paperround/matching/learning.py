"""Learn what one subscriber wants more and less of from their feedback. Pure.

The models are linear and trained in milliseconds: a support vector machine on distinctive words (as in arxiv-sanity)
and ridge regression on vectors of meaning, of texts and of titles. Papers without feedback serve as weak
counter-examples: without them, a few ratings show what the subscriber likes, but not what distinguishes it from
papers in general. The models' output is weighted by n / (n + 2) after n ratings, so that the first rating moves
little and the twentieth nearly the full amount.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paperround.domain.models import Paper
from paperround.domain.text import fold
from paperround.matching.fields import TEXT, significant_terms
from paperround.matching.lexical import WEIGHT, Statistics
from paperround.matching.vectors import Numbers
from paperround.matching.words import STOP_WORDS

MAX_WORD_EXAMPLES = 300
"""The number of papers without feedback that serve as examples for words."""
MAX_VECTOR_EXAMPLES = 1_000
"""The same for vectors. They cost less than words, and more of them give better results."""
AUTHOR = "author "
"""The beginning of the name of an author's feature; the other features are terms, which contain no space."""
_RATINGS_FOR_HALF_WEIGHT = 2.0  # values from 2 to 5 change little
# A word that only one past paper has merely reduces the weight of that paper's other words. Below this number of past
# papers, a rare word may still be useful.
_MIN_FREQUENCY = 2
_MIN_DOCUMENTS = 200
_AUTHORS_WORTH = 0.5  # of a rare word of the title, shared among all authors of a paper
# The most that all examples of a class may weigh together. With a small limit a few ratings count like their mean, as
# in Rocchio's method; with a large one ratings of several kinds are separated. Values from 1.5 to 4.5 give the same
# results; from 15 on, the first five ratings are worth less.
_MAX_CLASS_WEIGHT = 3.0
_MAX_ITERATIONS = 20
_TOLERANCE = 1e-3  # training ends if no example's weight changes by more
_RIDGE = 0.1  # added to the diagonal, against overfitting


class Sparse(NamedTuple):
    """A paper's features as a sparse vector of length one: the places of the features and their weights."""

    places: NDArray[np.intp]
    weights: Numbers


class SparseRows(NamedTuple):
    """The features of several papers, concatenated."""

    places: NDArray[np.intp]
    weights: Numbers
    owners: NDArray[np.intp]
    """The number of the paper that each feature belongs to, from 0."""
    number: int
    """How many papers there are."""

    def products(self, terms: Numbers) -> Numbers:
        """Return the product of each paper's features with these weights; higher is better."""
        padded = np.append(terms, np.float32(0))  # features that were first seen after training weigh nothing
        each = padded[np.minimum(self.places, len(terms))] * self.weights
        return np.bincount(self.owners, each, self.number).astype(np.float32)


class TermVectors:
    """Makes TF-IDF vectors from the words and authors of papers, and caches them."""

    def __init__(self, statistics: Statistics, *, shared: bool = False) -> None:
        """Store the statistics; with `shared`, vectors have only words that at least two past papers share."""
        self.statistics = statistics
        self._least = _MIN_FREQUENCY if shared and statistics.documents >= _MIN_DOCUMENTS else 0
        self._places: dict[str, int] = {}
        self._known: dict[int, Sparse] = {}
        self._numbering = threading.Lock()  # pages and rounds learn at the same time

    @property
    def names(self) -> Mapping[str, int]:
        """Every feature seen so far, with its place."""
        return self._places

    def vector(self, paper: Paper) -> Sparse:
        """Return the vector of one paper."""
        vector = self._known.get(paper.row)
        if vector is None:
            vector = self._known[paper.row] = self._compute(paper)
        return vector

    def rows(self, papers: Iterable[Paper]) -> SparseRows:
        """Return the vectors of several papers."""
        vectors = [self.vector(paper) for paper in papers]
        return SparseRows(
            np.concatenate([np.zeros(0, dtype=np.intp), *(vector.places for vector in vectors)]),
            np.concatenate([np.zeros(0, dtype=np.float32), *(vector.weights for vector in vectors)]),
            np.repeat(np.arange(len(vectors)), [len(vector.places) for vector in vectors]),
            len(vectors),
        )

    def _compute(self, paper: Paper) -> Sparse:
        """Compute the TF-IDF vector of a paper, scaled to length one."""
        counts: defaultdict[str, float] = defaultdict(float)
        for place in TEXT:
            for terms in significant_terms(paper, place):
                for term in terms:
                    counts[term] += WEIGHT[place]
        weights = {
            term: (1 + log(count)) * self._idf(term)
            for term, count in counts.items()
            if term not in STOP_WORDS and self.statistics.frequencies.get(term, 0) >= self._least
        }
        for name in paper.authors:
            weights[f"{AUTHOR}{fold(name)}"] = _AUTHORS_WORTH * self._idf("") / len(paper.authors) ** 0.5
        with self._numbering:
            places = [self._places.setdefault(feature, len(self._places)) for feature in weights]
        numbers = np.fromiter(weights.values(), dtype=np.float32, count=len(weights))
        return Sparse(np.array(places, dtype=np.intp), numbers / max(float(np.linalg.norm(numbers)), 1e-9))

    def _idf(self, term: str) -> float:
        """Return the rarity of a term: its inverse document frequency, smoothed as in scikit-learn."""
        total = self.statistics.documents + 1
        return 1 + log(total / (1 + min(self.statistics.frequencies.get(term, 0), self.statistics.documents)))


def weight(rating_count: int) -> float:
    """Return the weight, from 0 to 1, of what was learned from this many ratings."""
    return rating_count / (rating_count + _RATINGS_FOR_HALF_WEIGHT)


def train_svm(rows: Sequence[Sparse], labels: Sequence[int], dimensions: int) -> Numbers:
    """Train a linear support vector machine and return its weights; features with a positive weight are wanted.

    Labels are positive for wanted papers and negative for others; their size is the number of examples that each
    counts as. Both classes count the same, however many examples each has.

    It uses dual coordinate descent with hinge loss (Hsieh et al., "A Dual Coordinate Descent Method for Large-scale
    Linear SVM", 2008, algorithm 1).
    """
    weights = np.zeros(dimensions, dtype=np.float32)
    limits, signs = _limits(labels), [1 if label > 0 else -1 for label in labels]
    alphas = [0.0] * len(rows)
    for _ in range(_MAX_ITERATIONS):
        moved = 0.0
        for place, (row, sign, limit) in enumerate(zip(rows, signs, limits, strict=True)):
            short = 1 - sign * float(weights[row.places] @ row.weights)
            alpha = min(max(alphas[place] + short, 0.0), limit)
            step = alpha - alphas[place]
            if step:
                alphas[place] = alpha
                weights[row.places] += np.float32(step * sign) * row.weights
                moved = max(moved, abs(step))
        if moved < _TOLERANCE:
            break
    return weights


def _limits(labels: Sequence[int]) -> list[float]:
    """Return the most that each example may weigh."""
    positive = sum(label for label in labels if label > 0)
    negative = sum(-label for label in labels if label < 0)
    if not positive or not negative:  # only one class, so nothing to balance: fit each example
        return [1.0] * len(labels)
    return [_MAX_CLASS_WEIGHT * (label / positive if label > 0 else -label / negative) for label in labels]


def fit_ridge(rows: Numbers, labels: Sequence[int]) -> Numbers:
    """Fit a ridge regression in which both classes count the same; see `train_svm` for labels.

    Return its weights; the last one is the constant.
    """
    given = np.hstack([rows, np.ones((len(rows), 1), dtype=np.float32)])
    counts, wanted = np.abs(np.array(labels, dtype=np.float64)), np.sign(np.array(labels, dtype=np.float64))
    positive, negative = (max(float(counts[wanted == sign].sum()), 1.0) for sign in (1, -1))
    shares = counts * np.where(wanted > 0, 0.5 / positive, 0.5 / negative) * len(labels)
    weighted = given * shares[:, None].astype(np.float32)
    matrix = (given.T @ weighted).astype(np.float64) + _RIDGE * np.eye(given.shape[1])
    solved: Numbers = np.linalg.solve(matrix, weighted.T @ wanted).astype(np.float32)
    return solved


def predict(rows: Numbers, weights: Numbers) -> Numbers:
    """Return the prediction of a ridge regression for each row; higher is better."""
    return np.asarray(rows @ weights[:-1] + weights[-1])


@dataclass(frozen=True, slots=True)
class WordModel:
    """What one subscriber's feedback says about words."""

    rating_count: int
    terms: Numbers
    """The weight of each feature of `TermVectors`."""

    def score(self, paper: Sparse) -> float:
        """Return the score of a paper by its words; higher is better."""
        known = paper.places < len(self.terms)
        return float(self.terms[paper.places[known]] @ paper.weights[known])
