"""One batch of papers against many queries: which rows match, how well, and why.

What matches is exactly boolean; only the order is a matter of weight. Each phrase that a query seeks and a
paper holds is *evidence* between 0 and 1: rarity × saturation, as in BM25F (Robertson and Zaragoza, "The
Probabilistic Relevance Framework", 2009, 3.6), and a paper's score is 1 − exp(−sum of evidence).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice
from math import exp, log, prod

from paperround.matching.fields import TEXT, Field, value_terms, values
from paperround.matching.query import Phrase, Query, evaluate, sought
from paperround.models import Paper
from paperround.text import spans

MAX_REASONS = 3
_MAX_SHOWN = 80  # characters of the paper's own words in one reason

# A word in the title counts as much as three in the abstract; keywords stand between.
_WEIGHT = {Field.TITLE: 3.0, Field.KEYWORDS: 2.0, Field.ABSTRACT: 1.0}
# BM25's b: a tenth abstract of 2,000 words would otherwise beat one of 200 by mentioning everything.
_LENGTH_SHARE, _USUAL_LENGTH = 0.3, 200
# BM25's k1: one mention in the abstract is half of what can be had, one in the title three quarters.
_HALF = 1.0
# An imagined past without the word keeps a batch of ten papers from calling every word common.
_PAST = 100
# Names: a wanted author is as telling as a rare word, a category or source only narrows.
_NAMED = {Field.AUTHOR: 0.9, Field.ORG: 0.5, Field.CAT: 0.2, Field.SOURCE: 0.05}

_LABEL = {
    Field.TITLE: "title",
    Field.KEYWORDS: "keyword",
    Field.ABSTRACT: "abstract",
    Field.AUTHOR: "author",
    Field.ORG: "organisation",
    Field.CAT: "category",
    Field.SOURCE: "source",
}
# Title, keywords and abstract share one axis of positions, a million apart, so that one posting list serves a
# word with and without a field; no text that models.py admits has a million words.
_SHIFT = 20
# Running text is quoted by the words found; of the other fields the whole value is shown.
_RUNNING = frozenset({Field.TITLE, Field.ABSTRACT})
_AXIS = {found: place << _SHIFT for place, found in enumerate(TEXT)}


@dataclass(frozen=True, slots=True)
class Statistics:
    """How common words are in a larger body of papers, so that scores do not hang on one batch."""

    documents: int = 0
    frequencies: Mapping[str, int] = field(default_factory=dict)
    """term → number of papers that have it in title, keywords or abstract."""

    @classmethod
    def of(cls, papers: Iterable[Paper]) -> Statistics:
        """Counted over these papers."""
        documents, frequencies = 0, Counter[str]()
        for paper in papers:
            documents += 1
            frequencies.update(
                {t for name in TEXT for value in values(paper, name) for t in value_terms(name, value)}
            )
        return cls(documents, frequencies)

    def rarity(self, frequency: int) -> float:
        """0 to 1: how telling a word is that stands in so many of the papers."""
        total = self.documents + _PAST
        return log(total / (min(frequency, self.documents) + 1)) / log(total)


@dataclass(frozen=True, slots=True)
class Hit:
    """How well a paper fits a query, 0 to 1, and up to three reasons in the paper's own words, best first."""

    score: float
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Find:
    evidence: float
    field: Field
    position: int


class Index:
    """An inverted index over one batch of papers, whose rows must differ."""

    def __init__(self, papers: Iterable[Paper], statistics: Statistics | None = None) -> None:
        self._papers: dict[int, Paper] = {}
        self._text = _Postings()
        self._names = {name: _Postings() for name in _NAMED}
        self._dilution: dict[int, float] = {}
        self._finds: dict[Phrase, dict[int, _Find]] = {}
        self._originals: dict[tuple[int, Field], _Original] = {}
        for paper in papers:
            self._add(paper)
        self._statistics = statistics or Statistics(len(self._papers), self._text.frequencies())

    def matches(self, query: Query) -> dict[int, Hit]:
        """The rows of the papers that match, each with its hit."""
        found: dict[int, list[tuple[_Find, int]]] = {row: [] for row in self.rows(query)}
        for phrase in sought(query):
            finds = self._find(phrase)
            for row in found.keys() & finds.keys():
                found[row].append((finds[row], len(phrase.terms)))
        return {row: self._hit(row, finds) for row, finds in found.items()}

    def rows(self, query: Query) -> frozenset[int]:
        """The rows of the papers that match, without scores and reasons."""
        _, rows = evaluate(query, lambda phrase: frozenset(self._find(phrase)), _shared, _united, _without)
        return rows

    def _add(self, paper: Paper) -> None:
        self._papers[paper.row] = paper
        for name in Field:
            postings = self._text if name in _AXIS else self._names[name]
            position = start = _AXIS.get(name, 0)
            for value in values(paper, name):
                position = postings.add(paper.row, position, value_terms(name, value))
            if name is Field.ABSTRACT:
                self._dilution[paper.row] = (
                    1 - _LENGTH_SHARE + _LENGTH_SHARE * (position - start) / _USUAL_LENGTH
                )

    def _find(self, phrase: Phrase) -> dict[int, _Find]:
        if phrase not in self._finds:
            finds = self._find_name(phrase) if phrase.field in _NAMED else self._find_text(phrase)
            self._finds[phrase] = finds
        return self._finds[phrase]

    def _find_name(self, phrase: Phrase) -> dict[int, _Find]:
        assert phrase.field is not None  # noqa: S101 - _NAMED has no None
        evidence = _NAMED[phrase.field]
        starts = self._names[phrase.field].starts(phrase)
        return {row: _Find(evidence, phrase.field, places[0]) for row, places in starts.items()}

    def _find_text(self, phrase: Phrase) -> dict[int, _Find]:
        finds = {}
        rarity = self._rarity(phrase)
        for row, everywhere in self._text.starts(phrase).items():
            places = [p for p in everywhere if phrase.field is None or TEXT[p >> _SHIFT] is phrase.field]
            if places:
                weight = self._weight(row, places)
                finds[row] = _Find(rarity * weight / (weight + _HALF), TEXT[places[0] >> _SHIFT], places[0])
        return finds

    def _weight(self, row: int, places: list[int]) -> float:
        weight = 0.0
        for place in places:
            name = TEXT[place >> _SHIFT]
            weight += _WEIGHT[name] / (self._dilution[row] if name is Field.ABSTRACT else 1.0)
        return weight

    def _rarity(self, phrase: Phrase) -> float:
        """A phrase is rarer than its words: its rarity is the chance that at least one of them is telling."""
        frequencies = self._statistics.frequencies
        each = [frequencies.get(term, 0) for term in phrase.terms]
        if phrase.prefix:
            each[-1] = sum(frequencies.get(term, 0) for term in self._text.completed(phrase))
        return 1 - prod(1 - self._statistics.rarity(frequency) for frequency in each)

    def _hit(self, row: int, finds: list[tuple[_Find, int]]) -> Hit:
        score = 1 - exp(-sum(find.evidence for find, _ in finds))
        finds.sort(key=lambda pair: -pair[0].evidence)
        reasons: dict[str, None] = {}
        for find, length in finds:
            reasons[self._reason(row, find, length)] = None
            if len(reasons) == MAX_REASONS:
                break
        return Hit(score, tuple(reasons))

    def _reason(self, row: int, find: _Find, length: int) -> str:
        key = row, find.field
        if key not in self._originals:
            self._originals[key] = _Original(find.field, values(self._papers[row], find.field))
        start = find.position - _AXIS.get(find.field, 0)
        return f"{_LABEL[find.field]}: {self._originals[key].shown(start, length)}"


