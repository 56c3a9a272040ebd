"""Divide an author's name into the parts that reference managers sort and abbreviate by. Pure.

Ada Lovelace                Lovelace, Ada
Ludwig van Beethoven        van Beethoven, Ludwig
José Ortega y Gasset        Ortega y Gasset, José
Martin Luther King Jr.      King, Martin Luther, Jr.
Event Horizon Telescope Collaboration    no person
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from paperround.domain.name_comparison import NAMES_A_BODY, TITLES_AND_SUFFIXES
from paperround.domain.text import terms

_SUFFIX = re.compile(r"(?:Jr|Sr|II|III|IV)\.?")
# Particles that belong to a family name with a capital letter too: Luc Van Gool, Robert De Niro.
_PARTICLE = re.compile(r"(?:De|Del|Della|Den|Der|Van|Von)")
_JOINS_FAMILY_NAMES = frozenset(("y", "e", "i"))
_INITIAL = re.compile(r"[^\W\d_]\.?")
# Words of organizations, besides those that name a body of many authors.
_ORGANIZATION = re.compile(
    r"\b(?:AI|[Aa][Nn][Dd]|Association|Cent(?:er|re)|Department|for|Foundation|Inc|Institut\w*|Lab|Laborator\w+|Labs|LLC|Ltd|of|"
    r"Research|Society|the|Universi\w+)\b|\d|&"
)


class PersonName(NamedTuple):
    """A name in parts."""

    family: str
    """The family name with its particle, or all of the name if it is not known to be a person's."""
    given: str = ""
    suffix: str = ""

    @property
    def is_person(self) -> bool:
        """Whether the name has a given name."""
        return bool(self.given)


def divide(name: str, organization: str = "") -> PersonName:
    """Return the parts of a name. `organization` is that of the paper, which may be an author itself."""
    if (
        name == organization
        or NAMES_A_BODY.search(name)
        or _ORGANIZATION.search(name)
        or name.upper() == name.lower()
    ):
        return PersonName(name)
    if "," in name:
        return _turned(name)
    words = name.split()
    suffix = words.pop() if len(words) > 2 and _SUFFIX.fullmatch(words[-1]) else ""
    if len(words) == 2 and _INITIAL.fullmatch(words[1]) and not _INITIAL.fullmatch(words[0]):  # Lovelace A.
        return PersonName(words[0], words[1], suffix)
    at = _beginning_of_family_name(words)
    return PersonName(" ".join(words[at:]), " ".join(words[:at]), suffix)


@lru_cache(maxsize=20_000)
def without_middle_initials(name: str) -> str:
    """Return `Ada Lovelace` for `Ada M. Lovelace`; empty without a middle initial, as for `Ada Mary Lovelace`."""
    if name.count(" ") < 2:
        return ""
    parts = divide(name)
    first, *middle = [word for word in parts.given.split() if not TITLES_AND_SUFFIXES.issuperset(terms(word))] or [""]
    written_out = [word for word in middle if len("".join(terms(word))) > 1]
    return " ".join([first, *written_out, parts.family]) if len(written_out) < len(middle) else ""


def _turned(name: str) -> PersonName:
    family, *rest = (part.strip() for part in name.split(","))
    if not family:
        return PersonName(name)
    if len(rest) == 1:
        return PersonName(family, rest[0])
    if len(rest) == 2 and _SUFFIX.fullmatch(rest[1]):
        return PersonName(family, *rest)
    return PersonName(name)


def _beginning_of_family_name(words: list[str]) -> int:
    """Return the index of the family name's first word, after at least one given name if there are two words."""
    last = len(words) - 1
    for at in range(1, last):
        if words[at] in _JOINS_FAMILY_NAMES:
            return max(at - 1, 1)
        if words[at].islower() or _PARTICLE.fullmatch(words[at]):
            return at
    return last
