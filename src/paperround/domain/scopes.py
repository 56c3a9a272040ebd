"""The scopes of API tokens."""

from __future__ import annotations

from collections.abc import Iterable

from paperround.domain.errors import UnknownNameError

SCOPES = {
    "subscribers:read": "see subscribers",
    "subscribers:write": "add, change, pause, unsubscribe and erase subscribers",
    "topics:write": "add topics and change them",
    "deliveries:read": "see letters and their attempts",
    "deliveries:write": "send letters again",
    "bounces:post": "deliver bounce reports (`/hooks/bounces`)",
    "metrics:read": "read `/metrics`",
}
"""Each scope and what it allows."""


def check_scopes(requested: Iterable[str]) -> tuple[str, ...]:
    """Return the scopes sorted and without duplicates.

    Raises UnknownNameError if a scope does not exist or none is given.
    """
    scopes = tuple(sorted(set(requested)))
    for scope in scopes:
        if scope not in SCOPES:
            raise UnknownNameError(f"there is no scope {scope!r}; there are: {', '.join(SCOPES)}")
    if not scopes:
        raise UnknownNameError(f"a token requires a scope; there are: {', '.join(SCOPES)}")
    return scopes
