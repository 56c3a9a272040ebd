"""Sign and verify the tokens of personal links and return addresses. Pure; the keys are arguments.

A token is a number and 128 bits of HMAC-SHA256 over the number and its purpose. It does not have to be stored, and
it is valid for one purpose only. In a link it is base64url, 28 characters, so that the whole URL stays under 70
characters, which every mail program keeps on one line. In a return address it is base32, because relays may change
the case of a local part.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from paperround.domain.errors import ConfigurationError, InvalidTokenError

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

UNSUBSCRIBE, PREFERENCES, CONFIRM = "unsubscribe", "preferences", "confirm"
DIGEST, FEEDBACK, ADDRESS, VERP, REPLY = "digest", "feedback", "address", "verp", "reply"
LEAVE_MAILBOX, REPLY_MAILBOX = "unsubscribe", "reply"
"""The local parts, before the token, of the addresses for unsubscribing by email and for replies."""

MAX_NUMBER = 2**40 - 1
# In bytes. With or without the time, the sum is a multiple of three, so that base64 has no padding or spare bits.
_NUMBER, _TIME, _MAC = 5, 6, 16
MAX_LINK_GENERATION = 255
_NUMBER_BITS = 32
_BLOCK = hashlib.sha256().block_size
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_MIN_SECRET_LENGTH = 32  # characters
# 21 bytes are 34 characters of base32. A forwarder may embed them: SRS0=x=y=papers.example=bounces+TOKEN@…
_IN_ADDRESS = re.compile(r"(?<![a-z2-7])[a-z2-7]{34}(?![a-z2-7])", re.IGNORECASE)


def keys(secret: str) -> tuple[bytes, ...]:
    """Return the keys in a secret. Several are separated by commas, so that links signed with an old key stay valid.

    Raises ConfigurationError if a key is missing or shorter than 32 characters.
    """
    parts = [part.strip() for part in secret.split(",") if part.strip()]
    if not parts or min(map(len, parts)) < _MIN_SECRET_LENGTH:
        raise ConfigurationError(
            f"PAPERROUND_SECRET_KEY: each key needs {_MIN_SECRET_LENGTH} characters or more; "
            "`openssl rand -hex 32` prints a good one"
        )
    return tuple(hashlib.sha256(b"paperround link\0" + part.encode()).digest() for part in parts)


def link_keys(keys: Sequence[bytes], salt: str) -> tuple[bytes, ...]:
    """Return the keys for the links of a database with this salt: the keys themselves if it has none."""
    return tuple(hmac.digest(key, b"salt\0" + salt.encode(), "sha256") for key in keys) if salt else tuple(keys)


def with_generation(number: int, generation: int) -> int:
    """Return the number in the token of an owner whose links have been replaced `generation` times.

    The lower 32 bits are the number itself, the bits above are the generation. Tokens of other generations differ.
    """
    return generation << _NUMBER_BITS | number


def split_generation(number: int) -> tuple[int, int]:
    """Return the number itself, and how often its owner's links had been replaced when the token was made."""
    return number & (1 << _NUMBER_BITS) - 1, number >> _NUMBER_BITS


def mint(keys: Sequence[bytes], purpose: str, number: int, *, issued: datetime | None = None) -> str:
    """Return a token for this number and purpose, signed with the first key.

    It has 28 characters, or 36 with the time of issue. The number is from 0 to MAX_NUMBER.
    """
    payload = number.to_bytes(_NUMBER, "big")
    if issued is not None:
        payload += int(issued.timestamp()).to_bytes(_TIME, "big")
    signed = binascii.b2a_base64(payload + _mac(keys[0], purpose, payload), newline=False)
    return signed.translate(_URL_SAFE).decode()  # what base64.urlsafe_b64encode returns, in half of its time


def read(keys: Sequence[bytes], purpose: str, token: str, *, issued_after: datetime | None = None) -> int:
    """Return the number in a token. Raises InvalidTokenError if none of the keys signed it for this purpose.

    With `issued_after`, the token must contain its time of issue and must not be older. Without it, the token must
    not contain a time.
    """
    length = _NUMBER + (_TIME if issued_after is not None else 0)
    payload = _authentic(keys, purpose, _from_base64(token), length)
    if issued_after is not None and int.from_bytes(payload[_NUMBER:], "big") < int(issued_after.timestamp()):
        raise InvalidTokenError("this link has expired; request a new one", expired=True)
    return int.from_bytes(payload[:_NUMBER], "big")


def verp(keys: Sequence[bytes], delivery: int, domain: str, mailbox: str = "bounces", *, purpose: str = VERP) -> str:
    """Return an address of one delivery that identifies it: by default the envelope sender, for bounces (VERP)."""
    payload = delivery.to_bytes(_NUMBER, "big")
    raw = payload + _mac(keys[0], purpose, payload)
    return f"{mailbox}+{base64.b32encode(raw).decode().rstrip('=').lower()}@{domain}"


def find_verp(text: str) -> str | None:
    """Return what looks like the token of a return address in an address or header field, in lower case, or None."""
    match = _IN_ADDRESS.search(text)
    return match[0].lower() if match else None


def read_verp(keys: Sequence[bytes], token: str, *, purpose: str = VERP) -> int:
    """Return the delivery that the token of an address identifies. Raises InvalidTokenError if it is invalid."""
    try:
        raw = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
    except (binascii.Error, ValueError):
        raise InvalidTokenError("not a return address of this site") from None
    if base64.b32encode(raw).decode().rstrip("=") != token.upper():
        raise InvalidTokenError("not a return address of this site")
    return int.from_bytes(_authentic(keys, purpose, raw, _NUMBER), "big")


def _mac(key: bytes, purpose: str, payload: bytes) -> bytes:
    """Return the code of a payload: HMAC-SHA256 of the purpose, a zero byte and the payload, cut to 16 bytes."""
    common_inner, common_outer = _states(key, purpose)
    inner, outer = common_inner.copy(), common_outer.copy()
    inner.update(payload)
    outer.update(inner.digest())
    return outer.digest()[:_MAC]


@lru_cache(maxsize=64)
def _states(key: bytes, purpose: str) -> tuple[Hash, Hash]:
    """Return the inner and the outer hash of HMAC after what all codes of a purpose have in common.

    Keeping them halves the time of a code (RFC 2104 section 4); a letter has four.
    """
    assert len(key) <= _BLOCK  # a longer key would have to be hashed
    inner, outer = (hashlib.sha256(bytes(byte ^ pad for byte in key.ljust(_BLOCK, b"\0"))) for pad in (0x36, 0x5C))
    inner.update(purpose.encode() + b"\0")
    return inner, outer


def _from_base64(token: str) -> bytes:
    try:
        raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
    except ValueError:  # binascii.Error and UnicodeEncodeError are ValueErrors
        raise InvalidTokenError("this link is incomplete; copy all of it") from None
    # Python also accepts other spellings of the same bytes. Allow only one, so that tokens can be compared.
    if base64.urlsafe_b64encode(raw).decode() != token:
        raise InvalidTokenError("this link is incomplete; copy all of it")
    return raw


def _authentic(keys: Sequence[bytes], purpose: str, raw: bytes, length: int) -> bytes:
    payload, mac = raw[:length], raw[length:]
    if len(mac) != _MAC:
        raise InvalidTokenError("this link is incomplete; copy all of it")
    # Try every key, so that the time taken does not reveal which one matches.
    fits = [hmac.compare_digest(mac, _mac(key, purpose, payload)) for key in keys]
    if not any(fits):
        raise InvalidTokenError("this link was not issued by this site; use the one in your newest email")
    return payload
