"""Store vectors of meaning compactly and compare them by brute force. Pure.

A vector is stored as one signed byte per number and one factor for all of them: a quarter of the space, without a
change in any result. The nearest of 300,000 vectors are found in a hundredth of a second, without an index: first
by the signs of their numbers, one bit each, and then by the cosines of those that have the most signs in common.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float32]
"""A vector or matrix of numbers, such as scores, cosines or vectors of meaning."""

_FACTOR = np.dtype("<f4")
_INT8_MAX = 127
_VECTORS_PER_BLOCK = 512  # vectors per block: as floats they fit into a processor's cache
_ROOM = 4_096  # vectors that a new table can hold
# Compute cosines of this many vectors, or of one in 16 if that is more: of 300,000 this finds 98 of the nearest 100.
_MIN_COMPARED, _COMPARED_ONE_IN = 16_384, 16


def pack(vector: Numbers) -> bytes:
    """Pack a vector of length one into a four-byte factor and one byte per number."""
    largest = float(np.abs(vector).max(initial=0.0))
    factor = largest / _INT8_MAX if largest > 0 else 1.0
    small = np.rint(vector / factor).astype(np.int8)
    # Correct the length for rounding, so that a product with the vector is a cosine again.
    length = float(np.linalg.norm(small.astype(np.float32)))
    back = np.array([1.0 / length if length else 1.0], dtype=_FACTOR)
    return bytes(back.tobytes() + small.tobytes())


def unpack(packed: Sequence[bytes]) -> Numbers:
    """Unpack vectors of the same model into a matrix with one vector per row."""
    if not packed:
        return np.zeros((0, 0), dtype=np.float32)
    factors, small = _apart(packed)
    return factors[:, None] * small.astype(np.float32)


def _apart(packed: Sequence[bytes]) -> tuple[Numbers, NDArray[np.int8]]:
    size = len(packed[0])
    together = np.frombuffer(b"".join(packed), dtype=np.uint8).reshape(len(packed), size)
    factors = together[:, : _FACTOR.itemsize].copy().view(_FACTOR)[:, 0].astype(np.float32)
    return factors, together[:, _FACTOR.itemsize :].view(np.int8)


class Vectors(NamedTuple):
    """The vectors of some papers, in the papers' order; papers without a vector are omitted from `numbers`."""

    known: NDArray[np.bool_]
    """Whether each of the papers has a vector."""
    numbers: Numbers

    def cosines(self, wanted: Numbers) -> Numbers:
        """Return the cosine between a vector of length one and each of these."""
        if not len(self.numbers):
            return np.zeros(0, dtype=np.float32)
        return np.asarray(self.numbers @ wanted, dtype=np.float32)


Lookup = Callable[[Sequence[int]], Vectors]
"""Returns the vectors of papers, given their rows."""


