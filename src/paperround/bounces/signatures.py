"""Verifies signatures of webhook calls from relays: Amazon SNS, SendGrid, Mailgun. Pure functions.

Each function returns what is wrong with a signature, or None. Signatures are checked in addition to the token:
someone who learns the token, for example from a proxy's log, still cannot forge bounces from one of these relays.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

Record = Mapping[str, Any]

_SNS_HOST = r"https://sns\.[a-z0-9-]{2,40}\.amazonaws\.com(\.cn)?"
_SNS_CERTIFICATE = re.compile(rf"{_SNS_HOST}/SimpleNotificationService-[0-9a-f]{{8,64}}\.pem")
# https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html
_SNS_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
# The longest time between signing a call and its last retry: SendGrid retries for a day, the others for less.
_HOLDS = timedelta(hours=25)
_TOO_OLD = "its signature is more than a day old"


def is_sns(record: Record) -> bool:
    """Return whether a record is a message of Amazon SNS."""
    return record.get("Type") in _SNS_SIGNED and "Message" in record


def sns_certificate_url(record: Record) -> str | None:
    """Return the URL of an SNS message's certificate, or None if it is not a URL of Amazon SNS."""
    url = record.get("SigningCertURL")
    return url if isinstance(url, str) and _SNS_CERTIFICATE.fullmatch(url) else None


def sns_problem(record: Record, certificate: bytes, now: datetime) -> str | None:
    """Return what is wrong with an SNS message, or None; its certificate was fetched from `sns_certificate_url`."""
    from cryptography import x509  # noqa: PLC0415 - slow to load, as below
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import padding, rsa  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256  # noqa: PLC0415

    try:
        loaded = x509.load_pem_x509_certificate(certificate)
        signature = base64.b64decode(str(record.get("Signature")), validate=True)
    except ValueError:
        return "its certificate or its signature cannot be read"
    key = loaded.public_key()
    if not isinstance(key, rsa.RSAPublicKey) or not loaded.not_valid_before_utc <= now <= loaded.not_valid_after_utc:
        return "its certificate is not valid"
    # Version 1 is the default of topics. SHA-1 is acceptable, since only Amazon can sign with this key.
    algorithm = SHA256() if record.get("SignatureVersion") == "2" else SHA1()  # noqa: S303
    try:
        key.verify(signature, _sns_text(record), padding.PKCS1v15(), algorithm)
        sent = datetime.fromisoformat(str(record.get("Timestamp")))
    except InvalidSignature:
        return "its signature is wrong"
    except ValueError:
        return "its time cannot be read"
    return None if _is_fresh(sent, now) else _TOO_OLD


def _sns_text(record: Record) -> bytes:
    names = _SNS_SIGNED[record["Type"]]
    return "".join(f"{name}\n{record[name]}\n" for name in names if record.get(name) is not None).encode()


def sendgrid_problem(headers: Mapping[str, str], body: bytes, public_key: str, now: datetime) -> str | None:
    """Return what is wrong with a call of SendGrid's Signed Event Webhook, or None.

    `public_key` is the key that SendGrid's settings show.
    https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features
    """
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    timestamp = headers.get("x-twilio-email-event-webhook-timestamp", "")
    try:
        signature = base64.b64decode(headers.get("x-twilio-email-event-webhook-signature", ""), validate=True)
        sendgrid_key(public_key).verify(signature, timestamp.encode() + body, ECDSA(SHA256()))
        sent = datetime.fromtimestamp(int(timestamp), UTC)
    except (ValueError, InvalidSignature):
        return "its signature is missing or wrong"
    return None if _is_fresh(sent, now) else _TOO_OLD


def sendgrid_key(public_key: str) -> Any:
    """Return the key that SendGrid's settings show in base64. Raises ValueError if it is not one."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: PLC0415

    key = load_der_public_key(base64.b64decode(public_key, validate=True))
    if not isinstance(key, EllipticCurvePublicKey):
        raise ValueError("is not an elliptic curve key")  # noqa: TRY004 - the value is wrong, not its type
    return key


def mailgun_problem(record: Record, signing_key: str, now: datetime) -> str | None:
    """Return what is wrong with a call of Mailgun, or None.

    `signing_key` is the HTTP webhook signing key in Mailgun's settings.
    https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks
    """
    signed = record.get("signature")
    fields = signed if isinstance(signed, Mapping) else {}
    timestamp, token = str(fields.get("timestamp", "")), str(fields.get("token", ""))
    expected = hmac.new(signing_key.encode(), f"{timestamp}{token}".encode(), "sha256").hexdigest()
    if not hmac.compare_digest(expected.encode(), str(fields.get("signature", "")).encode()):
        return "its signature is missing or wrong"
    # The signature is valid, so Mailgun wrote the timestamp, and it is a number.
    return None if _is_fresh(datetime.fromtimestamp(int(timestamp), UTC), now) else _TOO_OLD


def mailgun_call(record: Record) -> tuple[str, str]:
    """Return the token of a call of Mailgun whose signature is valid, and a hash of the event that came with it.

    Mailgun signs the time and the token but not the event, so a token must not be accepted with another event.
    """
    event = json.dumps(record.get("event-data"), sort_keys=True)
    return str(record["signature"]["token"]), hashlib.sha256(event.encode()).hexdigest()


def _is_fresh(sent: datetime, now: datetime) -> bool:
    return abs(now - sent) <= _HOLDS
