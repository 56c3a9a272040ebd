"""Recognize texts that are the name of an author. Pure."""

from __future__ import annotations

from paperround.domain.text import terms
from paperround.matching.fields import Field
from paperround.matching.query import Phrase
from paperround.matching.vocabulary import Vocabulary
from paperround.matching.words import Words, interpret_search


def author_named(vocabulary: Vocabulary, text: str) -> str:
    """Return a query for the author of this name or nearly this name, with the given or the family name first.

    It is "" if there is none, or if the text is that query.
    """
    wanted = interpret_search(text)
    match wanted:
        case Words():
            name = tuple(terms(text))  # with the words that say nothing about a subject: "Will", "May"
        case Phrase(name, None | Field.AUTHOR, prefix=False):
            pass
        case _:
            return ""
    found = vocabulary.author(name) or vocabulary.author((*name[1:], name[0]))
    meant = Phrase(tuple(found.split()), Field.AUTHOR)
    return str(meant) if meant.terms and meant != wanted else ""


def is_name_of(text: str, query: str) -> bool:
    """Return whether a text has exactly the names of an author's query, in any order."""
    return set(terms(text)) == set(terms(query.removeprefix(f"{Field.AUTHOR}:")))
