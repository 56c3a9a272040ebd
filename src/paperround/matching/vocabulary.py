"""The collection's own words: what a mistyped word was meant to be, and what an acronym stands for. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_lowercase

from paperround.domain.models import Paper
from paperround.domain.text import fold, spans, terms
from paperround.matching.lexical import Statistics
from paperround.matching.words import STOP_WORDS, is_plain

_SHORTEST = 4  # letters: of shorter words too many others are one letter away
_RARE, _COMMON = 2, 3  # papers: a word in fewer is doubtful, one in so many is a word
_SEEN_TWICE = 2
# "large language models (LLMs)": parentheses with two to eight letters, most of them capital.
_DEFINED = re.compile(r"\(([A-Z][A-Za-z]{0,6}[A-Z])s?\)")
_BEFORE = 200  # characters in which the long form stands


@dataclass(frozen=True, slots=True)
class Corrected:
    """A text as it was probably meant."""

    text: str
    changes: tuple[tuple[str, str], ...] = ()
    """What was written, and what is looked for instead."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of a collection of papers, counted."""

    statistics: Statistics = field(default_factory=Statistics)
    long_forms: Mapping[str, str] = field(default_factory=dict)
    """acronym, as a term → the words that it stands for, as terms."""

    @classmethod
    def of(cls, papers: Sequence[Paper], statistics: Statistics | None = None) -> Vocabulary:
        """That of these papers; `statistics` are their words, where those are counted already."""
        return cls(statistics or Statistics.of(papers), _long_forms(papers))

    def correct(self, text: str, found: Callable[[str], bool] = lambda _: False) -> Corrected:
        """Plain words with their typing mistakes mended; a text with operators stays as it is.

        A word that stands in fewer than two papers becomes the most frequent word, of three papers or more, that is
        one letter away: left out, too many, another one, or two in the wrong order. `found` tells of a term whether a
        larger collection than the one that was counted has it: then it is no mistake.
        """
        if not (is_plain(text) or text.isalpha()):
            return Corrected(text)
        pieces, changes, end = list[str](), list[tuple[str, str]](), 0
        for start, stop in spans(text):
            written = text[start:stop]
            meant = self._meant(written, found)
            if meant:
                pieces += [text[end:start], meant]
                changes.append((written, meant))
                end = stop
        return Corrected("".join([*pieces, text[end:]]), tuple(changes))

    def expand(self, text: str) -> str:
        """Plain words with the long form of each acronym among them added at the end."""
        said = terms(text)
        added = [
            self.long_forms[term]
            for term in dict.fromkeys(said)
            if term in self.long_forms and not set(self.long_forms[term].split()) <= set(said)
        ]
        return " ".join([text, *added]) if added and (is_plain(text) or text.isalnum()) else text

    def _meant(self, written: str, found: Callable[[str], bool]) -> str:
        [term, *others] = terms(written)
        frequencies = self.statistics.frequencies
        doubtful = (
            not others
            and len(term) >= _SHORTEST
            and term.isascii()
            and term.isalpha()
            and term not in STOP_WORDS
            and frequencies.get(term, 0) < _RARE
        )
        if not doubtful or found(term):
            return ""
        near = [(frequencies[other], other) for other in one_letter_away(term) if other in frequencies]
        # Of equally frequent words the first in the alphabet: the answer must not hang on the order of a set.
        frequency, meant = min(((-count, other) for count, other in near), default=(0, ""))
        return meant if -frequency >= _COMMON else ""


def one_letter_away(word: str) -> set[str]:
    """Everything that one slip of the fingers makes of a word, or made it of."""
    cuts = [(word[:place], word[place:]) for place in range(len(word) + 1)]
    found = {left + right[1:] for left, right in cuts if right}
    found |= {left + right[1] + right[0] + right[2:] for left, right in cuts if len(right) > 1}
    found |= {left + letter + right[1:] for left, right in cuts if right for letter in ascii_lowercase}
    found |= {left + letter + right for left, right in cuts for letter in ascii_lowercase}
    return found - {word}


def _long_forms(papers: Iterable[Paper]) -> dict[str, str]:
    """What acronyms stand for: their most frequent long form, of those that two papers or more define."""
    counted: dict[str, Counter[str]] = {}
    for paper in papers:
        for acronym, meaning in {*_definitions(paper.abstract or paper.summary)}:
            counted.setdefault(acronym, Counter())[meaning] += 1
    best = {acronym: min((-n, meaning) for meaning, n in meanings.items()) for acronym, meanings in counted.items()}
    return {acronym: meaning for acronym, (times, meaning) in best.items() if -times >= _SEEN_TWICE}


def _definitions(text: str) -> Iterator[tuple[str, str]]:
    """The acronyms that a text defines, with their long forms: words whose initials are the acronym's letters."""
    for found in _DEFINED.finditer(text):
        letters = fold(found[1])
        before = terms(text[max(0, found.start() - _BEFORE) : found.start()])[-len(letters) :]
        if "".join(word[0] for word in before) == letters:
            yield " ".join(terms(found[1])), " ".join(before)
