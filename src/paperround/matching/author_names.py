"""Recognize texts that are the name of an author. Pure."""

from __future__ import annotations

from paperround.domain.text import terms
from paperround.matching.fields import Field
from paperround.matching.query import Phrase
from paperround.matching.vocabulary import Vocabulary
from paperround.matching.words import Words, interpret_search


def author_named(vocabulary: Vocabulary, text: str) -> str:
    """Return a query for the author of exactly this name, or else of nearly this name, in either order.

    It is "" if there is none, or if the text is that query.
    """
    name = _name(text)
    return _query(text, vocabulary.author(name) or vocabulary.author_nearly(name))


def author_exactly_named(vocabulary: Vocabulary, text: str) -> str:
    """Return a query for the author of exactly this name, with the given or the family name first; "" if none."""
    return _query(text, vocabulary.author(_name(text)))


def _name(text: str) -> tuple[str, ...]:
    """Return the terms of a text that may be a name; empty for other queries."""
    match interpret_search(text):
        case Words():
            return tuple(terms(text))  # with words that are uninformative in other texts: "Will", "May"
        case Phrase(name, None | Field.AUTHOR, prefix=False):
            return name
        case _:
            return ()


def _query(text: str, name: str) -> str:
    meant = Phrase(tuple(name.split()), Field.AUTHOR)
    return str(meant) if meant.terms and meant != interpret_search(text) else ""


def is_name_of(text: str, query: str) -> bool:
    """Return whether a text has exactly the names of an author's query, in any order."""
    return set(terms(text)) == set(terms(query.removeprefix(f"{Field.AUTHOR}:")))
