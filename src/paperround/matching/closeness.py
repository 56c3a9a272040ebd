"""Explain in the reasons of a match that a paper is close to an interest in meaning. Pure."""

from __future__ import annotations

from paperround.domain.reasons import ReasonKind, write

CLOSE = write(ReasonKind.MEANING, "close")
"""The reason given for a paper that has few or none of an interest's words, but is close to it in meaning."""
NEAREST = write(ReasonKind.MEANING, "nearest")
"""The reason given for a paper that is at least closer in meaning than nearly all others."""
_CLOSE_COSINE = 0.35  # about three deviations above the usual mean
_FEW_REASONS = 2  # two reasons by words are enough


def is_close(cosine: float) -> bool:
    """Return whether a paper with this cosine is close to an interest in meaning."""
    return cosine >= _CLOSE_COSINE


def with_closeness(why: tuple[str, ...], *, close: bool) -> tuple[str, ...]:
    """Return the reasons why a paper fits, with its closeness in meaning if its words say little."""
    return (*why, CLOSE) if close and len(why) < _FEW_REASONS else why


def with_meaning(why: tuple[str, ...], cosine: float | None) -> tuple[str, ...]:
    """Return the reasons why a paper fits best, with its meaning if its words say little.

    `cosine` compares it with the interest's own vector, for a vector moved toward the best papers is close to them in
    any case; None if one of them has no vector.
    """
    return why if cosine is None else with_closeness(why, close=is_close(cosine)) or (NEAREST,)
