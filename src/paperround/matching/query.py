"""The query language of topics and searches; docs/queries.md is its guide for users.

    disjunction = conjunction ("OR" conjunction)*
    conjunction = negation (["AND"] negation)*
    negation    = ("NOT" | "-")* operand
    operand     = [field ":"] (word | word"*" | '"' words '"' ["*"] | "(" disjunction ")")

Punctuation that stands alone is ignored.

A parsed query is an immutable tree in canonical form: words are folded and singular, nested ANDs and ORs are
flattened, double negations are removed, and a field is stored with every phrase that it applies to. `str` returns
text that parses to the same tree.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import TypeVar

from paperround.domain.errors import QueryError
from paperround.domain.errors import translatable as _
from paperround.domain.text import QUOTATION_MARKS, given_name_first, singular, terms, words
from paperround.matching.fields import WHOLE, Field, label, label_start

MAX_LENGTH = 2_000  # characters
MAX_DEPTH = 25  # parentheses within parentheses, as typed
# The nesting of groups in the database query, where one typed pair of parentheses can become three. FTS5's parser
# stack holds 100 symbols, of which each group takes up to three ("fts5: parser stack overflow").
MAX_NESTING = 25

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Phrase:
    """Adjacent terms in one field; a single word is a phrase of one term."""

    terms: tuple[str, ...]
    field: Field | None = None
    """The field to search; None for title, keywords and abstract."""
    prefix: bool = False
    """Whether the last term is a prefix. A prefix is folded but keeps its plural ending."""

    @property
    def endings(self) -> tuple[str, ...]:
        """For a prefix, the terms that do not begin with it although their plural does: boxe* finds "boxes" (box)."""
        stem = self.terms[-1]
        if not self.prefix or self.field in WHOLE:
            return ()
        written = (stem, f"{stem}s", f"{stem}es" if stem.endswith("i") else stem)
        return tuple(dict.fromkeys(t for t in map(singular, written) if not t.startswith(stem)))

    def __str__(self) -> str:
        text = " ".join(self.terms)
        quoted = f'"{text}"' if len(self.terms) > 1 else text
        return f"{self.field}:{quoted}{'*' * self.prefix}" if self.field else f"{quoted}{'*' * self.prefix}"


@dataclass(frozen=True, slots=True)
class Not:
    """Matches everything that its part does not match."""

    part: Query

    def __str__(self) -> str:
        return f"NOT {_grouped(self.part)}"


@dataclass(frozen=True, slots=True)
class And:
    """Matches what all parts match; there are two or more, none of them an And."""

    parts: tuple[Query, ...]

    def __str__(self) -> str:
        return " ".join(f"({part})" if isinstance(part, Or) else str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Or:
    """Matches what at least one part matches; there are two or more, none of them an Or."""

    parts: tuple[Query, ...]

    def __str__(self) -> str:
        return " OR ".join(map(str, self.parts))


Query = Phrase | Not | And | Or


# In a morning the same topics are parsed again for every chunk.
@lru_cache(maxsize=10_000)
def parse(text: str) -> Query:
    """Parse a query and cache the result.

    Raise QueryError, which says where the text is wrong and how to correct it.
    """
    return parse_uncached(text)


def parse_uncached(text: str) -> Query:
    """Parse a query without caching it, so that text typed by strangers does not fill the memory.

    Raise QueryError as `parse` does.
    """
    query = parse_syntax(text)
    # Evaluated over queries, this yields the query itself without its outermost negation.
    excluded, named = evaluate(
        query, _identity, conjoin, disjoin, lambda wanted, unwanted: conjoin([wanted, negate(unwanted)])
    )
    if excluded:
        raise QueryError(
            text, 0, _("this would match everything except %(named)s; add a word to look for"), named=named
        )
    if nesting(query) > MAX_NESTING:
        raise QueryError(
            text,
            0,
            _("groups are nested too deeply; use fewer parentheses, or write two queries"),
        )
    return query


def parse_search_text(text: str) -> Query:
    """Return a query for text that is typed or pasted into a search box.

    Text that is a valid query is parsed as one. Other text (an unclosed quote, "Mamba: linear-time …") becomes a
    query for all its words, without operators and special characters. Raise QueryError if no words remain, or if the
    query only excludes.
    """
    try:
        parse_syntax(text)
    except QueryError:
        found = [phrase(word) for word in text[:MAX_LENGTH].split() if word not in {"AND", "OR", "NOT"}]
        if any(found):
            return conjoin(filter(None, found))
    return parse_uncached(text)


def parse_syntax(text: str) -> Query:
    """Parse a query without checking that it contains something to look for."""
    if len(text) > MAX_LENGTH:
        raise too_long(text)
    return _Parser(text).parse()


def too_long(text: str) -> QueryError:
    """Return the error of a text with too many characters."""
    sentence = _("a query has at most %(most)s characters, this one %(number)s")
    return QueryError(text, MAX_LENGTH, sentence, most=MAX_LENGTH, number=len(text))


def phrase(text: str, field: Field | None = None, *, prefix: bool = False) -> Phrase | None:
    """Return the phrase for a word or quoted words, or None if the text contains no letter or digit."""
    if field in WHOLE:
        name = label_start(text) if prefix else label(text)
        return Phrase((name,), field, prefix) if name else None
    if field is Field.AUTHOR and not prefix:
        text = given_name_first(text)
    if not prefix:
        found = terms(text)
    elif found := words(text):
        found[:-1] = map(singular, found[:-1])
    return Phrase(tuple(found), field, prefix) if found else None


def joined(operator: str, expressions: Sequence[str]) -> str:
    """Join parts of a query as a database writes it, in parentheses if there are several."""
    return expressions[0] if len(expressions) == 1 else f"({operator.join(expressions)})"


def conjoin(parts: Iterable[Query]) -> Query:
    """Combine the parts, at least one, into a query that matches what all of them match."""
    flat = _flat(parts, And)
    return flat[0] if len(flat) == 1 else And(flat)


def disjoin(parts: Iterable[Query]) -> Query:
    """Combine the parts, at least one, into a query that matches what any of them matches."""
    flat = _flat(parts, Or)
    return flat[0] if len(flat) == 1 else Or(flat)


def negate(query: Query) -> Query:
    """Return a query that matches what this query does not match."""
    return query.part if isinstance(query, Not) else Not(query)


def evaluate(
    query: Query,
    leaf: Callable[[Phrase], T],
    all_of: Callable[[Sequence[T]], T],
    any_of: Callable[[Sequence[T]], T],
    without: Callable[[T, T], T],
) -> tuple[bool, T]:
    """Evaluate a query in an algebra of sets that has difference but no complement (sets of rows, FTS5).

    Return (excluded, value). If `excluded` is true, the query matches everything *except* the value. De Morgan's
    laws move negations outward: a AND NOT b is a − b, and NOT a AND NOT b is everything except a ∪ b.
    """
    if isinstance(query, Phrase):
        return False, leaf(query)
    if isinstance(query, Not):
        excluded, value = evaluate(query.part, leaf, all_of, any_of, without)
        return not excluded, value
    found = [evaluate(part, leaf, all_of, any_of, without) for part in query.parts]
    wanted = [value for excluded, value in found if not excluded]
    unwanted = [value for excluded, value in found if excluded]
    # a OR NOT b is everything except (NOT a AND b): an Or is the negated And of the negated parts.
    turned = isinstance(query, Or)
    if turned:
        wanted, unwanted = unwanted, wanted
    if not wanted:
        return not turned, any_of(unwanted)
    value = all_of(wanted)
    return turned, without(value, any_of(unwanted)) if unwanted else value


def can_come_from(query: Query, sources: Iterable[str]) -> bool:
    """Return whether a paper that one of these sources lists can match a query, as far as its `source:` tells."""
    labels = set(map(label, sources))

    def possible(found: Phrase) -> bool:
        if found.field is not Field.SOURCE:
            return True
        return any(one.startswith(found.terms[0]) if found.prefix else one == found.terms[0] for one in labels)

    return evaluate(query, possible, all, any, lambda wanted, _: wanted)[1]


def nesting(query: Query) -> int:
    """Return how deeply groups are nested in the expression that `evaluate` builds for the query."""
    return evaluate(query, lambda _: 1, _deeper, _deeper, lambda wanted, unwanted: _deeper((wanted, unwanted)))[1]


def _deeper(depths: Sequence[int]) -> int:
    return depths[0] if len(depths) == 1 else 1 + max(depths)


def positive_phrases(query: Query) -> tuple[Phrase, ...]:
    """Return the distinct phrases that are not negated (under an even number of NOTs), in the order written."""
    return tuple(dict.fromkeys(_signed(query, wanted=True)))


def _identity(found: Phrase) -> Query:
    return found


def _signed(query: Query, *, wanted: bool) -> Iterable[Phrase]:
    if isinstance(query, Phrase):
        return [query] if wanted else []
    if isinstance(query, Not):
        return _signed(query.part, wanted=not wanted)
    return [found for part in query.parts for found in _signed(part, wanted=wanted)]


def _grouped(query: Query) -> str:
    return f"({query})" if isinstance(query, And | Or) else str(query)


def _flat(parts: Iterable[Query], kind: type[And] | type[Or]) -> tuple[Query, ...]:
    flat: dict[Query, None] = {}
    for part in parts:
        flat.update(dict.fromkeys(part.parts if isinstance(part, kind) else (part,)))
    return tuple(flat)


def _brief(text: str) -> str:
    return " ".join(text.split())[:40]


_QUOTES = str.maketrans(dict.fromkeys(QUOTATION_MARKS, '"'))
MINUS = r"""[-–−](?=\S*(?:[^\W_]|["(]))"""
"""Matches a dash that excludes what follows it, also as phones write it. Without a letter or digit after it, it is
punctuation."""
_TOKEN = re.compile(
    rf"""(?P<open>\()|(?P<close>\))|(?P<quoted>"[^"]*"\*?)|(?P<unclosed>")
        |(?P<minus>{MINUS})|(?P<field>[^\W\d_]+:)|(?P<word>[^\s"()]+)""",
    re.VERBOSE,
)
_OPERATORS = frozenset({"AND", "OR", "NOT"})
_FIELDS = {field.value: field for field in Field} | {
    # arXiv's own prefixes, and spellings that people are likely to try.
    "ti": Field.TITLE,
    "au": Field.AUTHOR,
    "abs": Field.ABSTRACT,
    "authors": Field.AUTHOR,
    "category": Field.CAT,
    "keyword": Field.KEYWORDS,
    "organisation": Field.ORG,
    "organization": Field.ORG,
}
FIELD_NAMES = tuple(_FIELDS)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def _without_punctuation(tokens: Sequence[_Token]) -> list[_Token]:
    """Remove words without a letter or digit, as in `"world models", please`, except after a field."""
    before = [None, *tokens]
    return [
        token
        for token, last in zip(tokens, before, strict=False)
        if token.kind != "word" or terms(token.text) or (last and last.kind == "field")
    ]


class _Parser:
    """A recursive-descent parser for the grammar above; each method parses one of its rules."""

    def __init__(self, text: str) -> None:
        self._text = text
        tokens = [self._token(found) for found in _TOKEN.finditer(text.translate(_QUOTES))]
        self._tokens = [*(_without_punctuation(tokens) or tokens), _Token("end", "", len(text))]
        self._next = 0
        self._depth = 0

    def parse(self) -> Query:
        if self._tokens[0].kind == "end":
            raise QueryError(self._text, 0, _("the query is empty; write a word to look for"))
        query = self._disjunction(None)
        if self._here.kind == "close":
            raise self._wrong(self._here, _("this parenthesis was never opened"))
        return query

    def _token(self, found: re.Match[str]) -> _Token:
        kind, text = str(found.lastgroup), found[0]
        token = _Token(text if text in _OPERATORS else "NOT" if kind == "minus" else kind, text, found.start())
        if kind == "unclosed":
            raise self._wrong(token, _("this quotation mark is never closed"))
        return token

    @property
    def _here(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._here
        self._next += 1
        return token

    def _wrong(self, token: _Token, sentence: str, **facts: object) -> QueryError:
        return QueryError(self._text, token.at, sentence, **facts)

    def _disjunction(self, field: Field | None) -> Query:
        parts = [self._conjunction(field)]
        while self._here.kind == "OR":
            self._operator()
            parts.append(self._conjunction(field))
        return disjoin(parts)

    def _conjunction(self, field: Field | None) -> Query:
        parts = [self._negation(field)]
        while self._here.kind not in {"OR", "close", "end"}:
            if self._here.kind == "AND":
                self._operator()
            parts.append(self._negation(field))
        return conjoin(parts)

    def _operator(self) -> None:
        token = self._take()
        if self._here.kind in {"AND", "OR", "close", "end"}:
            raise self._wrong(token, _("%(operator)s needs a word after it"), operator=token.text)

    def _negation(self, field: Field | None) -> Query:
        times = 0
        while self._here.kind == "NOT":
            times += 1
            token = self._take()
            if self._here.kind in {"AND", "OR", "close", "end"}:
                raise self._wrong(token, _("%(operator)s needs a word after it"), operator=token.text)
        query = self._operand(field)
        return negate(query) if times % 2 else query

    def _operand(self, field: Field | None) -> Query:
        token = self._take()
        match token.kind:
            case "field":
                return self._fielded(token)
            case "open":
                return self._group(token, field)
            case "quoted" | "word":
                return self._phrase(token, field)
            case "close":
                raise self._wrong(token, _("these parentheses are empty; add a word or remove them"))
            case _:
                raise self._wrong(
                    token,
                    _("%(operator)s needs a word before it; in small letters it is a word itself"),
                    operator=token.text,
                )

    def _fielded(self, token: _Token) -> Query:
        name = token.text[:-1].lower()
        if name in {"http", "https"}:
            raise self._wrong(token, _("an address is not a query; describe the papers in words"))
        if name not in _FIELDS:
            raise self._unknown_field(token, name)
        if self._here.kind == "NOT":
            raise self._wrong(self._here, _("the exclusion goes before the field: -%(field)s…"), field=token.text)
        if self._here.kind not in {"quoted", "word", "open"}:
            raise self._wrong(token, _("%(field)s needs a word, a phrase or a group after it"), field=token.text)
        return self._operand(_FIELDS[name])

    def _unknown_field(self, token: _Token, name: str) -> QueryError:
        field = _brief(token.text)
        if near := get_close_matches(name, _FIELDS, n=1):
            sentence = _('there is no field %(field)s (did you mean %(near)s:?); text with a colon goes in "quotes"')
            return self._wrong(token, sentence, field=field, near=_FIELDS[near[0]])
        sentence = _('there is no field %(field)s (fields are %(fields)s); text with a colon goes in "quotes"')
        return self._wrong(token, sentence, field=field, fields=", ".join(Field))

    def _group(self, token: _Token, field: Field | None) -> Query:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._wrong(token, _("more than %(number)s nested parentheses"), number=MAX_DEPTH)
        query = None if self._here.kind == "end" else self._disjunction(field)
        if query is None or self._here.kind == "end":
            raise self._wrong(token, _("this parenthesis is never closed"))
        self._take()
        self._depth -= 1
        return query

    def _phrase(self, token: _Token, field: Field | None) -> Phrase:
        prefix = token.text.endswith("*")
        text = token.text.rstrip("*").strip('"')
        if token.kind == "word" and "*" in text:
            star = _Token("word", "*", token.at + text.index("*"))
            raise self._wrong(star, _("a * is allowed only at the end of a word"))
        parsed = phrase(text, field, prefix=prefix)
        if parsed is None:
            raise self._wrong(
                token, _("there is no letter or digit to look for in %(text)s"), text=_brief(token.text)
            )
        return parsed
