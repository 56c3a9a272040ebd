"""The operator's session: a signed cookie, nothing stored. Pure but for the comparison's arguments.

The cookie says until when it holds, and is signed with the site's key; a new key or a new admin token ends all
sessions. A form's CSRF token is signed over the cookie, so that one made for another session is worth nothing.
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
    """A session's cookie."""
    until = int((now + HOLDS).timestamp())
    payload = f"{until}.{secrets.token_urlsafe(_NONCE)}"
    return f"{payload}.{_mac(keys[0], 'session', payload, admin_token)}"


def holds(keys: Sequence[bytes], admin_token: str, cookie: str, now: datetime) -> bool:
    """Whether this cookie is a session of ours that has not run out."""
    payload, _, mac = cookie.rpartition(".")
    until, _, _ = payload.partition(".")
    fits = [hmac.compare_digest(mac.encode(), _mac(key, "session", payload, admin_token).encode()) for key in keys]
    return any(fits) and until.isdigit() and int(until) > now.timestamp()


def csrf(keys: Sequence[bytes], session: str) -> str:
    """What the session's forms carry."""
    return _mac(keys[0], "csrf", session, "")


def same(one: str, other: str) -> bool:
    """Whether two secrets are equal; the time taken tells nothing, not even their lengths."""
    return hmac.compare_digest(hashlib.sha256(one.encode()).digest(), hashlib.sha256(other.encode()).digest())


def _mac(key: bytes, purpose: str, payload: str, secret: str) -> str:
    data = "\0".join((purpose, payload, secret)).encode()
    return base64.urlsafe_b64encode(hmac.digest(key, data, "sha256")).decode().rstrip("=")
