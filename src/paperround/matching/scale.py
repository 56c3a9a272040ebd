"""Decide which papers fit an interest in plain words well enough, by how its scores are usually distributed. Pure.

What counts as a high score differs between interests, so scores are measured in standard deviations above the
interest's mean over past papers, and the threshold is a number of these. docs/relevance.md says how the constants
were measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paperround.matching.vectors import Numbers


class _Usual(NamedTuple):
    """What scores of one kind are for most interests."""

    mean: float
    deviation: float
    threshold: float
    """In standard deviations above the mean."""


# Scores by words are mostly zero, so papers that fit stand out further.
_BY_WORDS = _Usual(mean=0.02, deviation=0.05, threshold=6.25)
_BY_MEANING = _Usual(mean=0.156, deviation=0.116, threshold=4.75)
USUAL_THRESHOLD = _BY_MEANING.threshold
"""The threshold that `Scale.z_scores` refers to, in standard deviations."""
USUAL_PAPERS = 1_000
"""The number of past papers that the usual mean and deviation count as.

The few papers of a new site say little about what is usual, and even thousands say less than one might expect,
because the deviation depends on the few papers that fit.
"""
# The usual deviation counts this many times if an interest's own, with vectors, is larger. Such an interest is
# broad: many papers fit it, and should not have to stand out further for that.
_BROAD_FACTOR = 2
# On a site of one field, many papers fit every interest in that field. There a larger deviation counts as the usual
# one: from the second of these mean cosines between past papers on, in part from the first. The papers of several
# fields have 0.24 to 0.27 with the built-in model, those of robotics alone 0.33.
_ONE_FIELD = (0.30, 0.33)

_BREADTH_STEP = 0.1  # change of the threshold per step of breadth, as a share of it: about half a deviation

# Papers below the threshold are close from this share of it on, which is a fit of 0.4.
_CLOSE_SHARE = 2 / 3
_ROUNDING = 1e-5  # as a share: what rounding may take from a score
_MAX_CLOSE = 5  # a letter shows three of them, and may have reasons to leave out some


@dataclass(frozen=True, slots=True)
class Scale:
    """The distribution of an interest's scores over past papers, used to decide which new scores are high."""

    mean: float
    deviation: float
    threshold: float
    """In standard deviations above the mean."""

    @classmethod
    def of(cls, past: Numbers, *, meaning: bool, likeness: float = 0.0) -> Scale:
        """Estimate the scale from the scores of past papers.

        `meaning` tells whether the scores include vectors, `likeness` is the mean cosine between these.
        """
        usual = _BY_MEANING if meaning else _BY_WORDS
        total = len(past)
        mean = float(past.mean()) if total else 0.0
        variance = max(float(past @ past) / max(total, 1) - mean**2, 0.0)
        weight = USUAL_PAPERS * (_BROAD_FACTOR if meaning and variance > usual.deviation**2 else 1)
        begins, ends = _ONE_FIELD
        one_field = min(max((likeness - begins) / (ends - begins), 0.0), 1.0)
        variance -= one_field * max(variance - usual.deviation**2, 0.0)
        blended = (total * variance + weight * usual.deviation**2) / (total + weight)
        return cls((total * mean + USUAL_PAPERS * usual.mean) / (total + USUAL_PAPERS), blended**0.5, usual.threshold)

    def standardized(self, scores: Numbers) -> Numbers:
        """Return scores in standard deviations above the mean."""
        return (scores - np.float32(self.mean)) / np.float32(self.deviation)

    def above_threshold(self, scores: Numbers, breadth: int = 0) -> NDArray[np.bool_]:
        """Return which scores reach the threshold; `breadth` ranges from −2 (far fewer papers) to 2 (far more)."""
        return np.asarray(self.standardized(scores) >= self.threshold * _threshold_factor(breadth))

    def lifted(self, scores: Numbers, which: NDArray[np.bool_]) -> Numbers:
        """Return the scores, of which these are at least the threshold of the usual breadth."""
        least = self.mean + self.deviation * self.threshold * (1 + _ROUNDING)
        return np.where(which, np.maximum(scores, np.float32(least)), scores).astype(np.float32)

    def close(self, scores: Numbers, breadth: int = 0) -> list[int]:
        """Return the indexes of the scores that come closest to the threshold without reaching it, best first."""
        standardized = self.standardized(scores)
        close = standardized >= self.threshold * _CLOSE_SHARE
        close &= ~self.above_threshold(scores, breadth)
        indexes = np.flatnonzero(close)
        best = np.argsort(-standardized[indexes], kind="stable")[:_MAX_CLOSE]
        closest: list[int] = indexes[best].tolist()
        return closest

    def z_scores(self, scores: Numbers) -> Numbers:
        """Return scores in standard deviations above the mean, on a scale whose threshold is `USUAL_THRESHOLD`."""
        return self.standardized(scores) * np.float32(USUAL_THRESHOLD / self.threshold)

    def fit(self, score: float) -> float:
        """Convert a score to the fit of a match, from 0 to 1: one half at the threshold, two thirds at twice that."""
        z_score = max((score - self.mean) / self.deviation, 0.0)
        return z_score / (z_score + self.threshold)


def z_scale(threshold_reduction: float = 0.0) -> Scale:
    """Return the scale of z-scores, with the threshold of an `ExpandedQuery`."""
    return Scale(0.0, 1.0, USUAL_THRESHOLD - threshold_reduction)


def least_fit(breadth: float) -> float:
    """Return the fit of a match at the threshold of this breadth: one half at 0, less for a broader interest."""
    return _threshold_factor(breadth) / (_threshold_factor(breadth) + 1)


def _threshold_factor(breadth: float) -> float:
    """Return the threshold of a breadth as a multiple of the usual one."""
    return 1 - _BREADTH_STEP * breadth
