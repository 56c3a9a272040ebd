"""An in-memory cache, limited in size, that keeps the entries used recently. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

Kept = TypeVar("Kept")


class GenerationalCache(Generic[Kept]):
    """A cache that holds about `size` entries and keeps those used recently.

    It has two generations. When the young one reaches half the size, it becomes the old one, and the entries of the
    previous old one that were not used in the meantime are dropped. A look-up is one dictionary access. Threads can
    share the cache: after a race an entry may have to be made again, but it is never wrong.
    """

    def __init__(self, size: int) -> None:
        self._half = max(size // 2, 1)
        self._young: dict[Hashable, Kept] = {}
        self._old: dict[Hashable, Kept] = {}

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())

    def get(self, key: Hashable) -> Kept | None:
        """Return the entry, or None if it is not in the cache."""
        value = self._young.get(key)
        if value is None and (value := self._old.get(key)) is not None:
            self.put(key, value)
        return value

    def get_all(self, keys: Sequence[Hashable]) -> list[Kept | None]:
        """Return the entry for each key, or None for those that are not in the cache."""
        young = list(map(self._young.get, keys))
        if all(young):
            return young
        return [self.get(key) if value is None else value for key, value in zip(keys, young, strict=True)]

    def put(self, key: Hashable, piece: Kept) -> Kept:
        """Store an entry and return it."""
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        self._young[key] = piece
        return piece
