"""The words of ordinary English, which are no typing mistakes even if no paper has them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from paperround.domain.text import singular


@cache
def ordinary_words() -> frozenset[str]:
    """Return some 20,000 frequent English words, as terms: those that the vocabulary of BERT (uncased) has whole."""
    pieces = files(__package__).joinpath("vocabulary.txt").read_text("utf-8").splitlines()
    return frozenset(singular(piece) for piece in pieces if piece.isascii() and piece.isalpha())
