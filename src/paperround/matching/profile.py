"""What one subscriber wants more and less of, learned from the papers that they answered. Pure.

Two small linear models (`learning`) say of a paper how much it is like those that were liked and unlike others; what
they say is measured by papers that nobody asked about, and counts the more the more answers there are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import tanh
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paperround.domain.models import Feedback, Paper
from paperround.matching.learning import (
    WEAK_NEGATIVES,
    WEAK_VECTORS,
    Model,
    Sparse,
    SparseRows,
    TermVectors,
    regress,
    separate,
    weight,
)
from paperround.matching.lexical import Statistics
from paperround.matching.vectors import Vectors

# A deviation above other papers, the mean of both models, is to move a paper about as far as two of its relevance do.
# Where there is no past yet, papers are measured by those that they are chosen with, and none of them stands out far.
_STRETCH, _STRETCH_ON_A_NEW_SITE = 12.0, 3.0
# The scores of few other papers lie together by chance.
_LEAST_DEVIATION, _FEW = 0.1, 20
# From this degree before doubt on, and with so much likeness to one liked paper, that paper is named as the reason.
_TELLING, _ALIKE = 0.2, 0.12
_MAX_TITLE = 70  # characters of the liked paper's title in a reason

Numbers = NDArray[np.float32]
Lookup = Callable[[Sequence[int]], Vectors]
"""The vectors of papers, by their rows."""


class Affinity(NamedTuple):
    """How much a paper is to a subscriber's taste, −1 to 1, and the title of a liked paper that tells why, if any."""

    degree: float = 0.0
    like: str = ""


NEUTRAL = Affinity()


class Usual(NamedTuple):
    """What a model says of papers that nobody asked about: its mean and its deviation."""

    mean: float = 0.0
    deviation: float = 1.0

    def height(self, score: float) -> float:
        """A score in deviations above the mean."""
        return (score - self.mean) / self.deviation


_ANY = Usual()


@dataclass(frozen=True, slots=True)
class Past:
    """The papers of the past that answers are learned against, with what is needed to compare them."""

    papers: Sequence[Paper] = ()
    statistics: Statistics = field(default_factory=Statistics)
    vectors: Lookup | None = None
    """None where papers have no vectors."""


