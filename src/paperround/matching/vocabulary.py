"""The collection's own words, used to correct typing mistakes and to expand acronyms. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_lowercase

from paperround.domain.models import Paper
from paperround.domain.text import fold, spans, terms
from paperround.matching.fields import author_names
from paperround.matching.lexical import Statistics
from paperround.matching.query import MAX_LENGTH
from paperround.matching.words import STOP_WORDS, is_plain

_MIN_WORD_LENGTH = 4  # letters: too many other words are one letter away from a shorter one
_RARE, _COMMON = 2, 3  # papers: a word in fewer than two is doubtful, a word in three or more is a real one
_SEEN_TWICE = 2
# "large language models (LLMs)": parentheses with two to eight letters, the first and the last of them capital.
_ACRONYM = "[A-Z][A-Za-z]{0,6}[A-Z]"
_DEFINED = re.compile(rf"\(({_ACRONYM})s?\)")
_WRITTEN = re.compile(f"{_ACRONYM}s?")
_ENDING = re.compile(r"(?:e|ed|er|es|est|y)$")
_MAX_NAMES = 4  # words of an author's name
_BEFORE = 200  # characters before the parentheses in which the long form is looked for


@dataclass(frozen=True, slots=True)
class CorrectedText:
    """A text with its probable typing mistakes corrected."""

    text: str
    changes: tuple[tuple[str, str], ...] = ()
    """Pairs of the word as written and its correction."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of a collection of papers, with their counts."""

    statistics: Statistics = field(default_factory=Statistics)
    long_forms: Mapping[str, str] = field(default_factory=dict)
    """Maps an acronym, as a term, to the words that it stands for, as terms."""
    authors: Mapping[str, int] = field(default_factory=dict)
    """The names of authors, as terms, each with the number of their papers."""

    @classmethod
    def of(cls, papers: Sequence[Paper], statistics: Statistics | None = None) -> Vocabulary:
        """Return the vocabulary of these papers; `statistics` are their word counts, if already known."""
        authors = Counter(" ".join(terms(name)) for paper in papers for name in author_names(paper))
        return cls(statistics or Statistics.of(papers), _long_forms(papers), authors)

    def correct(self, text: str, found: Callable[[str], bool] = lambda _: False) -> CorrectedText:
        """Correct typing mistakes in plain words; a text with operators is returned unchanged.

        A word of fewer than two papers is replaced by the most frequent word that is one letter away and occurs in
        at least three papers, unless that says nothing about a subject ("and") or is another form of the same word
        ("handled"). One letter away means one letter missing, added or changed, or two neighbors swapped.
        `found` returns whether a term is known from elsewhere, such as older papers; such a term is not corrected.
        """
        if not (is_plain(text) or text.isalpha()):
            return CorrectedText(text)
        pieces, changes, end = list[str](), list[tuple[str, str]](), 0
        for start, stop in spans(text):
            written = text[start:stop]
            meant = self._meant(written, found)
            if meant:
                pieces += [text[end:start], meant]
                changes.append((written, meant))
                end = stop
        return CorrectedText("".join([*pieces, text[end:]]), tuple(changes))

    def expand(self, text: str, is_ordinary: Callable[[str], bool] = STOP_WORDS.__contains__) -> str:
        """Return plain words with the long form of each of their acronyms appended, up to the length of a query.

        `is_ordinary` returns whether a term is a word of the language: written in lower case, as in "robots that can
        learn", it is none of the acronyms.
        """
        if not (is_plain(text) or text.isalnum()):
            return text
        words, expanded = set(terms(text)), text
        for term in self._acronyms(text, is_ordinary):
            longer = f"{expanded} {self.long_forms[term]}"
            if len(longer) <= MAX_LENGTH and not words.issuperset(self.long_forms[term].split()):
                expanded = longer
        return expanded

    def _acronyms(self, text: str, is_ordinary: Callable[[str], bool]) -> list[str]:
        """Return the acronyms in a text as terms, each once."""
        found = dict[str, None]()
        for start, stop in spans(text):
            written = text[start:stop]
            capital = _WRITTEN.fullmatch(written) is not None and not text.isupper()
            for term in terms(written):
                if term in self.long_forms and (capital or not is_ordinary(term)):
                    found[term] = None
        return list(found)

    def author(self, name: Sequence[str]) -> str:
        """Return the author's name, or part of one, that these terms are, with the given or the family name first.

        It is "" if there is none.
        """
        names = " \n ".join(["", *self.authors, ""])  # one text: looking into each name takes ten times as long
        return next((one for one in map(" ".join, _orders(name)) if f" {one} " in names), "")

    def author_nearly(self, name: Sequence[str]) -> str:
        """Return the author's name, or part of one, that these terms are except for one letter, in either order.

        Of several it is the one of most papers; "" if there is none.
        """
        return next(filter(None, map(self._nearly, _orders(name))), "")

    def _nearly(self, name: Sequence[str]) -> str:
        near = {
            " ".join((*name[:place], other, *name[place + 1 :]))
            for place, term in enumerate(name)
            if len(term) >= _MIN_WORD_LENGTH
            for other in one_letter_away(term)
        }
        spellings = Counter[str]()
        for known, papers in self.authors.items():
            parts = known.split()
            for start in range(len(parts) - len(name) + 1):
                if (some := " ".join(parts[start : start + len(name)])) in near:
                    spellings[some] += papers
        return min(spellings, key=lambda one: (-spellings[one], one), default="")

    def _meant(self, written: str, found: Callable[[str], bool]) -> str:
        """Return the correction of a word, or "" if it is not a mistake or has no likely correction."""
        [term, *others] = terms(written)
        frequencies = self.statistics.frequencies
        doubtful = (
            not others
            and len(term) >= _MIN_WORD_LENGTH
            and term.isascii()
            and term.isalpha()
            and term not in STOP_WORDS
            and frequencies.get(term, 0) < _RARE
        )
        if not doubtful or found(term):
            return ""
        near = [
            (frequencies[other], other)
            for other in one_letter_away(term) - STOP_WORDS
            if other in frequencies and not _are_forms_of_one_word(term, other)
        ]
        # Break ties alphabetically: the result must not depend on the order of a set.
        frequency, meant = min(((-count, other) for count, other in near), default=(0, ""))
        return meant if -frequency >= _COMMON else ""


