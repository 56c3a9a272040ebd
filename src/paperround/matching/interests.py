"""How well papers fit an interest in plain words, and how well is well enough. Pure.

The relevance of a paper is the cosine between its vector and the interest's, plus what the words that they have in
common are worth. What is a high relevance differs from interest to interest, so it is measured in standard deviations
above the interest's mean over past papers, and the cut is a number of these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float32]

WORDS_WORTH = 2.0
"""What all of an interest's words are worth beside a cosine; from 1.5 to 2.5 nothing changes."""
MOST_RELEVANT = 1 + WORDS_WORTH
"""The relevance of a paper that says the very same."""
# Mean and deviation of an interest's scores as they usually are, by words alone and with vectors, and for how many
# papers' scores they count: the few past papers of a new site say little about what is usual, and thousands less than
# one might think, for the deviation hangs on the few papers that fit.
_USUAL_WORDS, _USUAL_MEANING, _USUAL_PAPERS = (0.02, 0.05), (0.156, 0.116), 1_000
# Cuts in standard deviations. The scores of words are mostly zero, so that what fits stands further out.
_CUT_WORDS, _CUT_MEANING, _CUT_LEARNED = 6.25, 4.75, 5.25
USUAL_CUT = _CUT_MEANING
"""The cut of `Scale.heights`."""
BREADTHS = (-2, -1, 0, 1, 2)
"""From far fewer papers than usual to far more."""
_STEP = 0.1  # of the cut for each: about half a deviation
# Feedback from the best papers: how many, one in so many at most, how fast their say falls with their scores, and how
# far they move an interest none of whose words they have.
_BEST, _ONE_IN, _FALL, _PULL = 10, 20, 0.1, 0.5


USUAL_COSINE = 0.12
"""Stands for the cosine of a paper that has no vector yet."""
CLOSE = "meaning: close"
"""The reason of a paper that has few of an interest's words and means much the same."""
_CLOSE = 0.35  # a cosine: about three deviations above what is usual


def is_close(cosine: float) -> bool:
    """Whether a paper means much the same as an interest."""
    return cosine >= _CLOSE


def relevance(shares: Numbers, cosines: Numbers | None) -> Numbers:
    """Return how well papers fit: by their shares of the evidence alone, or with the cosines of their vectors.

    Beside a cosine the share is squared: a paper with one of an interest's words says little, one with all of them
    much.
    """
    return shares if cosines is None else cosines + np.float32(WORDS_WORTH) * shares * shares


def toward_best(wanted: Numbers, vectors: Numbers, shares: Numbers, cosines: Numbers) -> Numbers:
    """Return an interest's vector, moved toward the papers that fit it best.

    Rocchio's feedback with the best papers in place of judgments (Manning et al., "Introduction to Information
    Retrieval", 2008, 9.1.6). The more of the interest's own words those papers have, the less it is moved: words of
    the field need no help. `vectors`, `shares` and `cosines` are those of the papers, in one order.
    """
    number = min(_BEST, len(vectors) // _ONE_IN)
    if not number:
        return wanted
    scores = relevance(shares, cosines)
    best = np.argpartition(-scores, number - 1)[:number]
    weights = np.exp((scores[best] - scores[best].max()) / np.float32(_FALL))
    weights /= weights.sum()
    pull = _PULL * max(0.0, 1 - 2 * float(weights @ shares[best]))
    if not pull:
        return wanted
    center = weights @ vectors[best]
    moved = wanted + np.float32(pull / max(float(np.linalg.norm(center)), 1e-9)) * center
    return np.asarray(moved / max(float(np.linalg.norm(moved)), 1e-9), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Scale:
    """What an interest's scores over past papers are like, and so which of a new paper's are high."""

    mean: float
    deviation: float
    cut: float
    """In deviations above the mean."""

    @classmethod
    def of(cls, past: Numbers, *, meaning: bool) -> Scale:
        """From the scores of past papers; `meaning` says whether vectors are part of them."""
        usual_mean, usual_deviation = _USUAL_MEANING if meaning else _USUAL_WORDS
        total = len(past) + _USUAL_PAPERS
        mean, variance = (float(past.mean()), float(past.var())) if len(past) else (0.0, 0.0)
        blended = (len(past) * variance + _USUAL_PAPERS * usual_deviation**2) / total
        cut = _CUT_MEANING if meaning else _CUT_WORDS
        return cls((len(past) * mean + _USUAL_PAPERS * usual_mean) / total, blended**0.5, cut)

    def standardized(self, scores: Numbers) -> Numbers:
        """Scores in deviations above the mean."""
        return (scores - np.float32(self.mean)) / np.float32(self.deviation)

    def enough(self, scores: Numbers, breadth: int = 0) -> NDArray[np.bool_]:
        """Which of these scores reach the cut; `breadth` is −2 for far fewer papers to 2 for far more."""
        return np.asarray(self.standardized(scores) >= self.cut * _height(breadth))

    def heights(self, scores: Numbers) -> Numbers:
        """Return scores in deviations above the mean, as if the cut were the same by words alone and with vectors."""
        return self.standardized(scores) * np.float32(_CUT_MEANING / self.cut)

    def fit(self, score: float) -> float:
        """A score that reaches the cut as a match's, 0 to 1: a half at the cut, two thirds at twice its height."""
        height = max((score - self.mean) / self.deviation, 0.0)
        return height / (height + self.cut)


def learned_scale(past: Numbers) -> Scale:
    """Return the scale of an interest's heights together with those of its follower's taste, over past papers.

    What both of them want stands out further than what one of them does, so that the cut is higher.
    """
    deviation = max(float(past.std()), 1.0) if len(past) else 1.0
    return Scale(float(past.mean()) if len(past) else 0.0, deviation, _CUT_LEARNED)


def least_fit(breadth: float) -> float:
    """The fit that a match has at the cut of this breadth: a half at 0, less for more papers."""
    return _height(breadth) / (_height(breadth) + 1)


def _height(breadth: float) -> float:
    """The cut of a breadth as a multiple of the usual one."""
    return 1 - _STEP * breadth
