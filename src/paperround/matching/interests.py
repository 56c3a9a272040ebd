"""Score how well papers fit an interest in plain words, and decide which fit well enough. Pure.

The relevance of a paper is the cosine between its vector and the interest's, plus a value for the words that they
have in common. What counts as a high relevance differs between interests, so relevance is measured in standard
deviations above the interest's mean over past papers, and the threshold is a number of these.
"""

from __future__ import annotations

from collections.abc import Sequence
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
# The scores that an interest usually has. They count as much as this many past papers: the few papers of a new site
# say little about what is usual, and even thousands say less than one might expect, because the deviation depends on
# the few papers that fit.
_USUAL_WORDS = (0.02, 0.05)  # mean and deviation of scores by words alone
_USUAL_MEANING = (0.156, 0.116)  # mean and deviation of scores by words and vectors
_USUAL_PAPERS = 1_000
# The usual deviation counts this many times if an interest's own, with vectors, is larger. Such an interest is
# broad: many papers fit it, and should not have to stand out further for that.
_BROAD_FACTOR = 2
# Thresholds in standard deviations. Scores by words are mostly zero, so papers that fit stand out further.
_WORDS_THRESHOLD = 6.25
_MEANING_THRESHOLD = 4.75
# An interest that papers express in other words has a lower threshold: only meaning sets its best papers apart, so
# they stand out less. `other_words` is 0 if the best papers have many of its words, and 1 if they have none. The
# reduction also depends on the number of past papers: the best of a few may lack the words because none of them fits.
_MAX_THRESHOLD_REDUCTION = 2.6  # standard deviations, given very many past papers
_REDUCTION_BEGINS = 0.3  # other_words up to which the threshold is not reduced
_REDUCTION_ENDS = 0.7  # other_words from which it is reduced in full
# On a young site, where that reduction is small, close papers get a boost instead. Unlike the best
# of only a few papers, they do fit.
_MAX_BOOST = 2.0  # standard deviations
_BOOST_BEGINS = 0.3  # cosine up to which there is no boost
_BOOST_ENDS = 0.45  # cosine from which the boost is full
# The boost is for papers that express the interest in other words. A close paper that has more of its words and is
# still below the threshold usually does not fit.
_FEW_WORDS = 0.05  # share of its words up to which the boost is full
_MANY_WORDS = 0.15  # share of its words from which there is no boost
_MIN_EXTRA_BOOST = 0.3  # a boost that exceeds the reduction by less is ignored, which saves comparing vectors again
# The better a taste knows what fits, the further those papers stand out.
_LEARNED_THRESHOLD = 2.0  # standard deviations that very many answers add to the threshold
_LEARNED_HALF = 5  # answers that add half of that
_MOST_DISLIKED = 2  # disliked papers that count for each liked one
_SPEAKS_FOR = 1.0  # z-score of a taste from which it speaks for a paper
_ABOVE = 1 + 1e-5  # a factor that keeps what is lifted to the threshold from falling below it by rounding
_LEARNED_DEVIATION = 0.8  # how far above 1 the deviation of learned sums usually is after very many answers
_LEARNED_DEVIATION_HALF = 4  # answers after which it is half as far above 1
USUAL_THRESHOLD = _MEANING_THRESHOLD
"""The threshold that `Scale.z_scores` refers to, in standard deviations."""
_CLOSE_SHARE = 2 / 3  # of the usual threshold, from which a paper below it is close; its fit is 0.4
_MOST_CLOSE = 5  # a letter shows three of them, and may have reasons to leave out some
_BREADTH_STEP = 0.1  # change of the threshold per step of breadth, as a share of it: about half a deviation
# Query expansion from the best papers.
_MAX_BEST_PAPERS = 10
_BEST_ONE_IN = 20  # at most one in this many past papers is among the best
_WEIGHT_DECAY = 0.1  # a score lower by this has a weight lower by the factor e
_MAX_PULL = 0.5  # length added to the vector if the best papers have none of the interest's words