def _orders(name: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield a name as it is written, and with its first word last; nothing if it has too many words."""
    if 0 < len(name) <= _MAX_NAMES:
        yield from (name, (*name[1:], name[0]))


def one_letter_away(word: str) -> set[str]:
    """Return every string that is one edit away: one letter missing, added or changed, or two neighbors swapped."""
    cuts = [(word[:place], word[place:]) for place in range(len(word) + 1)]
    found = {left + right[1:] for left, right in cuts if right}
    found |= {left + right[1] + right[0] + right[2:] for left, right in cuts if len(right) > 1}
    found |= {left + letter + right[1:] for left, right in cuts if right for letter in ascii_lowercase}
    found |= {left + letter + right for left, right in cuts for letter in ascii_lowercase}
    return found - {word}


def _are_forms_of_one_word(one: str, other: str) -> bool:
    """Return whether two terms differ in their endings alone: "handle" and "handled", "noise" and "noisy"."""
    stems = {_ENDING.sub("", term) for term in (one, other)}
    return len(stems) == 1 and stems.isdisjoint((one, other))


def _long_forms(papers: Iterable[Paper]) -> dict[str, str]:
    """Map acronyms to their most frequent long form, if at least two papers define it."""
    counted: dict[str, Counter[str]] = {}
    for paper in papers:
        for acronym, meaning in {*_definitions(paper.abstract or paper.summary)}:
            counted.setdefault(acronym, Counter())[meaning] += 1
    best = {acronym: min((-n, meaning) for meaning, n in meanings.items()) for acronym, meanings in counted.items()}
    return {acronym: meaning for acronym, (times, meaning) in best.items() if -times >= _SEEN_TWICE}


def _definitions(text: str) -> Iterator[tuple[str, str]]:
    """Yield each acronym that a text defines with its long form: words whose initials are the acronym's letters."""
    for found in _DEFINED.finditer(text):
        letters = fold(found[1])
        before = terms(text[max(0, found.start() - _BEFORE) : found.start()])[-len(letters) :]
        if "".join(word[0] for word in before) == letters:
            yield " ".join(terms(found[1])), " ".join(before)
