"""Find papers that say much the same. Pure.

Papers are compared by their vectors of meaning if both have one, otherwise by their distinctive words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from paperround.domain.models import Paper
from paperround.matching.learning import TermVectors
from paperround.matching.vectors import Vectors

# Cosines from which two papers say much the same. Of 4,145 papers over three months, one in ten has such a neighbor.
_ALIKE_IN_MEANING, _ALIKE_IN_WORDS = 0.75, 0.35


class NearCopies:
    """Compares papers and remembers the result for each pair."""

    def __init__(
        self, terms: Callable[[], TermVectors], vectors: Callable[[Sequence[int]], Vectors] | None = None
    ) -> None:
        """Store the sources of term vectors and vectors; `terms` is called only if a paper has no vector."""
        self._terms, self._vectors = terms, vectors
        self._papers: dict[int, Paper] = {}
        """The papers that have been compared with each other."""
        self._alike: defaultdict[int, set[int]] = defaultdict(set)

    def find(self, papers: Sequence[Paper]) -> Mapping[int, Collection[int]]:
        """Return for each paper, by row, all papers known to say much the same, whether among these papers or not."""
        before = len(self._papers)
        self._papers |= {paper.row: paper for paper in papers if paper.row not in self._papers}
        if len(self._papers) > before:
            self._compare(before)
        return self._alike

    def _compare(self, before: int) -> None:
        """Compare all papers from the place `before` on with all others: by vectors, or by words if one has none."""
        rows = np.array(list(self._papers))
        known = np.zeros(len(rows), dtype=np.bool_)
        if self._vectors is not None:
            vectors = self._vectors(rows.tolist())
            known, numbers = vectors.known, vectors.numbers
            old = np.count_nonzero(known[:before])
            fresh, others = np.nonzero(numbers[old:] @ numbers.T >= _ALIKE_IN_MEANING)
            self._note(rows[known][old + fresh], rows[known][others])
        if not known.all():
            self._compare_words(rows, known, before)

    def _compare_words(self, rows: NDArray[np.int64], known: NDArray[np.bool_], before: int) -> None:
        """Compare the papers by words, except for pairs that both have a vector."""
        terms = self._terms()
        features = terms.rows(self._papers.values())
        weights = np.zeros(len(terms.names), dtype=np.float32)
        for at in range(before, len(rows)):
            sparse = terms.vector(self._papers[int(rows[at])])
            weights[sparse.places] = sparse.weights
            alike = (features.products(weights) >= _ALIKE_IN_WORDS) & ~(known & known[at])
            self._note(np.repeat(rows[at], np.count_nonzero(alike)), rows[alike])
            weights[sparse.places] = 0

    def _note(self, some: NDArray[np.int64], others: NDArray[np.int64]) -> None:
        for one, other in zip(some.tolist(), others.tolist(), strict=True):
            if one != other:
                self._alike[one].add(other)
                self._alike[other].add(one)
