"""Personal links and return addresses: numbers that nobody else can make up. Pure; the keys are arguments.

A token is a number and 128 bits of HMAC-SHA256 over it and its purpose, so nothing has to be stored for it,
and a token for one purpose is worth nothing for another. In a link it is base64url, 28 characters, so the
whole address stays under 70, which every mail program leaves in one piece. In a return address it is base32,
because relays may fold the case of a local part.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime

from paperround.domain.errors import BadToken, ConfigurationError

UNSUBSCRIBE, PREFERENCES, CONFIRM = "unsubscribe", "preferences", "confirm"
DIGEST, FEEDBACK, ADDRESS, VERP = "digest", "feedback", "address", "verp"

MAX_NUMBER = 2**40 - 1
_NUMBER, _TIME, _MAC = 5, 6, 16  # bytes; both sums are multiples of three: no padding, no spare bits
MOST_RENEWALS = 255
_NUMBER_BITS = 32
_LEAST_SECRET = 32  # characters
# 21 bytes are 34 characters of base32; a forwarder may wrap them: SRS0=x=y=papers.example=bounces+TOKEN@…
_IN_ADDRESS = re.compile(r"(?<![a-z2-7])[a-z2-7]{34}(?![a-z2-7])", re.IGNORECASE)


def keys(secret: str) -> tuple[bytes, ...]:
    """The keys in a secret: several, separated by commas, while the old ones' links are to go on working."""
    parts = [part.strip() for part in secret.split(",") if part.strip()]
    if not parts or min(map(len, parts)) < _LEAST_SECRET:
        raise ConfigurationError(
            f"PAPERROUND_SECRET_KEY: each key needs {_LEAST_SECRET} characters or more; "
            "`openssl rand -hex 32` prints a good one"
        )
    return tuple(hashlib.sha256(b"paperround link\0" + part.encode()).digest() for part in parts)


def renewed(number: int, generation: int) -> int:
    """The number that a token carries whose owner has been given new links `generation` times: older tokens differ.

    The lower 32 bits are the number itself; links that were never renewed carry just that.
    """
    return generation << _NUMBER_BITS | number


def renewals(number: int) -> tuple[int, int]:
    """The number itself, and how often its owner's links had been renewed when the token was made."""
    return number & (1 << _NUMBER_BITS) - 1, number >> _NUMBER_BITS


def mint(keys: Sequence[bytes], purpose: str, number: int, *, issued: datetime | None = None) -> str:
    """A token for this number and purpose, made with the first key.

    28 characters, or 36 with the moment of issue in it. The number is from 0 to 2**40 - 1.
    """
    payload = number.to_bytes(_NUMBER, "big")
    if issued is not None:
        payload += int(issued.timestamp()).to_bytes(_TIME, "big")
    return base64.urlsafe_b64encode(payload + _mac(keys[0], purpose, payload)).decode()


def read(keys: Sequence[bytes], purpose: str, token: str, *, issued_after: datetime | None = None) -> int:
    """The number in a token that one of the keys made for this purpose; raises BadToken for every other.

    With `issued_after` the token must carry its moment of issue and be no older; without it must carry none.
    """
    length = _NUMBER + (_TIME if issued_after is not None else 0)
    payload = _authentic(keys, purpose, _from_base64(token), length)
    if issued_after is not None and int.from_bytes(payload[_NUMBER:], "big") < int(issued_after.timestamp()):
        raise BadToken("this link has expired; request a new one", expired=True)
    return int.from_bytes(payload[:_NUMBER], "big")


def verp(keys: Sequence[bytes], delivery: int, domain: str, mailbox: str = "bounces") -> str:
    """The envelope sender of one delivery: what comes back to it is about that letter (VERP)."""
    payload = delivery.to_bytes(_NUMBER, "big")
    raw = payload + _mac(keys[0], VERP, payload)
    return f"{mailbox}+{base64.b32encode(raw).decode().rstrip('=').lower()}@{domain}"


def find_verp(text: str) -> str | None:
    """What looks like a return address's token in an address or header field, in lower case."""
    found = _IN_ADDRESS.search(text)
    return found[0].lower() if found else None


def read_verp(keys: Sequence[bytes], token: str) -> int:
    """The delivery that a return address's token belongs to; raises BadToken."""
    try:
        raw = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
    except (binascii.Error, ValueError):
        raise BadToken("not a return address of ours") from None
    if base64.b32encode(raw).decode().rstrip("=") != token.upper():
        raise BadToken("not a return address of ours")
    return int.from_bytes(_authentic(keys, VERP, raw, _NUMBER), "big")


def _mac(key: bytes, purpose: str, payload: bytes) -> bytes:
    return hmac.digest(key, purpose.encode() + b"\0" + payload, "sha256")[:_MAC]


def _from_base64(token: str) -> bytes:
    try:
        raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
    except ValueError:  # binascii.Error and UnicodeEncodeError are ValueErrors
        raise BadToken("this link is not complete; copy the whole of it") from None
    # Python skips "-" and "_" for "+" and "/": one spelling a token, or links could not be compared.
    if base64.urlsafe_b64encode(raw).decode() != token:
        raise BadToken("this link is not complete; copy the whole of it")
    return raw


def _authentic(keys: Sequence[bytes], purpose: str, raw: bytes, length: int) -> bytes:
    payload, mac = raw[:length], raw[length:]
    if len(mac) != _MAC:
        raise BadToken("this link is not complete; copy the whole of it")
    # Every key is tried, so that the time taken does not tell which one fits.
    fits = [hmac.compare_digest(mac, _mac(key, purpose, payload)) for key in keys]
    if not any(fits):
        raise BadToken("this link was not made here; use the one in your newest letter")
    return payload
