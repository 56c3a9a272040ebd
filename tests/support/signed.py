"""Messages as Amazon SNS, SendGrid and Mailgun sign them, with keys of the tests' own."""

from __future__ import annotations

import base64
import hmac
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

CERTIFICATE_URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-60eadc530605d63b8e62a523676ef735.pem"
_FIELDS = ("Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type")


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    """Amazon's."""
    return rsa.generate_private_key(65537, 2048)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    """SendGrid's."""
    return ec.generate_private_key(ec.SECP256R1())


def certificate(now: datetime, key: Any = None) -> bytes:
    """A certificate of the key, from yesterday until tomorrow."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    day, key = timedelta(days=1), key or rsa_key()
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - day, now + day).sign(key, SHA256())
    return made.public_bytes(Encoding.PEM)


def sns(now: datetime, version: str = "1", **fields: str) -> dict[str, str]:
    """A message of Amazon SNS with its signature."""
    message = {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": "arn:aws:sns:eu-west-1:123456789012:bounces",
        "Message": "{}",
        "Timestamp": now.isoformat(),
        **fields,
    }
    text = "".join(f"{name}\n{message[name]}\n" for name in _FIELDS if name in message).encode()
    signature = rsa_key().sign(text, padding.PKCS1v15(), SHA256() if version == "2" else SHA1())
    signed = {"SignatureVersion": version, "Signature": base64.b64encode(signature).decode()}
    return {**message, **signed, "SigningCertURL": CERTIFICATE_URL}


def sendgrid_public_key() -> str:
    """As SendGrid's settings show it."""
    return base64.b64encode(
        ec_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ).decode()


def sendgrid_headers(body: bytes, now: datetime) -> dict[str, str]:
    """The header fields of a signed call."""
    timestamp = str(int(now.timestamp()))
    signature = ec_key().sign(timestamp.encode() + body, ec.ECDSA(SHA256()))
    return {
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
    }


def mailgun(now: datetime, key: str) -> dict[str, str]:
    """The `signature` of a call of Mailgun."""
    timestamp, token = str(int(now.timestamp())), "b1f2"
    signature = hmac.new(key.encode(), f"{timestamp}{token}".encode(), "sha256").hexdigest()
    return {"timestamp": timestamp, "token": token, "signature": signature}
