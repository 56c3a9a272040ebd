"""A real Postfix in between: letters arrive as they were signed, refusals come back and find their delivery."""

from datetime import UTC, datetime

import dkim as dkimpy
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from paperround.bounces.reports import parse
from paperround.delivery import SmtpTransport
from paperround.delivery.dkim import sign
from paperround.delivery.dkim_key import Key
from paperround.delivery.message import HeaderData, assemble, encoded, message_id
from paperround.domain import tokens
from paperround.domain.models import BounceKind, Letter, RenderedLetter
from support import postfix

KEYS = tokens.keys("a secret of sixteen characters or more")
SIGNING = Key("papers.example", "morning", rsa.generate_private_key(65537, 2048))
SUBSCRIBERS = 200
RETURNED = {
    "nobody-of-that-name@mail.example": BounceKind.HARD,
    "closed@mail.example": BounceKind.HARD,
    "full@mail.example": BounceKind.SOFT,
    "policy@mail.example": BounceKind.POLICY,
    "subscriber@no-such-domain.example": BounceKind.HARD,
}


@pytest.fixture(scope="module")
def relay():
    if reason := postfix.missing():
        pytest.skip(reason)
    with postfix.running() as relay:
        yield relay


def letter(number, subscriber):
    head = HeaderData(
        sender_name="Die tägliche Auswahl",
        sender="papers@papers.example",
        recipient=subscriber,
        date=datetime(2026, 11, 23, 7, tzinfo=UTC),
        message_id=message_id("daily 2026-11-23", number, subscriber, KEYS[0], "papers.example"),
        unsubscribe_url="https://papers.example/u/" + tokens.mint(KEYS, tokens.UNSUBSCRIBE, number),
    )
    body = "Größe\n.\n..hidden\n\nFrom the papers\n" + "Zwölf Boxkämpfer " * 60 + "\n\n"
    message = sign(assemble(head, encoded(RenderedLetter("Zehn Aufsätze", f"<p>{body}</p>", body))), [SIGNING])
    return Letter(number, tokens.verp(KEYS, number, "papers.example"), subscriber, message)


def send(relay, letters):
    outcomes = []
    SmtpTransport(host="127.0.0.1", port=relay.port, tls="none", connections=4).send(iter(letters), outcomes.extend)
    return outcomes


def test_letters_arrive_as_they_were_signed(relay):
    letters = [letter(number, f"subscriber{number}@mail.example") for number in range(SUBSCRIBERS)]
    assert all(outcome.accepted for outcome in send(relay, letters))
    relay.wait_for(lambda: len(relay.mailbox("subscribers")) >= SUBSCRIBERS)
    stored = [mail.replace(b"\n", b"\r\n") for mail in relay.mailbox("subscribers")]
    assert len(stored) == SUBSCRIBERS
    # What stands above the signature is Postfix's own; below it not one octet has changed.
    arrived = {mail[mail.index(b"DKIM-Signature:") :] for mail in stored}
    assert arrived == {each.message for each in letters}
    record = SIGNING.dns_record[1].encode()
    assert all(dkimpy.verify(mail, dnsfunc=lambda *_, **__: record) for mail in stored[:10])


def test_what_cannot_be_delivered_comes_back_and_is_judged(relay):
    before = len(relay.mailbox("bounces"))
    letters = [letter(1000 + number, subscriber) for number, subscriber in enumerate(RETURNED)]
    assert all(outcome.accepted for outcome in send(relay, letters))
    relay.wait_for(lambda: len(relay.mailbox("bounces")) >= before + len(RETURNED))
    reports = [parse(mail) for mail in relay.mailbox("bounces")[before:]]
    found = {tokens.read_verp(KEYS, report.verp_token): report for report in reports}
    assert {1000 + number: kind for number, kind in enumerate(RETURNED.values())} == {
        delivery: report.kind for delivery, report in found.items()
    }
    for each in letters:
        assert found[each.delivery].recipient == each.recipient
        assert found[each.delivery].message_id == message_id(
            "daily 2026-11-23", each.delivery, each.recipient, KEYS[0], "papers.example"
        )
