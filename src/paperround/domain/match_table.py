"""Many matches in columns, so that a round can choose from them for many subscribers at once. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

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


class MatchList(Sequence[Match]):
    """Some matches of a table; none of them has the same topic and the same paper as another."""

    __slots__ = ("numbers", "table")

    def __init__(self, table: MatchTable, numbers: Ints) -> None:
        self.table, self.numbers = table, numbers

    @classmethod
    def of(cls, matches: Sequence[Match]) -> MatchList:
        """Return these matches, in a table of their own."""
        table = MatchTable(matches)
        return cls(table, np.arange(len(table)))

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, place: int) -> Match: ...
    @overload
    def __getitem__(self, place: slice) -> MatchList: ...
    def __getitem__(self, place: int | slice) -> Match | MatchList:
        if isinstance(place, slice):
            return MatchList(self.table, self.numbers[place])
        return self.table.matches[int(self.numbers[place])]

    def __iter__(self) -> Iterator[Match]:
        return map(self.table.matches.__getitem__, self.numbers.tolist())


def _longer(column: NDArray[Any], values: list[Any]) -> NDArray[Any]:
    return np.concatenate([column, np.array(values, dtype=column.dtype)]) if values else column
