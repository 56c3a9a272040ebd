"""Match one batch of papers against many queries: which rows match, how well, and why.

Matching is strictly boolean; weights only determine the order. Each phrase that a query looks for and a paper
contains is *evidence* between 0 and 1: rarity × saturation, as in BM25F (Robertson and Zaragoza, "The Probabilistic
Relevance Framework", 2009, 3.6). A paper's score is 1 − exp(−sum of evidence).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain, islice, takewhile
from math import expm1, log, prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from paperround.domain import reasons
from paperround.domain.models import Paper
from paperround.domain.reasons import ReasonKind
from paperround.domain.text import TermPlaces
from paperround.matching.fields import TEXT, Field, asides, field_terms, text_terms, values
from paperround.matching.query import Phrase, Query, evaluate, positive_phrases
from paperround.matching.words import SearchExpression, Words, spellings

MAX_REASONS = 3
UNKNOWN = 1.0  # the rarity of a word that none of the counted papers has
_MAX_SHOWN = 80  # characters of the paper's own words in one reason

# A word in the title counts as much as three in the abstract; keywords are in between.
WEIGHT = {Field.TITLE: 3.0, Field.KEYWORDS: 2.0, Field.ABSTRACT: 1.0}
# BM25's b: without it an abstract of 2,000 words would beat one of 200 by mentioning everything.
LENGTH_SHARE, USUAL_LENGTH = 0.3, 200
# BM25's k1: one mention in the abstract gives half of the maximum, one in the title three quarters. With plain words
# a few should decide, so that there further mentions add more (values from 1.5 to 4 give the same results).
HALF, HALF_OF_PLAIN = 1.0, 2.0
# Adding 100 imaginary papers without the word keeps a batch of ten from making every word common.
_PAST = 100
COUNTED_PAPERS = 2_000
"""The number of papers that say what is usual: the newest ones of a site."""
# Names: an author is as significant as a rare word, a category or source only narrows the search.
NAMED = {Field.AUTHOR: 0.9, Field.ORG: 0.5, Field.CAT: 0.2, Field.SOURCE: 0.05}

_KIND = {
    Field.TITLE: ReasonKind.TITLE,
    Field.KEYWORDS: ReasonKind.KEYWORD,
    Field.ABSTRACT: ReasonKind.ABSTRACT,
    Field.AUTHOR: ReasonKind.AUTHOR,
    Field.ORG: ReasonKind.ORGANIZATION,
    Field.CAT: ReasonKind.CATEGORY,
    Field.SOURCE: ReasonKind.SOURCE,
}
_RUNNING = frozenset({Field.TITLE, Field.ABSTRACT})
# The address of a term is one number, row · field · position, so that the next word of a phrase has the next address,
# and addresses sort in reading order: title first. No text that models.py admits has 16 million (2 ** 24) words.
_FIELDS = tuple(Field)
_ROW, _FIELD = 27, 24
_POSITION = (1 << _FIELD) - 1
_PLACE = (1 << _ROW) - 1


@dataclass(frozen=True, slots=True)
class Statistics:
    """Word counts over a larger collection of papers, so that scores do not depend on a single batch."""

    documents: int = 0
    frequencies: Mapping[str, int] = field(default_factory=dict)
    """The number of papers that have each term in title, keywords or abstract."""
    background: Statistics | None = None
    """Counts of other papers, which stand in for those that are missing from `COUNTED_PAPERS`."""

    @classmethod
    def of(cls, papers: Collection[Paper], background: Statistics | None = None) -> Statistics:
        """Count the terms of these papers."""
        return cls(len(papers), Counter(chain.from_iterable(map(text_terms, papers))), background)

    def renewed(self, added: Collection[Paper], removed: Collection[Paper]) -> Statistics:
        """Return the counts with some papers added and others removed, which takes only the time of these."""
        frequencies = Counter(self.frequencies)
        frequencies.update(chain.from_iterable(map(text_terms, added)))
        for term, number in Statistics.of(removed).frequencies.items():
            left = frequencies[term] - number
            if left > 0:
                frequencies[term] = left
            else:
                del frequencies[term]
        return Statistics(self.documents + len(added) - len(removed), frequencies, self.background)

    @property
    def total(self) -> int:
        """The number of papers counted, those included that the background stands in for."""
        return max(self.documents, COUNTED_PAPERS) if self.background else self.documents

    def frequency(self, term: str) -> float:
        """Return in how many of the `total` papers a term occurs."""
        found, missing = self.frequencies.get(term, 0), self.total - self.documents
        if not self.background or not missing:
            return found
        return found + missing * self.background.frequencies.get(term, 0) / self.background.documents

    def rarity(self, frequency: float) -> float:
        """Return how rare a word is that occurs in this many of the papers, from 0 (common) to 1 (rare)."""
        total = self.total + _PAST
        return log(total / (min(frequency, self.total) + 1)) / log(total)

    def rarity_of(self, phrase: Phrase, completions: Iterable[str] = ()) -> float:
        """Return the rarity of a phrase, which is at least that of its rarest word.

        It combines the rarities of the words like independent probabilities: 1 − the product of (1 − rarity). The
        last word of a prefix is as frequent as all its `completions` together.
        """
        each = [self.frequency(term) for term in phrase.terms]
        if phrase.prefix:
            each[-1] = sum(map(self.frequency, completions))
        return 1 - prod(1 - self.rarity(frequency) for frequency in each)

    def rarity_of_any(self, spelled: Iterable[Phrase]) -> float:
        """Return the rarity of an expression with several spellings: the rarity of its most common spelling."""
        return min(map(self.rarity_of, spelled))


def shares_of(evidence: NDArray[Any], rarities: Sequence[float], unknown: NDArray[Any]) -> NDArray[np.float32]:
    """Return each paper's share of the evidence possible for some terms, from its evidence.

    `rarities` has the rarity of each term. A term that none of the counted papers has says little about which papers
    fit, so it counts like the others on average, except for a paper that has it: `unknown` is the number of such
    terms in each paper.
    """
    known = [rarity for rarity in rarities if rarity < UNKNOWN]
    counted = np.maximum(len(known) + unknown, 1)
    average = np.where(len(known) + unknown > 0, (sum(known) + unknown * UNKNOWN) / counted, UNKNOWN)
    return np.asarray(evidence / (average * len(rarities)), dtype=np.float32)


def text_weights(places: int) -> tuple[float, float, float]:
    """Return the weights of one mention in title, keywords and abstract.

    `places` is the abstract's number of terms plus one: a mention in a longer abstract weighs less.
    """
    diluted = WEIGHT[Field.ABSTRACT] / (1 - LENGTH_SHARE + LENGTH_SHARE * places / USUAL_LENGTH)
    return WEIGHT[Field.TITLE], WEIGHT[Field.KEYWORDS], diluted


def _weights(paper: Paper) -> tuple[float, float, float]:
    (abstract,) = field_terms(paper, Field.ABSTRACT)
    return text_weights(len(abstract) + 1)


class Hit(NamedTuple):
    """How well a paper fits a query, from 0 to 1, and up to three reasons in the paper's own words, best first."""

    score: float
    why: tuple[str, ...]


