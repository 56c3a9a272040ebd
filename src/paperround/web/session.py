"""Operators' sessions: a random cookie, of which the database keeps a keyed hash until the session ends.

The hash depends on the site's key and on the secret that opened the session: a new key or a new admin token ends all
sessions. A form's CSRF token is signed over the cookie, so that one made for another session is worth nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import timedelta

COOKIE = "paperround_admin"
"""The cookie of an operator who logged in with the admin token."""
ENTRY_COOKIE = "paperround_entry"
"""The cookie of somebody who opened an address that `up` printed. It opens the inbox and the preview only."""
HOLDS = timedelta(hours=12)
_BYTES = 32


def make_cookie() -> str:
    """A new session's cookie."""
    return secrets.token_urlsafe(_BYTES)


def hash_cookie(keys: Sequence[bytes], cookie_name: str, secret: str, cookie: str) -> list[str]:
    """Under what a session may be kept: by the first key, which a new one is kept under, and by each older one."""
    return [_mac(key, f"session {cookie_name}", cookie, secret) for key in keys]


def csrf(keys: Sequence[bytes], session: str) -> str:
    """What the session's forms carry."""
    return _mac(keys[0], "csrf", session, "")


def same(one: str, other: str) -> bool:
    """Whether two secrets are equal; the time taken tells nothing, not even their lengths."""
    return hmac.compare_digest(hashlib.sha256(one.encode()).digest(), hashlib.sha256(other.encode()).digest())


def _mac(key: bytes, purpose: str, payload: str, secret: str) -> str:
    data = "\0".join((purpose, payload, secret)).encode()
    return base64.urlsafe_b64encode(hmac.digest(key, data, "sha256")).decode().rstrip("=")
