"""Many matches in columns, so that a round can choose from them for many subscribers at once. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from paperround.domain.models import Match

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class MatchTable:
    """Matches, numbered from 0 in the order in which they were added."""

    def __init__(self, matches: Sequence[Match] = ()) -> None:
        self.matches: list[Match] = []
        self.topics: list[str] = []
        """The slugs of topics; `topic` refers to them."""
        self._places: dict[str, int] = {}
        self.paper = self.topic = np.zeros(0, dtype=np.int64)
        """The row of each match's paper, and the place of its topic in `topics`."""
        self.score = np.zeros(0)
        self.add(matches)

    def __len__(self) -> int:
        return len(self.matches)

    def add(self, matches: Sequence[Match]) -> Ints:
        """Add matches and return their numbers."""
        numbers = np.arange(len(self), len(self) + len(matches))
        self.matches += matches
        self.paper = _longer(self.paper, [match.paper for match in matches])
        self.topic = _longer(self.topic, [self._place(match.topic) for match in matches])
        self.score = _longer(self.score, [match.score for match in matches])
        return numbers

    def _place(self, slug: str) -> int:
        place = self._places.setdefault(slug, len(self.topics))
        if place == len(self.topics):
            self.topics.append(slug)
        return place


@dataclass(frozen=True, slots=True, eq=False)
class BatchMatches:
    """The matches of several subscribers, in columns: one row for each subscriber and match.

    Of one subscriber no two matches have the same topic and the same paper.
    """

    table: MatchTable
    subscriber: Ints
    """The place of the subscriber in the batch, ascending."""
    number: Ints
    """The number of the match in `table`."""

    @classmethod
    def of_one(cls, matches: Sequence[Match]) -> BatchMatches:
        """Return the matches of a batch of one subscriber."""
        table = MatchTable(matches)
        return cls(table, np.zeros(len(table), dtype=np.int64), np.arange(len(table)))

    def __len__(self) -> int:
        return len(self.number)

    @property
    def paper(self) -> Ints:
        """The row of each match's paper."""
        return self.table.paper[self.number]

    def for_subscriber(self, subscriber: int) -> list[Match]:
        """Return the matches of the subscriber at this place."""
        return [self.table.matches[number] for number in self.number[self.subscriber == subscriber].tolist()]

    def papers(self) -> set[int]:
        """Return the rows of all papers."""
        matched = np.zeros(len(self.table), dtype=np.bool_)
        matched[self.number] = True
        return set(self.table.paper[matched].tolist())

    def of_papers(self, papers: Mapping[int, Collection[int]]) -> Flags:
        """Return whether each match's paper is among those given for its subscriber's place."""
        nonempty = {place: rows for place, rows in papers.items() if rows}
        if not nonempty or not len(self):
            return np.zeros(len(self), dtype=np.bool_)
        numbers, paper = np.unique(self.table.paper, return_inverse=True)
        rows = np.fromiter(chain.from_iterable(nonempty.values()), dtype=np.int64)
        owners = np.repeat(np.array(list(nonempty)), list(map(len, nonempty.values())))
        places = numbers.searchsorted(rows)
        matched = numbers.take(places, mode="clip") == rows
        # A flag for each subscriber and paper.
        flags = np.zeros((max(self.subscriber[-1], owners.max()) + 1, len(numbers)), dtype=np.bool_)
        flags[owners[matched], places[matched]] = True
        return flags[self.subscriber, paper[self.number]]

    def with_others(self, others: BatchMatches) -> BatchMatches:
        """Return these matches and others of the same table and batch."""
        subscriber = np.concatenate([self.subscriber, others.subscriber])
        order = np.argsort(subscriber, kind="stable")
        return BatchMatches(self.table, subscriber[order], np.concatenate([self.number, others.number])[order])

    def select(self, rows: Flags) -> BatchMatches:
        """Return these rows."""
        return self if rows.all() else BatchMatches(self.table, self.subscriber[rows], self.number[rows])


def bounds(owners: Ints, number: int) -> Iterator[tuple[int, int]]:
    """Return the start and end row of each of the first `number` owners; `owners` must be sorted."""
    return pairwise(np.searchsorted(owners, np.arange(number + 1)).tolist())


def _longer(column: NDArray[Any], values: list[Any]) -> NDArray[Any]:
    return np.concatenate([column, np.array(values, dtype=column.dtype)]) if values else column
