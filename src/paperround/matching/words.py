"""Interpret plain words, and drop those that are uninformative. Pure.

A text without any operator of the query language is a description, not a condition: papers with any of its words are
ranked, higher for rarer words and for more of them. Words that occur in every text ("of", "that") are uninformative.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from itertools import chain

from paperround.domain.errors import QueryError
from paperround.domain.errors import translatable as _
from paperround.domain.text import singular, terms
from paperround.matching.fields import WHOLE, Field
from paperround.matching.inflection import other_forms
from paperround.matching.query import (
    FIELD_NAMES,
    MAX_LENGTH,
    MINUS,
    Phrase,
    Query,
    disjoin,
    parse,
    parse_search_text,
    parse_syntax,
    parse_uncached,
    positive_phrases,
    too_long,
)

# Chinese and Japanese are written without spaces. A word has up to four characters; more are several words.
_WITHOUT_SPACES = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]{5}")
_LONE_FIELD = re.compile(rf"(?:^|\s)(?:{'|'.join(FIELD_NAMES)}):\s*$", re.IGNORECASE)
_STRAY_STAR = re.compile(r"\*\w")
_FIELD = re.compile(r"(?<![^\W\d_])([^\W\d_]+):(?=\S)")
# A known field, a space and words, at the beginning or after an operator or a parenthesis. Elsewhere in a sentence,
# as in "robots that are open source: a study", it is a word with a colon.
_WORD_OF_FIELD = r"(?!(?:AND|OR|NOT)\s)[^\s\"():*-][^\s\"():*]*\*?(?=[\s)]|$)"
_SPACED_FIELD = re.compile(
    r"(?:^|(?<=[(])|(?<=^-)|(?<=\s-)|(?<=\bAND\s)|(?<=\bOR\s)|(?<=\bNOT\s))"
    rf"(?P<space>\s*)(?P<field>(?i:{'|'.join(FIELD_NAMES)})):\s+(?P<words>{_WORD_OF_FIELD}(?:\s+{_WORD_OF_FIELD})*)"
)
_FIELD_OF_TEXT = re.compile(r"ti|abs|keyword", re.IGNORECASE)
_MIN_ORDINARY = 3  # letters of a single word that is read as plain words

# What makes a text an exact query: quotation marks, a star after a word, AND, OR, NOT, a leading dash, fields.
# Parentheses alone do not: what they group means the same without them, and in a sentence they are punctuation.
_OPERATOR = re.compile(
    r"""["“”„‟«»](?:[^"“”„‟«»]*["“”„‟«»])?|(?<!\w)\w+\*(?!\w)|(?<![^\W\d_])[^\W\d_]+:(?=\S)"""
    rf"|(?<![^\s()])(?:(?:AND|OR|NOT)(?![^\s()])|{MINUS}\S+)"
)

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
"""English words that occur in texts on any subject, stored as terms, that is, in the singular."""
_GERMAN_SIGNS = frozenset(
    terms("""
    auch beim diese diesem diesen dieser dieses durch eine einem einen einer eines für können nicht oder sich sind
    und vom werden wird wurde zum zur zwischen über
    """)
)
"""German function words that are no English words, names or acronyms: a text with one of them is German."""
_GERMAN_STOP_WORDS = _GERMAN_SIGNS | frozenset(
    terms("""
    aber als am an auf aus bei bis das dass dem den der des die ein gegen im in ist kann man mehr mit nach nur ob ohne
    sie um uns unter von vor wenn wie zu
    """)
)
"""German words that occur in texts on any subject. In an English text, ALS, DEM and DER are acronyms."""
_PROBABLY_GERMAN = frozenset(
    terms(
        "aber aus bei dass das den der des die ein gegen im ist mehr mit nach nur ohne um unter von vor wenn wie zu"
    )
)
"""Those of them of which an English text hardly has two, apart from `_IN_ENGLISH_TOO`."""
_IN_ENGLISH_TOO = frozenset(terms("das den der des die im um von"))
"""Those of them that English texts have in names, as in von Mises stress and van der Waals force, or as words."""
SCHOLARLY_WORDS = frozenset(
    terms("""
    able abstract accurate accurately achieve achieved achieving address addresses aim allow analysis analyze
    application applied apply approach art available baseline based benchmark better challenge challenging compare
    compared comparison comprehensive consider contribution current demonstrate demonstrated demonstrates
    demonstrating designed develop developed different effective effectively effectiveness efficient efficiently
    enable enables enabling enhance evaluate evaluated evaluation existing experiment experimental explore extensive
    finally find finding first focus framework furthermore github however improve improved improvement improves
    improving include including introduce introduced introduces introducing investigate key lack leverage leveraging
    limitation limited main method model moreover novel obtain outperform outperforming outperforms overall
    performance potential present presented presents previous previously problem promising propose proposed proposes
    proposing provide provided provides providing recent recently require requires result results second set shown
    shows significant significantly specific specifically strong superior task technique three two typically work
    """)
)
"""English words that papers on any subject use of their own work, stored as terms."""


