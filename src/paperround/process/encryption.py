"""Encrypt third-party secrets, such as a subscriber's key for another service, with the site's own keys."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

_CONTEXT = b"paperround stored secret\0"


def encrypt(keys: Sequence[bytes], text: str) -> str:
    """Return the text encrypted with the first key."""
    return _cipher(keys).encrypt(text.encode()).decode()


def decrypt(keys: Sequence[bytes], token: str) -> str | None:
    """Return the decrypted text, or None if none of the keys encrypted it or it is invalid."""
    try:
        return _cipher(keys).decrypt(token.encode()).decode()
    except InvalidToken:
        return None


def _cipher(keys: Sequence[bytes]) -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(hashlib.sha256(_CONTEXT + key).digest())) for key in keys])
