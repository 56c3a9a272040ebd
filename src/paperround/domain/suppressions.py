"""Suppressions of addresses: why there is one, and the results of letters that decide about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class SuppressionCause(StrEnum):
    """What suppressed an address, apart from the operator."""

    COMPLAINT = "complaint"
    HARD_BOUNCE = "hard bounce"
    BAD_DOMAIN = "bad domain"
    """The domain of the address was reported several times not to exist."""
    LOST_LETTERS = "lost letters"
    """Several letters in a row did not get through."""


class Suppression(NamedTuple):
    """The suppression of an address: its cause, and the reason in words for the operator."""

    cause: SuppressionCause
    reason: str


@dataclass(frozen=True, slots=True)
class RecentLetter:
    """The result of a subscriber's latest letter; kind and status are None, and the text empty, without a report."""

    domain: str
    kind: str | None
    status: str | None
    text: str


Letters = Callable[[], Sequence[RecentLetter]]
"""Reads the results of subscribers' latest letters."""


class WidespreadFailure(NamedTuple):
    """A failure that affects most subscribers, of a domain or of all, so that no address is to blame."""

    everywhere: bool
    lifts: SuppressionCause
    """The cause of the suppressions that the failure led to before it was seen to be widespread."""
