"""The searchable fields of a paper and their names, used by the index and by the full-text table."""

from __future__ import annotations

import re
from enum import StrEnum

from paperround.domain.latex import readable
from paperround.domain.models import Paper
from paperround.domain.text import fold, terms

_NO_LETTERS = re.compile(r"[\W_]+")


class Field(StrEnum):
    """The fields of a query, in descending order of weight; also the columns of the full-text table."""

    TITLE = "title"
    KEYWORDS = "keywords"
    ABSTRACT = "abstract"
    AUTHOR = "author"
    ORG = "org"
    CAT = "cat"
    SOURCE = "source"


TEXT_FORM = "3"
"""The version of the indexed text. After a change of this version `sweep` indexes the stored papers again.

1: the text as the source wrote it. 2: the text as it is printed, with LaTeX resolved. 3: fraction characters are
kept whole, so that 2½ does not become 21 and 2.
"""
TEXT = (Field.TITLE, Field.KEYWORDS, Field.ABSTRACT)
"""The fields that are searched for words without a field."""
WHOLE = frozenset({Field.CAT, Field.SOURCE})
"""Fields whose values are names: they are compared as a whole, never split into words."""


def values(paper: Paper, field: Field) -> tuple[str, ...]:
    """Return the field's texts as letters and pages print them; a phrase never spans two of them."""
    match field:
        case Field.TITLE:
            return (readable(paper.title),)
        case Field.KEYWORDS:
            return tuple(map(readable, paper.keywords))
        case Field.ABSTRACT:
            # A source's summary arrives days after the paper: no match may depend on it if there is an abstract.
            return (readable(paper.abstract or paper.summary),)
        case Field.AUTHOR:
            return tuple(map(readable, paper.authors))
        case Field.ORG:
            return (readable(paper.organization or ""),)
        case Field.CAT:
            return paper.categories
        case _:
            return paper.sources


def value_terms(field: Field, value: str) -> list[str]:
    """Return what a field's text is compared by: its terms in order, or the normalized name for `WHOLE` fields."""
    if field not in WHOLE:
        return terms(value)
    name = label(value)
    return [name] if name else []


def label(name: str) -> str:
    """Normalize the name of a category or source for comparison.

    "cs.CL" becomes `cs.cl`, "Cell Biology" becomes `cell.biology`.
    """
    return label_start(name).rstrip(".")


def label_start(name: str) -> str:
    """Normalize the beginning of such a name. A final dot stays, so that the prefix "cs." does not match "csx"."""
    return _NO_LETTERS.sub(".", fold(name)).lstrip(".")
