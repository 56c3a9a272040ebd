"""The query language on SQLite's full-text index (FTS5): the same rows as `lexical`, without reading the
papers.

The text is normalised here before it goes in, so SQLite only splits at blanks. Its `ascii` tokenizer keeps
every character outside ASCII, in any script; the token characters below are those that names and "c++" are
made of. https://sqlite.org/fts5.html#ascii_tokenizer
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
"""The table that `index_document` fills and `expression` asks; `rowid` is the paper's row."""

# A token that no query can name stands between two values, so that no phrase reaches over both.
_GAP = " . "


def index_document(paper: Paper) -> dict[str, str]:
    """The paper's text for each column, as terms joined by blanks."""
    return {
        name.value: _GAP.join(" ".join(value_terms(name, value)) for value in values(paper, name)) for name in Field
    }


def expression(query: Query) -> str:
    """The query as an FTS5 expression, to be bound to `paper_index MATCH ?`."""
    _, found = evaluate(query, _phrase, _all_of, _any_of, lambda wanted, unwanted: f"({wanted} NOT {unwanted})")
    return found


def _phrase(found: Phrase) -> str:
    columns = "{" + " ".join([found.field] if found.field else TEXT) + "}"
    whole = f'{columns} : "{" ".join(found.terms)}"{" *" if found.prefix else ""}'
    endings = [_phrase(Phrase((*found.terms[:-1], term), found.field)) for term in found.endings]
    return _any_of([whole, *endings])


def _all_of(expressions: Sequence[str]) -> str:
    return _joined(" AND ", expressions)


def _any_of(expressions: Sequence[str]) -> str:
    return _joined(" OR ", expressions)


def _joined(operator: str, expressions: Sequence[str]) -> str:
    return expressions[0] if len(expressions) == 1 else f"({operator.join(expressions)})"
