"""API tokens of programs. A token is shown once and stored as a hash, with its scopes, expiry and last use."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import timedelta

from paperround.app import App
from paperround.domain.errors import UnknownNameError, UsageError
from paperround.domain.scopes import check_scopes
from paperround.domain.text import clean

MAX_NAME_LENGTH = 40  # characters
_MAX_DAYS = 3_650
_BYTES = 32


def make(app: App, name: str, scopes: Iterable[str], days: int | None = None) -> str:
    """Create a token for a program and return it. It expires after `days` days, or never.

    Raises UsageError for an empty or taken name, no or an unknown scope, or a number of days outside of 1 to 3,650.
    """
    name, granted = clean(name), check_scopes(scopes)
    if not name or len(name) > MAX_NAME_LENGTH:
        raise UsageError(f"name the token after its program, in at most {MAX_NAME_LENGTH} characters")
    if days is not None and not 1 <= days <= _MAX_DAYS:
        raise UsageError(f"choose 1 to {_MAX_DAYS} days until the token expires, or none")
    now, token = app.clock(), secrets.token_urlsafe(_BYTES)
    ends = now + timedelta(days=days) if days else None
    if not app.store.access.add_token(name, hash_token(token), granted, now, ends):
        raise UsageError(f"{name} already has a token; revoke it first")
    return token


def remove(app: App, name: str) -> None:
    """Revoke the token of a program; raises UnknownNameError if it has none."""
    if not app.store.access.remove_token(name):
        raise UnknownNameError(f"there is no token of {name!r}; see: paperround tokens list")


def hash_token(token: str) -> str:
    """Return the hash under which a token is stored. 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()
