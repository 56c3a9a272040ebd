"""Papers that say much the same: told by vectors, and by words where there are none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from paperround.domain.models import Paper
from paperround.matching.learning import TermVectors
from paperround.matching.lexical import Statistics
from paperround.matching.near_copies import NearCopies
from paperround.matching.vectors import Vectors
from support.queries import paper

TWINS = [
    paper(
        1,
        title="Grippers that feel the slip of glass",
        abstract="A soft gripper senses the slip of glass before it falls.",
    ),
    paper(
        2,
        title="Feeling glass slip in soft grippers",
        abstract="Our soft gripper feels the slip of glass and holds it.",
    ),
    paper(3, title="Speech of whales", abstract="Whales sing to each other across an ocean."),
]


def lookup(vectors: dict[int, Sequence[float]]) -> Callable[[Sequence[int]], Vectors]:
    def of(rows: Sequence[int]) -> Vectors:
        known = np.array([row in vectors for row in rows], dtype=np.bool_)
        numbers = np.array([vectors[row] for row in rows if row in vectors], dtype=np.float32)
        return Vectors(known, numbers.reshape(-1, 2))

    return of


def by_words() -> TermVectors:
    return TermVectors(Statistics.of(TWINS))


def no_words() -> TermVectors:
    raise AssertionError("these papers have vectors")


def alike(found: NearCopies, papers: Sequence[Paper]) -> dict[int, set[int]]:
    return {row: set(others) for row, others in found.find(papers).items() if others}


def test_without_vectors_papers_are_alike_that_share_their_telling_words() -> None:
    assert alike(NearCopies(by_words), TWINS) == {1: {2}, 2: {1}}


def test_vectors_tell_what_words_do_not() -> None:
    found = NearCopies(no_words, lookup({1: (1, 0), 2: (0, 1), 3: (0.9, 0.43)}))
    assert alike(found, TWINS) == {1: {3}, 3: {1}}


def test_a_paper_without_a_vector_is_compared_by_words_with_those_that_have_one() -> None:
    found = NearCopies(by_words, lookup({1: (1, 0), 3: (0, 1)}))
    assert alike(found, TWINS) == {1: {2}, 2: {1}}


def test_each_pair_is_compared_once() -> None:
    asked: list[list[int]] = []

    def counted(rows: Sequence[int]) -> Vectors:
        asked.append(list(rows))
        return lookup({1: (1, 0), 2: (1, 0), 3: (0, 1)})(rows)

    found = NearCopies(no_words, counted)
    for _ in range(3):
        assert alike(found, TWINS[:2]) == {1: {2}, 2: {1}}
    assert alike(found, TWINS) == {1: {2}, 2: {1}}
    assert asked == [[1, 2], [1, 2, 3]]
