"""The reasons why a paper is in a digest, in the form in which they are stored: `abstract: gripper`. Pure.

A reason is a text of its kind, a colon and what was found, so that matches and digests store it, and commands and the
API print it, as it is. Only this module writes and reads that form; `rendering.reasons` makes sentences of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple


class ReasonKind(StrEnum):
    """Where something was found, or another kind of reason."""

    TITLE = "title"
    KEYWORD = "keyword"
    ABSTRACT = "abstract"
    AUTHOR = "author"
    ORGANIZATION = "organisation"
    CATEGORY = "category"
    SOURCE = "source"
    MEANING = "meaning"
    """How close it is in meaning to an interest: `close` or `nearest`."""
    LIKE = "like"
    """The title of a similar paper that the subscriber liked."""
    ON = "on"
    """The topic that a paper of the most discussed ones fits best."""
    ALSO_ON = "also on"
    """Another topic that the paper matches."""


class Reason(NamedTuple):
    """A reason, taken apart."""

    kind: ReasonKind | None
    """None for a text of another form."""
    found: str

    def __str__(self) -> str:
        return write(self.kind, self.found) if self.kind else self.found


_KINDS = {kind.value: kind for kind in ReasonKind}
_STARTS = {kind: f"{kind.value}: " for kind in ReasonKind}


def start(kind: ReasonKind) -> str:
    """Return how stored reasons of a kind begin."""
    return _STARTS[kind]


def write(kind: ReasonKind, found: str) -> str:
    """Return a reason in its stored form."""
    return _STARTS[kind] + found


def read(why: Iterable[str]) -> Iterator[Reason]:
    """Yield stored reasons, taken apart, also those that earlier versions stored."""
    for reason in why:
        kind, separator, found = reason.partition(": ")
        if separator and kind in _KINDS:
            yield Reason(_KINDS[kind], found)
        elif reason.startswith("on "):  # before reasons named one topic each, the best one was first
            best, separator, others = reason.removeprefix("on ").partition(", ")
            yield Reason(ReasonKind.ON, best)
            if others:
                yield Reason(ReasonKind.ALSO_ON, others)
        elif reason.startswith("also on "):
            yield Reason(ReasonKind.ALSO_ON, reason.removeprefix("also on "))
        else:
            yield Reason(None, reason)


def quote(words: str) -> str:
    """Mark several words as they stand in the paper, or a subscriber's own words in place of a topic's name."""
    return f'"{words}"'


def unquoted(found: str) -> str | None:
    """Return the words that `quote` marked, or None if they are not marked."""
    return found[1:-1] if len(found) > 1 and found[0] == found[-1] == '"' else None