# A phrase found in a paper: its evidence, negated, so that the strongest sorts first; the address of its first
# occurrence, so that of equally strong phrases the earliest does; its number of terms. It is a plain tuple because a
# morning creates a million.
_Find = tuple[float, int, int]


class Index:
    """An inverted index over one batch of papers. Their rows must be unique. Threads may share it."""

    def __init__(self, papers: Iterable[Paper], statistics: Statistics | None = None) -> None:
        self._papers = {paper.row: paper for paper in papers}
        self._weights = {row: _weights(paper) for row, paper in self._papers.items()}
        self._postings: dict[tuple[Field, ...], _Postings] = {}
        self._asides = frozenset(
            row << _ROW | _FIELDS.index(Field.ABSTRACT) << _FIELD | number
            for row, paper in self._papers.items()
            for run in asides(paper)
            for number in run
        )
        self._found: dict[tuple[Phrase, bool], Mapping[int, _Find]] = {}
        self._evidence: dict[str, tuple[float, NDArray[np.intp], NDArray[np.float32]]] = {}
        self._originals: dict[int, _Words | _Names] = {}
        self._places = {row: place for place, row in enumerate(self._papers)}
        self._statistics = statistics or Statistics.of(self._papers.values())

    def matches(self, query: Query) -> dict[int, Hit]:
        """Return the rows of the papers that match, each with its hit."""
        found: dict[int, list[_Find]] = {row: [] for row in self.rows(query)}
        for phrase in positive_phrases(query):
            finds = self._find(phrase)
            for row in found.keys() & finds.keys():
                found[row].append(finds[row])
        return {row: self._hit(finds) for row, finds in found.items()}

    @property
    def numbers(self) -> tuple[int, ...]:
        """The rows of the papers, in the order of `shares`."""
        return tuple(self._papers)

    @property
    def papers(self) -> Sequence[Paper]:
        """The papers, in the order of `numbers`."""
        return tuple(self._papers.values())

    def shares(self, words: Words) -> NDArray[np.float32]:
        """Return for each paper its share of the evidence possible for these words, from 0 to 1.

        A paper would reach 1 only by repeating each of the words endlessly. A word that no paper is known to have
        counts toward the possible evidence like the others on average: it may be in a later paper, or say nothing, as
        a word of another language does.
        """
        evidence, unknown = np.zeros((2, len(self._papers)), dtype=np.float32)
        rarities = list[float]()
        for term in words.terms:
            rarity, places, found = self._term(term)
            rarities.append(rarity)
            evidence[places] += found
            if rarity >= UNKNOWN:
                unknown[places] += 1
        return shares_of(evidence, rarities, unknown)

    def reasons(self, wanted: SearchExpression, rows: Iterable[int] | None = None) -> dict[int, tuple[str, ...]]:
        """Return for each paper the reasons why it fits a query or plain words, in the paper's own words.

        `rows` limits the result to these rows. The strongest evidence comes first.
        """
        plain = isinstance(wanted, Words)
        phrases = wanted.phrases if isinstance(wanted, Words) else positive_phrases(wanted)
        found = [self._find(phrase, plain=plain) for phrase in phrases]
        wanted_rows = self._papers if rows is None else rows
        return {row: self._hit([finds[row] for finds in found if row in finds]).why for row in wanted_rows}

    def rows(self, query: Query) -> frozenset[int]:
        """Return the rows of the papers that match, without scores and reasons."""
        _, rows = evaluate(query, lambda phrase: frozenset(self._find(phrase)), _shared, _united, _without)
        return rows

    def _postings_of(self, name: Field | None) -> _Postings:
        """Return the postings of a field, or of the text, which title, keywords and abstract share.

        They are made for the first phrase in the field: many topics name none, and authors are many.
        """
        fields = TEXT if name is None or name in TEXT else (name,)
        if fields not in self._postings:
            made = _Postings()
            for row, paper in self._papers.items():
                for field in fields:
                    made.add(row << _ROW | _FIELDS.index(field) << _FIELD, field_terms(paper, field))
            self._postings[fields] = made  # only when complete: another thread may look something up
        return self._postings[fields]

    def _find(self, phrase: Phrase, *, plain: bool = False) -> Mapping[int, _Find]:
        """Return the occurrences of a phrase by row, for plain words without those in asides.

        The result is cached for all queries with this phrase.
        """
        if (phrase, plain) not in self._found:
            postings = self._postings_of(phrase.field)
            starts = self._significant_starts(postings, phrase) if plain else postings.starts(phrase)
            if phrase.field in TEXT:
                code = _FIELDS.index(phrase.field)
                starts = [address for address in starts if (address & _PLACE) >> _FIELD == code]
            self._found[phrase, plain] = self._weighed(phrase, starts)
        return self._found[phrase, plain]

    def _significant_starts(self, postings: _Postings, phrase: Phrase) -> Sequence[int]:
        """Return the addresses at which a phrase begins, unless all of it is in an aside."""
        starts, length = postings.starts(phrase), len(phrase.terms)
        if not self._asides:
            return starts
        return [at for at in starts if not self._asides.issuperset(range(at, at + length))]

    def _weighed(self, phrase: Phrase, starts: Sequence[int]) -> Mapping[int, _Find]:
        """Return the evidence (negated), first address and length of a phrase in each row, from its addresses."""
        first = {address >> _ROW: address for address in reversed(starts)}
        length = len(phrase.terms)
        if phrase.field in NAMED:
            evidence = NAMED[phrase.field]
            return {row: (-evidence, address, length) for row, address in first.items()}
        sums, rarity = self._sums(starts), self._rarity(phrase)
        return {row: (-rarity * sums[row] / (sums[row] + HALF), first[row], length) for row in first}

    def _sums(self, starts: Iterable[int]) -> dict[int, float]:
        """Return for each row the sum of its mentions at these addresses, each weighted by its field."""
        weights, sums = self._weights, dict[int, float]()
        for address in starts:
            row = address >> _ROW
            sums[row] = sums.get(row, 0.0) + weights[row][(address & _PLACE) >> _FIELD]
        return sums

    def _term(self, term: str) -> tuple[float, NDArray[np.intp], NDArray[np.float32]]:
        """Return a term's rarity, the places of the papers that contain it, and its evidence in each.

        The result is cached, since a round looks up the same terms many times.
        """
        known = self._evidence.get(term)
        if known is None:
            spelled, postings = spellings(term), self._postings_of(None)
            sums = self._sums(chain.from_iterable(self._significant_starts(postings, one) for one in spelled))
            rarity = self._statistics.rarity_of_any(spelled)
            places = np.fromiter((self._places[row] for row in sums), dtype=np.intp, count=len(sums))
            mentions = np.fromiter(sums.values(), dtype=np.float32, count=len(sums))
            known = self._evidence[term] = rarity, places, np.float32(rarity) * mentions / (mentions + HALF_OF_PLAIN)
        return known

    def _rarity(self, phrase: Phrase) -> float:
        completions = self._postings_of(None).completed(phrase) if phrase.prefix else ()
        return self._statistics.rarity_of(phrase, completions)

    def _hit(self, finds: list[_Find]) -> Hit:
        """Add up the evidence found in one paper, and name the strongest as reasons."""
        finds.sort()
        negative_evidence, why = 0.0, list[str]()
        for evidence, address, length in finds:
            negative_evidence += evidence
            if len(why) < MAX_REASONS and (reason := self._reason(address, length)) not in why:
                why.append(reason)
        return Hit(-expm1(negative_evidence), tuple(why))

    def _reason(self, address: int, length: int) -> str:
        """Return a reason that quotes the words at this address."""
        original = self._originals.get(address >> _FIELD)
        if original is None:
            name = _FIELDS[(address & _PLACE) >> _FIELD]
            paper = self._papers[address >> _ROW]
            original = _Words(name, paper) if name in _RUNNING else _Names(name, paper)
            self._originals[address >> _FIELD] = original
        return original.shown(address & _POSITION, length)


