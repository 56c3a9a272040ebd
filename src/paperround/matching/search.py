"""A search over all papers, in two steps that are the same on every database. Pure.

First the search index returns candidates: for each of several queries, from strict to loose, the newest papers that
it finds, a few hundred in all. Then they are ranked here, by the same evidence as in `lexical`, so that a search, a
topic and a letter agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from math import expm1, prod

from paperround.domain.models import Paper
from paperround.domain.search_plan import DaySpan, SearchPlan
from paperround.matching.fields import TEXT, Field, value_terms, values
from paperround.matching.lexical import HALF, HALF_OF_PLAIN, NAMED, Statistics, text_weights
from paperround.matching.query import Phrase, Query, both, either, sought
from paperround.matching.query import phrase as phrase_of
from paperround.matching.words import Wanted, Words

# How many of the plain words are used, the rarest first, and how many papers each query may return. All of them
# together are read and ranked in a few hundredths of a second.
_MOST_TERMS, _PAIRED, _ALONE = 8, 5, 3
_EXACT, _IN_TITLE, _SEVERAL, _FEW = 200, 80, 60, 20
_FIRST_PAGES = 60  # papers shown that these limits suffice for; for more papers the limits grow


@dataclass(frozen=True, slots=True)
class SearchBounds:
    """The limits of a search: papers announced from `first` to `last`, both inclusive, and from one source."""

    first: date = date.min
    last: date = date.max
    source: str = ""
    """The name of the source; empty for all sources."""

    @property
    def days(self) -> DaySpan | None:
        """The first and last day, or None if the days are unlimited."""
        return None if (self.first, self.last) == (date.min, date.max) else (self.first, self.last)

    def narrow(self, query: Query) -> Query:
        """Return the query, restricted to the source if there is one."""
        found = phrase_of(self.source, Field.SOURCE) if self.source else None
        return both([query, found]) if found else query

    def include(self, paper: Paper) -> bool:
        """Return whether a paper is within the limits."""
        return self.first <= paper.day <= self.last and self.source in {"", *paper.sources}


EVERYWHERE = SearchBounds()


def plan(wanted: Wanted, statistics: Statistics, needed: int = _FIRST_PAGES) -> SearchPlan[Query]:
    """Return the queries for candidates; with more papers `needed`, their limits are larger."""
    times = -(-max(needed, 1) // _FIRST_PAGES)
    found = _loosening(wanted, statistics) if isinstance(wanted, Words) else _exactly(wanted)
    return [[(query, limit * times) for query, limit in chain] for chain in found]


def _exactly(query: Query) -> Iterator[list[tuple[Query, int]]]:
    """Yield the query itself, and stricter queries that also find the best older papers.

    The stricter queries require its words in the title, or several of them anywhere.
    """
    anywhere = [phrase for phrase in sought(query) if phrase.field is None][:_MOST_TERMS]
    several = [(both([query, _at_least(2, anywhere[:_PAIRED])]), _SEVERAL)] if len(anywhere) > 1 else []
    yield [(query, _EXACT), *several]
    if anywhere:
        yield [(both([query, either(_in_title(anywhere))]), _IN_TITLE)]


def _loosening(words: Words, statistics: Statistics) -> Iterator[list[tuple[Query, int]]]:
    """Yield the queries for papers with two, nearly all or all of the words, for titles, and for one rare word."""
    telling = sorted(words.phrases, key=lambda phrase: statistics.frequencies.get(phrase.terms[0], 0))[:_MOST_TERMS]
    rarest, total = telling[:_PAIRED], len(telling)
    two = min(2, total)
    stricter = [(_at_least(number, telling), _SEVERAL) for number in range(max(two + 1, total - 1), total + 1)]
    yield [(_at_least(two, rarest), _SEVERAL), *stricter]
    yield [(_at_least(number, _in_title(rarest)), _SEVERAL) for number in range(1, two + 1)]
    for phrase in telling[:_ALONE]:
        yield [(phrase, _FEW)]


def _in_title(phrases: Sequence[Phrase]) -> list[Phrase]:
    return [replace(phrase, field=Field.TITLE) for phrase in phrases]


def _at_least(number: int, phrases: Sequence[Phrase]) -> Query:
    """Return the query for so many of the phrases, given from rare to common.

    It has the last phrase once and the others more often. Listing all combinations would have each of them as often,
    and an index takes longer the more often a query has its common words.
    """
    if number in {1, len(phrases)}:
        return either(phrases) if number == 1 else both(phrases)
    *rarer, last = phrases
    return either([both([last, _at_least(number - 1, rarer)]), _at_least(number, rarer)])


class Scorer:
    """Scores papers one at a time for a query or plain words, from 0 to 1."""

    def __init__(self, wanted: Wanted, statistics: Statistics) -> None:
        self._plain = isinstance(wanted, Words)
        self._phrases = wanted.phrases if isinstance(wanted, Words) else sought(wanted)
        self._rarities = [_rarity(phrase, statistics) for phrase in self._phrases]
        self._fields = {name for phrase in self._phrases for name in ([phrase.field] if phrase.field else TEXT)}

    def score(self, paper: Paper) -> float:
        """Return the score of one paper.

        For plain words it is the share of the possible evidence; for a query it is the score of a match in
        `lexical.Index`.
        """
        texts = {name: [_terms(name, value) for value in values(paper, name)] for name in self._fields}
        # The abstract's length is needed even if only the title is searched.
        abstract = texts.get(Field.ABSTRACT) or [_terms(Field.ABSTRACT, paper.abstract or paper.summary)]
        weights = dict(zip(TEXT, text_weights(len(abstract[0]) + 1), strict=True))
        found = [
            _evidence(phrase, rarity, texts, weights, HALF_OF_PLAIN if self._plain else HALF)
            for phrase, rarity in zip(self._phrases, self._rarities, strict=True)
        ]
        return sum(found) / sum(self._rarities) if self._plain else -expm1(-sum(found))


@lru_cache(maxsize=8_192)
def _terms(name: Field, value: str) -> tuple[str, ...]:
    """Return the terms of a text, cached: searches find the newest papers again and again.

    They are a tuple because the garbage collector stops looking at tuples of strings. As lists, these texts made
    each of its full runs take 0.1 s.
    """
    return tuple(value_terms(name, value))


def _evidence(
    phrase: Phrase,
    rarity: float,
    texts: Mapping[Field, Sequence[Sequence[str]]],
    weights: Mapping[Field, float],
    half: float,
) -> float:
    """Return the evidence of a phrase in a paper, as in `lexical`: rarity × saturation, or a constant for names."""
    if phrase.field in NAMED:
        return NAMED[phrase.field] if any(_mentions(phrase, terms) for terms in texts[phrase.field]) else 0.0
    total = sum(
        weights[name] * _mentions(phrase, terms)
        for name in ([phrase.field] if phrase.field else TEXT)
        for terms in texts[name]
    )
    return rarity * total / (total + half)


def _mentions(phrase: Phrase, terms: Sequence[str]) -> int:
    """Return how often the phrase occurs in a text."""
    if len(phrase.terms) == 1 and not phrase.prefix:
        return terms.count(phrase.terms[0])
    before, last = phrase.terms[:-1], phrase.terms[-1]
    length = len(before)
    return sum(
        terms[at : at + length] == before and _completes(phrase, last, terms[at + length])
        for at in range(len(terms) - length)
    )


def _completes(phrase: Phrase, last: str, term: str) -> bool:
    return term == last or (phrase.prefix and (term.startswith(last) or term in phrase.endings))


def _rarity(phrase: Phrase, statistics: Statistics) -> float:
    """Return a phrase's rarity as `lexical.Index` does, but match a prefix against all words of the statistics."""
    each = [statistics.frequencies.get(term, 0) for term in phrase.terms]
    if phrase.prefix:
        each[-1] = sum(
            frequency
            for term, frequency in statistics.frequencies.items()
            if _completes(phrase, phrase.terms[-1], term)
        )
    return 1 - prod(1 - statistics.rarity(frequency) for frequency in each)
