"""Suppressions of addresses: why there is one, and the results of letters that decide about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from paperround.domain.models import BounceKind


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


@dataclass(frozen=True, slots=True)
class LetterResult:
    """The result of one letter; `kind` is None if no report about it arrived."""

    at: datetime
    kind: BounceKind | None = None
    status: str | None = None
    """The enhanced status code (RFC 3463)."""


@dataclass(frozen=True, slots=True)
class BounceEvidence:
    """What is known when a report about a letter has been stored."""

    report: LetterResult
    text: str
    """The reply or diagnostic text of the report."""
    results: Sequence[LetterResult]
    """Those of the letters to the address, latest first, including the reported one."""
    letters_to_domain: Letters
    letters_to_all: Letters


class WidespreadFailure(NamedTuple):
    """A failure that affects most subscribers, of a domain or of all, so that no address is to blame."""

    everywhere: bool
    lifts: SuppressionCause
    """The cause of the suppressions that the failure led to before it was seen to be widespread."""


BounceDecision = Suppression | WidespreadFailure | None
"""What follows from a report. Nobody is suppressed for a failure that affects most subscribers."""
