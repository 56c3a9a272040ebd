"""Calls of webhooks: their body, signature and retry times. Pure functions.

The format is Standard Webhooks (https://www.standardwebhooks.com), which libraries in many languages verify:
`webhook-id`, `webhook-timestamp`, and in `webhook-signature` the HMAC-SHA256 over `id.timestamp.body`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from paperround.domain.errors import ConfigurationError
from paperround.domain.models import Event

_PREFIX = "whsec_"
_MIN_KEY, _MAX_KEY = 24, 64  # bytes of a key
# Short delays for a receiver that restarts, longer ones for one that is down: three days in all.
_DELAYS = tuple(timedelta(seconds=s) for s in (5, 300, 1_800, 7_200, 18_000, 36_000, *[43_200] * 4))
_MAX_WAIT = timedelta(days=1)
_MAX_RESPONSE_SHOWN = 200  # characters of a response


@dataclass(frozen=True, slots=True)
class Call:
    """An HTTP request, ready to be sent."""

    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class WebhookResponse:
    """The receiver's response: an HTTP status, or None if there was none."""

    status: int | None
    text: str = ""
    retry_after: float | None = None
    """The seconds in its Retry-After header."""

    def __str__(self) -> str:
        text = " ".join(self.text.split())[:_MAX_RESPONSE_SHOWN]
        return text if self.status is None else f"HTTP {self.status} {text}".rstrip()


def key(secret: str) -> bytes:
    """Return the key in a secret. Raises ConfigurationError if the secret is invalid."""
    try:
        decoded = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if not secret.startswith(_PREFIX) or not _MIN_KEY <= len(decoded) <= _MAX_KEY:
        raise ConfigurationError(
            f"must be {_PREFIX} and {_MIN_KEY} to {_MAX_KEY} bytes in base64; "
            f'make one: python3 -c "import base64, secrets; '
            f"print('{_PREFIX}' + base64.b64encode(secrets.token_bytes(32)).decode())\""
        )
    return decoded


def call(event: Event, secret: str, now: datetime) -> Call:
    """Return the request for an event; `now` is signed too, so that an old call cannot be replayed."""
    body_fields = {"type": event.kind.value, "timestamp": _moment(event.at), "data": dict(event.payload)}
    body = json.dumps(body_fields, ensure_ascii=False, separators=(",", ":")).encode()
    timestamp = str(int(now.timestamp()))
    signed = b".".join((event.id.encode(), timestamp.encode(), body))
    signature = base64.b64encode(hmac.digest(key(secret), signed, hashlib.sha256)).decode()
    headers = {
        "content-type": "application/json",
        "webhook-id": event.id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{signature}",
    }
    return Call(headers, body)


def is_accepted(response: WebhookResponse) -> bool:
    """Return whether the receiver accepted the event; by Standard Webhooks a redirect (3xx) is a failure."""
    return response.status is not None and 200 <= response.status < 300


def next_try(tries: int, response: WebhookResponse, now: datetime) -> datetime | None:
    """Return when to retry an event that had `tries` attempts before this one, or None if it has failed for good.

    410 Gone means that the receiver wants no more calls. Retry-After is honored up to one day.
    """
    if response.status == 410 or tries >= len(_DELAYS):
        return None
    wished = timedelta(seconds=min(response.retry_after or 0.0, _MAX_WAIT.total_seconds()))
    return now + max(_DELAYS[tries], wished)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
