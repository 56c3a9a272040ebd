"""Find papers that say much the same. Pure.

Papers are compared by their vectors of meaning if both have one, otherwise by their distinctive words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from paperround.domain.models import Paper
from paperround.matching.learning import Sparse, TermVectors
from paperround.matching.vectors import Vectors

# Cosines from which two papers say much the same. Of 4,145 papers over three months, one in ten has such a neighbor.
_ALIKE_IN_MEANING, _ALIKE_IN_WORDS = 0.75, 0.35

Numbers = NDArray[np.float32]


class NearCopies:
    """Compares papers and remembers the result for each pair."""

    def __init__(
        self, terms: Callable[[], TermVectors], vectors: Callable[[Sequence[int]], Vectors] | None = None
    ) -> None:
        """Store the sources of term vectors and vectors; `terms` is called only if a paper has no vector."""
        self._terms, self._vectors = terms, vectors
        self._compared: defaultdict[int, set[int]] = defaultdict(set)
        self._alike: defaultdict[int, set[int]] = defaultdict(set)

    def among(self, papers: Sequence[Paper]) -> Mapping[int, Collection[int]]:
        """Return for each paper, by row, all papers known to say much the same, whether among these papers or not."""
        rows = {paper.row for paper in papers}
        fresh = [paper for paper in papers if not rows <= self._compared[paper.row]]
        if fresh:
            self._compare(fresh)
        return self._alike

    def _compare(self, papers: Sequence[Paper]) -> None:
        """Compare these papers with each other, by vectors and, for those without one, by words."""
        rows = [paper.row for paper in papers]
        known = np.zeros(len(papers), dtype=np.bool_)
        if self._vectors is not None:
            vectors = self._vectors(rows)
            known = vectors.known
            numbers = vectors.numbers
            self._note([row for row, there in zip(rows, known, strict=True) if there], numbers @ numbers.T)
        if not known.all():
            self._compare_words(papers, known)
        for row in rows:
            self._compared[row].update(rows)

    def _note(self, rows: Sequence[int], cosines: Numbers) -> None:
        for one, other in np.argwhere(cosines >= _ALIKE_IN_MEANING).tolist():
            if one != other:
                self._alike[rows[one]].add(rows[other])

    def _compare_words(self, papers: Sequence[Paper], known: NDArray[np.bool_]) -> None:
        """Compare the papers that have no vector with all others, by words."""
        terms = self._terms()
        made: list[Sparse] = [terms.of(paper) for paper in papers]
        weights = np.zeros(len(terms.names), dtype=np.float32)
        for at in np.flatnonzero(~known).tolist():
            weights[made[at].places] = made[at].weights
            for other, sparse in enumerate(made):
                if other != at and float(weights[sparse.places] @ sparse.weights) >= _ALIKE_IN_WORDS:
                    self._alike[papers[at].row].add(papers[other].row)
                    self._alike[papers[other].row].add(papers[at].row)
            weights[made[at].places] = 0
