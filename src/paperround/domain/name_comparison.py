"""Decide whether names from different sources may be of the same author. Pure.

Sources write a person in many ways: `Ada M. Byron`, `Byron, Ada`, `A. Byron`, `Byron AM`. Two names are compatible if
they share a family name and no given name contradicts: initials and short forms stand for what they begin.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from paperround.domain.text import given_name_first, terms

BODY = r"(?:Collaborations?|Teams?|Groups?|Consortium|Consortia|Project|Survey|Network|Committee|Initiative)"
"""The words that a body of many authors has in its name."""
NAMES_A_BODY = re.compile(rf"\b{BODY}\b", re.IGNORECASE)
"""Finds one of these words in a name."""
_OF_NO_NAME = frozenset(("and", "behalf", "for", "of", "on", "the"))
TITLES_AND_SUFFIXES = frozenset(("dr", "prof", "jr", "sr", "ii", "iii", "iv", "phd", "md", "msc", "bsc"))
"""What some sources leave out of names."""
_JOINED_INITIALS = re.compile(r"\b[A-Z]{2,3}\b")  # as PubMed writes them: Byron AM
_SAME_BEGINNING = 2  # letters that given names share if they are forms of one: Yuri and Yury, Mike and Michael
_MAX_PAIRS = 10_000  # beyond, as with the lists of two experiments, a common family name is enough
_UMLAUTS = re.compile(r"(?<=[aou])e|(?<=a)a")  # Mueller is Müller, Kjaergaard is Kjærgaard


class _Name(NamedTuple):
    """The parts of a name, in order."""

    parts: tuple[str, ...]
    body: bool = False

    @property
    def kind(self) -> str:
        """What it can be compared with: only names of the same kind."""
        return "body" if self.body else "latin" if all(map(str.isascii, self.parts)) else "another script"

    @property
    def last(self) -> str:
        """The last part that is no initial, which is usually the family name."""
        return next((part for part in reversed(self.parts) if len(part) > 1), self.parts[-1])

    @property
    def all_parts(self) -> frozenset[str]:
        """Its parts, and the acronym of a body: `eht` for Event Horizon Telescope."""
        acronym = ["".join(part[0] for part in self.parts)] if self.body and len(self.parts) > 1 else []
        return frozenset((*self.parts, *acronym))


def is_fuller_or_shorter(name: str, other: str) -> bool:
    """Return whether two names differ at most by initials: one lacks them, or has them in place of given names.

    `Ada Lovelace` and `Ada M. Lovelace` do, and so do `Ada M. Lovelace` and `Ada Mary Lovelace`; `Ada B. Lovelace`
    contradicts the last two. A name that is written in full cannot be missing: `Jin Kim` is not `Jin Young Kim`, nor
    `Min Kim` `Seung-Min Kim`. At least one given name must be the same in full: `A. Lovelace` may be anybody.
    """
    (*given, family), (*other_given, other_family) = _words(name), _words(other)
    if family != other_family or not {word for word in given if _is_written_out(word)} & {*other_given}:
        return False
    shorter, longer = sorted((given, other_given), key=len)
    if not _shortens(shorter[0], longer[0]):
        return False
    rest = iter(longer[1:])
    for word in shorter[1:]:
        fuller = next((one for one in rest if _shortens(word, one) or _is_written_out(one)), ())
        if not _shortens(word, fuller):
            return False
    return not any(map(_is_written_out, rest))


def _is_written_out(word: Sequence[str]) -> bool:
    return len("".join(word)) > 1


def _words(name: str) -> list[tuple[str, ...]]:
    """Return the words of a name, each as its terms: `Seung-Min` is one word. Without titles and suffixes."""
    words = (tuple(terms(word)) for word in given_name_first(name).split())
    return [word for word in words if word and not TITLES_AND_SUFFIXES.issuperset(word)] or [()]


def _shortens(word: Sequence[str], other: Sequence[str]) -> bool:
    """Return whether two given names are the same, or one is the initial of the other."""
    one, two = sorted(("".join(word), "".join(other)), key=len)
    return one == two or (len(one) == 1 and two.startswith(one))


def family_names(names: Iterable[str]) -> set[str]:
    """Return the last words of names, folded, without suffixes. "Curie, Marie" and "Marie Curie" give the same."""
    written = (name.split(",")[0] if "," in name else name for name in names)
    parts = ([term for term in terms(name) if term not in TITLES_AND_SUFFIXES] for name in written)
    return {words[-1] for words in parts if words}


def may_share_author(ours: Sequence[str], theirs: Sequence[str]) -> bool:
    """Return whether two lists may name a common author.

    This is so if they cannot be compared: one of them names nobody, they are in different scripts, or one names only
    the collaboration and the other only people.
    """
    some, others = _read(ours), _read(theirs)
    if {name.kind for name in some}.isdisjoint(name.kind for name in others):
        return True
    if not _have_common_part(some, others):
        return False
    return len(some) * len(others) > _MAX_PAIRS or any(
        _are_compatible(name, other) for name in some for other in others
    )


def _have_common_part(some: Sequence[_Name], others: Sequence[_Name]) -> bool:
    """Return whether the last part of a name is anywhere in the other list, as it is if two names are compatible."""
    ours, theirs = ({part for name in names for part in name.all_parts} for names in (some, others))
    return not theirs.isdisjoint(name.last for name in some) or not ours.isdisjoint(name.last for name in others)


def _read(names: Iterable[str]) -> list[_Name]:
    read = (reading for name in names for reading in (_body(name) if NAMES_A_BODY.search(name) else _person(name)))
    return [name for name in dict.fromkeys(read) if name.parts]


def _body(name: str) -> tuple[_Name]:
    """Return a body without the words that others share with it, as `ATLAS Collaboration` has."""
    parts = terms(NAMES_A_BODY.sub(" ", name))
    return (_Name(tuple(part for part in parts if part not in _OF_NO_NAME), body=True),)


def _person(name: str) -> tuple[_Name, ...]:
    """Return the readings of a name: two or three capitals are initials, or a family name as in `Jian LI`."""
    if name.isupper():
        return (_name(name),)
    return _name(_JOINED_INITIALS.sub(lambda match: " ".join(match[0]), name)), _name(name)


def _name(written: str) -> _Name:
    return _Name(tuple(_UMLAUTS.sub("", part) for part in terms(written) if part not in TITLES_AND_SUFFIXES))


def _are_compatible(one: _Name, other: _Name) -> bool:
    """Return whether two names may be of one author."""
    mine, yours = set(one.parts), set(other.parts)
    if one.body or other.body:
        return one.body == other.body and (mine <= other.all_parts or yours <= one.all_parts)
    if not {one.last, other.last} & mine & yours:  # a given name, as of David Smith and David Miller
        return False
    mine, yours = mine - yours, yours - mine
    return not (mine and yours) or any(_is_form(part, of) for part in mine for of in yours)


def _is_form(part: str, of: str) -> bool:
    length = min(len(part), len(of), _SAME_BEGINNING)
    return part[:length] == of[:length]
