"""Plain words, as people type them: which of them say what is looked for. Pure.

A text without any operator of the query language is not a condition but a description: papers are ranked by any of
its words, the rarer and the more of them the better. Words that stand in every text ("of", "that") say nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from paperround.domain.errors import QueryError
from paperround.domain.text import terms
from paperround.matching.query import MAX_LENGTH, Phrase, Query, either, free_text, parse, parse_once, read, sought

# What makes a text a query with an exact meaning: quotation marks, parentheses, stars, fields, AND, OR, NOT, a dash.
_OPERATOR = re.compile(r"""["“”„‟«»()*]|(?:^|\s)(?:AND|OR|NOT|-\S+)(?=\s|$)|[^\W\d_]+:\S""")

STOP_WORDS = frozenset(
    terms("""
    a about above across after again against all almost alone along already also although always am among an and
    another any anybody anyone anything are around as at away back be became because become been before behind being
    below beside between beyond both but by came can cannot come could did do does doing done down during each either
    else enough etc even ever every everybody everyone everything few for found from further gave get give given go
    goes going gone got had has have having he hence her here hers herself him himself his how however i if in indeed
    instead into is it its itself just keep kept kind let like likely look lot made make making many may me might mine
    more most much must my myself near need neither never new next no nobody none nor not nothing now of off often on
    once one only onto or other others otherwise ought our ours out over own paper per perhaps please put quite rather
    really regarding related research same say see seem seen several shall she should since so some somebody somehow
    someone something sometimes somewhere still study such take than that the their theirs them themselves then there
    therefore these they thing this those though through thus till to together too toward towards under until unto up
    upon us use used using various very via want was way we well went were what whatever when where whether which
    while who whoever whole whom whose why will with within without would yet you your yours
    """)
)
"""Words of English that stand in texts on anything; compared in the singular, as terms are."""


@dataclass(frozen=True, slots=True)
class Words:
    """What somebody described in plain words: terms, each once, in the order written; never empty."""

    terms: tuple[str, ...]

    @property
    def phrases(self) -> tuple[Phrase, ...]:
        """Each term as what the query language looks for."""
        return tuple(Phrase((term,)) for term in self.terms)

    @property
    def any_of(self) -> Query:
        """The query that finds every paper with at least one of the terms."""
        return either(self.phrases)

    def __str__(self) -> str:
        return " ".join(self.terms)


Wanted = Query | Words
"""What a topic, an interest or a search asks for: exactly, or in plain words."""


def canonical(text: str) -> str:
    """One spelling of what a text asks for; plain words stay as they are written. QueryError as for `interpret`."""
    wanted = interpret(text)
    return " ".join(text.split()) if isinstance(wanted, Words) else str(wanted)


def any_of(wanted: Wanted) -> Query:
    """The query that finds every paper that can fit at all."""
    return wanted.any_of if isinstance(wanted, Words) else wanted


def is_plain(text: str) -> bool:
    """Whether a text has no operator of the query language in it, and more than one word."""
    return len(text.split()) > 1 and not _OPERATOR.search(text)


def interpret(text: str) -> Wanted:
    """What a topic's or a subscriber's text asks for; QueryError where it is no query.

    Several words without an operator are plain words. One word, and everything with an operator, has the exact
    meaning of the query language.
    """
    return _kept(text) if is_plain(text) else parse(text)


def interpret_once(text: str) -> Wanted:
    """Like `interpret`, without keeping the answer: what strangers type must not fill memory."""
    return _described(text) if is_plain(text) else parse_once(text)


def interpret_search(text: str) -> Wanted:
    """The same for a search box, where a text that is no query is plain words too, as a pasted title may be.

    QueryError where nothing is left to look for, or where a query only says what to leave out.
    """
    if is_plain(text):
        return _described(text[:MAX_LENGTH])
    found = free_text(text)
    try:
        read(text)
    except QueryError:
        left = tuple(dict.fromkeys(term for phrase in sought(found) for term in phrase.terms))
        return _telling(left) if len(left) > 1 else found
    return found


def mistake_in(text: str) -> str:
    """Why a text with an operator of the query language is no query, with the spot marked; empty where it is one."""
    if not _OPERATOR.search(text):
        return ""
    try:
        read(text)
    except QueryError as error:
        return str(error)
    return ""


def _described(text: str) -> Wanted:
    if len(text) > MAX_LENGTH:
        raise QueryError(text, MAX_LENGTH, f"a query has at most {MAX_LENGTH} characters, this one {len(text)}")
    found = tuple(dict.fromkeys(terms(text)))
    if not found:
        raise QueryError(text, 0, "there is no letter or digit to look for")
    return _telling(found)


# A morning asks the same topics of chunk after chunk.
_kept = lru_cache(maxsize=10_000)(_described)


def _telling(found: tuple[str, ...]) -> Words:
    """Without the words that say nothing, unless there are no others."""
    return Words(tuple(term for term in found if term not in STOP_WORDS) or found)
