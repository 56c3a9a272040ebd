"""Score how well papers fit an interest in plain words, and decide which fit well enough. Pure.

The relevance of a paper is the cosine between its vector and the interest's, plus a value for the words that they
have in common. What counts as a high relevance differs between interests, so relevance is measured in standard
deviations above the interest's mean over past papers, and the threshold is a number of these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paperround.domain import reasons
from paperround.domain.reasons import ReasonKind
from paperround.matching.vectors import Numbers, Vectors

WORDS_WORTH = 2.0
"""The weight of all of an interest's words relative to a cosine; values from 1.5 to 2.5 give the same results."""
MOST_RELEVANT = 1 + WORDS_WORTH
"""The relevance of a paper whose text is identical to the interest."""
# The usual mean and deviation of an interest's scores, by words alone and with vectors, and the number of papers that
# this prior counts for. The few past papers of a new site say little about what is usual, and even thousands say less
# than one might expect, because the deviation depends on the few papers that fit.
_USUAL_WORDS, _USUAL_MEANING, _USUAL_PAPERS = (0.02, 0.05), (0.156, 0.116), 1_000
# How many times as much the usual deviation counts if an interest's own, with vectors, is larger. That is a broad
# interest, which many papers fit, and these should not have to stand out further for that.
_BROAD = 2
# Cuts in standard deviations. Scores by words are mostly zero, so that papers that fit stand out further.
_CUT_WORDS, _CUT_MEANING = 6.25, 4.75
# How much lower the cut is at most for an interest that papers say in other words: only meaning sets its best papers
# apart, and so they stand out less. An interest whose words are at most the first number away from those of the best
# papers has the whole cut, from the second on it has the whole relief, given very many papers: the best of few papers
# may lack its words only because none of them fits.
_RELIEF, _OWN_WORDS, _OTHER_WORDS = 2.6, 0.3, 0.7
# On a young site, papers that are close to such an interest itself stand higher instead, by at most the first number
# of standard deviations. That begins at the second number, a cosine, and is reached at the third. Unlike the best of
# few papers, they do fit.
_LIFT, _NEAR, _VERY_NEAR = 2.0, 0.3, 0.45
# This is for papers that say the interest in other words: it falls from the first share of its words on, and ends at
# the second: a paper that is close, has more of its words and is still below the cut mostly does not fit.
_FEW_WORDS, _ITS_WORDS = 0.05, 0.15
# A lift that exceeds the relief by less than this is ignored, as with 2,000 papers: vectors would be compared again.
_LEAST_LIFT = 0.3
# How much higher the cut is for what was learned from very many answers, and the answers at which it is half as much
# higher: the better a taste knows what fits, the further those papers stand out.
_CUT_LEARNED, _HALF_LEARNED = 2.0, 5
# How much more than 1 the deviation of such sums usually is after very many answers, and the answers at which it is
# half as much more.
_USUAL_LEARNED, _HALF_USUAL = 0.8, 4
USUAL_THRESHOLD = _CUT_MEANING
"""The threshold that `Scale.z_scores` refers to, in standard deviations."""
_STEP = 0.1  # of the threshold per step of breadth: about half a deviation
# Feedback from the best papers: how many of them, at most one in how many, how fast their weight falls with their
# scores, and how far they move an interest if they have none of its words.
_BEST, _ONE_IN, _FALL, _PULL = 10, 20, 0.1, 0.5


USUAL_COSINE = 0.12
"""The cosine assumed for a paper that has no vector yet."""
CLOSE, NEAREST = (reasons.write(ReasonKind.MEANING, how) for how in ("close", "nearest"))
"""The reasons given for a paper that has few or none of an interest's words: it is close to it in meaning, or at
least closer than nearly all others."""
_CLOSE = 0.35  # a cosine, about three deviations above the usual mean
_FEW_REASONS = 2


def is_close(cosine: float) -> bool:
    """Return whether a paper with this cosine is close to an interest in meaning."""
    return cosine >= _CLOSE


