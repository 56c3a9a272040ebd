"""The query language on SQLite's full-text index (FTS5): the same rows as `lexical`, without reading the
papers.

The text is normalised here before it goes in, so SQLite only splits at blanks. Its `ascii` tokenizer keeps
every character outside ASCII, in any script; the token characters below are those that names and "c++" are
made of. https://sqlite.org/fts5.html#ascii_tokenizer
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from paperround.domain.models import Paper
from paperround.matching.fields import TEXT, Field, value_terms, values
from paperround.matching.query import Not, Or, Phrase, Query, evaluate, sought

TOKENIZER = "ascii tokenchars '.+#'"
CREATE = (
    f"CREATE VIRTUAL TABLE paper_index USING fts5({', '.join(Field)}, "
    f"""tokenize = "{TOKENIZER}", prefix = '1 2 3 4')"""
)
"""The table that `index_document` fills and `expression` asks; `rowid` is the paper's row."""

# A token that no query can name stands between two values, so that no phrase reaches over both.
_GAP = " . "
# A word in the title says ten times as much as one elsewhere; of a long query the first words decide.
_IN_TITLE, _IN_KEYWORDS = 10.0, 4.0
_MOST_SIGNS = 12


def index_document(paper: Paper) -> dict[str, str]:
    """The paper's text for each column, as terms joined by blanks."""
    return {
        name.value: _GAP.join(" ".join(value_terms(name, value)) for value in values(paper, name)) for name in Field
    }


def expression(query: Query) -> str:
    """The query as an FTS5 expression, to be bound to `paper_index MATCH ?`."""
    _, found = evaluate(query, _phrase, _all_of, _any_of, lambda wanted, unwanted: f"({wanted} NOT {unwanted})")
    return found


def signs(query: Query) -> list[tuple[str, float]]:
    """What tells that of two papers which the query finds one fits better: expressions, and what each is worth.

    bm25() would know more, but reads everything that each word finds before it ranks the first paper: 20 to 70 ms
    for common words among 200,000 papers, where these take 2 ms each.
    """
    looked_for = sought(query)
    anywhere = [one for one in looked_for if not one.field]
    titles = [(_phrase(replace(one, field=Field.TITLE)), _IN_TITLE) for one in anywhere]
    keywords = [(_phrase(replace(one, field=Field.KEYWORDS)), _IN_KEYWORDS) for one in anywhere]
    # Where any of them will do, a paper with two of them is better than one with the first alone.
    together = [(_phrase(one), 1.0) for one in looked_for] if _any_will_do(query) else []
    if len(titles) > 1 and len(titles) + len(together) > _MOST_SIGNS:
        titles = [(_any_of([sign for sign, _ in titles]), _IN_TITLE)]
    return [*titles, *together, *keywords][:_MOST_SIGNS]


def _any_will_do(query: Query) -> bool:
    if isinstance(query, Phrase | Not):
        return False
    return isinstance(query, Or) or any(map(_any_will_do, query.parts))


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