def _shared(sets: Sequence[frozenset[int]]) -> frozenset[int]:
    return frozenset.intersection(*sets)


def _united(sets: Sequence[frozenset[int]]) -> frozenset[int]:
    return frozenset.union(*sets)


def _without(wanted: frozenset[int], unwanted: frozenset[int]) -> frozenset[int]:
    return wanted - unwanted


class _Postings:
    """Maps each term to the addresses at which it occurs, ascending.

    Between two values of a field one address stays unused, so that no phrase spans both.
    """

    def __init__(self) -> None:
        self._addresses: defaultdict[str, list[int]] = defaultdict(list)
        self._sets: dict[str, frozenset[int]] = {}
        self._vocabulary: list[str] = []

    def add(self, address: int, texts: Iterable[Sequence[str]]) -> None:
        """Add the terms of a field's texts from this address on."""
        addresses = self._addresses
        for terms in texts:
            for place, term in enumerate(terms, address):
                addresses[term].append(place)
            address += len(terms) + 1

    def completed(self, phrase: Phrase) -> list[str]:
        """Return the indexed terms that the phrase's last term matches: itself, or all completions of a prefix."""
        stem = phrase.terms[-1]
        if not phrase.prefix:
            return [stem] if stem in self._addresses else []
        if len(self._vocabulary) != len(self._addresses):
            self._vocabulary = sorted(self._addresses)
        following = islice(self._vocabulary, bisect_left(self._vocabulary, stem), None)
        begun = takewhile(lambda term: term.startswith(stem), following)
        return [*begun, *(term for term in phrase.endings if term in self._addresses)]

    def starts(self, phrase: Phrase) -> Sequence[int]:
        """Return the addresses at which the phrase begins, ascending."""
        return sorted(
            start for last in self.completed(phrase) for start in self._together((*phrase.terms[:-1], last))
        )

    def _together(self, terms: Sequence[str]) -> Sequence[int]:
        """Return the addresses at which these terms occur one after the other."""
        if len(terms) == 1:
            return self._addresses[terms[0]]
        if not all(term in self._addresses for term in terms):
            return ()
        # Start with the rarest word, so that "of the" in a phrase costs no more than its rare neighbor.
        offsets = sorted(range(len(terms)), key=lambda offset: len(self._addresses[terms[offset]]))
        rarest = offsets[0]
        starts = [address - rarest for address in self._addresses[terms[rarest]]]
        for offset in offsets[1:]:
            places = self._set(terms[offset])
            starts = [start for start in starts if start + offset in places]
        return starts

    def _set(self, term: str) -> frozenset[int]:
        if term not in self._sets:
            self._sets[term] = frozenset(self._addresses[term])
        return self._sets[term]


class _Words:
    """The original text of a title or abstract, used to quote the words found in it."""

    def __init__(self, name: Field, paper: Paper) -> None:
        self._kind, (self._text,) = _KIND[name], values(paper, name)
        self._places = TermPlaces(self._text)

    def shown(self, position: int, length: int) -> str:
        """Return the words from this position on, in quotation marks if there are several."""
        start, end = self._places.span(position, position + length - 1)
        words = self._text[start:end] if end - start <= _MAX_SHOWN else _shorten(self._text[start:end])
        return reasons.write(self._kind, reasons.quote(words) if length > 1 and " " in words else words)


class _Names:
    """Original keywords or names, used to quote the whole value in which something was found."""

    def __init__(self, name: Field, paper: Paper) -> None:
        lengths = [len(terms) + 1 for terms in field_terms(paper, name)]
        self._starts = list(accumulate(lengths[:-1], initial=0))
        self._shown = [reasons.write(_KIND[name], _shorten(text)) for text in values(paper, name)]

    def shown(self, position: int, _length: int) -> str:
        """Return the name that contains this position."""
        return self._shown[bisect_right(self._starts, position) - 1]


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1].rstrip() + "…"
