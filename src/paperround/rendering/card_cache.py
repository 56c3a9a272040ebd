"""Finished pieces kept in memory, the latest ones, never more than a bounded number."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

Kept = TypeVar("Kept")


class CardCache(Generic[Kept]):
    """A cache of at most `size` pieces that keeps what was used lately.

    Two generations: when the young one has grown to half the size it becomes the old one, and what nobody has
    asked for in the meantime is gone. A look-up is one dictionary access, and threads can share it: a race
    costs a piece that is made again, never a wrong one.
    """

    def __init__(self, size: int) -> None:
        self._half = max(size // 2, 1)
        self._young: dict[Hashable, Kept] = {}
        self._old: dict[Hashable, Kept] = {}

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())

    def get(self, key: Hashable) -> Kept | None:
        """The piece, or None where it has to be made."""
        found = self._young.get(key)
        if found is None and (found := self._old.get(key)) is not None:
            self.put(key, found)
        return found

    def get_all(self, keys: Sequence[Hashable]) -> list[Kept | None]:
        """The same for several."""
        young = self._young
        return [young[key] if key in young else self.get(key) for key in keys]

    def put(self, key: Hashable, piece: Kept) -> Kept:
        """The piece itself, kept from now on."""
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        self._young[key] = piece
        return piece
