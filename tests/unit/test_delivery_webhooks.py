"""A call to another program: signed as Standard Webhooks has it, and tried again for three days."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from paperround.delivery.webhooks import WebhookResponse, call, is_accepted, key, next_try
from paperround.domain.errors import ConfigurationError
from paperround.domain.models import Event, EventKind

NOW = datetime(2026, 11, 23, 6, 0, 5, tzinfo=UTC)
RAW = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(RAW).decode()
EVENT = Event(
    1, "evt_1", EventKind.SUBSCRIBED, "crm", NOW - timedelta(seconds=5), {"email": "zoë@subscriber.example"}, 0
)


def test_a_receiver_can_check_the_signature_with_nothing_but_the_standard() -> None:
    made = call(EVENT, SECRET, NOW)
    assert made.headers["webhook-id"] == "evt_1"
    assert made.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    version, signature = made.headers["webhook-signature"].split(",")
    signed = f"evt_1.{made.headers['webhook-timestamp']}.".encode() + made.body
    assert version == "v1"
    assert base64.b64decode(signature) == hmac.new(RAW, signed, hashlib.sha256).digest()


def test_the_library_of_the_standard_accepts_a_call_and_no_changed_one() -> None:
    now = datetime.now(UTC)  # the library refuses what is older than five minutes
    made = call(EVENT, SECRET, now)
    receiver = Webhook(SECRET)
    assert receiver.verify(made.body, made.headers) == json.loads(made.body)
    with pytest.raises(WebhookVerificationError):
        receiver.verify(made.body.replace(b"subscribed", b"bounced"), made.headers)
    with pytest.raises(WebhookVerificationError):
        receiver.verify(made.body, call(EVENT, SECRET, now - timedelta(minutes=6)).headers)


def test_the_body_says_what_happened_and_when() -> None:
    assert json.loads(call(EVENT, SECRET, NOW).body) == {
        "type": "subscribed",
        "timestamp": "2026-11-23T06:00:00Z",
        "data": {"email": "zoë@subscriber.example"},
    }


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "whsec_???",
        base64.b64encode(RAW).decode(),
        "whsec_" + base64.b64encode(b"short").decode(),
        "whsec_" + base64.b64encode(bytes(65)).decode(),
    ],
)
def test_what_is_no_secret_is_refused_with_the_way_to_make_one(secret: str) -> None:
    with pytest.raises(ConfigurationError, match="make one") as refused:
        key(secret)
    assert secret not in str(refused.value) or secret in ("", "whsec_")


@given(st.none() | st.integers(100, 599))
def test_only_2xx_is_taken(status: int | None) -> None:
    assert is_accepted(WebhookResponse(status)) == (status is not None and status // 100 == 2)


@given(
    st.integers(0, 30),
    st.none() | st.sampled_from([301, 302, 400, 404, 410, 429, 500, 503]),
    st.none() | st.floats(0, 10**9),
)
def test_every_event_is_tried_again_later_or_has_failed(tries: int, status: int | None, wish: float | None) -> None:
    again = next_try(tries, WebhookResponse(status, "", wish), NOW)
    if status == 410 or tries >= 10:
        assert again is None
    else:
        assert again is not None
        assert timedelta(seconds=5) <= again - NOW <= timedelta(days=1)
        assert again - NOW >= timedelta(seconds=min(wish or 0, 86_400))


def test_a_receiver_that_is_down_is_tried_for_three_days() -> None:
    moment, tries = NOW, 0
    while (again := next_try(tries, WebhookResponse(503), moment)) is not None:
        assert again > moment
        moment, tries = again, tries + 1
    assert timedelta(days=2.5) < moment - NOW < timedelta(days=4)


def test_an_answer_is_told_in_one_short_line() -> None:
    assert str(WebhookResponse(500, "oh\n no " + "x" * 900)).startswith("HTTP 500 oh no xxx")
    assert len(str(WebhookResponse(500, "x" * 900))) < 220
    assert str(WebhookResponse(204)) == "HTTP 204"
    assert str(WebhookResponse(None, "no answer (ReadTimeout)")) == "no answer (ReadTimeout)"
