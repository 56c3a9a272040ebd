"""What one subscriber wants more and less of, learned from their answers. Pure.

Two linear models, each trained in milliseconds: a support vector machine on telling words (as arxiv-sanity does) and
ridge regression on vectors of meaning. Papers that nobody asked about stand in as weak counter-examples: without them
a few answers say what the subscriber likes, but not what sets that apart from papers in general. What the models say
counts n / (n + 2) after n answers, so that the first answer moves little and the twentieth most.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paperround.domain.models import Paper
from paperround.domain.text import fold
from paperround.matching.fields import TEXT, Field, value_terms, values
from paperround.matching.lexical import Statistics
from paperround.matching.words import STOP_WORDS

Numbers = NDArray[np.float32]

WEAK_NEGATIVES = 300
"""So many papers that were never answered are taken as counter-examples."""
WEAK_VECTORS = 1_000
"""Of vectors so many: they cost less, and the more there are the better."""
_DOUBT = 2.0  # answers after which the models say half of what they can; from 2 to 5 little changes
_WEIGHT = {Field.TITLE: 3.0, Field.KEYWORDS: 2.0, Field.ABSTRACT: 1.0}
_AUTHORS_WORTH = 0.5  # of a rare word of the title, shared among all authors of a paper
# The margin's softness, as arxiv-sanity has it; from 0.1 to 0.5 nothing changes.
_SOFTNESS = 0.1
_PASSES, _STILL = 20, 1e-3
_RIDGE = 0.1


class Sparse(NamedTuple):
    """A paper's features: their places, and their weights, of length one together."""

    places: NDArray[np.intp]
    weights: Numbers


class SparseRows(NamedTuple):
    """The features of several papers, one after the other."""

    places: NDArray[np.intp]
    weights: Numbers
    owners: NDArray[np.intp]
    """Whose each feature is: a number from 0 on."""
    number: int
    """How many papers there are."""

    def products(self, terms: Numbers) -> Numbers:
        """Return for each paper how much these weights of features speak for it."""
        padded = np.append(terms, np.float32(0))  # what was met later weighs nothing
        each = padded[np.minimum(self.places, len(terms))] * self.weights
        return np.bincount(self.owners, each, self.number).astype(np.float32)


class TermVectors:
    """Papers as vectors of their telling words and authors, each made once."""

    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics
        self._places: dict[str, int] = {}
        self._known: dict[int, Sparse] = {}

    @property
    def names(self) -> Mapping[str, int]:
        """Every feature so far with its place."""
        return self._places

    def of(self, paper: Paper) -> Sparse:
        """One paper's vector."""
        found = self._known.get(paper.row)
        if found is None:
            found = self._known[paper.row] = self._made(paper)
        return found

    def rows(self, papers: Iterable[Paper]) -> SparseRows:
        """Return the vectors of several papers."""
        made = [self.of(paper) for paper in papers]
        return SparseRows(
            np.concatenate([np.zeros(0, dtype=np.intp), *(one.places for one in made)]),
            np.concatenate([np.zeros(0, dtype=np.float32), *(one.weights for one in made)]),
            np.repeat(np.arange(len(made)), [len(one.places) for one in made]),
            len(made),
        )

    def _made(self, paper: Paper) -> Sparse:
        said: defaultdict[str, float] = defaultdict(float)
        for place in TEXT:
            for value in values(paper, place):
                for term in value_terms(place, value):
                    said[term] += _WEIGHT[place]
        weights = {
            term: (1 + log(count)) * self._telling(term) for term, count in said.items() if term not in STOP_WORDS
        }
        for name in paper.authors:
            weights[f"author {fold(name)}"] = _AUTHORS_WORTH * self._telling("") / len(paper.authors) ** 0.5
        places = [self._places.setdefault(feature, len(self._places)) for feature in weights]
        numbers = np.fromiter(weights.values(), dtype=np.float32, count=len(weights))
        return Sparse(np.array(places, dtype=np.intp), numbers / max(float(np.linalg.norm(numbers)), 1e-9))

    def _telling(self, term: str) -> float:
        """How rare a term is, as in TF-IDF."""
        total = self._statistics.documents + 1
        return 1 + log(total / (1 + min(self._statistics.frequencies.get(term, 0), self._statistics.documents)))


def weight(answers: int) -> float:
    """What is learned from so many answers counts so much: 0 to 1."""
    return answers / (answers + _DOUBT)


def separate(rows: Sequence[Sparse], labels: Sequence[int], dimensions: int) -> Numbers:
    """The weights of a linear support vector machine; positive numbers speak for a paper.

    Dual coordinate descent (Hsieh et al., "A Dual Coordinate Descent Method for Large-scale Linear SVM", 2008,
    algorithm 1) with the hinge loss. Both classes count the same however many examples each has.
    """
    found = np.zeros(dimensions, dtype=np.float32)
    number, positive = len(rows), sum(label > 0 for label in labels)
    if positive in {0, number}:  # nothing to weigh against each other: each example is to be met
        limits = {1: 1.0, -1: 1.0}
    else:
        limits = {1: _SOFTNESS * number / (2 * positive), -1: _SOFTNESS * number / (2 * (number - positive))}
    alphas = [0.0] * number
    for _ in range(_PASSES):
        moved = 0.0
        for place, (row, label) in enumerate(zip(rows, labels, strict=True)):
            short = 1 - label * float(found[row.places] @ row.weights)
            alpha = min(max(alphas[place] + short, 0.0), limits[label])
            step = alpha - alphas[place]
            if step:
                alphas[place] = alpha
                found[row.places] += np.float32(step * label) * row.weights
                moved = max(moved, abs(step))
        if moved < _STILL:
            break
    return found


def regress(rows: Numbers, labels: Sequence[int]) -> Numbers:
    """The weights of a ridge regression in which both classes count the same; the last one is the constant."""
    given = np.hstack([rows, np.ones((len(rows), 1), dtype=np.float32)])
    wanted = np.array(labels, dtype=np.float64)
    positive = max(int((wanted > 0).sum()), 1)
    shares = np.where(wanted > 0, 0.5 / positive, 0.5 / max(len(labels) - positive, 1)) * len(labels)
    weighted = given * shares[:, None].astype(np.float32)
    matrix = (given.T @ weighted).astype(np.float64) + _RIDGE * np.eye(given.shape[1])
    solved: Numbers = np.linalg.solve(matrix, weighted.T @ wanted).astype(np.float32)
    return solved


@dataclass(frozen=True, slots=True)
class Model:
    """What was learned of one subscriber."""

    answers: int
    terms: Numbers
    """The weight of each feature of `TermVectors`."""
    meaning: Numbers | None = None
    """The weight of each number of a vector, and the constant; None where there are no vectors."""

    def by_words(self, paper: Sparse) -> float:
        """How much the words of a paper speak for it."""
        known = paper.places < len(self.terms)
        return float(self.terms[paper.places[known]] @ paper.weights[known])

    def by_meaning(self, vectors: Numbers) -> Numbers:
        """How much the vectors of papers speak for them; nothing where there are no vectors."""
        if self.meaning is None:
            return np.zeros(len(vectors), dtype=np.float32)
        found: Numbers = vectors @ self.meaning[:-1] + self.meaning[-1]
        return found


def standardized(scores: Numbers, past: Numbers) -> Numbers:
    """Scores as so many standard deviations above the mean of the past's."""
    deviation = float(past.std())
    return (scores - np.float32(past.mean())) / np.float32(deviation if deviation > 1e-9 else 1.0)
