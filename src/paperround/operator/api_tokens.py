"""Tokens of programs: made here, shown once, and kept as a hash with their scopes, their end and their last use."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import timedelta

from paperround.app import App
from paperround.domain.errors import UnknownName, WrongUse
from paperround.domain.scopes import check_scopes
from paperround.domain.text import clean

LONGEST_NAME = 40  # characters
_MOST_DAYS = 3_650
_BYTES = 32


def make(app: App, name: str, scopes: Iterable[str], days: int | None = None) -> str:
    """A new token for a program, which ends after so many days, or never.

    Raises WrongUse for an empty or taken name, no or an unknown scope, or a number of days out of all bounds.
    """
    name, wanted = clean(name), check_scopes(scopes)
    if not name or len(name) > LONGEST_NAME:
        raise WrongUse(f"a token needs the name of its program, of at most {LONGEST_NAME} characters")
    if days is not None and not 1 <= days <= _MOST_DAYS:
        raise WrongUse(f"a token ends after 1 to {_MOST_DAYS} days, or never")
    now, token = app.clock(), secrets.token_urlsafe(_BYTES)
    ends = now + timedelta(days=days) if days else None
    if not app.store.access.add_token(name, hash_token(token), wanted, now, ends):
        raise WrongUse(f"{name} has a token already; take it back first")
    return token


def remove(app: App, name: str) -> None:
    """Take a program's token back; raises UnknownName where there is none."""
    if not app.store.access.remove_token(name):
        raise UnknownName(f"there is no token of {name!r}; see: paperround tokens list")


def hash_token(token: str) -> str:
    """Under which a token is kept: 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()