@dataclass(frozen=True, slots=True)
class Words:
    """A description in plain words: its terms, each once, in the order written; never empty.

    A hyphenated word with a piece that is uninformative alone, such as "de-noising", is one term: "de noising".
    """

    terms: tuple[str, ...]
    inflected: bool = False
    """Whether other forms of its words count too, such as `walking` for `walk`."""

    @property
    def spellings(self) -> tuple[tuple[Phrase, ...], ...]:
        """Each term as phrases of the query language; a term with a space also as one word, "denoising"."""
        if not self.inflected:
            return tuple(map(spellings, self.terms))
        return tuple((*spellings(term), *(Phrase((form,)) for form in other_forms(term))) for term in self.terms)

    @property
    def phrases(self) -> tuple[Phrase, ...]:
        """The spellings of all terms."""
        return tuple(chain.from_iterable(self.spellings))

    @property
    def any_of(self) -> Query:
        """The query that finds every paper with at least one of the terms."""
        return disjoin(self.phrases)

    def __str__(self) -> str:
        return " ".join(self.terms)


def spellings(term: str) -> tuple[Phrase, ...]:
    """Return the phrases that papers may write a term of `Words` as."""
    pieces = tuple(term.split())
    together = (Phrase((singular("".join(pieces)),)),) if len(pieces) > 1 else ()
    return (Phrase(pieces), *together)


SearchExpression = Query | Words
"""What a topic, an interest or a search asks for: an exact query or plain words."""


def canonical(text: str) -> str:
    """Return the canonical text of a query; plain words only have their white space normalized.

    Raise QueryError as `interpret` and `check_is_informative` do.
    """
    check_is_informative(text)
    wanted = interpret(text)
    return " ".join(text.split()) if isinstance(wanted, Words) else str(wanted)


def says_nothing(text: str) -> bool:
    """Return whether a text has only words that occur in texts on any subject, such as "the of"."""
    return STOP_WORDS.issuperset(terms(text))


def check_is_informative(text: str) -> None:
    """Raise QueryError if a topic or an interest is several words that papers on any subject have.

    One such word, as "studies", is a query, which finds the papers that contain it.
    """
    if _has_several_plain_words(text) and says_nothing(text):
        raise QueryError(text, 0, _("papers on any subject have these words; say what the papers should be about"))


def any_of(wanted: SearchExpression) -> Query:
    """Return the query that finds every paper that can match or fit at all."""
    return wanted.any_of if isinstance(wanted, Words) else wanted


def is_plain(text: str) -> bool:
    """Return whether a topic or an interest is in plain words: several words without an operator, or an ordinary one.

    A single word with capitals or digits in it, as acronyms and names have, is a query.
    """
    return _has_several_plain_words(text) or is_ordinary_word(text)


def is_ordinary_word(text: str) -> bool:
    """Return whether a text is a single word of at least three letters, none but the first of them a capital.

    A word that papers on any subject have is not: its meaning finds nothing.
    """
    word = text.strip()
    return len(word) >= _MIN_ORDINARY and word.isalpha() and word[1:].islower() and not says_nothing(word)