def _shared(sets: Sequence[frozenset[int]]) -> frozenset[int]:
    return frozenset.intersection(*sets)


def _united(sets: Sequence[frozenset[int]]) -> frozenset[int]:
    return frozenset.union(*sets)


def _without(wanted: frozenset[int], unwanted: frozenset[int]) -> frozenset[int]:
    return wanted - unwanted


class _Postings:
    """term → row → positions, ascending; between two values of a row one position stays empty."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[int, list[int]]] = {}
        self._vocabulary: list[str] = []

    def add(self, row: int, position: int, terms: list[str]) -> int:
        """Puts a value's terms from this position on; returns where the row's next value may begin."""
        for place, term in enumerate(terms, position):
            self._rows.setdefault(term, {}).setdefault(row, []).append(place)
        return position + len(terms) + 1

    def frequencies(self) -> dict[str, int]:
        """How many rows have each term."""
        return {term: len(rows) for term, rows in self._rows.items()}

    def completed(self, phrase: Phrase) -> list[str]:
        """The terms that the phrase's last one stands for: itself, or for a prefix all that it begins."""
        stem = phrase.terms[-1]
        if not phrase.prefix:
            return [stem]
        if len(self._vocabulary) != len(self._rows):
            self._vocabulary = sorted(self._rows)
        found = []
        for term in islice(self._vocabulary, bisect_left(self._vocabulary, stem), None):
            if not term.startswith(stem):
                break
            found.append(term)
        return found + [term for term in phrase.endings if term in self._rows]

    def starts(self, phrase: Phrase) -> Mapping[int, list[int]]:
        """The positions, ascending, at which the phrase begins, by row; rows without it are left out."""
        columns = [self._rows.get(term, {}) for term in phrase.terms[:-1]] + [
            self._union(self.completed(phrase))
        ]
        if len(columns) == 1:
            return columns[0]
        found = {}
        for row in min(columns, key=len):
            places = self._side_by_side([column.get(row, ()) for column in columns])
            if places:
                found[row] = places
        return found

    def _union(self, terms: list[str]) -> Mapping[int, list[int]]:
        if len(terms) == 1:
            return self._rows.get(terms[0], {})
        union: dict[int, list[int]] = {}
        for term in terms:
            for row, places in self._rows[term].items():
                union.setdefault(row, []).extend(places)
        return {row: sorted(places) for row, places in union.items()}

    @staticmethod
    def _side_by_side(columns: list[Sequence[int]]) -> list[int]:
        starts = set(columns[0])
        for offset, column in enumerate(columns[1:], 1):
            starts &= {place - offset for place in column}
        return sorted(starts)


class _Original:
    """One field of one paper as it was written, to quote from by position."""

    def __init__(self, name: Field, texts: Sequence[str]) -> None:
        self._name, self._texts = name, texts
        lengths = [len(value_terms(name, text)) + 1 for text in texts]
        self._starts = list(accumulate(lengths[:-1], initial=0))
        self._spans: list[tuple[int, int]] = []

    def shown(self, position: int, length: int) -> str:
        """What stands at this position: words of running text, or the whole of a name or keyword."""
        text = self._texts[bisect_right(self._starts, position) - 1]
        if self._name in _RUNNING:
            self._spans = self._spans or spans(text)
            text = text[self._spans[position][0] : self._spans[position + length - 1][1]]
        short = text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1].rstrip() + "…"
        return f'"{short}"' if self._name in _RUNNING and " " in short else short
