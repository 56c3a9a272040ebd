"""Sessions of operators. The browser holds a random cookie, and the database stores a keyed hash of it.

The hash depends on the site's key and on the secret that opened the session, so a new key or a new admin token ends
all sessions. The CSRF token of a form is signed over the cookie, so it is valid for one session only.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta

COOKIE = "paperround_admin"
"""The cookie of an operator who logged in with the admin token."""
ENTRY_COOKIE = "paperround_entry"
"""The cookie of a visitor who opened an address that `up` printed. It opens only the inbox and the preview."""
HOLDS = timedelta(hours=12)
# Browsers accept such a cookie only over https; with `__Host-`, no other host of the domain can set it either.
_PREFIXES = ("__Host-", "__Secure-", "")
_BYTES = 32


def name_in_browser(cookie_name: str, home: str, *, secure: bool) -> str:
    """Return the name under which a browser keeps a cookie; over https alone, it has a prefix.

    Below the path `home` that is `__Secure-`, because `__Host-` requires the path `/` (RFC 6265bis 4.1.3).
    """
    prefix = ("__Secure-" if home else "__Host-") if secure else ""
    return f"{prefix}{cookie_name}"


def kept(cookies: Mapping[str, str], cookie_name: str) -> dict[str, str]:
    """Return those cookies of a request that may hold a session, by their names in the browser, the safest first.

    Without a prefix, it was set over http, or by an earlier version.
    """
    names = [f"{prefix}{cookie_name}" for prefix in _PREFIXES]
    return {name: cookies[name] for name in names if cookies.get(name)}


def make_cookie() -> str:
    """Return a random cookie for a new session."""
    return secrets.token_urlsafe(_BYTES)


def hash_cookie(keys: Sequence[bytes], cookie_name: str, secret: str, cookie: str) -> list[str]:
    """Return the hashes of a cookie, one for each key. New sessions are stored under the first; older keys still
    find theirs.
    """
    return [_mac(key, f"session {cookie_name}", cookie, secret) for key in keys]


def csrf(keys: Sequence[bytes], session: str) -> str:
    """Return the CSRF token for the forms of a session."""
    return _mac(keys[0], "csrf", session, "")


def same(text: str, other: str) -> bool:
    """Return whether two secrets are equal, in a time that reveals neither their contents nor their lengths."""
    return hmac.compare_digest(hashlib.sha256(text.encode()).digest(), hashlib.sha256(other.encode()).digest())


def _mac(key: bytes, purpose: str, payload: str, secret: str) -> str:
    data = "\0".join((purpose, payload, secret)).encode()
    return base64.urlsafe_b64encode(hmac.digest(key, data, "sha256")).decode().rstrip("=")
