"""Combine an interest with the taste of the subscriber who follows it, as learned from their feedback. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paperround.matching.scale import USUAL_PAPERS, USUAL_THRESHOLD, Scale
from paperround.matching.vectors import Numbers

# How much further papers must stand out after feedback: the better a taste knows what fits, the further they do.
_THRESHOLD_INCREASE = 2.0  # standard deviations that very many ratings add to the threshold
_RATINGS_FOR_HALF_THE_INCREASE = 5
_MAX_DISLIKED_PER_LIKED = 2  # more disliked papers for each liked one do not count

# How widely the sums of an interest's and a taste's z-scores usually spread.
_DEVIATION_INCREASE = 0.8  # how far above 1 their deviation is after very many ratings
_RATINGS_FOR_HALF_THE_DEVIATION = 4

_FAVORED = 1.0  # the z-score of a taste from which a paper is lifted to the threshold, after many ratings
_FAVORED_LESS = 0.5  # how much lower it is after one rating, which teaches little
_ROUNDING_MARGIN = 1 + 1e-5  # a factor that keeps a lifted paper from falling below the threshold by rounding

# Which rated papers are relevant to an interest. The nearest tenth of past papers always is. Of the papers that fit
# an interest one in forty has a lower z-score than the least; of those that fit another one, nine of ten.
_MIN_RELATED = 1.0
_NEAREST_SHARE = 0.1
_NEARLY_AS_WELL = 1.0  # z-scores by which a paper may fit another interest of the same subscriber better


def learned_scale(past: Numbers, liked: int, disliked: int, threshold_reduction: float = 0.0) -> Scale:
    """Return the scale of sums of an interest's z-scores and the subscriber's taste, over past papers.

    Mean and deviation are blended with the usual ones, as in `Scale.of`: if a tenth of few papers fits, those papers
    alone would determine the deviation. A larger deviation counts as the usual one: the more papers fit, the larger
    it is, and they should not have to stand out further for that. The more ratings there are, the higher the
    threshold is: a paper that fits both the interest and the taste stands out further than one that fits only one of
    them. That is so only if the taste raises some papers, so at most twice as many `disliked` papers count as there
    are `liked` ones.
    """
    ratings = liked + min(disliked, _MAX_DISLIKED_PER_LIKED * liked)
    mean, variance = (float(past.mean()), max(float(past.var()), 1.0)) if len(past) else (0.0, 1.0)
    usual = 1 + _DEVIATION_INCREASE * ratings / (ratings + _RATINGS_FOR_HALF_THE_DEVIATION)
    total = len(past) + USUAL_PAPERS
    deviation = ((len(past) * min(variance, usual**2) + USUAL_PAPERS * usual**2) / total) ** 0.5
    increase = _THRESHOLD_INCREASE * ratings / (ratings + _RATINGS_FOR_HALF_THE_INCREASE)
    threshold = USUAL_THRESHOLD + increase - threshold_reduction / deviation
    return Scale(len(past) * mean / total, deviation, threshold)


class Lift(NamedTuple):
    """Which papers are lifted to the threshold: liking papers of a kind must not remove a paper of that kind."""

    taste: float = _FAVORED
    """The least z-score of the taste."""
    interest: float = USUAL_THRESHOLD
    """The z-score of the interest from which a paper is lifted to the threshold; others are lifted in proportion."""


def lift(ratings: int, threshold_reduction: float = 0.0) -> Lift:
    """Return which papers are lifted after so many ratings.

    After one, hardly a paper is lost that stood out without it, even if only the reduced threshold of an interest in
    other words took it. After many, the taste knows better than that threshold what fits.
    """
    return Lift(_FAVORED - _FAVORED_LESS / ratings, USUAL_THRESHOLD - threshold_reduction / ratings)


def add_taste(z_scores: Numbers, taste: Numbers, scale: Scale, lifted: Lift) -> Numbers:
    """Add the z-scores of an interest and of the subscriber's taste; `scale` is that of the sums.

    A paper that the taste favors is lifted to the threshold, but no further, if it stands out without the taste.
    """
    sums = z_scores + taste
    reached = np.minimum(z_scores / np.float32(lifted.interest), 1)
    least = np.float32(scale.mean) + np.float32(scale.deviation * scale.threshold * _ROUNDING_MARGIN) * reached
    return np.asarray(np.where(taste >= np.float32(lifted.taste), np.maximum(sums, least), sums))


def is_related(z_scores: Numbers, past: Numbers, others: Sequence[Numbers] = ()) -> NDArray[np.bool_]:
    """Return which rated papers are relevant to an interest.

    Ratings of papers on other subjects must neither raise the threshold of an interest nor teach what fits it.
    `z_scores` are those of the rated papers, `past` those of past papers. `others` are the z-scores of the rated
    papers for the same subscriber's other interests: a paper is relevant to the interest that it fits best, and to
    those that it fits nearly as well.
    """
    nearest = np.quantile(past, 1 - _NEAREST_SHARE) if len(past) else np.inf
    best = np.max([z_scores, *others], axis=0)
    near = (z_scores >= _MIN_RELATED) | (z_scores > nearest)
    return np.asarray(near & (z_scores >= best - np.float32(_NEARLY_AS_WELL)))
