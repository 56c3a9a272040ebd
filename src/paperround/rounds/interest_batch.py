"""Papers to compare interests with, and what is computed of them once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paperround.domain.preferences import Breadth
from paperround.matching.lexical import Hit, Index
from paperround.matching.taste import Features, Learner
from paperround.matching.vectors import Numbers, Vectors


class Comparison(NamedTuple):
    """What a topic matches in a batch of papers."""

    hits: Mapping[int, Hit]
    """The matches of a query, or the papers above the threshold of plain words, by paper number."""
    close: Mapping[int, float]
    """The fit of the papers that come closest to the threshold without reaching it, best first; none for a query."""


@dataclass(eq=False)
class InterestBatch:
    """Papers to compare interests with: their words, and their vectors if they have any."""

    index: Index
    vectors: Vectors
    comparisons: dict[tuple[str, Breadth], Comparison] = field(default_factory=dict)
    """Cached results for queries and for interests without feedback, because many subscribers may enter the same
    words.
    """
    z_scores: dict[str, Numbers | None] = field(default_factory=dict)
    """Cached z-scores of these papers for interests; only of papers with feedback."""
    _features: tuple[Learner, Features] | None = None

    @cached_property
    def embedded(self) -> NDArray[np.intp]:
        """The indexes of the papers with a vector."""
        return np.flatnonzero(self.vectors.known)

    def features(self, learner: Learner) -> Features:
        """Return what the tastes of a learner compare of these papers; computed once."""
        cached = self._features
        if cached is None or cached[0] is not learner:
            cached = self._features = learner, learner.features(self.index.papers)
        return cached[1]