# The z-score from which a rated paper says something about an interest: one in forty of the papers that fit it is
# below, and nine of ten of those that fit another one. The nearest tenth of past papers always says something.
_LEAST_RELATED, _NEAREST_SHARE = 1.0, 0.1
_NEARLY_AS_WELL = 1.0  # z-scores by which a paper may fit another interest of the same subscriber better
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
    """The most that is added to the z-scores of papers that express the interest in other words."""

    def boosts(self, shares: Numbers, vectors: Vectors) -> Numbers:
        """Return what is added to the z-scores of papers close to the interest as written, beyond the reduction.

        `shares` are the papers' shares of its words: the more of them a paper has, the smaller its boost.
        """
        if self.boost < self.threshold_reduction + _MIN_EXTRA_BOOST:
            return np.zeros(len(shares), dtype=np.float32)
        nearness = _ramp(vectors.cosines(self.original), _BOOST_BEGINS, _BOOST_ENDS)
        boosts = np.float32(self.boost) * nearness * (1 - _ramp(shares, _FEW_WORDS, _MANY_WORDS))
        return np.asarray(np.maximum(boosts - np.float32(self.threshold_reduction), 0))


def _ramp(numbers: Numbers, first: float, last: float) -> Numbers:
    """Return 0 for numbers up to `first`, 1 from `last` on, and values in proportion between them."""
    return np.asarray(np.clip((numbers - np.float32(first)) / np.float32(last - first), 0, 1))


