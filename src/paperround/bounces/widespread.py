"""Decides whether a failure affects most subscribers, so that no single address is to blame. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from paperround.domain.models import BounceKind
from paperround.domain.refusals import BAD_DOMAIN, SEVERAL, wording
from paperround.domain.suppressions import Letters, RecentLetter, SuppressionCause, WidespreadFailure

_MIN_SUBSCRIBERS = 5  # different subscribers


def widespread_failure(
    kind: BounceKind | None, status: str | None, text: str, of_domain: Letters, of_all: Letters
) -> WidespreadFailure | None:
    """Return the widespread failure that a report belongs to, or None.

    `kind`, `status` and `text` are those of the report; `of_domain` reads the letters to its domain, and `of_all`
    all letters, both with the reported one. Hard bounces count against the domain only if many of them have the same
    wording, as from a provider that has an outage or blocks this sender. If no domain can be resolved, the problem
    is our name server.
    """
    if kind in (None, BounceKind.COMPLAINT, BounceKind.NOTHING):
        return None
    if status == BAD_DOMAIN:
        return _everywhere(of_all(), lambda letter: letter.status == BAD_DOMAIN, SuppressionCause.BAD_DOMAIN)
    there = of_domain()
    if kind is BounceKind.HARD:
        same = wording(text)
        dead = sum(letter.kind == BounceKind.HARD and wording(letter.text) == same for letter in there)
        fails = dead >= _MIN_SUBSCRIBERS and 2 * dead > len(there)
        return WidespreadFailure(everywhere=False, lifts=SuppressionCause.HARD_BOUNCE) if fails else None
    lost = sum(letter.kind in (BounceKind.SOFT, BounceKind.POLICY) for letter in there)
    if lost >= SEVERAL and 2 * lost > len(there):
        return WidespreadFailure(everywhere=False, lifts=SuppressionCause.LOST_LETTERS)
    return _everywhere(of_all(), lambda letter: letter.kind == BounceKind.SOFT, SuppressionCause.LOST_LETTERS)


def _everywhere(
    letters: Sequence[RecentLetter], fails: Callable[[RecentLetter], bool], lifts: SuppressionCause
) -> WidespreadFailure | None:
    failing = [letter for letter in letters if fails(letter)]
    many = len(failing) >= _MIN_SUBSCRIBERS and 2 * len(failing) > len(letters)
    several = len({letter.domain for letter in failing}) >= SEVERAL
    return WidespreadFailure(everywhere=True, lifts=lifts) if many and several else None
