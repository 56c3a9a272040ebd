"""Expand an interest in plain words by the papers that fit it best. Pure.

An interest that papers express in other words has few papers with its words. Its vector is therefore moved toward the
best papers, and its threshold is lower: only meaning sets its papers apart, so they stand out less. All of this
depends on `other_words`, which is 0 if the best papers have many of the interest's words, and 1 if they have none.
docs/relevance.md says how the constants were measured.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paperround.matching.lexical import COUNTED_PAPERS
from paperround.matching.relevance import relevance
from paperround.matching.scale import USUAL_PAPERS
from paperround.matching.vectors import Numbers, Vectors


class _Ramp(NamedTuple):
    """A transition from none to all of an effect."""

    begins: float
    ends: float


# The best papers.
_MAX_BEST_PAPERS = 10
_BEST_ONE_IN = 20  # at most one in this many past papers is among the best
_WEIGHT_DECAY = 0.1  # a score lower by this has a weight lower by the factor e
_MAX_PULL = 0.5  # length added to the vector if the best papers have none of the interest's words

# The reduction of the threshold. It also depends on the number of past papers: the best of a few may lack the words
# because none of them fits. Liked papers do fit: if they lack the words too, the reduction is that of a larger site.
_MAX_THRESHOLD_REDUCTION = 2.6  # standard deviations, given very many past papers
_OTHER_WORDS = _Ramp(0.3, 0.7)
_LIKED_COUNTS = 500  # the number of past papers that a liked one counts as, up to those that are counted

# On a young site, where that reduction is small, papers close to the interest in meaning get a boost instead: they
# do fit. A close paper that has more of the interest's words and is still below the threshold usually does not, so
# the boost ends with a share of the words.
_MAX_BOOST = 2.0  # standard deviations
_CLOSENESS = _Ramp(0.3, 0.45)  # cosine
_HAS_WORDS = _Ramp(0.05, 0.15)  # share of the interest's words
_MIN_EXTRA_BOOST = 0.3  # a boost that exceeds the reduction by less is ignored, which saves comparing vectors again


class ExpandedQuery(NamedTuple):
    """An interest's vector after query expansion, with allowances for papers that express it in other words."""

    vector: Numbers
    original: Numbers
    """The vector of the interest as it is written."""
    threshold_reduction: float = 0.0
    """In standard deviations: the fewer of the interest's words the best papers have, the more."""
    boost: float = 0.0
    """The most that is added to the z-scores of papers that express the interest in other words."""
    everyday: float = 0.0
    """How much of the reduction the interest would get with very many past papers, from 0 to 1."""
    papers: int = 0
    """The number of past papers with a vector."""

    def with_liked(self, shares: Numbers) -> ExpandedQuery:
        """Return the query with the reduction that liked papers justify, given their shares of the interest's words.

        The reduction does not become smaller, and stays the same if there are as many past papers as are counted.
        """
        if not len(shares):
            return self
        everyday = min(self.everyday, _everyday(_other_words(float(shares.mean()))))
        reduction = _reduction(everyday, min(self.papers + _LIKED_COUNTS * len(shares), COUNTED_PAPERS))
        return self._replace(threshold_reduction=max(self.threshold_reduction, reduction))

    def boosts(self, shares: Numbers, vectors: Vectors) -> Numbers:
        """Return what is added to the z-scores of papers close to the interest as written, beyond the reduction.

        `shares` are the papers' shares of its words: the more of them a paper has, the smaller its boost.
        """
        if self.boost < self.threshold_reduction + _MIN_EXTRA_BOOST:
            return np.zeros(len(shares), dtype=np.float32)
        closeness = _part(vectors.cosines(self.original), _CLOSENESS)
        boosts = np.float32(self.boost) * closeness * (1 - _part(shares, _HAS_WORDS))
        return np.asarray(np.maximum(boosts - np.float32(self.threshold_reduction), 0))


def _part(numbers: Numbers | float, ramp: _Ramp) -> Numbers:
    """Return 0 for numbers before a ramp, 1 for those after it, and values in proportion within it."""
    return np.asarray(np.clip((numbers - ramp.begins) / (ramp.ends - ramp.begins), 0, 1))


def expand_query(
    vector: Numbers, vectors: Numbers, shares: Numbers, cosines: Numbers, trust: float = 1.0
) -> ExpandedQuery:
    """Return an interest's vector, moved toward the papers that fit it best.

    This is Rocchio's relevance feedback, with the best papers in place of judgments (Manning et al., "Introduction
    to Information Retrieval", 2008, 9.1.6). The more of the interest's own words those papers have, the less the
    vector is moved and the threshold reduced: an interest in the field's own terms needs no help. `vectors`, `shares`
    and `cosines` describe the papers, all in the same order. Returns `vector` unchanged if there are too few papers.

    `trust`, 0 to 1, reduces how far the vector is moved: the best of few papers may not fit at all.
    """
    number = min(_MAX_BEST_PAPERS, len(vectors) // _BEST_ONE_IN)
    if not number:
        return ExpandedQuery(vector, vector)
    best, weights = _best_papers(relevance(shares, cosines), number)
    other_words = _other_words(float(weights @ shares[best]))
    if not other_words:
        return ExpandedQuery(vector, vector)
    center = weights @ vectors[best]
    moved = vector + np.float32(trust * _MAX_PULL * other_words / max(float(np.linalg.norm(center)), 1e-9)) * center
    everyday = _everyday(other_words)
    return ExpandedQuery(
        np.asarray(moved / max(float(np.linalg.norm(moved)), 1e-9), dtype=np.float32),
        vector,
        _reduction(everyday, len(vectors)),
        _MAX_BOOST * everyday,
        everyday,
        len(vectors),
    )


def trust_in_best(papers: int) -> float:
    """Return how far the best of this many papers are trusted to fit an interest, from 0 to 1."""
    return min(papers / COUNTED_PAPERS, 1.0)


def _other_words(share: float) -> float:
    """Return how far papers with this share of an interest's words express it in others, from 0 to 1."""
    return max(0.0, 1 - 2 * share)


def _everyday(other_words: float) -> float:
    """Return the part of the greatest reduction and boost that an interest gets."""
    return float(_part(other_words, _OTHER_WORDS))


def _reduction(everyday: float, papers: int) -> float:
    """Return the reduction of the threshold on a site with this many past papers, in standard deviations."""
    return _MAX_THRESHOLD_REDUCTION * everyday * papers / (papers + USUAL_PAPERS)


def _best_papers(scores: Numbers, number: int) -> tuple[NDArray[np.intp], Numbers]:
    """Return the indexes of the highest scores, and the weights of their papers, which add up to 1."""
    best = np.argpartition(-scores, number - 1)[:number]
    weights = np.exp((scores[best] - scores[best].max()) / np.float32(_WEIGHT_DECAY))
    return best, weights / weights.sum()
