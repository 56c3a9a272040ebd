"""Translate the query language for SQLite's full-text index (FTS5).

It finds the same rows as `lexical`, without reading the papers. The text is normalized here before it is indexed, so
SQLite only splits it at spaces. Its `ascii` tokenizer keeps every character outside ASCII, in any script; the token
characters below are those that occur in names and in "c++". https://sqlite.org/fts5.html#ascii_tokenizer
"""

from __future__ import annotations

from collections.abc import Sequence

from paperround.domain.models import Paper
from paperround.matching.fields import TEXT, Field, value_terms, values
from paperround.matching.query import Phrase, Query, evaluate

TOKENIZER = "ascii tokenchars '.+#'"
CREATE = (
    f"CREATE VIRTUAL TABLE paper_index USING fts5({', '.join(Field)}, "
    f"""tokenize = "{TOKENIZER}", prefix = '1 2 3 4')"""
)
"""The table that `index_document` fills and `expression` queries; `rowid` is the paper's row."""

# A token that no query can contain separates two values, so that no phrase spans both.
_GAP = " . "
# Titles are indexed a second time with this sign before each word: among 300,000 papers, those with two words in the
# title are found in 0.4 ms instead of 10, since the list of a common word names every abstract that has it.
_TITLE_SIGN = "¶"


def index_document(paper: Paper) -> dict[str, str]:
    """Return the paper's text for each column, as terms separated by spaces."""
    found = {
        name.value: _GAP.join(" ".join(value_terms(name, value)) for value in values(paper, name)) for name in Field
    }
    title = found[Field.TITLE]
    return found | {Field.TITLE.value: _GAP.join([title, " ".join(map(_of_title, title.split()))])}


def expression(query: Query) -> str:
    """Return the query as an FTS5 expression, to be bound to `paper_index MATCH ?`."""
    _, found = evaluate(query, _phrase, _all_of, _any_of, lambda wanted, unwanted: f"({wanted} NOT {unwanted})")
    return found


def _phrase(found: Phrase) -> str:
    columns = "{" + " ".join([found.field] if found.field else TEXT) + "}"
    terms = map(_of_title, found.terms) if found.field is Field.TITLE else found.terms
    whole = f'{columns} : "{" ".join(terms)}"{" *" if found.prefix else ""}'
    endings = [_phrase(Phrase((*found.terms[:-1], term), found.field)) for term in found.endings]
    return _any_of([whole, *endings])


def _of_title(term: str) -> str:
    return _TITLE_SIGN + term


def _all_of(expressions: Sequence[str]) -> str:
    return _joined(" AND ", expressions)


def _any_of(expressions: Sequence[str]) -> str:
    return _joined(" OR ", expressions)


def _joined(operator: str, expressions: Sequence[str]) -> str:
    return expressions[0] if len(expressions) == 1 else f"({operator.join(expressions)})"
