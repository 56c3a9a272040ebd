"""What one subscriber wants more and less of, learned from the papers they said so of. Pure.

Rocchio's method (in Salton, "The SMART Retrieval System", 1971, chapter 14): a paper is a vector of its telling words
and its authors, of length one; a taste is the mean of what was liked less a share of the mean of what was disliked.
A candidate's affinity is the cosine between the two less what chance would give, stretched: abstracts share few words
even where they share a subject.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import copysign, sqrt, tanh
from typing import NamedTuple

from paperround.domain.models import Feedback, Paper
from paperround.domain.text import fold
from paperround.matching.fields import TEXT, Field, value_terms, values
from paperround.matching.lexical import Statistics

# As in matching.lexical: a word in the title is worth three in the abstract, mentions saturate at half with one.
_WEIGHT = {Field.TITLE: 3.0, Field.KEYWORDS: 2.0, Field.ABSTRACT: 1.0}
_HALF = 1.0
# A word of one paper alone connects it with no other, one of more than half of all papers with any.
_FEWEST, _LARGEST_SHARE = 2, 0.5
_WORDS_KEPT = 60  # a paper's weightiest words say what it is on
# A shared author is worth a rare word of the title; the more there are, the less each tells.
_AUTHORS_WORTH = 0.75
# Rocchio's gamma beside a beta of one: what was disliked is told less surely than what was liked.
_DISLIKED_SHARE = 0.75
# Two abstracts on different subjects have a cosine of about 0.05 by chance, on one subject of 0.1 to 0.3.
_CHANCE, _STRETCH = 0.05, 0.15
# From this affinity on, and with so much likeness to one liked paper, that paper is named as the reason.
_TELLING, _ALIKE = 0.5, 0.1
_MAX_TITLE = 70  # characters of the liked paper's title in a reason

Vector = Mapping[str, float]


class Affinity(NamedTuple):
    """How much a paper is to a subscriber's taste, −1 to 1, and the title of a liked paper that tells why, if any."""

    degree: float = 0.0
    like: str = ""


NEUTRAL = Affinity()


class Features:
    """Papers as vectors, each made once; `statistics` says which words are telling."""

    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics
        self._known: dict[int, Vector] = {}

    def of(self, paper: Paper) -> Vector:
        """The paper's telling words and its authors with their weights, of length one; empty where it has none."""
        found = self._known.get(paper.row)
        if found is None:
            found = self._known[paper.row] = self._made(paper)
        return found

    def _made(self, paper: Paper) -> Vector:
        mentions: defaultdict[str, float] = defaultdict(float)
        for place in TEXT:
            for value in values(paper, place):
                for term in value_terms(place, value):
                    mentions[term] += _WEIGHT[place]
        weights = {term: self._telling(term) * count / (count + _HALF) for term, count in mentions.items()}
        telling = sorted((-weight, term) for term, weight in weights.items() if weight > 0)[:_WORDS_KEPT]
        vector = {term: -weight for weight, term in telling}
        for name in paper.authors:
            vector[f"author {fold(name)}"] = _AUTHORS_WORTH / sqrt(len(paper.authors))
        return _unit(vector)

    def _telling(self, term: str) -> float:
        frequency = self._statistics.frequencies.get(term, 0)
        if not _FEWEST <= frequency <= _LARGEST_SHARE * self._statistics.documents:
            return 0.0
        return self._statistics.rarity(frequency)


@dataclass(frozen=True, slots=True)
class Taste:
    """One subscriber's taste; the order in which they said what they did makes no difference."""

    features: Features
    direction: Vector = field(default_factory=dict)
    """Of length one, or empty for somebody who has said nothing: then every paper is neutral."""
    liked: tuple[Paper, ...] = ()

    @classmethod
    def of(cls, feedback: Iterable[Feedback], papers: Mapping[int, Paper], features: Features) -> Taste:
        """Learned from what a subscriber said; a paper that is not at hand is left out."""
        known = sorted((one.paper, one.verdict) for one in feedback if one.paper in papers)
        liked = tuple(papers[row] for row, verdict in known if verdict > 0)
        disliked = tuple(papers[row] for row, verdict in known if verdict < 0)
        direction: defaultdict[str, float] = defaultdict(float)
        for group, share in ((liked, 1.0), (disliked, -_DISLIKED_SHARE)):
            for paper in group:
                for term, weight in features.of(paper).items():
                    direction[term] += share * weight / len(group)
        return cls(features, _unit(direction), liked)

    @property
    def neutral(self) -> bool:
        """Whether every paper is the same to it."""
        return not self.direction

    def affinity(self, paper: Paper) -> Affinity:
        """How much the paper is to this taste."""
        if self.neutral:
            return NEUTRAL
        vector = self.features.of(paper)
        likeness = _product(vector, self.direction)
        degree = tanh(copysign(max(abs(likeness) - _CHANCE, 0.0), likeness) / _STRETCH)
        return Affinity(degree, self._like(vector) if degree >= _TELLING else "")

    def _like(self, vector: Vector) -> str:
        """The title of the liked paper that is most alike, if that is alike enough to be told."""
        alike = max(
            ((_product(vector, self.features.of(paper)), -paper.row, paper.title) for paper in self.liked),
            default=(0.0, 0, ""),
        )
        return _short(alike[2]) if alike[0] >= _ALIKE else ""


class Tastes:
    """The tastes of many subscribers; what they are learned with is only made for the first who has said
    something.
    """

    def __init__(self, statistics: Callable[[], Statistics]) -> None:
        self._statistics = statistics

    def of(self, feedback: Sequence[Feedback], papers: Mapping[int, Paper]) -> Taste:
        """One subscriber's."""
        return Taste.of(feedback, papers, self._features) if feedback else _NONE

    @cached_property
    def _features(self) -> Features:
        return Features(self._statistics())


_NONE = Taste(Features(Statistics()))


def _unit(vector: Mapping[str, float]) -> Vector:
    length = sqrt(sum(weight * weight for weight in vector.values()))
    return {term: weight / length for term, weight in vector.items()} if length else {}


def _product(one: Vector, other: Vector) -> float:
    return sum(weight * other[term] for term, weight in one.items() if term in other)


def _short(title: str) -> str:
    """The title, cut at a word where it is long."""
    if len(title) <= _MAX_TITLE:
        return title
    start = title[: _MAX_TITLE - 1]
    return (start.rpartition(" ")[0] or start).rstrip(" ,;:.-") + "…"
