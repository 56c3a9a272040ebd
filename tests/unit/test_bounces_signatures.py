"""Who signs what is believed, and nobody else is."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from paperround.bounces import signatures
from support import signed

NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"Subject": "Bounce"},
        {"Type": "SubscriptionConfirmation", "Token": "t", "SubscribeURL": "https://sns.eu-west-1.amazonaws.com/?x"},
    ],
)
def test_a_message_of_amazon_holds_until_a_signed_field_is_changed(version: str, fields: dict[str, str]) -> None:
    message = signed.sns(NOW, version, **fields)
    certificate = signed.certificate(NOW)
    assert signatures.is_sns(message)
    assert signatures.sns_certificate_url(message) == signed.CERTIFICATE_URL
    assert signatures.sns_problem(message, certificate, NOW) is None
    for name in {"MessageId", "TopicArn", "Message", "Timestamp", *fields} - {"Type"}:
        assert signatures.sns_problem({**message, name: "another"}, certificate, NOW) == "its signature is wrong"
    late, odd = signed.sns(NOW - timedelta(hours=26), version), signed.sns(NOW, version, Timestamp="today")
    assert signatures.sns_problem(late, certificate, NOW) == "its signature is more than a day old"
    assert signatures.sns_problem(odd, certificate, NOW) == "its time cannot be read"


@pytest.mark.parametrize(
    "url",
    [
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-60eadc53.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/SimpleNotificationService-60eadc53.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-60eadc53.pem",
        "https://evil.s3.amazonaws.com/SimpleNotificationService-60eadc53.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-60eadc53.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-60eadc53.pem?next=x",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-60eadc53.pem\n",
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-60eadc53.pem",
        "https://169.254.169.254/SimpleNotificationService-60eadc53.pem",
        None,
        7,
    ],
)
def test_a_certificate_is_fetched_only_from_amazon(url: Any) -> None:
    assert signatures.sns_certificate_url({"SigningCertURL": url}) is None


def test_expired_and_invalid_certificates_are_refused() -> None:
    message, certificate = signed.sns(NOW), signed.certificate(NOW)
    for moment in (NOW - timedelta(days=2), NOW + timedelta(days=2)):
        assert signatures.sns_problem(message, certificate, moment) == "its certificate is not valid"
    assert signatures.sns_problem(message, signed.certificate(NOW, signed.ec_key()), NOW) is not None
    for broken in (b"", b"<html>", certificate[:200]):
        assert signatures.sns_problem(message, broken, NOW) == "its certificate or its signature cannot be read"
    assert signatures.sns_problem({**message, "Signature": "@@"}, certificate, NOW) is not None


@given(JSON, st.binary(max_size=40))
def test_whatever_is_in_the_fields_is_a_refusal_and_no_error(value: Any, body: bytes) -> None:
    message = {**signed.sns(NOW), "Signature": value}
    assert signatures.sns_problem(message, signed.certificate(NOW), NOW) is not None
    assert signatures.mailgun_problem({"signature": value}, "key", NOW) is not None
    fields = {"timestamp": value, "token": value, "signature": value}
    assert signatures.mailgun_problem({"signature": fields}, "key", NOW) is not None
    headers = {"x-twilio-email-event-webhook-signature": str(value)}
    assert signatures.sendgrid_problem(headers, body, signed.sendgrid_public_key(), NOW) is not None


def test_a_call_of_sendgrid_holds_until_its_body_or_time_is_changed() -> None:
    body, key = b'[{"event": "bounce"}]', signed.sendgrid_public_key()
    headers = {name.lower(): value for name, value in signed.sendgrid_headers(body, NOW).items()}
    assert signatures.sendgrid_problem(headers, body, key, NOW) is None
    assert signatures.sendgrid_problem(headers, body, key, NOW + timedelta(hours=24)) is None
    for moment in (NOW - timedelta(hours=26), NOW + timedelta(hours=26)):
        assert signatures.sendgrid_problem(headers, body, key, moment) == "its signature is more than a day old"
    assert signatures.sendgrid_problem(headers, body + b" ", key, NOW) is not None
    later = {**headers, "x-twilio-email-event-webhook-timestamp": "1764000001"}
    assert signatures.sendgrid_problem(later, body, key, NOW) is not None
    assert signatures.sendgrid_problem({}, body, key, NOW) is not None


def test_only_a_key_of_an_elliptic_curve_is_sendgrids() -> None:
    other = rsa.generate_private_key(65537, 2048).public_key()
    for text in ("", "@@", base64.b64encode(b"no key").decode()):
        with pytest.raises(ValueError, match=r"."):
            signatures.sendgrid_key(text)
    encoded = base64.b64encode(other.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    with pytest.raises(ValueError, match="elliptic curve"):
        signatures.sendgrid_key(encoded)


def test_a_mailgun_signature_is_valid_for_a_day() -> None:
    call = {"event-data": {}, "signature": signed.mailgun(NOW, "key")}
    assert signatures.mailgun_problem(call, "key", NOW + timedelta(hours=23)) is None
    assert signatures.mailgun_problem(call, "another", NOW) == "its signature is missing or wrong"
    assert (
        signatures.mailgun_problem(call, "key", NOW + timedelta(hours=26)) == "its signature is more than a day old"
    )
    assert signatures.mailgun_problem({}, "key", NOW) == "its signature is missing or wrong"
    forged = hmac.new(b"", b"1764000000b1f2", "sha256").hexdigest()
    assert signatures.mailgun_problem({"signature": {"signature": forged}}, "key", NOW) is not None


def test_a_call_of_mailgun_is_told_by_its_token_and_its_event_however_it_is_written() -> None:
    first = {"signature": {"token": "b1f2"}, "event-data": {"event": "failed", "recipient": "a@b.example"}}
    again = {"event-data": {"recipient": "a@b.example", "event": "failed"}, "signature": {"token": "b1f2"}}
    other = {**first, "event-data": {"event": "failed", "recipient": "c@b.example"}}
    assert signatures.mailgun_call(first) == signatures.mailgun_call(again)
    assert signatures.mailgun_call(first)[0] == signatures.mailgun_call(other)[0] == "b1f2"
    assert signatures.mailgun_call(first)[1] != signatures.mailgun_call(other)[1]
