"""What a program's token may be for."""

from __future__ import annotations

from collections.abc import Iterable

from paperround.domain.errors import UnknownName

SCOPES = {
    "subscribers:read": "see subscribers",
    "subscribers:write": "add, change, pause, unsubscribe and erase subscribers",
    "topics:write": "add topics and change them",
    "deliveries:read": "see letters and their attempts",
    "deliveries:write": "send letters again",
    "bounces:post": "bring reports about letters in (`/hooks/bounces`)",
    "metrics:read": "read `/metrics`",
}
"""Each scope with what it allows."""


def check_scopes(wanted: Iterable[str]) -> tuple[str, ...]:
    """The scopes, each once and in order; raises UnknownName for one that there is not, or where none is given."""
    found = tuple(sorted(set(wanted)))
    for scope in found:
        if scope not in SCOPES:
            raise UnknownName(f"there is no scope {scope!r}; there are: {', '.join(SCOPES)}")
    if not found:
        raise UnknownName(f"a token needs a scope; there are: {', '.join(SCOPES)}")
    return found
