"""The searchable fields of a paper and their names, used by the index and by the full-text table."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import lru_cache
from itertools import chain
from operator import attrgetter

from paperround.domain.latex import readable
from paperround.domain.models import Paper
from paperround.domain.person_names import without_middle_initials
from paperround.domain.text import fold, terms
from paperround.matching.availability import availability_terms

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


INDEX_VERSION = "5"
"""The version of the indexed text. After a change of this version `sweep` indexes the stored papers again.

1: the text as the source wrote it. 2: the text as it is printed, with LaTeX resolved. 3: fraction characters are
kept whole, so that 2½ does not become 21 and 2. 4: the index also says what an abstract has only as an aside.
5: names of authors also stand in it without their middle initials.
"""
TEXT = (Field.TITLE, Field.KEYWORDS, Field.ABSTRACT)
"""The fields that are searched for words without a field."""
WHOLE = frozenset({Field.CAT, Field.SOURCE})
"""Fields whose values are names: they are compared as a whole, never split into words."""


def values(paper: Paper, field: Field) -> tuple[str, ...]:
    """Return the field's texts as letters and pages print them; a phrase never spans two of them.

    There is one for each of `field_terms`: an author with a middle initial comes again for the name without it.
    """
    written = _authors_of_names(paper) if field is Field.AUTHOR else _WRITTEN[field](paper)
    return written if field in WHOLE else tuple(map(readable, written))


def field_terms(paper: Paper, field: Field) -> tuple[tuple[str, ...], ...]:
    """Return what each of the field's texts is compared by: its terms, or the normalized name for `WHOLE` fields."""
    return tuple(map(_SPLIT[field], _WRITTEN[field](paper)))


def text_terms(paper: Paper) -> set[str]:
    """Return the terms that say something about the paper, in any field of its text."""
    return set[str]().union(*chain.from_iterable(significant_terms(paper, field) for field in TEXT))


def significant_terms(paper: Paper, field: Field) -> tuple[tuple[str, ...], ...]:
    """Return `field_terms` without the asides."""
    found = field_terms(paper, field)
    if field is not Field.ABSTRACT or not (runs := asides(paper)):
        return found
    left_out = {*chain.from_iterable(runs)}
    return tuple(tuple(term for number, term in enumerate(text) if number not in left_out) for text in found)


def asides(paper: Paper) -> tuple[range, ...]:
    """Return the runs of the abstract's terms, by number, that say where code and data are.

    They are uninformative about the paper's subject: no evidence for plain words, and nothing to learn from.
    """
    (abstract,) = _WRITTEN[Field.ABSTRACT](paper)
    return _asides(abstract)


def author_names(paper: Paper) -> tuple[str, ...]:
    """Return the authors' names, then those without initials: `Ada M. Lovelace` is found as `Ada Lovelace`."""
    return (*paper.authors, *filter(None, map(without_middle_initials, paper.authors)))


def _authors_of_names(paper: Paper) -> tuple[str, ...]:
    """Return the author whose name each of `author_names` is."""
    return (*paper.authors, *filter(without_middle_initials, paper.authors))


_WRITTEN: Mapping[Field, Callable[[Paper], tuple[str, ...]]] = {
    Field.TITLE: lambda paper: (paper.title,),
    Field.KEYWORDS: attrgetter("keywords"),
    # A source's summary arrives days after the paper: no match may depend on it if there is an abstract.
    Field.ABSTRACT: lambda paper: (paper.abstract or paper.summary,),
    Field.AUTHOR: author_names,
    Field.ORG: lambda paper: (paper.organization or "",),
    Field.CAT: attrgetter("categories"),
    Field.SOURCE: attrgetter("sources"),
}
"""How to get the texts of each field as the source wrote them."""


def _name_terms(name: str) -> tuple[str, ...]:
    return tuple(terms(readable(name)))


# A new paper is indexed, compared with the topics, counted, and no longer counted 2,000 papers later. The terms are a
# tuple because the garbage collector stops looking at tuples of strings. As lists, these texts made each of its full
# runs take 0.1 s.
_text_terms = lru_cache(maxsize=8_192)(_name_terms)


@lru_cache(maxsize=8_192)
def _asides(abstract: str) -> tuple[range, ...]:
    return availability_terms(readable(abstract))


@lru_cache(maxsize=8_192)
def _label_terms(name: str) -> tuple[str, ...]:
    found = label(name)
    return (found,) if found else ()


def label(name: str) -> str:
    """Normalize the name of a category or source for comparison.

    "cs.CL" becomes `cs.cl`, "Cell Biology" becomes `cell.biology`.
    """
    return label_start(name).rstrip(".")


def label_start(name: str) -> str:
    """Normalize the beginning of such a name. A final dot stays, so that the prefix "cs." does not match "csx"."""
    return _NO_LETTERS.sub(".", fold(name)).lstrip(".")


_SPLIT: Mapping[Field, Callable[[str], tuple[str, ...]]] = {
    field: _text_terms if field in TEXT else _label_terms if field in WHOLE else _name_terms for field in Field
}
"""How to split the texts of each field."""
