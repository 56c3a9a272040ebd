"""Translate the query language for SQLite's full-text index (FTS5).

It finds the same rows as `lexical`, without reading the papers. The text is normalized here before it is indexed, so
SQLite only splits it at spaces. Its `ascii` tokenizer keeps every character outside ASCII, in any script; the token
characters below are those that occur in names and in "c++". https://sqlite.org/fts5.html#ascii_tokenizer
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate

from paperround.domain.models import Paper
from paperround.matching.fields import TEXT, Field, asides, field_terms
from paperround.matching.query import Phrase, Query, evaluate, joined

TOKENIZER = "ascii tokenchars '.+#'"
COLUMNS = tuple(map(str, Field))
"""The columns that `index_document` fills and `read_documents` gets."""
_FIELDS = tuple(zip(COLUMNS, Field, strict=True))
_TITLE, _ABSTRACT = Field.TITLE.value, Field.ABSTRACT.value
CREATE = (
    f"CREATE VIRTUAL TABLE paper_index USING fts5({', '.join(Field)}, "
    f"""tokenize = "{TOKENIZER}", prefix = '1 2 3')"""
)
"""The table that `index_document` fills and `expression` queries; `rowid` is the paper's row."""

# A token that no query can contain separates two values, so that no phrase spans both.
_GAP = " . "
# Titles are indexed a second time with this sign before each word: among 300,000 papers, those with two words in the
# title are found in 0.4 ms instead of 10, since the list of a common word names every abstract that has it.
# So are the asides of an abstract, in order to tell how often a word stands only there.
_SIGN = "¶"
_ASIDES = f"{_GAP}{_SIGN}"


def index_document(paper: Paper) -> dict[str, str]:
    """Return the paper's text for each column, as terms separated by spaces."""
    found = {column: _GAP.join(map(" ".join, field_terms(paper, field))) for column, field in _FIELDS}
    title = found[_TITLE]
    found[_TITLE] = f"{title}{_GAP}{' '.join(map(_signed, title.split()))}"
    terms = found[_ABSTRACT].split()
    runs = [" ".join(map(_signed, terms[run.start : run.stop])) for run in asides(paper)]
    found[_ABSTRACT] = _GAP.join([found[_ABSTRACT], *runs])
    return found


def read_documents(documents: Sequence[Sequence[str]]) -> IndexedColumns:
    """Return the indexed texts of some papers, given what the columns have for each of them."""
    return IndexedColumns({field: [document[at] for document in documents] for at, field in enumerate(Field)})


class IndexedColumns:
    """The texts of some papers as the index has them; all of them are searched at once."""

    def __init__(self, columns: Mapping[Field, Sequence[str]]) -> None:
        """Keep what each column of the index has for each paper."""
        self._columns = columns
        self._joined: dict[Field, _JoinedTexts] = {}

    def mentions(self, phrase: Phrase, field: Field) -> Mapping[int, int]:
        """Return how often papers have a phrase in a field, by their places; those without it are left out."""
        if field not in self._joined:
            self._joined[field] = _JoinedTexts(self._columns[field])
        *before, last = phrase.terms
        patterns = [" ".join(["", *before, last, *([] if phrase.prefix else [""])])]
        patterns += [" ".join(["", *before, ending, ""]) for ending in phrase.endings]
        return Counter(place for pattern in patterns for place in self._joined[field].places(pattern))

    def asides(self, phrase: Phrase) -> Mapping[int, int]:
        """Return how often papers have a phrase only as an aside in the abstract, by their places."""
        return self.mentions(replace(phrase, terms=tuple(map(_signed, phrase.terms))), Field.ABSTRACT)

    def abstract_lengths(self) -> list[int]:
        """Return the number of terms of each paper's abstract."""
        abstracts = (text.partition(_ASIDES)[0] for text in self._columns[Field.ABSTRACT])
        return [text.count(" ") + 1 if text else 0 for text in abstracts]


class _JoinedTexts:
    """Texts in one string, with a space before and after each term."""

    def __init__(self, texts: Sequence[str]) -> None:
        lines = [f" {text} \n" for text in texts]
        self._text = "".join(lines)
        self._starts = list(accumulate(map(len, lines), initial=0))

    def places(self, pattern: str) -> Iterator[int]:
        """Yield the place of the text of each occurrence of a pattern; occurrences may overlap."""
        at = self._text.find(pattern)
        while at >= 0:
            yield bisect_right(self._starts, at) - 1
            at = self._text.find(pattern, at + 1)


def expression(query: Query) -> str:
    """Return the query as an FTS5 expression, to be bound to `paper_index MATCH ?`."""
    _, found = evaluate(query, _phrase, _all_of, _any_of, lambda wanted, unwanted: f"({wanted} NOT {unwanted})")
    return found


def _phrase(found: Phrase) -> str:
    columns = "{" + " ".join([found.field] if found.field else TEXT) + "}"
    terms = map(_signed, found.terms) if found.field is Field.TITLE else found.terms
    whole = f'{columns} : "{" ".join(terms)}"{" *" if found.prefix else ""}'
    endings = [_phrase(Phrase((*found.terms[:-1], term), found.field)) for term in found.endings]
    return _any_of([whole, *endings])


def _signed(term: str) -> str:
    return _SIGN + term


def _all_of(expressions: Sequence[str]) -> str:
    return joined(" AND ", expressions)


def _any_of(expressions: Sequence[str]) -> str:
    return joined(" OR ", expressions)
