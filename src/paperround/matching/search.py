"""A search over all papers, in two steps that are the same on every database. Pure.

First the search index returns candidates: for each of several queries, from strict to loose, the newest papers that
it finds, a few hundred in all. Then they are ranked here, by the same evidence as in `lexical`, so that a search, a
topic and a letter agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from paperround.domain.models import Paper
from paperround.domain.search_plan import DaySpan, SearchPlan
from paperround.matching.fields import TEXT, Field
from paperround.matching.lexical import HALF, HALF_OF_PLAIN, NAMED, UNKNOWN, Statistics, shares_of, text_weights
from paperround.matching.query import Phrase, Query, conjoin, disjoin, positive_phrases
from paperround.matching.query import phrase as phrase_of
from paperround.matching.vectors import Numbers
from paperround.matching.words import SearchExpression, Words

# How many of the plain words are used, the rarest first, and how many papers each query may return. All of them
# together are read and ranked in a few hundredths of a second.
_MAX_TERMS = 8
_MAX_PAIRED = 5
_MAX_ALONE = 3
_EXACT = 200  # papers with the query as it is
_IN_TITLE = 80  # papers with a word in the title
_SEVERAL = 60  # papers with several of the words
_WORD_ALONE = 20  # papers with one rare word
FIRST_PAGES = 60  # papers shown that these limits suffice for; for more papers the limits grow


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
        source = phrase_of(self.source, Field.SOURCE) if self.source else None
        return conjoin([query, source]) if source else query

    def include(self, paper: Paper) -> bool:
        """Return whether a paper is within the limits."""
        return self.first <= paper.day <= self.last and self.source in {"", *paper.sources}


UNBOUNDED = SearchBounds()


def plan(wanted: SearchExpression, statistics: Statistics, needed: int = FIRST_PAGES) -> SearchPlan[Query]:
    """Return the queries for candidates; with more papers `needed`, their limits are larger."""
    times = -(-max(needed, 1) // FIRST_PAGES)
    chains = _loosening(wanted, statistics) if isinstance(wanted, Words) else _exactly(wanted)
    return [[(query, limit * times) for query, limit in chain] for chain in chains]


def _exactly(query: Query) -> Iterator[list[tuple[Query, int]]]:
    """Yield the query itself, and stricter queries that also find the best older papers.

    The stricter queries require its words in the title, or several of them anywhere.
    """
    anywhere = [phrase for phrase in positive_phrases(query) if phrase.field is None][:_MAX_TERMS]
    several = [(conjoin([query, _at_least(2, anywhere[:_MAX_PAIRED])]), _SEVERAL)] if len(anywhere) > 1 else []
    yield [(query, _EXACT), *several]
    if anywhere:
        yield [(conjoin([query, disjoin(_in_title(anywhere))]), _IN_TITLE)]


def _loosening(words: Words, statistics: Statistics) -> Iterator[list[tuple[Query, int]]]:
    """Yield the queries for papers with two, nearly all or all of the words, for titles, and for one rare word."""
    rarest = sorted(words.spellings, key=lambda spelled: _frequency(spelled, statistics))[:_MAX_TERMS]
    in_title, total = [disjoin(_in_title(spelled)) for spelled in rarest[:_MAX_PAIRED]], len(rarest)
    two = min(2, total)
    anywhere = [disjoin(spelled) for spelled in rarest]
    stricter = [(_at_least(number, anywhere), _SEVERAL) for number in range(max(two + 1, total - 1), total + 1)]
    yield [(_at_least(two, anywhere[:_MAX_PAIRED]), _SEVERAL), *stricter]
    yield [(_at_least(number, in_title), _SEVERAL) for number in range(1, two + 1)]
    for phrase in anywhere[:_MAX_ALONE]:
        yield [(phrase, _WORD_ALONE)]


def _frequency(spelled: Iterable[Phrase], statistics: Statistics) -> int:
    """Return an upper bound for the number of papers that contain any of these phrases.

    It is the sum of the numbers of papers that have each phrase's rarest word.
    """
    return sum(min(statistics.frequencies.get(term, 0) for term in phrase.terms) for phrase in spelled)


def _in_title(phrases: Sequence[Phrase]) -> list[Phrase]:
    return [replace(phrase, field=Field.TITLE) for phrase in phrases]


def _at_least(number: int, phrases: Sequence[Query]) -> Query:
    """Return a query for papers with at least `number` of these phrases, which are sorted from rare to common.

    It has the last one once and the others more often. Listing all combinations would have each of them as often,
    and an index takes longer the more often a query has its common words.
    """
    if number in {1, len(phrases)}:
        return disjoin(phrases) if number == 1 else conjoin(phrases)
    *rarer, last = phrases
    return disjoin([conjoin([last, _at_least(number - 1, rarer)]), _at_least(number, rarer)])


class IndexedTexts(Protocol):
    """The texts of some papers as a database's search index has them.

    This is `fts.IndexedColumns` or `tsearch.IndexedVectors`. A paper's place is its position among them.
    """

    def mentions(self, phrase: Phrase, field: Field) -> Mapping[int, int]:
        """Return how often papers have a phrase in a field, by their places; those without it are left out."""

    def asides(self, phrase: Phrase) -> Mapping[int, int]:
        """Return how often papers have a phrase only as an aside in the abstract, by their places."""

    def abstract_lengths(self) -> Sequence[int]:
        """Return the number of terms of each paper's abstract."""


