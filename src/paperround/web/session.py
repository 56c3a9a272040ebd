"""The operator's session: a signed cookie; the server stores nothing.

The cookie contains its expiry time and is signed with the site's key and the admin token; changing either ends all
sessions. A form's CSRF token is derived from the cookie, so a token of another session is rejected.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

COOKIE = "paperround_admin"
HOLDS = timedelta(hours=12)
_NONCE = 12  # bytes


def begin(keys: Sequence[bytes], admin_token: str, now: datetime) -> str:
    """Create the cookie of a new session."""
    until = int((now + HOLDS).timestamp())
    payload = f"{until}.{secrets.token_urlsafe(_NONCE)}"
    return f"{payload}.{_mac(keys[0], 'session', payload, admin_token)}"


def holds(keys: Sequence[bytes], admin_token: str, cookie: str, now: datetime) -> bool:
    """Whether the cookie is a valid session that has not expired."""
    payload, _, mac = cookie.rpartition(".")
    until, _, _ = payload.partition(".")
    fits = [hmac.compare_digest(mac.encode(), _mac(key, "session", payload, admin_token).encode()) for key in keys]
    return any(fits) and until.isdigit() and int(until) > now.timestamp()


def csrf(keys: Sequence[bytes], session: str) -> str:
    """The CSRF token for the forms of this session."""
    return _mac(keys[0], "csrf", session, "")


def same(one: str, other: str) -> bool:
    """Compare two secrets in constant time, without revealing their lengths."""
    return hmac.compare_digest(hashlib.sha256(one.encode()).digest(), hashlib.sha256(other.encode()).digest())


def _mac(key: bytes, purpose: str, payload: str, secret: str) -> str:
    data = "\0".join((purpose, payload, secret)).encode()
    return base64.urlsafe_b64encode(hmac.digest(key, data, "sha256")).decode().rstrip("=")
