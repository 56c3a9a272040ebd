"""The query language on SQLite's full-text index (FTS5): the same rows as `lexical`, without reading the
papers.

The text is normalised here before it goes in, so SQLite only splits at blanks. Its `ascii` tokenizer keeps
every character outside ASCII, in any script; the token characters below are those that names and "c++" are
made of. https://sqlite.org/fts5.html#ascii_tokenizer
"""

from __future__ import annotations

from collections.abc import Sequence

from paperround.errors import QueryError
from paperround.matching.fields import TEXT, Field, value_terms, values
from paperround.matching.query import MAX_LENGTH, Phrase, Query, both, evaluate, parse, phrase, read
from paperround.models import Paper

TOKENIZER = "ascii tokenchars '.+#'"
CREATE = (
    f"CREATE VIRTUAL TABLE paper_index USING fts5({', '.join(Field)}, "
    f"""tokenize = "{TOKENIZER}", prefix = '2 3 4')"""
)
"""The table that `index_document` fills and `fts5` asks; `rowid` is the paper's row."""

# A token that no query can name stands between two values, so that no phrase reaches over both.
_GAP = " . "


def index_document(paper: Paper) -> dict[str, str]:
    """The paper's text for each column, as terms joined by blanks."""
    return {
        name.value: _GAP.join(" ".join(value_terms(name, value)) for value in values(paper, name)) for name in Field
    }


def fts5(query: Query) -> str:
    """The query as an FTS5 expression, to be bound to `paper_index MATCH ?`."""
    _, expression = evaluate(query, _phrase, _all_of, _any_of, lambda wanted, unwanted: f"({wanted} NOT {unwanted})")
    return expression


def free_text(text: str) -> Query:
    """What somebody means who types or pastes this into a search box.

    A query where it is one. Where it is not (an unclosed quote, "Mamba: linear-time …"), all its words,
    operators and marks of the language left aside. QueryError where nothing is left, or where it only says
    what to leave out.
    """
    try:
        read(text)
    except QueryError:
        found = [phrase(word) for word in text[:MAX_LENGTH].split() if word not in {"AND", "OR", "NOT"}]
        if any(found):
            return both(filter(None, found))
    return parse(text)


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
