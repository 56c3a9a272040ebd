"""The words of ordinary English, which are no typing mistakes even if no paper has them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from paperround.domain.text import singular

_FREQUENT = 8_000  # lines of the vocabulary, which has the most frequent words first, after signs and letters


@cache
def ordinary_words() -> frozenset[str]:
    """Return some 20,000 English words, as terms: those that the vocabulary of BERT (uncased) has whole."""
    return frozenset(_words())


@cache
def frequent_words() -> frozenset[str]:
    """Return the most frequent 5,000 of the ordinary words, as terms: `cell` and `editor`, not `genome`."""
    return frozenset(_words(_FREQUENT))


def _words(lines: int | None = None) -> Iterator[str]:
    """Yield the words of the vocabulary as terms, or of its first lines."""
    pieces = files(__package__).joinpath("vocabulary.txt").read_text("utf-8").splitlines()[:lines]
    return (singular(piece) for piece in pieces if piece.isascii() and piece.isalpha())