class VectorTable:
    """The vectors of many papers, by row. With more than `min_compared`, only those with like signs are compared."""

    def __init__(self, min_compared: int = _MIN_COMPARED) -> None:
        self._min_compared = min_compared
        self._places: dict[int, int] = {}
        self._rows = np.zeros(0, dtype=np.int64)
        self._factors = np.zeros(0, dtype=np.float32)
        self._small = np.zeros((0, 0), dtype=np.int8)
        self._signs = np.zeros((0, 0), dtype=np.uint64)

    def __len__(self) -> int:
        return len(self._places)

    def put(self, packed: Mapping[int, bytes]) -> None:
        """Add vectors by row, replacing existing ones.

        All vectors must have the same number of dimensions to be compared. An endpoint may change its model, so
        vectors whose size differs from the last one's are dropped.
        """
        if not packed:
            return
        size = len(next(reversed(list(packed.values()))))
        packed = {row: vector for row, vector in packed.items() if len(vector) == size}
        factors, small = _apart(list(packed.values()))
        self._make_room(len(packed), small.shape[1])
        new = [row for row in packed if row not in self._places]
        fresh = {row: place for place, row in enumerate(new, len(self._places))}
        places = [fresh[row] if row in fresh else self._places[row] for row in packed]
        self._rows[places], self._factors[places], self._small[places] = list(packed), factors, small
        self._signs[places] = _signs(small)
        self._places |= fresh  # only now: another thread may look one up

    def _make_room(self, more: int, dimensions: int) -> None:
        """Enlarge the arrays for `more` vectors; drop all vectors if their number of dimensions changes."""
        if self._small.shape[1] != dimensions:
            self._places.clear()
        needed = len(self._places) + more
        if needed <= len(self._rows) and self._small.shape[1] == dimensions:
            return
        room, kept = max(_ROOM, needed * 9 // 8), len(self._places)
        rows, factors = np.zeros(room, dtype=np.int64), np.zeros(room, dtype=np.float32)
        small = np.zeros((room, dimensions), dtype=np.int8)
        signs = np.zeros((room, -(-dimensions // 64)), dtype=np.uint64, order="F")  # read by column
        if kept:
            rows[:kept], factors[:kept] = self._rows[:kept], self._factors[:kept]
            small[:kept], signs[:kept] = self._small[:kept], self._signs[:kept]
        self._rows, self._factors, self._small, self._signs = rows, factors, small, signs

    def nearest(self, wanted: Numbers, most: int) -> dict[int, float]:
        """Return the rows of the `most` vectors nearest to a vector of length one, with cosines, in no order."""
        places = self._alike(wanted)
        cosines = self._cosines(wanted, places)
        if len(places) > most:
            best = np.argpartition(-cosines, most - 1)[:most]
            places, cosines = places[best], cosines[best]
        return dict(zip(self._rows[places].tolist(), cosines.tolist(), strict=True))

    def vectors(self, rows: Sequence[int]) -> Vectors:
        """Return the vectors of these rows, where they have one."""
        found = np.fromiter((self._places.get(row, -1) for row in rows), dtype=np.int64, count=len(rows))
        known = found >= 0
        places = found[known]
        return Vectors(known, self._factors[places, None] * self._small[places].astype(np.float32))

    def coverage(self, rows: Sequence[int]) -> int:
        """Return how many eighths of these papers have a vector.

        What is computed from the vectors of many papers is outdated when this changes: seldom, and when the last of
        them gets one.
        """
        return 8 * sum(map(self._places.__contains__, rows)) // max(len(rows), 1)

    def _alike(self, wanted: Numbers) -> NDArray[np.intp]:
        """Return the places of the vectors that share the most signs with this one, or of all if there are few.

        Of equals at the limit all are returned.
        """
        number = len(self._places)
        looked_at = max(self._min_compared, number // _COMPARED_ONE_IN)
        if number <= looked_at:
            return np.arange(number)
        different = np.zeros(number, dtype=np.uint16)
        for column, signs in enumerate(_signs(wanted[None])[0]):
            different += np.bitwise_count(self._signs[:number, column] ^ signs)
        return np.flatnonzero(different <= np.partition(different, looked_at - 1)[looked_at - 1])

    def _cosines(self, wanted: Numbers, places: NDArray[np.intp]) -> Numbers:
        found = np.empty(len(places), dtype=np.float32)
        for start in range(0, len(places), _VECTORS_PER_BLOCK):
            some = places[start : start + _VECTORS_PER_BLOCK]
            found[start : start + _VECTORS_PER_BLOCK] = self._small[some].astype(np.float32) @ wanted
        return found * self._factors[places]


def _signs(vectors: NDArray[Any]) -> NDArray[np.uint64]:
    """Return which numbers of each vector are positive, packed to one bit each."""
    bits = np.packbits(vectors > 0, axis=1)
    return np.pad(bits, ((0, 0), (0, -bits.shape[1] % 8))).view(np.uint64)
