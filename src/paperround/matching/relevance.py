"""Compute how relevant a paper is to an interest in plain words, from its words and its vector. Pure."""

from __future__ import annotations

import numpy as np

from paperround.matching.vectors import Numbers

WORDS_WORTH = 2.0
"""The weight of all of an interest's words relative to a cosine; values from 1.5 to 2.5 give the same results."""
MAX_RELEVANCE = 1 + WORDS_WORTH
"""The relevance of a paper whose text is identical to the interest."""
USUAL_COSINE = 0.12
"""The cosine assumed for a paper that has no vector yet."""


def relevance(shares: Numbers, cosines: Numbers | None) -> Numbers:
    """Return how relevant papers are, by their shares of the evidence and, if given, the cosines of their vectors.

    With cosines the share is squared: a paper with one of an interest's words says little, one with all of them says
    much.
    """
    return shares if cosines is None else cosines + np.float32(WORDS_WORTH) * shares * shares