class Scores(NamedTuple):
    """How well papers fit a query or plain words, by their places."""

    values: Numbers
    """From 0 to 1: for plain words the share of the possible evidence, for a query the score of a match in
    `lexical.Index`.
    """
    complete: NDArray[np.bool_]
    """Whether a paper has every word that any of the papers has; true for all matches of a query."""


def scores(wanted: SearchExpression, statistics: Statistics, texts: IndexedTexts) -> Scores:
    """Return the score of each paper for a query or plain words."""
    plain = isinstance(wanted, Words)
    sets = wanted.spellings if isinstance(wanted, Words) else tuple((phrase,) for phrase in positive_phrases(wanted))
    rarities = [min(_rarity(phrase, statistics) for phrase in spelled) for spelled in sets]
    weights = np.array([text_weights(length + 1) for length in texts.abstract_lengths()]).reshape(-1, len(TEXT))
    each = [
        _evidence(spelled, rarity, texts, weights, plain=plain)
        for spelled, rarity in zip(sets, rarities, strict=True)
    ]
    evidence = sum(each, np.zeros(len(weights)))
    if not plain:
        return Scores(np.asarray(-np.expm1(-evidence), dtype=np.float32), np.full(len(weights), fill_value=True))
    unknown = sum(
        (one > 0 for rarity, one in zip(rarities, each, strict=True) if rarity >= UNKNOWN), np.zeros(len(weights))
    )
    missing = sum(((one <= 0) & (one > 0).any() for one in each), np.zeros(len(weights), dtype=np.int64))
    return Scores(shares_of(evidence, rarities, unknown), missing == 0)


def _evidence(
    spelled: Sequence[Phrase], rarity: float, texts: IndexedTexts, weights: NDArray[np.float64], *, plain: bool
) -> NDArray[np.float64]:
    """Return the evidence of a phrase in each paper, as in `lexical`: rarity × saturation, or a constant for names.

    `spelled` has the phrase in each of its spellings. `weights` has a row for each paper, and a column for each field
    of TEXT. For plain words asides do not count.
    """
    total, half = np.zeros(len(weights)), HALF_OF_PLAIN if plain else HALF
    for phrase in spelled:
        if phrase.field in NAMED:
            total[list(texts.mentions(phrase, phrase.field))] = NAMED[phrase.field]
            return total
        for column, field in enumerate(TEXT):
            if phrase.field in {None, field} and (mentions := texts.mentions(phrase, field)):
                if plain and field is Field.ABSTRACT:
                    mentions = Counter(mentions) - Counter(texts.asides(phrase))
                places = list(mentions)
                total[places] += weights[places, column] * list(mentions.values())
    return rarity * total / (total + half)


def _rarity(phrase: Phrase, statistics: Statistics) -> float:
    """Return a phrase's rarity as `lexical.Index` does, but match a prefix against all words of the statistics."""
    if not phrase.prefix:
        return statistics.rarity_of(phrase)
    begun = (term for term in statistics.frequencies if term.startswith(phrase.terms[-1]))
    return statistics.rarity_of(phrase, [*begun, *phrase.endings])
