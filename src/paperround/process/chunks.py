"""Splits long sequences, so that no statement, transaction or array becomes too large."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

_Item = TypeVar("_Item")


def chunked(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    """Yield the items in parts of at most `size`, in their order.

    `itertools.batched` does the same from Python 3.12 on.
    """
    for start in range(0, len(items), size):
        yield items[start : start + size]
