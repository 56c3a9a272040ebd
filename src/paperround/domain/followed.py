"""Read the authors and organizations that a subscriber follows, and what they exclude. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from paperround.domain.text import clean, terms

MOST_FOLLOWED, MOST_LEFT_OUT, MOST_ENTRY = 100, 100, 300  # entries, entries, characters of each
MOST_COAUTHORS = 6

_ENTRY = re.compile(r"(?P<kind>author|org|category|paper)\s*:\s*(?P<name>.*)", re.IGNORECASE)
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
        """The query that finds their papers."""
        if self.organization:
            return f'org:"{self.name}"'
        others = " OR ".join(f'author:"{name}"' for name in self.coauthors)
        return f'author:"{self.name}"' + (f" ({others})" if others else "")


def read_followed(text: str) -> FollowedName:
    """Parse an entry: `author: NAME`, `author: NAME (with NAME, NAME)`, `org: NAME`, or a bare name.

    Raises ValueError, with the remedy, for an entry that names nobody.
    """
    entry = clean(text).replace('"', "")
    found = _ENTRY.fullmatch(entry)
    kind, name = (found["kind"].lower(), found["name"]) if found else ("author", entry)
    if kind not in {"author", "org"}:
        raise ValueError(f"{entry[:80]!r} can be left out, not followed; write author: NAME or org: NAME")
    parsed = _WITH.fullmatch(name) if kind == "author" else None
    others = tuple(part for part in map(clean, parsed["others"].split(",")) if terms(part)) if parsed else ()
    name = clean(parsed["name"] if parsed else name)
    if not terms(name) or len(entry) > MOST_ENTRY:
        raise ValueError(f"{entry[:80]!r} names nobody to follow; write author: NAME or org: NAME")
    return FollowedName(name, kind == "org", others[:MOST_COAUTHORS])


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

    Raises ValueError, with the remedy, for an entry that excludes nothing.
    """
    entry = clean(text)
    found = _ENTRY.fullmatch(entry)
    kind, value = (found["kind"].lower(), clean(found["name"])) if found else ("words", entry)
    if not terms(value) or len(entry) > MOST_ENTRY or kind == "org":
        raise ValueError(
            f"{entry[:80]!r} leaves nothing out; write words, author: NAME, category: NAME or paper: IDENTIFIER"
        )
    return LeftOut(LeftOutKind(kind), value)