def with_closeness(reasons: tuple[str, ...], *, close: bool) -> tuple[str, ...]:
    """Return the reasons why a paper fits, with its closeness in meaning if its words say little."""
    return (*reasons, CLOSE) if close and len(reasons) < _FEW_REASONS else reasons


def with_meaning(reasons: tuple[str, ...], cosine: float | None) -> tuple[str, ...]:
    """Return the reasons why a paper fits best, with its meaning if its words say little.

    `cosine` compares it with the interest's own vector, for a vector moved toward the best papers is close to them in
    any case; None if one of them has no vector.
    """
    return reasons if cosine is None else with_closeness(reasons, close=is_close(cosine)) or (NEAREST,)


def relevance(shares: Numbers, cosines: Numbers | None) -> Numbers:
    """Return how well papers fit, by their shares of the evidence and, if given, the cosines of their vectors.

    With cosines the share is squared: a paper with one of an interest's words says little, one with all of them says
    much.
    """
    return shares if cosines is None else cosines + np.float32(WORDS_WORTH) * shares * shares


class ExpandedQuery(NamedTuple):
    """An interest's vector after query expansion, with allowances for papers that express it in other words."""

    vector: Numbers
    original: Numbers
    """The vector of the interest as it is written."""
    threshold_reduction: float = 0.0
    """In standard deviations: the fewer of the interest's words the best papers have, the more."""
    boost: float = 0.0
    """What is added at most to the z-scores of papers that say the interest very closely in other words."""

    def boosts(self, shares: Numbers, vectors: Vectors) -> Numbers:
        """Return what is added to the z-scores of papers close to the interest as written, beyond the reduction.

        `shares` are the papers' shares of its words: the more of them a paper has, the smaller its boost.
        """
        if self.boost < self.threshold_reduction + _LEAST_LIFT:
            return np.zeros(len(shares), dtype=np.float32)
        nearness = _ramp(vectors.cosines(self.original), _NEAR, _VERY_NEAR)
        boosts = np.float32(self.boost) * nearness * (1 - _ramp(shares, _FEW_WORDS, _ITS_WORDS))
        return np.asarray(np.maximum(boosts - np.float32(self.threshold_reduction), 0))


def _ramp(numbers: Numbers, first: float, last: float) -> Numbers:
    """Return 0 for numbers up to `first`, 1 from `last` on, and values in proportion between them."""
    return np.asarray(np.clip((numbers - np.float32(first)) / np.float32(last - first), 0, 1))


