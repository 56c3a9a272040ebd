"""Reports that come by HTTP: who may bring them, what is understood, and that they count like any other."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from paperround.domain.errors import StoreError
from paperround.domain.models import SubscriberState
from paperround.network.http import HttpPolicy
from paperround.rounds import bounce_intake, pipeline
from paperround.store.engine import reading
from paperround.store.schema import webhook_signatures
from paperround.subscribers import membership
from paperround.web import create
from paperround.web.machines import webhooks
from support import signed
from support.answers import World
from support.databases import engine_of
from support.pages import Browser
from support.papers import listing
from support.returned import complaint, report
from support.site import Site

TOKEN = "the operator's own, ümlaut and all"
SITE = {
    "base_url": "https://papers.example.org",
    "sender": "papers@example.org",
    "postal_address": "1 Mill Lane, Ely",
}
HEADERS = {"Authorization": f"Bearer {TOKEN}".encode("latin-1")}
EMAIL = "ada@lovelace.example"


class Hooked:
    """A site that takes reports, as it stands after the round that `sent` was."""

    def __init__(self, folder: Path, sent: Sent, token: str | None = TOKEN, **settings: Any) -> None:
        shutil.copyfile(sent.database, folder / "paperround.db")
        self.site = Site(folder, site={**SITE, "admin_token": token}, **settings)
        self.app = self.site.app
        self.web = create(self.app)
        self.message_id, self.address = sent.message_id, sent.address

    def bring(self, body: Any, **headers: Any) -> Any:
        """Post bytes as a mail, all else as JSON."""
        mail = isinstance(body, bytes)
        fields = {**HEADERS, "Content-Type": "message/rfc822" if mail else "application/json", **headers}
        content = body if mail else body if isinstance(body, str) else json.dumps(body)
        return Browser(self.web).post("/hooks/bounces", content=content, headers=fields)

    def suppressed(self, email: str = EMAIL) -> str | None:
        """Why this subscriber gets nothing more."""
        known = membership.subscriber(self.app, email).suppressed
        return known[0] if known else None


@dataclass(frozen=True)
class Sent:
    """A round that has sent a letter to each of two subscribers, and what tells the letter to Ada."""

    database: Path
    message_id: str
    address: str


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Sent:
    folder = tmp_path_factory.mktemp("sent")
    site = Site(folder, bounces={"domain": "bounces.example.org"})
    site.topic("robots")
    site.subscribers([EMAIL, "ben@example.org"], "robots")
    site.papers(listing(1))
    site.clock.now += timedelta(hours=1)
    pipeline.publish(site.app)
    pipeline.deliver(site.app)
    address = next(letter.sender for letter in site.relay.accepted if letter.recipient == EMAIL)
    [message_id] = [one["message_id"] for one in site.app.store.delivery_reports.find() if one["email"] == EMAIL]
    site.app.close()
    return Sent(folder / "paperround.db", message_id, address)


@pytest.fixture
def hooked(tmp_path: Path, sent: Sent) -> Iterator[Hooked]:
    made = Hooked(tmp_path, sent)
    yield made
    made.app.close()


def test_a_returned_mail_has_its_consequence_and_the_answer_says_which(hooked: Hooked) -> None:
    answer = hooked.bring(report(hooked.address))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == [
        {"where": "mail", "kind": "hard", "status": "5.1.1", "email": EMAIL, "new": True,
         "text": "550 5.1.1 no such mailbox"}
    ]  # fmt: skip
    assert hooked.suppressed() == "hard bounce 5.1.1"
    assert [one["new"] for one in hooked.bring(report(hooked.address)).json()] == [False]
    assert len(hooked.app.store.bounces.report()) == 1


def test_a_relays_notice_has_the_same_consequence(hooked: Hooked) -> None:
    notice = {"message_id": hooked.message_id, "kind": "hard", "status": "5.1.1", "text": "nobody\nhere"}
    assert hooked.bring([notice, notice]).json() == [
        {"where": f"report {number}", "kind": "hard", "status": "5.1.1", "email": EMAIL, "new": new,
         "text": "nobody here"}
        for number, new in ((1, True), (2, False))
    ]  # fmt: skip
    assert hooked.suppressed() == "hard bounce 5.1.1"
    assert hooked.suppressed("ben@example.org") is None


@pytest.mark.parametrize("way", ["message_id", "message_id without brackets", "return_path", "return_path, wrapped"])
def test_a_letter_is_told_by_its_message_id_or_its_return_address(hooked: Hooked, way: str) -> None:
    mailbox, _, domain = hooked.address.partition("@")
    named = {
        "message_id": {"message_id": hooked.message_id},
        "message_id without brackets": {"message_id": hooked.message_id.strip("<>")},
        "return_path": {"return_path": f"<{hooked.address}>"},
        "return_path, wrapped": {"return_path": f"SRS0=ab=cd={domain}={mailbox.upper()}@forwarder.example"},
    }[way]
    [made] = hooked.bring([{**named, "kind": "complaint"}]).json()
    assert (made["email"], made["new"]) == (EMAIL, True)
    assert membership.subscriber(hooked.app, EMAIL).state is SubscriberState.UNSUBSCRIBED
    assert hooked.suppressed() == "complaint"


def test_the_same_news_counts_once_by_whatever_ways_it_comes(hooked: Hooked) -> None:
    [by_mail] = bounce_intake.process_mails(hooked.app, [("a", report(hooked.address))])
    by_message_id, by_return_path = hooked.bring(
        [{"message_id": hooked.message_id, "kind": "hard"}, {"return_path": hooked.address, "kind": "hard"}]
    ).json()
    assert [by_mail.new, by_message_id["new"], by_return_path["new"]] == [True, False, False]
    [complained] = hooked.bring(complaint(hooked.address)).json()
    assert complained["new"], "another kind of news about the same letter is news"


def test_what_speaks_of_no_letter_of_ours_changes_nothing(hooked: Hooked) -> None:
    mailbox, _, domain = hooked.address.partition("@")
    forged = f"{mailbox[:-1]}{'a' if mailbox[-1] != 'a' else 'b'}@{domain}"
    made = hooked.bring(
        [
            {"message_id": "<unknown@example.org>", "kind": "hard"},
            {"return_path": forged, "kind": "hard"},
            {"return_path": forged, "message_id": hooked.message_id, "kind": "hard"},
            {"return_path": "bounces@example.org", "kind": "complaint"},
        ]
    ).json()
    assert [(one["email"], one["new"]) for one in made] == [(None, False)] * 4
    assert [one["new"] for one in hooked.bring(b"").json() + hooked.bring(b"\xff not a mail").json()] == [
        False,
        False,
    ]
    assert hooked.app.store.bounces.report() == []
    assert hooked.suppressed() is None
    assert membership.subscriber(hooked.app, EMAIL).state is SubscriberState.ACTIVE


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"kind": "hard"}, "identify the letter by message_id or return_path"),
        ({"message_id": "<a@b.example>"}, "kind: is required"),
        ({"message_id": "<a@b.example>", "kind": "nothing"}, "kind: "),
        ({"message_id": "<a@b.example>", "kind": "hard", "status": "550"}, "status: "),
        ({"message_id": "<a@b.example>", "kind": "hard", "status": None, "email": "x"}, "email: "),
        ({"message_id": "<a\x00b@b.example>", "kind": "hard"}, "message_id: "),
        ({"message_id": 7, "kind": "hard"}, "message_id: "),
        ({"message_id": "<a@b.example>", "kind": "hard", "text": []}, "text: "),
        ({"return_path": "x" * 401, "kind": "hard"}, "return_path: "),
        ("hard", "must be a table"),
        (None, "must be a table"),
    ],
)
def test_a_notice_that_is_not_understood_is_told_and_stops_no_other(hooked: Hooked, wrong: Any, told: str) -> None:
    answer = hooked.bring([wrong, {"message_id": hooked.message_id, "kind": "hard"}])
    assert answer.status_code == 200, "what is sent again with the same mistake would never end"
    bad, good = answer.json()
    assert bad["text"].startswith(f"not a valid report: {told}")
    assert (bad["where"], bad["kind"], bad["new"]) == ("report 1", "", False)
    assert good["new"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("{", 400),
        ("[" * 200_000, 400),
        ('["\\ud800"]', 400),
        ("{}", 422),
        ("null", 422),
        (json.dumps([{}] * 1001), 422),
        ("[]", 200),
    ],
    ids=["nothing", "cut off", "deep", "half a character", "no list", "null", "too many", "none"],
)
def test_what_is_no_list_of_reports_is_refused_as_a_whole(hooked: Hooked, body: str, status: int) -> None:
    answer = hooked.bring(body)
    assert answer.status_code == status
    assert status == 200 or answer.json()["detail"]


def test_a_body_of_another_type_or_of_over_a_megabyte_is_refused(hooked: Hooked) -> None:
    for media_type in ("text/html", "multipart/form-data; boundary=x", ""):
        answer = hooked.bring(report(hooked.address), **{"Content-Type": media_type})
        assert answer.status_code == 415
        assert "message/rfc822 or application/json" in answer.json()["detail"]
    assert hooked.bring(report(hooked.address) + b"x" * 2**20).status_code == 413
    assert hooked.suppressed() is None
    large = report(hooked.address) + b"x" * (2**20 - 2_000)
    assert hooked.bring(large, **{"Content-Type": "Message/RFC822; charset=utf-8"}).status_code == 200
    assert hooked.suppressed()


@pytest.mark.parametrize(
    "field",
    ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}"],
)
def test_without_the_token_nothing_is_read(hooked: Hooked, field: str) -> None:
    answer = hooked.bring(report(hooked.address), Authorization=field.encode("latin-1"))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert hooked.suppressed() is None


def test_a_session_of_the_pages_does_not_open_it(hooked: Hooked) -> None:
    browser = Browser(hooked.web)
    browser.post("/admin/login", data={"token": TOKEN})
    assert browser.get("/admin/subscribers").status_code == 200
    answer = browser.post(
        "/hooks/bounces", content=report(hooked.address), headers={"Content-Type": "message/rfc822"}
    )
    assert answer.status_code == 401, "a form on another site could send the cookie along"


def test_tokens_are_not_tried_out_one_after_another(hooked: Hooked) -> None:
    for _ in range(5):
        assert hooked.bring([], Authorization=b"Bearer wrong").status_code == 401
    refused = hooked.bring([])
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    other = Browser(hooked.web, "198.51.100.7")
    headers = {**HEADERS, "Content-Type": "application/json"}
    assert other.post("/hooks/bounces", content="[]", headers=headers).status_code == 200


def test_a_site_without_an_admin_token_has_no_such_page(tmp_path: Path, sent: Sent) -> None:
    hooked = Hooked(tmp_path, sent, token=None)
    for field in (b"Bearer ", b"Bearer None", HEADERS["Authorization"]):
        assert hooked.bring([], Authorization=field).status_code == 404
    hooked.app.close()


def test_only_post_is_allowed(hooked: Hooked) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert Browser(hooked.web).request(method, "/hooks/bounces", headers=HEADERS).status_code == 405


def test_a_busy_database_asks_the_relay_to_come_again(hooked: Hooked, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object) -> None:
        raise StoreError("the database is busy")

    notice = [{"message_id": hooked.message_id, "kind": "hard"}]
    with monkeypatch.context() as patched:
        patched.setattr(hooked.app.store.bounces, "apply", busy)
        for body in (notice, report(hooked.address)):
            answer = hooked.bring(body)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
            assert answer.json()
    assert [one["new"] for one in hooked.bring(notice).json()] == [True]


def test_reports_are_not_read_twice_as_long_as_they_are_kept() -> None:
    from paperround.bounces import reports

    assert webhooks._MAX_TEXT == reports._MAX_DIAGNOSTIC


def test_relays_call_with_their_own_json_and_the_token_as_a_password(hooked: Hooked) -> None:
    password = base64.b64encode(f"relay:{TOKEN}".encode()).decode()
    call = {"event": "bounce", "sg_event_id": "1", "email": EMAIL, "reason": "550 5.1.1 user unknown"}
    [made] = hooked.bring([call], Authorization=f"Basic {password}").json()
    assert (made["email"], made["kind"], made["new"]) == (EMAIL, "hard", True)
    assert hooked.suppressed() == "hard bounce 5.1.1"
    assert hooked.bring([call], Authorization="Basic @@@").status_code == 401


def test_amazons_notifications_come_as_text_and_name_the_letter_by_its_return_address(
    hooked: Hooked, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipient = {"emailAddress": "ada@elsewhere.example", "diagnosticCode": "smtp; 552 5.2.2 over quota"}
    bounce = {"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": [recipient]}
    told = {"notificationType": "Bounce", "mail": {"source": hooked.address}, "bounce": bounce}
    body = json.dumps(signed.sns(hooked.app.clock(), Message=json.dumps(told)))
    amazon(hooked, monkeypatch)
    [made] = hooked.bring(body, **{"Content-Type": "text/plain; charset=UTF-8"}).json()
    assert (made["email"], made["kind"], made["new"]) == (EMAIL, "soft", True)


def test_a_relays_call_about_nobody_of_ours_changes_nothing(hooked: Hooked) -> None:
    call = {"RecordType": "Bounce", "Type": "HardBounce", "Email": "somebody@else.example"}
    [made] = hooked.bring(call).json()
    assert (made["email"], made["new"]) == (None, False)


def test_the_operator_is_told_how_to_confirm_a_subscription(hooked: Hooked, monkeypatch: pytest.MonkeyPatch) -> None:
    amazon(hooked, monkeypatch)
    url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"
    asks = signed.sns(hooked.app.clock(), Type="SubscriptionConfirmation", Token="t", SubscribeURL=url)
    [made] = hooked.bring(asks).json()
    assert made["text"] == f"open once to confirm: {url}"


def amazon(hooked: Hooked, monkeypatch: pytest.MonkeyPatch, *replies: Any) -> World:
    """Amazon's certificate is where it says, or `replies` are."""
    world = World(hooked.app.clock())
    world.put(signed.CERTIFICATE_URL, *(replies or (signed.certificate(hooked.app.clock()),)))
    monkeypatch.setattr(hooked.app, "http", world.http(HttpPolicy(tries=1)))
    return world


