"""Translate the query language for PostgreSQL's full-text search.

It finds the same rows as `lexical`, without reading the papers. As for SQLite, the text is normalized here:
PostgreSQL receives finished vectors and queries, so that neither its dictionaries nor its locale have any influence.
A lexeme begins with the first two letters of its field: ti:model is "model" in a title. Positions are counted
separately for each field. https://www.postgresql.org/docs/current/datatype-textsearch.html
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from paperround.domain.models import Paper
from paperround.matching.fields import TEXT, Field, asides, field_terms
from paperround.matching.query import Phrase, Query, evaluate, joined

COLUMNS: tuple[str, ...] = ("terms",)
"""The columns that `index_document` fills and `read_documents` gets."""
CREATE = (
    "CREATE TABLE paper_index (row BIGINT PRIMARY KEY REFERENCES papers ON DELETE CASCADE, terms TSVECTOR NOT NULL)",
    "CREATE INDEX ix_paper_index_terms ON paper_index USING gin (terms)",
)
"""The table that `index_document` fills and `expression` queries."""

# PostgreSQL's limits: a lexeme has less than 2 kB, a vector less than 1 MB, a position is at most 16,383, a lexeme
# has at most 256 positions (https://www.postgresql.org/docs/current/textsearch-limitations.html). A longer paper is
# stored and found all the same, except by a phrase far back in it:
_MAX_WORD_LENGTH = 500  # characters, of up to four bytes each; a longer word is cut to this length
_ROOM = 230_000  # bytes for each of the four fields that can be long; a list of 10,000 names loses its end
_ASIDE, _ROOM_OF_ASIDES = "no", 20_000  # what their lexemes begin with, and their bytes
_LAST = 16_383  # all later words share this position; the one before stays free, so that no phrase ends in them
_PLACES = 256

_FORMER_WEIGHTS = "ABCD"  # labels of positions in rows that earlier versions indexed, for a ranking that nothing uses


def index_document(paper: Paper) -> dict[str, str]:
    """Return the paper's terms as the text of a tsvector."""
    entries = [entry for field in Field for entry in _entries(field, field_terms(paper, field))]
    if runs := asides(paper):
        (abstract,) = field_terms(paper, Field.ABSTRACT)
        entries += _entries(_ASIDE, [abstract[run.start : run.stop] for run in runs], _ROOM_OF_ASIDES)
    return {"terms": " ".join(entries)}


def read_documents(documents: Sequence[Sequence[str]]) -> IndexedVectors:
    """Return the indexed texts of some papers, given what the columns have for each of them."""
    return IndexedVectors([vector for (vector,) in documents])


class IndexedVectors:
    """The texts of some papers as the index has them; all of them are searched at once."""

    def __init__(self, vectors: Sequence[str]) -> None:
        """Keep the tsvector of each paper, as PostgreSQL writes it."""
        self._lines = [f"{vector}\n" for vector in vectors]
        self._text = "".join(self._lines)
        self._starts = list(accumulate(map(len, self._lines), initial=0))

    def mentions(self, phrase: Phrase, field: Field) -> Mapping[int, int]:
        """Return how often papers have a phrase in a field, by their places; those without it are left out."""
        return self._mentions(phrase, field)

    def asides(self, phrase: Phrase) -> Mapping[int, int]:
        """Return how often papers have a phrase only as an aside in the abstract, by their places."""
        return self._mentions(phrase, _ASIDE)

    def _mentions(self, phrase: Phrase, field: str) -> Mapping[int, int]:
        *before, last = phrase.terms
        lasts = self._positions(field, [last, *phrase.endings], prefix=phrase.prefix)
        first, *others = [*(self._positions(field, [term]) for term in before), lasts]
        numbers = {
            place: sum(
                all(start + offset in other.get(place, ()) for offset, other in enumerate(others, 1))
                for start in starts
            )
            for place, starts in first.items()
        }
        return {place: number for place, number in numbers.items() if number}

    def _positions(self, field: str, terms: Sequence[str], *, prefix: bool = False) -> dict[int, set[int]]:
        """Return where papers have one of the terms, by their places; `prefix` is about the first of the terms."""
        found: dict[int, set[int]] = {}
        for number, term in enumerate(terms):
            beginning = re.escape(_lexeme(field, term)[:-1])
            rest = "[^']*" if prefix and not number else ""
            for entry in re.finditer(f"{beginning}{rest}':([0-9,{_FORMER_WEIGHTS}]+)", self._text):
                positions = (int(position.rstrip(_FORMER_WEIGHTS)) for position in entry[1].split(","))
                found.setdefault(bisect_right(self._starts, entry.start()) - 1, set()).update(positions)
        return found

    def abstract_lengths(self) -> list[int]:
        """Return the number of terms of each paper's abstract; words beyond PostgreSQL's limits are not counted."""
        return [_number_of_positions(line, "'ab:") for line in self._lines]


def _number_of_positions(vector: str, beginning: str) -> int:
    """Return how many positions the lexemes with this beginning have. They stand together, for they are sorted."""
    first, last = vector.find(beginning), vector.rfind(beginning)
    if first < 0:
        return 0
    lexemes = vector[first : vector.find(" ", last)]
    return lexemes.count(",") + lexemes.count("':")


def expression(query: Query) -> str:
    """Return the query as the text of a tsquery."""
    _, found = evaluate(query, _phrase, _all_of, _any_of, lambda wanted, unwanted: f"({wanted} & !{unwanted})")
    return found


def _entries(field: str, texts: Sequence[Sequence[str]], room: int = _ROOM) -> Iterator[str]:
    """Yield the field's lexemes, each with its positions, within PostgreSQL's limits."""
    for lexeme, places in _places(field, texts).items():
        apart = list(dict.fromkeys(place if place < _LAST - 1 else _LAST for place in places))[:_PLACES]
        room -= len(lexeme.encode()) + 3 * len(apart)
        if room > 0:
            yield f"{lexeme}:{','.join(map(str, apart))}"


def _places(field: str, texts: Sequence[Sequence[str]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    place = 0
    for terms in texts:
        for term in terms:
            place += 1
            found.setdefault(_lexeme(field, term), []).append(place)
        place += 1  # stays empty, so that no phrase spans two values
    return found


def _lexeme(field: str, term: str) -> str:
    return "'" + f"{field[:2]}:{term[:_MAX_WORD_LENGTH]}".replace("\\", "\\\\").replace("'", "''") + "'"


def _phrase(found: Phrase) -> str:
    return _any_of([_standing_in(field, found) for field in ([found.field] if found.field else TEXT)])


def _standing_in(field: Field, found: Phrase) -> str:
    *before, last = (_lexeme(field, term) for term in found.terms)
    endings = [_lexeme(field, term) for term in found.endings]
    return joined(" <-> ", [*before, _any_of([f"{last}:*" if found.prefix else last, *endings])])


def _all_of(expressions: Sequence[str]) -> str:
    return joined(" & ", expressions)


def _any_of(expressions: Sequence[str]) -> str:
    return joined(" | ", expressions)