def rocchio(wanted: Numbers, vectors: Numbers, shares: Numbers, cosines: Numbers) -> ExpandedQuery:
    """Return an interest's vector, moved toward the papers that fit it best.

    This is Rocchio's relevance feedback, with the best papers in place of judgments (Manning et al., "Introduction
    to Information Retrieval", 2008, 9.1.6). The more of the interest's own words those papers have, the less the
    vector is moved and the threshold reduced: an interest in the field's own terms needs no help. `vectors`, `shares`
    and `cosines` describe the papers, all in the same order. Return `wanted` unchanged if there are too few papers.
    """
    number = min(_BEST, len(vectors) // _ONE_IN)
    if not number:
        return ExpandedQuery(wanted, wanted)
    scores = relevance(shares, cosines)
    best = np.argpartition(-scores, number - 1)[:number]
    weights = np.exp((scores[best] - scores[best].max()) / np.float32(_FALL))
    weights /= weights.sum()
    other_words = max(0.0, 1 - 2 * float(weights @ shares[best]))
    if not other_words:
        return ExpandedQuery(wanted, wanted)
    center = weights @ vectors[best]
    moved = wanted + np.float32(_PULL * other_words / max(float(np.linalg.norm(center)), 1e-9)) * center
    share = min(max(other_words - _OWN_WORDS, 0.0) / (_OTHER_WORDS - _OWN_WORDS), 1.0)
    return ExpandedQuery(
        np.asarray(moved / max(float(np.linalg.norm(moved)), 1e-9), dtype=np.float32),
        wanted,
        _RELIEF * share * len(vectors) / (len(vectors) + _USUAL_PAPERS),
        _LIFT * share,
    )


@dataclass(frozen=True, slots=True)
class Scale:
    """The distribution of an interest's scores over past papers, used to decide which new scores are high."""

    mean: float
    deviation: float
    threshold: float
    """In standard deviations above the mean."""

    @classmethod
    def of(cls, past: Numbers, *, meaning: bool) -> Scale:
        """Estimate the scale from the scores of past papers; `meaning` tells whether the scores include vectors."""
        usual_mean, usual_deviation = _USUAL_MEANING if meaning else _USUAL_WORDS
        total = len(past)
        mean = float(past.mean()) if total else 0.0
        variance = max(float(past @ past) / max(total, 1) - mean**2, 0.0)
        weight = _USUAL_PAPERS * (_BROAD if meaning and variance > usual_deviation**2 else 1)
        blended = (total * variance + weight * usual_deviation**2) / (total + weight)
        threshold = _CUT_MEANING if meaning else _CUT_WORDS
        return cls((total * mean + _USUAL_PAPERS * usual_mean) / (total + _USUAL_PAPERS), blended**0.5, threshold)

    def standardized(self, scores: Numbers) -> Numbers:
        """Return scores in standard deviations above the mean."""
        return (scores - np.float32(self.mean)) / np.float32(self.deviation)

    def above_threshold(self, scores: Numbers, breadth: int = 0) -> NDArray[np.bool_]:
        """Return which scores reach the threshold; `breadth` ranges from −2 (far fewer papers) to 2 (far more)."""
        return np.asarray(self.standardized(scores) >= self.threshold * _threshold_factor(breadth))

    def z_scores(self, scores: Numbers) -> Numbers:
        """Return scores in standard deviations above the mean, on a scale whose threshold is `USUAL_THRESHOLD`."""
        return self.standardized(scores) * np.float32(_CUT_MEANING / self.threshold)

    def fit(self, score: float) -> float:
        """Convert a score to the fit of a match, from 0 to 1: one half at the threshold, two thirds at twice that."""
        z_score = max((score - self.mean) / self.deviation, 0.0)
        return z_score / (z_score + self.threshold)


def z_scale(threshold_reduction: float = 0.0) -> Scale:
    """Return the scale of z-scores, with the threshold of an `ExpandedQuery`."""
    return Scale(0.0, 1.0, USUAL_THRESHOLD - threshold_reduction)


def learned_scale(past: Numbers, rating_count: int, threshold_reduction: float = 0.0) -> Scale:
    """Return the scale of sums of an interest's z-scores and its follower's taste, over past papers.

    Mean and deviation are blended with the usual ones, as in `Scale.of`: where a tenth of few papers fits, those
    papers alone would set the deviation. The more answers there are, the higher the threshold is: a paper that fits
    both the interest and the taste stands out further than one that fits only one of them.
    """
    mean, variance = (float(past.mean()), max(float(past.var()), 1.0)) if len(past) else (0.0, 1.0)
    usual, total = 1 + _USUAL_LEARNED * rating_count / (rating_count + _HALF_USUAL), len(past) + _USUAL_PAPERS
    deviation = ((len(past) * variance + _USUAL_PAPERS * usual**2) / total) ** 0.5
    higher = _CUT_LEARNED * rating_count / (rating_count + _HALF_LEARNED)
    threshold = USUAL_THRESHOLD + higher - threshold_reduction / deviation
    return Scale(len(past) * mean / total, deviation, threshold)


def least_fit(breadth: float) -> float:
    """Return the fit of a match at the threshold of this breadth: one half at 0, less for a broader interest."""
    return _threshold_factor(breadth) / (_threshold_factor(breadth) + 1)


def _threshold_factor(breadth: float) -> float:
    """Return the threshold of a breadth as a multiple of the usual one."""
    return 1 - _STEP * breadth