def _has_several_plain_words(text: str) -> bool:
    return (len(text.split()) > 1 or _WITHOUT_SPACES.search(text) is not None) and not operators_in(text)


def operators_in(text: str) -> tuple[str, ...]:
    """Return the operators of the query language in a text, each once, with the word or phrase they mark."""
    marks = _OPERATOR.findall(text)
    spaced = (f"{found['field']}:" for found in _SPACED_FIELD.finditer(text))
    return tuple(dict.fromkeys([*(field for field in spaced if f"-{field}" not in marks), *marks]))


def interpret(text: str) -> SearchExpression:
    """Interpret the text of a topic or of a subscriber's own query. Raise QueryError if it is not a valid query.

    Text without an operator is plain words (`is_plain`). An acronym, and any text with an operator, is a query. The
    result is cached.
    """
    return _describe_cached(text) if is_plain(text) else parse(with_grouped_fields(text))


def is_plain_words(query: str) -> bool:
    """Return whether a topic's query is valid and plain words. `is_plain` looks only for operators."""
    try:
        return isinstance(interpret(query), Words)
    except QueryError:
        return False


def lists_sources(query: str) -> bool:
    """Return whether a topic's query is valid and names sources without any words, perhaps with categories.

    All papers of such a topic fit equally well.
    """
    try:
        expression = interpret(query)
    except QueryError:
        return False
    named = set() if isinstance(expression, Words) else {phrase.field for phrase in positive_phrases(expression)}
    return Field.SOURCE in named and named <= WHOLE


def interpret_uncached(text: str) -> SearchExpression:
    """Interpret a text as `interpret` does, without caching it: text typed by strangers must not fill the memory."""
    return _describe(text) if is_plain(text) else parse_uncached(with_grouped_fields(text))


def interpret_search(text: str) -> SearchExpression:
    """Interpret the text of a search box.

    Text that is not a valid query, such as a pasted title, counts as plain words. Of these, other forms count too. A
    single word is a query: whoever types it looks for the word.
    Raise QueryError if nothing remains to look for, or if a query only excludes.
    """
    found = _interpret_search(text)
    return replace(found, inflected=True) if isinstance(found, Words) else found


def interpret_by_meaning(text: str) -> Words | None:
    """Return a search for a single ordinary word, which is a query, as plain words; None for any other text."""
    return replace(_describe(text), inflected=True) if is_ordinary_word(text) else None


def _interpret_search(text: str) -> SearchExpression:
    if _has_several_plain_words(text):
        return _describe(text[:MAX_LENGTH])
    text = with_grouped_fields(text)
    query = parse_search_text(text)
    try:
        parse_syntax(text)
    except QueryError:
        left = tuple(dict.fromkeys(term for phrase in positive_phrases(query) for term in phrase.terms))
        return _informative(left) if len(left) > 1 else query
    return query


def mistake_in(text: str) -> QueryError | None:
    """Return why a text with an operator is not a valid query; None if it is one or has no operator.

    A field with nothing after it is a mistake too, and so is a star that is not at the end of a word.
    """
    if operators_in(text) or ends_with_field(text) or _STRAY_STAR.search(text):
        try:
            parse_syntax(text)
        except QueryError as error:
            return error
    return None


def ends_with_field(text: str) -> bool:
    """Return whether the last word of a text is a field without anything to look for in it, such as `author:`."""
    return _LONE_FIELD.search(text) is not None


_FIELD_AND_WORDS = re.compile(r"(\w+):\s*([^\s\"():*-][^\s\"():*]*(?:\s+[^\s\"():*-][^\s\"():*]*)+)")