class Learner:
    """Learns the tastes of many subscribers against one past; what they share is made once."""

    def __init__(self, past: Past) -> None:
        self._past = past
        self.terms = TermVectors(past.statistics)
        self._known: dict[int, Numbers | None] = {}

    def of(self, feedback: Iterable[Feedback], papers: Mapping[int, Paper], new: Collection[int]) -> Taste:
        """The taste behind these answers; an answer on a paper that is not at hand is left out.

        `new` has the papers that are about to be chosen from: they must not be taken as counter-examples.
        """
        said = sorted((one.paper, one.verdict) for one in feedback if one.paper in papers)
        if not said:
            return Taste(self)
        taken = {row for row, _ in said} | set(new)
        others = [paper for paper in self._past.papers if paper.row not in taken]
        # Every other one to learn from, the rest to measure by: what a model has learned it says too surely.
        weak, measured = _spread(others[::2]), _spread(others[1::2])
        stretch = _STRETCH
        if len(measured) < _FEW:
            stretch = _STRETCH_ON_A_NEW_SITE
            measured = [*measured, *_spread([papers[row] for row in sorted(new) if row in papers])]
        # Where nothing was liked, papers in general are what is wanted.
        label = -1 if any(verdict > 0 for _, verdict in said) else 1
        answered = [(papers[row], verdict) for row, verdict in said]
        rows = [self.terms.of(paper) for paper in (*(paper for paper, _ in answered), *weak)]
        labels = [*(verdict for _, verdict in said), *[label] * len(weak)]
        model = Model(
            len(said),
            separate(rows, labels, len(self.terms.names)),
            self._lines([*answered, *((paper, label) for paper in _spread(others[::2], WEAK_VECTORS))]),
        )
        usual = _usual([model.by_words(self.terms.of(paper)) for paper in measured])
        vectors = [vector for paper in measured if (vector := self.vector(paper.row)) is not None]
        close = model.by_meaning(np.stack(vectors)).tolist() if vectors else []
        liked = tuple(papers[row] for row, verdict in said if verdict > 0)
        return Taste(self, model, usual, _usual(close), liked, stretch)

    def _lines(self, examples: Sequence[tuple[Paper, int]]) -> Numbers | None:
        known = [(vector, label) for paper, label in examples if (vector := self.vector(paper.row)) is not None]
        if {label for _, label in known} != {1, -1}:
            return None
        return regress(np.stack([vector for vector, _ in known]), [label for _, label in known])

    def vector(self, row: int) -> Numbers | None:
        """A paper's vector less what all papers have in common; None where it has none."""
        if row not in self._known:
            found = self._past.vectors([row]) if self._past.vectors else None
            there = found is not None and bool(found.known[0])
            self._known[row] = found.numbers[0] - self.center if found is not None and there else None
        return self._known[row]

    @cached_property
    def center(self) -> Numbers:
        """What the vectors of all papers have in common."""
        assert self._past.vectors
        found = self._past.vectors([paper.row for paper in self._past.papers]).numbers
        return np.asarray(found.mean(axis=0)) if len(found) else np.float32(0)  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Taste:
    """One subscriber's taste; the order in which they answered makes no difference."""

    learner: Learner
    model: Model | None = None
    """None for somebody who has said nothing: then every paper is neutral."""
    words: Usual = _ANY
    meaning: Usual = _ANY
    liked: tuple[Paper, ...] = ()
    stretch: float = _STRETCH

    @property
    def neutral(self) -> bool:
        """Whether every paper is the same to it."""
        return self.model is None

    def affinity(self, paper: Paper) -> Affinity:
        """How much the paper is to this taste."""
        if self.model is None:
            return NEUTRAL
        features = self.learner.terms.of(paper)
        heights = [self.words.height(self.model.by_words(features))]
        vector = self.learner.vector(paper.row)
        if vector is not None and self.model.meaning is not None:
            heights.append(self.meaning.height(float(self.model.by_meaning(vector[None])[0])))
        sure = tanh(sum(heights) / len(heights) / self.stretch)
        return Affinity(weight(self.model.answers) * sure, self._like(features) if sure >= _TELLING else "")

    def heights(self, rows: SparseRows, vectors: Vectors) -> Numbers:
        """Return how far above other papers these are for this taste, in deviations, as much as the answers count.

        By words and by vectors together, as they are added to the height of an interest.
        """
        if self.model is None:
            return np.zeros(rows.number, dtype=np.float32)
        found = (rows.products(self.model.terms) - self.words.mean) / self.words.deviation
        if self.model.meaning is not None and len(vectors.numbers):
            said = self.model.by_meaning(vectors.numbers - self.learner.center)
            found[vectors.known] += (said - self.meaning.mean) / self.meaning.deviation
        return np.asarray(np.float32(weight(self.model.answers)) * found, dtype=np.float32)

    def _like(self, features: Sparse) -> str:
        """The title of the liked paper that is most alike, if that is alike enough to be told."""
        alike = max(
            ((likeness(features, self.learner.terms.of(paper)), -paper.row, paper.title) for paper in self.liked),
            default=(0.0, 0, ""),
        )
        return _short(alike[2]) if alike[0] >= _ALIKE else ""


class Tastes:
    """The tastes of many subscribers; the past is only read for the first who has said something."""

    def __init__(self, past: Callable[[], Past]) -> None:
        self._past = past

    def of(self, feedback: Sequence[Feedback], papers: Mapping[int, Paper], new: Collection[int] = ()) -> Taste:
        """One subscriber's; `new` has the papers that are about to be chosen from."""
        return self._learner.of(feedback, papers, new) if feedback else _NONE

    @cached_property
    def _learner(self) -> Learner:
        return Learner(self._past())


_NONE = Taste(Learner(Past()))


def likeness(one: Sparse, other: Sparse) -> float:
    """The cosine between two papers' features."""
    _, here, there = np.intersect1d(one.places, other.places, assume_unique=True, return_indices=True)
    return float(one.weights[here] @ other.weights[there])


def _spread(papers: Sequence[Paper], most: int = WEAK_NEGATIVES) -> list[Paper]:
    """So many of the papers as a model needs, evenly among all."""
    step = max(1, -(-len(papers) // most))
    return list(papers[::step])


def _usual(scores: Sequence[float]) -> Usual:
    if len(scores) < _FEW:
        return Usual(float(np.mean(scores)) if scores else 0.0, 2 * _LEAST_DEVIATION)
    return Usual(float(np.mean(scores)), max(float(np.std(scores)), _LEAST_DEVIATION))


def _short(title: str) -> str:
    """The title, cut at a word where it is long."""
    if len(title) <= _MAX_TITLE:
        return title
    start = title[: _MAX_TITLE - 1]
    return (start.rpartition(" ")[0] or start).rstrip(" ,;:.-") + "…"
