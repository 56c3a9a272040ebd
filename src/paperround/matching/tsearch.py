"""The query language on PostgreSQL's full-text search: the same rows as `lexical`, without reading the papers.

As for SQLite the text is normalised here: PostgreSQL is handed finished vectors and queries, so that no
dictionary and no locale of the server has a say. A lexeme begins with the first two letters of its field:
ti:model is "model" in a title. Each field counts its places by itself.
https://www.postgresql.org/docs/current/datatype-textsearch.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from paperround.domain.models import Paper
from paperround.matching.fields import TEXT, Field, value_terms, values
from paperround.matching.query import Phrase, Query, evaluate

CREATE = (
    "CREATE TABLE paper_index (row BIGINT PRIMARY KEY REFERENCES papers ON DELETE CASCADE, terms TSVECTOR NOT NULL)",
    "CREATE INDEX ix_paper_index_terms ON paper_index USING gin (terms)",
)
"""The table that `index_document` fills and `expression` asks."""

# A lexeme has less than 2 kB, a vector less than 1 MB, a place is at most 16,383, and a lexeme stands in no more
# than 256 (https://www.postgresql.org/docs/current/textsearch-limitations.html). Beyond that a paper is stored and
# found all the same, but for a phrase far back in it:
_LONGEST = 500  # characters, of up to four bytes; a longer word is known by so many
_ROOM = 230_000  # bytes for each of the four fields that can be long; a list of 10,000 names loses its end
_LAST = 16_383  # words further back stand here together; the place before is free, so that they end no phrase
_PLACES = 256

# For ts_rank; a lexeme without a mark has weight D.
_WEIGHT = {Field.TITLE: "A", Field.KEYWORDS: "B", Field.AUTHOR: "C", Field.ORG: "C"}


def index_document(paper: Paper) -> dict[str, str]:
    """The paper's terms as the text of a tsvector."""
    return {"terms": " ".join(entry for field in Field for entry in _entries(field, values(paper, field)))}


def expression(query: Query) -> str:
    """The query as the text of a tsquery."""
    _, found = evaluate(query, _phrase, _all_of, _any_of, lambda wanted, unwanted: f"({wanted} & !{unwanted})")
    return found


def _entries(field: Field, texts: Sequence[str]) -> Iterator[str]:
    """The field's lexemes, each with its places and their weight."""
    room, weight = _ROOM, _WEIGHT.get(field, "")
    for lexeme, places in _places(field, texts).items():
        apart = list(dict.fromkeys(place if place < _LAST - 1 else _LAST for place in places))[:_PLACES]
        room -= len(lexeme.encode()) + 3 * len(apart)
        if room > 0:
            yield f"{lexeme}:{','.join(f'{place}{weight}' for place in apart)}"


def _places(field: Field, texts: Sequence[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    place = 0
    for text in texts:
        for term in value_terms(field, text):
            place += 1
            found.setdefault(_lexeme(field, term), []).append(place)
        place += 1  # stays empty, so that no phrase reaches from one value into the next
    return found


def _lexeme(field: Field, term: str) -> str:
    return "'" + f"{field[:2]}:{term[:_LONGEST]}".replace("\\", "\\\\").replace("'", "''") + "'"


def _phrase(found: Phrase) -> str:
    return _any_of([_standing_in(field, found) for field in ([found.field] if found.field else TEXT)])


def _standing_in(field: Field, found: Phrase) -> str:
    *before, last = (_lexeme(field, term) for term in found.terms)
    endings = [_lexeme(field, term) for term in found.endings]
    return _joined(" <-> ", [*before, _any_of([f"{last}:*" if found.prefix else last, *endings])])


def _all_of(expressions: Sequence[str]) -> str:
    return _joined(" & ", expressions)


def _any_of(expressions: Sequence[str]) -> str:
    return _joined(" | ", expressions)


def _joined(operator: str, expressions: Sequence[str]) -> str:
    return expressions[0] if len(expressions) == 1 else f"({operator.join(expressions)})"