def test_a_forged_message_of_amazon_suppresses_nobody_even_with_the_token(
    hooked: Hooked, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = amazon(hooked, monkeypatch)
    bounce = {"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": EMAIL, "status": "5.1.1"}]}
    told = {"notificationType": "Bounce", "mail": {"source": hooked.address}, "bounce": bounce}
    genuine = signed.sns(hooked.app.clock())
    unsigned = {"Type": "Notification", "Message": json.dumps(told)}
    elsewhere = {**genuine, "Message": json.dumps(told), "SigningCertURL": "https://evil.example/x.pem"}
    for forged in (unsigned, elsewhere, {**genuine, "Message": json.dumps(told)}, [unsigned]):
        assert hooked.bring(forged).status_code == 403
    assert hooked.suppressed() is None
    assert world.asked == [signed.CERTIFICATE_URL], "and once"
    assert hooked.bring(signed.sns(hooked.app.clock(), Message=json.dumps(told))).status_code == 200
    assert hooked.suppressed()


def test_amazon_calls_again_when_its_certificate_cannot_be_fetched(
    hooked: Hooked, monkeypatch: pytest.MonkeyPatch
) -> None:
    amazon(hooked, monkeypatch, httpx.Response(404), signed.certificate(hooked.app.clock()))
    message = signed.sns(hooked.app.clock())
    assert hooked.bring(message).status_code == 503
    assert hooked.bring(message).status_code == 200


