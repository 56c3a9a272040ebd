"""Split text into the word pieces that BERT-like models read. Pure.

The scheme is BERT's for uncased English: convert to lower case without accents, split at white space and at each
punctuation mark and Chinese character, then split each word from the left into the longest pieces in the vocabulary
(Devlin et al., "BERT", 2019, 4; Wu et al., "Google's Neural Machine Translation System", 2016, 4.1).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

_UNKNOWN, _BEGIN, _END = "[UNK]", "[CLS]", "[SEP]"
_MAX_WORD_LENGTH = 100  # characters; a longer one is unknown
_CHINESE = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f"
_WORD = re.compile(rf"[{_CHINESE}]|[^\W_{_CHINESE}]+|[^\s\w]|_")


class WordPieces:
    """A vocabulary of word pieces. The model identifies each piece by its position in the vocabulary."""

    def __init__(self, vocabulary: Iterable[str]) -> None:
        self._numbers = {piece: number for number, piece in enumerate(vocabulary)}
        self._unknown, self._begin, self._end = (self._numbers[mark] for mark in (_UNKNOWN, _BEGIN, _END))
        self._split = lru_cache(maxsize=50_000)(self._pieces)

    def numbers(self, text: str, most: int) -> list[int]:
        """Return the numbers of a text's pieces between the begin and end marks, cut to `most` numbers in all."""
        numbers: list[int] = [self._begin]
        # Stop once there are enough pieces: a long text is not split to its end.
        for word in _words(text):
            numbers += self._split(word)
            if len(numbers) >= most:
                break
        return [*numbers[: most - 1], self._end]

    def _pieces(self, word: str) -> Sequence[int]:
        """Return the numbers of the pieces of one word; the number of "unknown" if it cannot be split."""
        if len(word) > _MAX_WORD_LENGTH:
            return (self._unknown,)
        pieces, start = [], 0
        while start < len(word):
            number, start = self._longest(word, start)
            if number is None:
                return (self._unknown,)
            pieces.append(number)
        return pieces

    def _longest(self, word: str, start: int) -> tuple[int | None, int]:
        """Return the number of the longest piece that begins at `start`, and where it ends.

        Return None and `start` if the vocabulary has no such piece.
        """
        for end in range(len(word), start, -1):
            piece = word[start:end] if start == 0 else f"##{word[start:end]}"
            if piece in self._numbers:
                return self._numbers[piece], end
        return None, start


def _words(text: str) -> Iterator[str]:
    plain = text.lower()
    if not plain.isascii():
        plain = "".join(c for c in unicodedata.normalize("NFD", plain) if unicodedata.category(c) != "Mn")
    return (match[0] for match in _WORD.finditer(plain))