def with_known_fields(text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return a text with its mistyped fields corrected, and each correction; unchanged if that makes it no query."""
    changes: dict[str, str] = {}

    def known(found: re.Match[str]) -> str:
        near = [] if found[1].lower() in FIELD_NAMES else get_close_matches(found[1].lower(), FIELD_NAMES, 1)
        return changes.setdefault(found[0], f"{near[0]}:") if near else found[0]

    corrected = _FIELD.sub(known, text) if mistake_in(text) else text
    return (corrected, tuple(changes.items())) if changes and not mistake_in(corrected) else (text, ())


def with_grouped_fields(text: str) -> str:
    """Return `author: Ada Lovelace` as `author:"Ada Lovelace"` and `title: two words` as `title:(two words)`.

    Without a space after the colon, a field applies to the next word only. A star after the last word of a name
    applies to the whole: `author: Ada Love*` is `author:"Ada Love"*`; a name with a star before it is left as it is.
    """

    def grouped(found: re.Match[str]) -> str:
        space, field, words = found["space"], found["field"], found["words"]
        if " " not in words:
            return f"{space}{field}:{words}"
        if _FIELD_OF_TEXT.match(field):
            return f"{space}{field}:({words})"
        name = words.removesuffix("*")
        return found[0] if "*" in name else f'{space}{field}:"{name}"{"*" * words.endswith("*")}'

    return _SPACED_FIELD.sub(grouped, text)


def with_phrase(text: str) -> str:
    """Return `field:one two` as `field:"one two"`, because a field applies to one word; other texts as ""."""
    found = _FIELD_AND_WORDS.fullmatch(text.strip())
    return f'{found[1]}:"{found[2]}"' if found else ""


def _describe(text: str) -> Words:
    if len(text) > MAX_LENGTH:
        raise too_long(text)
    found = tuple(dict.fromkeys(_terms(text)))
    if not found:
        raise QueryError(text, 0, _("there is no letter or digit to look for"))
    return _informative(found)


_CONTRACTION = re.compile(r"(?<=\w)(?:['’](?:s|re|ve|ll|d|m)|n['’]t)(?!\w)", re.IGNORECASE)
_HYPHEN = "[-\u2010\u2011]"
_HYPHENATED = re.compile(rf"[^\W_]+(?:{_HYPHEN}[^\W_]+)+")
_PREFIXES = frozenset(("bi", "co", "de", "di", "em", "en", "ex", "im", "re", "un"))


def _terms(text: str) -> Iterator[str]:
    """Yield the terms of plain words; an uninformative piece of a hyphenated word stays with another.

    The ends of "people's" and "don't" are no words.
    """
    text, end = _CONTRACTION.sub("", text), 0
    for found in _HYPHENATED.finditer(text):
        yield from terms(text[end : found.start()])
        yield from _hyphenated_terms(re.split(_HYPHEN, found[0]))
        end = found.end()
    yield from terms(text[end:])


def _hyphenated_terms(pieces: list[str]) -> list[str]:
    found, open_ended = list[str](), False
    for place, piece in enumerate(pieces, 1):
        dependent = _is_uninformative_alone(piece)
        if found and (open_ended or (dependent and place == len(pieces))):
            found[-1] = " ".join([found[-1], *terms(piece)])
            open_ended = False
        else:
            found += terms(piece) if not dependent else [" ".join(terms(piece))]
            open_ended = dependent
    return found


def _is_uninformative_alone(piece: str) -> bool:
    """Return whether a piece of a hyphenated word is a letter ("x-ray") or a prefix; "AI" and "RE" are acronyms."""
    if not (piece.isascii() and piece.isalpha()) or piece.lower() in STOP_WORDS:
        return False
    return len(piece) == 1 or (piece.lower() in _PREFIXES and not piece.isupper())


# In a morning the same topics are interpreted again for every chunk.
_describe_cached = lru_cache(maxsize=10_000)(_describe)


def is_german(text: str) -> bool:
    """Return whether the function words of a text are German."""
    found = set(terms(text))
    probably = _PROBABLY_GERMAN & found
    return not _GERMAN_SIGNS.isdisjoint(found) or len(probably) > (1 if probably - _IN_ENGLISH_TOO else 2)


def _informative(found: tuple[str, ...]) -> Words:
    """Drop the uninformative words, unless there are no others."""
    uninformative = STOP_WORDS if _GERMAN_SIGNS.isdisjoint(found) else STOP_WORDS | _GERMAN_STOP_WORDS
    return Words(tuple(term for term in found if term not in uninformative) or found)
