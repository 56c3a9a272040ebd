"""How well papers fit an interest in plain words, and how well is well enough. Pure.

The relevance of a paper is the cosine between its vector and the interest's plus a share of the evidence that their
words have in common. What is a high relevance differs from interest to interest, so it is measured in standard
deviations above the interest's mean over past papers, and the cut is a number of these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float32]

WORDS_SHARE = 0.7
"""What the whole evidence of the words is worth beside a cosine; from 0.5 to 1 nothing changes."""
# Mean and deviation of an interest's scores as they usually are, by words alone and with vectors, and for how many
# papers' scores they count: the few past papers of a new site say little about what is usual, and thousands less than
# one might think, for the deviation hangs on the few papers that fit.
_USUAL_WORDS, _USUAL_MEANING, _USUAL_PAPERS = (0.02, 0.05), (0.12, 0.106), 1_000
# Cuts in standard deviations. The scores of words are mostly zero, so that what fits stands further out.
_CUT_WORDS, _CUT_MEANING = 6.25, 4.65
# "Fewer" and "more" are half a deviation each, "far fewer" and "far more" a whole one.
BREADTHS = (-2, -1, 0, 1, 2)
_STEP = 0.5


USUAL_COSINE = _USUAL_MEANING[0]
"""Stands for the cosine of a paper that has no vector yet."""
CLOSE = "meaning: close"
"""The reason of a paper that has few of an interest's words and means much the same."""
_CLOSE = 0.35  # a cosine: about three deviations above what is usual


def is_close(cosine: float) -> bool:
    """Whether a paper means much the same as an interest."""
    return cosine >= _CLOSE


def relevance(shares: Numbers, cosines: Numbers | None) -> Numbers:
    """How well papers fit: their share of the evidence, and the cosine of their vectors where there are vectors."""
    return shares if cosines is None else cosines + np.float32(WORDS_SHARE) * shares


@dataclass(frozen=True, slots=True)
class Scale:
    """What an interest's scores over past papers are like, and so which of a new paper's are high."""

    mean: float
    deviation: float
    cut: float
    """In deviations above the mean."""

    @classmethod
    def of(cls, past: Numbers, *, meaning: bool, breadth: int = 0) -> Scale:
        """From the scores of past papers; `meaning` says whether vectors are part of them.

        `breadth` is −2 for far fewer papers to 2 for far more.
        """
        usual_mean, usual_deviation = _USUAL_MEANING if meaning else _USUAL_WORDS
        total = len(past) + _USUAL_PAPERS
        mean, variance = (float(past.mean()), float(past.var())) if len(past) else (0.0, 0.0)
        blended = (len(past) * variance + _USUAL_PAPERS * usual_deviation**2) / total
        cut = (_CUT_MEANING if meaning else _CUT_WORDS) - _STEP * breadth
        return cls((len(past) * mean + _USUAL_PAPERS * usual_mean) / total, blended**0.5, cut)

    def standardized(self, scores: Numbers) -> Numbers:
        """Scores in deviations above the mean."""
        return (scores - np.float32(self.mean)) / np.float32(self.deviation)

    def enough(self, scores: Numbers) -> NDArray[np.bool_]:
        """Which of these scores reach the cut."""
        return np.asarray(self.standardized(scores) >= self.cut)

    def fit(self, score: float) -> float:
        """A score that reaches the cut as a match's, 0 to 1: a half at the cut, two thirds at twice its height."""
        height = max((score - self.mean) / self.deviation, 0.0)
        return height / (height + self.cut)