def rocchio(
    wanted: Numbers, vectors: Numbers, shares: Numbers, cosines: Numbers, trust: float = 1.0
) -> ExpandedQuery:
    """Return an interest's vector, moved toward the papers that fit it best.

    This is Rocchio's relevance feedback, with the best papers in place of judgments (Manning et al., "Introduction
    to Information Retrieval", 2008, 9.1.6). The more of the interest's own words those papers have, the less the
    vector is moved and the threshold reduced: an interest in the field's own terms needs no help. `vectors`, `shares`
    and `cosines` describe the papers, all in the same order. Return `wanted` unchanged if there are too few papers.

    `trust`, 0 to 1, reduces how far the vector is moved: the best of few papers may not fit at all.
    """
    number = min(_MAX_BEST_PAPERS, len(vectors) // _BEST_ONE_IN)
    if not number:
        return ExpandedQuery(wanted, wanted)
    scores = relevance(shares, cosines)
    best = np.argpartition(-scores, number - 1)[:number]
    weights = np.exp((scores[best] - scores[best].max()) / np.float32(_WEIGHT_DECAY))
    weights /= weights.sum()
    other_words = max(0.0, 1 - 2 * float(weights @ shares[best]))
    if not other_words:
        return ExpandedQuery(wanted, wanted)
    center = weights @ vectors[best]
    moved = wanted + np.float32(trust * _MAX_PULL * other_words / max(float(np.linalg.norm(center)), 1e-9)) * center
    share = min(max(other_words - _REDUCTION_BEGINS, 0.0) / (_REDUCTION_ENDS - _REDUCTION_BEGINS), 1.0)
    return ExpandedQuery(
        np.asarray(moved / max(float(np.linalg.norm(moved)), 1e-9), dtype=np.float32),
        wanted,
        _MAX_THRESHOLD_REDUCTION * share * len(vectors) / (len(vectors) + _USUAL_PAPERS),
        _MAX_BOOST * share,
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
        weight = _USUAL_PAPERS * (_BROAD_FACTOR if meaning and variance > usual_deviation**2 else 1)
        blended = (total * variance + weight * usual_deviation**2) / (total + weight)
        threshold = _MEANING_THRESHOLD if meaning else _WORDS_THRESHOLD
        return cls((total * mean + _USUAL_PAPERS * usual_mean) / (total + _USUAL_PAPERS), blended**0.5, threshold)

    def standardized(self, scores: Numbers) -> Numbers:
        """Return scores in standard deviations above the mean."""
        return (scores - np.float32(self.mean)) / np.float32(self.deviation)

    def above_threshold(self, scores: Numbers, breadth: int = 0) -> NDArray[np.bool_]:
        """Return which scores reach the threshold; `breadth` ranges from −2 (far fewer papers) to 2 (far more)."""
        return np.asarray(self.standardized(scores) >= self.threshold * _threshold_factor(breadth))

    def close(self, scores: Numbers, breadth: int = 0) -> list[int]:
        """Return the places of the scores that come closest to the threshold without reaching it, best first."""
        standardized = self.standardized(scores)
        close = standardized >= self.threshold * _CLOSE_SHARE
        close &= ~self.above_threshold(scores, breadth)
        places = np.flatnonzero(close)
        best = np.argsort(-standardized[places], kind="stable")[:_MOST_CLOSE]
        found: list[int] = places[best].tolist()
        return found

    def z_scores(self, scores: Numbers) -> Numbers:
        """Return scores in standard deviations above the mean, on a scale whose threshold is `USUAL_THRESHOLD`."""
        return self.standardized(scores) * np.float32(_MEANING_THRESHOLD / self.threshold)

    def fit(self, score: float) -> float:
        """Convert a score to the fit of a match, from 0 to 1: one half at the threshold, two thirds at twice that."""
        z_score = max((score - self.mean) / self.deviation, 0.0)
        return z_score / (z_score + self.threshold)


def z_scale(threshold_reduction: float = 0.0) -> Scale:
    """Return the scale of z-scores, with the threshold of an `ExpandedQuery`."""
    return Scale(0.0, 1.0, USUAL_THRESHOLD - threshold_reduction)


def learned_scale(past: Numbers, liked: int, disliked: int, threshold_reduction: float = 0.0) -> Scale:
    """Return the scale of sums of an interest's z-scores and its follower's taste, over past papers.

    Mean and deviation are blended with the usual ones, as in `Scale.of`: where a tenth of few papers fits, those
    papers alone would set the deviation. The more answers there are, the higher the threshold is: a paper that fits
    both the interest and the taste stands out further than one that fits only one of them. That is so only if the
    taste raises some papers, so at most twice as many `disliked` papers count as there are `liked` ones.
    """
    answers = liked + min(disliked, _MOST_DISLIKED * liked)
    mean, variance = (float(past.mean()), max(float(past.var()), 1.0)) if len(past) else (0.0, 1.0)
    usual, total = (
        1 + _LEARNED_DEVIATION * answers / (answers + _LEARNED_DEVIATION_HALF),
        len(past) + _USUAL_PAPERS,
    )
    deviation = ((len(past) * variance + _USUAL_PAPERS * usual**2) / total) ** 0.5
    higher = _LEARNED_THRESHOLD * answers / (answers + _LEARNED_HALF)
    threshold = USUAL_THRESHOLD + higher - threshold_reduction / deviation
    return Scale(len(past) * mean / total, deviation, threshold)


def learned_sums(z_scores: Numbers, learned: Numbers, scale: Scale) -> Numbers:
    """Return the sums of an interest's z-scores and those of its follower's taste, on their scale.

    A paper that the taste speaks for is lifted to the threshold, but no further, if it reaches the usual one without
    it: more of a kind must not take a paper of this kind away. The usual threshold is not reduced for papers in other
    words.
    """
    sums = z_scores + learned
    reached = np.minimum(z_scores / np.float32(USUAL_THRESHOLD), 1)
    least = np.float32(scale.mean) + np.float32(scale.deviation * scale.threshold * _ABOVE) * reached
    return np.asarray(np.where(learned >= np.float32(_SPEAKS_FOR), np.maximum(sums, least), sums))


def related(z_scores: Numbers, past: Numbers, others: Sequence[Numbers] = ()) -> NDArray[np.bool_]:
    """Return which rated papers say something about an interest, by their z-scores for it and those of past papers.

    What somebody thinks of papers on other subjects must neither raise the threshold of an interest nor teach what
    fits it. `others` are the z-scores of the rated papers for the same subscriber's other interests: a paper says
    something about the one that it fits best, and about those that it fits nearly as well.
    """
    nearest = np.quantile(past, 1 - _NEAREST_SHARE) if len(past) else np.inf
    best = np.max([z_scores, *others], axis=0)
    near = (z_scores >= _LEAST_RELATED) | (z_scores > nearest)
    return np.asarray(near & (z_scores >= best - np.float32(_NEARLY_AS_WELL)))


def least_fit(breadth: float) -> float:
    """Return the fit of a match at the threshold of this breadth: one half at 0, less for a broader interest."""
    return _threshold_factor(breadth) / (_threshold_factor(breadth) + 1)


def _threshold_factor(breadth: float) -> float:
    """Return the threshold of a breadth as a multiple of the usual one."""
    return 1 - _BREADTH_STEP * breadth