def test_calls_of_sendgrid_and_mailgun_must_be_signed_where_their_keys_are_set(tmp_path: Path, sent: Sent) -> None:
    keys = {"sendgrid_key": signed.sendgrid_public_key(), "mailgun_key": "a signing key"}
    hooked = Hooked(tmp_path, sent, bounces=keys)
    bounced = [{"event": "bounce", "sg_event_id": "1", "email": EMAIL, "reason": "550 5.1.1 user unknown"}]
    failed = {"event": "failed", "severity": "permanent", "recipient": "ben@example.org",
              "delivery-status": {"code": 550, "message": "5.1.1 user unknown"}}  # fmt: skip
    for forged in (bounced, {"event-data": failed}, {"event-data": failed, "signature": {"signature": "x"}}):
        assert hooked.bring(forged).status_code == 403
    assert hooked.suppressed() is None
    body = json.dumps(bounced)
    assert hooked.bring(body, **signed.sendgrid_headers(body.encode(), hooked.app.clock())).status_code == 200
    assert hooked.suppressed()
    call = {"event-data": failed, "signature": signed.mailgun(hooked.app.clock(), "a signing key")}
    assert hooked.bring(call).status_code == 200
    assert hooked.suppressed("ben@example.org")
    hooked.app.close()


def test_a_captured_mailgun_signature_is_valid_for_no_other_event(tmp_path: Path, sent: Sent) -> None:
    hooked = Hooked(tmp_path, sent, bounces={"mailgun_key": "a signing key"})

    def bring(email: str) -> Any:
        event = {"event": "failed", "severity": "permanent", "recipient": email,
                 "delivery-status": {"code": 550, "message": "5.1.1 user unknown"}}  # fmt: skip
        return hooked.bring({"event-data": event, "signature": signature})

    signature = signed.mailgun(hooked.app.clock(), "a signing key")
    assert bring(EMAIL).json()[0]["new"]
    assert bring(EMAIL).status_code == 200, "Mailgun may call again if our answer was lost"
    assert bring("ben@example.org").status_code == 403
    assert hooked.suppressed("ben@example.org") is None
    hooked.app.store.webhook_signatures.forget(hooked.app.clock() - timedelta(days=3))
    assert bring("ben@example.org").status_code == 403
    hooked.site.clock.now += timedelta(days=4)
    pipeline.sweep(hooked.app)
    with reading(engine_of(hooked.app.store)) as db:
        assert db.execute(select(webhook_signatures)).all() == []
    hooked.app.close()


def test_json_of_amazon_is_accepted_in_its_signed_messages_only(hooked: Hooked) -> None:
    complaint = {"complainedRecipients": [{"emailAddress": EMAIL}]}
    told = {"notificationType": "Complaint", "mail": {}, "complaint": complaint}
    for bare in (told, [told], {"eventType": "Complaint", **told}):
        answer = hooked.bring(bare)
        assert answer.status_code == 403
        assert "raw message delivery" in answer.json()["detail"]
    assert hooked.suppressed() is None


def test_messages_of_another_topic_of_amazon_are_refused(
    tmp_path: Path, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooked = Hooked(tmp_path, sent, bounces={"sns_topic": "arn:aws:sns:eu-west-1:123456789012:bounces"})
    amazon(hooked, monkeypatch)
    other = signed.sns(hooked.app.clock(), TopicArn="arn:aws:sns:eu-west-1:666666666666:bounces")
    assert hooked.bring(other).status_code == 403
    assert hooked.bring(signed.sns(hooked.app.clock())).status_code == 200
    hooked.app.close()
