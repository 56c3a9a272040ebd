"""Vectors of meaning, kept small and compared by brute force. Pure.

A vector is kept as one signed byte a number and one factor for all of them: a quarter of the room, and no result
changes for it. Among 300,000 of them the nearest are found in two hundredths of a second, without any index: by the
signs of their numbers first, one bit each, and then by the cosines of those that have the most signs in common.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float32]

_FACTOR = np.dtype("<f4")
_LARGEST = 127
_AT_ONCE = 8_192  # vectors: their numbers as floats fit into a processor's cache
_ROOM = 4_096  # vectors that a new table has room for
# So many vectors, or one in so many, have their cosines looked at: of 300,000 it finds 98 of the 100 nearest.
_CLOSELY, _ONE_IN = 16_384, 16


def pack(vector: Numbers) -> bytes:
    """A vector of length one in one byte a number, after a factor of four."""
    largest = float(np.abs(vector).max(initial=0.0))
    factor = largest / _LARGEST if largest > 0 else 1.0
    small = np.rint(vector / factor).astype(np.int8)
    # What rounding took from the length is given back, so that a product with it is a cosine again.
    length = float(np.linalg.norm(small.astype(np.float32)))
    back = np.array([1.0 / length if length else 1.0], dtype=_FACTOR)
    return bytes(back.tobytes() + small.tobytes())


def unpack(packed: Sequence[bytes]) -> Numbers:
    """The vectors, one in each row; they must be of one model."""
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
    """The vectors of some papers, in their order, without those that have none."""

    known: NDArray[np.bool_]
    """Which of the papers have one."""
    numbers: Numbers

    def cosines(self, wanted: Numbers) -> Numbers:
        """The cosine between a vector of length one and each of these."""
        if not len(self.numbers):
            return np.zeros(0, dtype=np.float32)
        return np.asarray(self.numbers @ wanted, dtype=np.float32)


class VectorTable:
    """The vectors of many papers, by row."""

    def __init__(self) -> None:
        self._places: dict[int, int] = {}
        self._rows = np.zeros(0, dtype=np.int64)
        self._factors = np.zeros(0, dtype=np.float32)
        self._small = np.zeros((0, 0), dtype=np.int8)
        self._signs = np.zeros((0, 0), dtype=np.uint64)

    def __len__(self) -> int:
        return len(self._places)

    def put(self, packed: Mapping[int, bytes]) -> None:
        """Add vectors, or replace those of these rows.

        All that are compared have as many numbers as the last one: an endpoint may have changed its model.
        """
        if not packed:
            return
        size = len(next(reversed(list(packed.values()))))
        packed = {row: vector for row, vector in packed.items() if len(vector) == size}
        factors, small = _apart(list(packed.values()))
        self._make_room(len(packed), small.shape[1])
        places = [self._places.setdefault(row, len(self._places)) for row in packed]
        self._rows[places], self._factors[places], self._small[places] = list(packed), factors, small
        self._signs[places] = _signs(small)

    def _make_room(self, more: int, dimensions: int) -> None:
        if self._small.shape[1] != dimensions:
            self._places.clear()
        needed = len(self._places) + more
        if needed <= len(self._rows) and self._small.shape[1] == dimensions:
            return
        room, kept = max(_ROOM, needed * 5 // 4), len(self._places)
        rows, factors = np.zeros(room, dtype=np.int64), np.zeros(room, dtype=np.float32)
        small = np.zeros((room, dimensions), dtype=np.int8)
        signs = np.zeros((room, -(-dimensions // 64)), dtype=np.uint64)
        if kept:
            rows[:kept], factors[:kept] = self._rows[:kept], self._factors[:kept]
            small[:kept], signs[:kept] = self._small[:kept], self._signs[:kept]
        self._rows, self._factors, self._small, self._signs = rows, factors, small, signs

    def nearest(self, wanted: Numbers, most: int) -> dict[int, float]:
        """The rows nearest to a vector of length one, each with its cosine; up to so many, in no order."""
        places = self._alike(wanted)
        cosines = self._cosines(wanted, places)
        if len(places) > most:
            best = np.argpartition(-cosines, most - 1)[:most]
            places, cosines = places[best], cosines[best]
        return dict(zip(self._rows[places].tolist(), cosines.tolist(), strict=True))

    def of(self, rows: Sequence[int]) -> Vectors:
        """The vectors of these rows, where they have one."""
        known = np.fromiter((row in self._places for row in rows), dtype=np.bool_, count=len(rows))
        places = [self._places[row] for row in rows if row in self._places]
        return Vectors(known, self._factors[places, None] * self._small[places].astype(np.float32))

    def _alike(self, wanted: Numbers) -> NDArray[np.intp]:
        """The places of the vectors that have the most signs in common with one; of all where they are few."""
        number = len(self._places)
        looked_at = max(_CLOSELY, number // _ONE_IN)
        if number <= looked_at:
            return np.arange(number)
        different = np.zeros(number, dtype=np.uint16)
        for column, signs in enumerate(_signs(wanted[None])[0]):
            different += np.bitwise_count(self._signs[:number, column] ^ signs)
        return np.argpartition(different, looked_at - 1)[:looked_at]

    def _cosines(self, wanted: Numbers, places: NDArray[np.intp]) -> Numbers:
        found = np.empty(len(places), dtype=np.float32)
        for start in range(0, len(places), _AT_ONCE):
            some = places[start : start + _AT_ONCE]
            found[start : start + _AT_ONCE] = self._small[some].astype(np.float32) @ wanted
        return found * self._factors[places]


def _signs(vectors: NDArray[Any]) -> NDArray[np.uint64]:
    """Which numbers of each vector are positive, one bit each."""
    bits = np.packbits(vectors > 0, axis=1)
    return np.pad(bits, ((0, 0), (0, -bits.shape[1] % 8))).view(np.uint64)
