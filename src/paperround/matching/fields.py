"""What of a paper can be searched, and under which name; the index and the full-text table both ask here."""

from __future__ import annotations

import re
from enum import StrEnum

from paperround.domain.latex import readable
from paperround.domain.models import Paper
from paperround.domain.text import fold, terms

_NO_LETTERS = re.compile(r"[\W_]+")


class Field(StrEnum):
    """The fields of a query, the weightiest first; also the columns of the full-text table."""

    TITLE = "title"
    KEYWORDS = "keywords"
    ABSTRACT = "abstract"
    AUTHOR = "author"
    ORG = "org"
    CAT = "cat"
    SOURCE = "source"


TEXT_FORM = "3"
"""The version of the text that is indexed: another one makes `sweep` index the stored papers anew.

1: as the source wrote it. 2: as it is printed, LaTeX resolved. 3: signs of fractions are whole, 2½ is not 21 and 2.
"""
TEXT = (Field.TITLE, Field.KEYWORDS, Field.ABSTRACT)
"""Where words without a field are looked for."""
WHOLE = frozenset({Field.CAT, Field.SOURCE})
"""Fields whose values are names: compared as a whole, never split into words."""


def values(paper: Paper, field: Field) -> tuple[str, ...]:
    """The field's texts as letters and pages print them; a phrase never reaches from one into the next."""
    match field:
        case Field.TITLE:
            return (readable(paper.title),)
        case Field.KEYWORDS:
            return tuple(map(readable, paper.keywords))
        case Field.ABSTRACT:
            # Somebody else's summary comes days after the paper: no match may hang on it if there is more.
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
    """What one of a field's texts is compared by: its terms in order, or the name as a whole."""
    if field not in WHOLE:
        return terms(value)
    name = label(value)
    return [name] if name else []


def label(name: str) -> str:
    """A category's or a source's name for comparing: "cs.CL" is `cs.cl`, "Cell Biology" `cell.biology`."""
    return label_start(name).rstrip(".")


def label_start(name: str) -> str:
    """The beginning of such a name: like `label`, but a dot at the end stays ("cs." does not begin "csx")."""
    return _NO_LETTERS.sub(".", fold(name)).lstrip(".")
