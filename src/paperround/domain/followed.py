"""Read the authors and organizations that a subscriber follows, and what they exclude. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache, partial

from paperround.domain.errors import InvalidValueError
from paperround.domain.errors import translatable as _
from paperround.domain.identifiers import arxiv_id, doi
from paperround.domain.latex import readable
from paperround.domain.name_comparison import TITLES_AND_SUFFIXES, is_fuller_or_shorter
from paperround.domain.person_names import without_middle_initials
from paperround.domain.text import QUOTATION_MARKS, clean, given_name_first, most_similar, terms

MAX_FOLLOWED, MAX_LEFT_OUT, MAX_ENTRY_LENGTH = 100, 100, 300  # entries, entries, characters of each
MAX_COAUTHORS = 6

_ENTRY = re.compile(r"(?P<kind>author|org|category|paper)\s*:\s*(?P<name>.*)", re.IGNORECASE)
_LEFT_OUT = re.compile(r"(?P<kind>[a-z]+)\s*:\s*(?P<name>.*)", re.IGNORECASE)
_WITHOUT_COLON = re.compile(r"(?P<kind>author|category|cat|paper)\s+(?P<name>\S.*)", re.IGNORECASE)
_OPERATOR = re.compile(r"(?:^|\s)(?:AND|OR|NOT)(?:\s|$)|\w\*(?:\s|$)|(?:^|\s)[-–−](?=\w)")
_WITHOUT_QUOTES = str.maketrans("", "", QUOTATION_MARKS)  # they would end the phrase in the query
_ARXIV = {
    archive: frozenset(subjects.split())
    for archive, subjects in {
        "astro-ph": "co ep ga he im sr",
        "cond-mat": "dis-nn mes-hall mtrl-sci other quant-gas soft stat-mech str-el supr-con",
        "cs": "ai ar cc ce cg cl cr cv cy db dc dl dm ds et fl gl gr gt hc ir it lg lo ma mm ms na ne ni oh os pf pl "
        "ro sc sd se si sy",
        "econ": "em gn th",
        "eess": "as iv sp sy",
        "math": "ac ag ap at ca co ct cv dg ds fa gm gn gr gt ho it kt lo mg mp na nt oa oc pr qa ra rt sg sp st",
        "nlin": "ao cd cg ps si",
        "physics": "acc-ph ao-ph app-ph atm-clus atom-ph bio-ph chem-ph class-ph comp-ph data-an ed-ph flu-dyn "
        "gen-ph geo-ph hist-ph ins-det med-ph optics plasm-ph pop-ph soc-ph space-ph",
        "q-bio": "bm cb gn mn nc ot pe qm sc to",
        "q-fin": "cp ec gn mf pm pr rm st tr",
        "stat": "ap co me ml ot th",
    }.items()
}
"""The subjects of each archive of arXiv that has any (https://arxiv.org/category_taxonomy)."""
_WITH = re.compile(r"(?P<name>.*?)\s*\(with (?P<others>.*)\)")


@dataclass(frozen=True, slots=True)
class FollowedName:
    """An author or an organization. Co-authors distinguish an author from others of the same name."""

    name: str
    organization: bool = False
    coauthors: tuple[str, ...] = ()
    """If not empty, only papers with at least one of these co-authors match."""

    def __str__(self) -> str:
        if self.organization:
            return f"org: {self.name}"
        return f"author: {self.name}" + (f" (with {', '.join(self.coauthors)})" if self.coauthors else "")

    @property
    def query(self) -> str:
        """The query that finds their papers; the names have no quotation marks, as `read_followed` leaves them."""
        if self.organization:
            return f'org:"{self.name}"'
        others = " OR ".join(f'author:"{name}"' for name in self.coauthors)
        own = f'author:"{self.name}"'
        if short := without_middle_initials(self.name):
            own = f'({own} OR author:"{short}")'
        return own + (f" ({others})" if others else "")

    def is_among(self, authors: Iterable[str]) -> bool:
        """Return whether one of these authors has the whole name, apart from initials, titles and suffixes.

        A query finds it within longer names too: `Min Kim` in `Seung-Min Kim`. A single word, as of a family name,
        and an organization are found within others.
        """
        return self.organization or len(terms(self.name)) < 2 or any(map(partial(has_name, self.name), authors))

    def wrote(self, authors: Sequence[str]) -> bool:
        """Return whether these are the authors of a paper by this person: their name, with one of the co-authors."""
        return self.is_among(authors) and (
            not self.coauthors or any(has_name(name, author) for name in self.coauthors for author in authors)
        )


def has_name(name: str, author: str) -> bool:
    """Return whether an author, as a source writes it, may have this name.

    A missing initial is compatible with any; two that differ are not.
    """
    own, author = terms(given_name_first(name)), readable(author)  # as it is indexed
    return _without_initials(author, own) == own or is_fuller_or_shorter(name, author)


def _without_initials(name: str, names: Sequence[str]) -> list[str]:
    return [
        term
        for term in terms(name)
        if term in names or not (term in TITLES_AND_SUFFIXES or (len(term) == 1 and term.isascii()))
    ]


@lru_cache(maxsize=10_000)
def followed_in(entry: str) -> FollowedName:
    """Return what `read_followed` returns for an entry that it has read before, from a cache."""
    return read_followed(entry)


def read_followed(text: str) -> FollowedName:
    """Parse an entry: `author: NAME`, `author: NAME (with NAME, NAME)`, `org: NAME`, or a bare name.

    Raises InvalidValueError for an entry that names nobody.
    """
    entry = clean(text.translate(_WITHOUT_QUOTES))
    match = _ENTRY.fullmatch(entry)
    kind, name = (match["kind"].lower(), match["name"]) if match else ("author", entry)
    if kind not in {"author", "org"}:
        sentence = _("%(entry)s can be left out, not followed; write author: NAME or org: NAME")
        raise InvalidValueError(sentence, entry=_quoted(entry))
    parsed = _WITH.fullmatch(name) if kind == "author" else None
    others = tuple(part for part in map(clean, parsed["others"].split(",")) if terms(part)) if parsed else ()
    name = clean(parsed["name"] if parsed else name)
    if not terms(name) or len(entry) > MAX_ENTRY_LENGTH:
        sentence = _("%(entry)s names nobody to follow; write author: NAME or org: NAME")
        raise InvalidValueError(sentence, entry=_quoted(entry))
    return FollowedName(name, kind == "org", others[:MAX_COAUTHORS])


class LeftOutKind(StrEnum):
    """What an exclusion compares."""

    WORDS = "words"
    AUTHOR = "author"
    CATEGORY = "category"
    PAPER = "paper"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Words, an author, a category or one paper that a subscriber excludes."""

    kind: LeftOutKind
    value: str

    def __str__(self) -> str:
        return self.value if self.kind is LeftOutKind.WORDS else f"{self.kind}: {self.value}"


def read_left_out(text: str) -> LeftOut:
    """Parse an exclusion: `author: NAME`, `category: cs.CV`, `paper: 2411.01234`, or else words.

    Raises InvalidValueError for an entry that excludes nothing.
    """
    entry = clean(text)
    match = _LEFT_OUT.fullmatch(entry)
    kind, value = (_read_kind(match["kind"]), clean(match["name"])) if match else ("words", entry)
    if not terms(value) or len(entry) > MAX_ENTRY_LENGTH or kind == "org":
        sentence = _("%(entry)s leaves nothing out; write words, author: NAME, category: NAME or paper: IDENTIFIER")
        raise InvalidValueError(sentence, entry=_quoted(entry))
    if kind == "category":
        value = value.removesuffix(".*")
        _check_category(value)
    return LeftOut(LeftOutKind(kind), value)


def check_left_out(text: str) -> LeftOut:
    """Parse an exclusion that somebody enters. Operators, which earlier versions stored as words, are refused.

    Raises InvalidValueError for an entry that excludes nothing or not what it says.
    """
    left_out = read_left_out(text)
    if left_out.kind is LeftOutKind.WORDS and _OPERATOR.search(left_out.value):
        sentence = _("%(entry)s has an operator; only words can be left out, each in its own entry")
        raise InvalidValueError(sentence, entry=_quoted(left_out.value))
    return left_out


def suggest_colon(entry: str) -> LeftOut | None:
    """Return what an exclusion of words probably means if its colon is missing, such as `author Li Wei`.

    A category and a paper must have the form of one. What follows `author` may be a word: "author identification".
    """
    match = _WITHOUT_COLON.fullmatch(clean(entry))
    if not match:
        return None
    kind, value = LeftOutKind(_read_kind(match["kind"])), clean(match["name"].translate(_WITHOUT_QUOTES))
    if not terms(value):
        return None
    if kind is LeftOutKind.CATEGORY and not (archive_of(value) or value.lower() in _ARXIV):
        return None
    if kind is LeftOutKind.PAPER and not (arxiv_id(value) or doi(value)):
        return None
    return LeftOut(kind, value)


def archive_of(category: str) -> str:
    """Return the archive of a category of arXiv, such as cs of cs.CV; "" for any other name."""
    archive, dot, subject = category.lower().partition(".")
    return archive if dot and subject in _ARXIV.get(archive, ()) else ""


def _quoted(entry: str) -> str:
    return repr(entry[:80])


def _read_kind(typed: str) -> str:
    kind = {"cat": "category", "organization": "org"}.get(typed.lower(), typed.lower())
    kinds = ("author", "category", "paper", "org")
    if kind not in kinds:
        meant = most_similar(kind, kinds[:-1])
        sentence = (
            _("%(start)s is not known (did you mean %(meant)s:?); for words, remove the colon")
            if meant
            else _(
                "%(start)s is not known; write words without a colon, or author: NAME, category: NAME "
                "or paper: IDENTIFIER"
            )
        )
        raise InvalidValueError(sentence, start=repr(f"{typed[:40]}:"), meant=meant)
    return kind


def _check_category(name: str) -> None:
    """Raise InvalidValueError for an unknown category of arXiv; other servers name theirs as they like."""
    archive, dot, subject = name.lower().partition(".")
    if dot and archive in _ARXIV and subject not in _ARXIV[archive]:
        sentence = _("arXiv has no category %(name)s; see https://arxiv.org/category_taxonomy")
        raise InvalidValueError(sentence, name=repr(name[:40]))
