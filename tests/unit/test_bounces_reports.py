import base64
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paperround.bounces.mime import read_parts
from paperround.bounces.reports import parse
from paperround.bounces.verdict import Report
from paperround.domain import tokens
from paperround.domain.errors import InvalidTokenError
from paperround.domain.models import BounceKind
from support.examples import examples

KEYS = tokens.keys("a secret of sixteen characters or more")
RETURN = tokens.verp(KEYS, 4711, "papers.example")
HARD, SOFT, POLICY = BounceKind.HARD, BounceKind.SOFT, BounceKind.POLICY
COMPLAINT, NOTHING = BounceKind.COMPLAINT, BounceKind.NOTHING

LETTER = f"""\
Return-Path: <{RETURN}>
From: The Morning Papers <papers@papers.example>
To: <ada@mail.example>
Subject: Ten papers
Message-ID: <letter-4711@papers.example>

Twelve 550 5.1.1 things that look like codes but are a title.
"""


def recipient(status="5.1.1", action="failed", said="", address="ada@mail.example", **more):
    fields = {"Final-Recipient": f"rfc822; {address}", "Action": action, "Status": status}
    fields |= {"Diagnostic-Code": f"smtp; {said}"} if said else {}
    fields |= {name.replace("_", "-"): value for name, value in more.items()}
    return "".join(f"{name}: {value}\n" for name, value in fields.items() if value)


def report(*recipients, to=RETURN, text="It could not be brought.", letter=LETTER, subtype="delivery-status"):
    blocks = "\n".join(
        ("Reporting-MTA: dns; mx.mail.example\nArrival-Date: Mon, 23 Nov 2026 07:00:01 +0000\n", *recipients)
    )
    return f"""\
Delivered-To: {to}
From: MAILER-DAEMON@mx.mail.example (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b/1"

A preamble that nobody shows.

--b/1
Content-Type: text/plain; charset=us-ascii

{text}

--b/1
Content-Type: message/{subtype}

{blocks}
--b/1
Content-Type: message/rfc822

{letter}
--b/1--
""".encode()


def complaint(kind="abuse", to="complaints@papers.example"):
    return f"""\
From: <feedback@mail.example>
To: <{to}>
Subject: FW: Ten papers
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="=_arf"

--=_arf
Content-Type: text/plain

This is a report about a letter from you.

--=_arf
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: Feeder/2
Version: 1
Original-Rcpt-To: <ada@mail.example>

--=_arf
Content-Type: message/rfc822

{LETTER}
--=_arf--
""".encode()


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        *((status, "550 no", HARD) for status in ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1")),
        *((status, "550 no", SOFT) for status in ("5.2.2", "5.2.0", "5.4.1", "5.4.4", "5.3.0", "5.3.2")),
        *((status, "450 later", SOFT) for status in ("4.4.1", "4.2.2", "4.0.0")),
        *((status, "550 no", POLICY) for status in ("5.7.1", "5.7.25", "5.7.30", "5.7.40", "5.7.515", "5.7.606")),
        *((status, "554 no", POLICY) for status in ("5.6.0", "5.5.4", "5.3.4", "5.1.7", "5.1.8", "5.4.5")),
        ("5.0.0", "550 no such person", HARD),
        ("5.0.0", "550 go away", SOFT),
        ("4.7.1", "450 later", POLICY),
        ("5.0.0", "551 moved", SOFT),
        ("5.0.0", "552 no room", SOFT),
        ("5.0.0", "554 refused", POLICY),
        ("5.0.0", "", SOFT),
        # The diagnostic says more than the status field.
        ("5.0.0", "550 5.1.1 <ada@mail.example>: nobody", HARD),
        ("5.0.0", "550-5.7.1 refused as a whole", POLICY),
        ("", "550 5.1.1 nobody", HARD),
        ("", "552 no room", SOFT),
        ("5.2.1 (the mailbox is closed)", "", HARD),
        ("5.2.1", "550-5.2.1 The subscriber is receiving mail too quickly 550-5.2.1 for us", SOFT),
        ("5.1.1000", "550 odd", SOFT),
    ],
)
def test_a_failure_is_classed_by_its_code(status, said, kind):
    found = parse(report(recipient(status, said=said)))
    assert found.kind is kind
    assert found.diagnostic == said


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded", "Delivered (to file)"])
def test_what_did_not_fail_is_nothing(action):
    assert parse(report(recipient("5.1.1", action))).kind is NOTHING


def test_a_report_is_matched_to_its_letter_and_not_by_the_address_it_names():
    found = parse(report(recipient("5.1.1", said="550 5.1.1 nobody", address="ada@forwarded.example")))
    assert tokens.read_verp(KEYS, found.verp_token) == 4711
    assert found.message_id == "<letter-4711@papers.example>"
    assert (found.status, found.recipient) == ("5.1.1", "ada@forwarded.example")
    named = recipient(Original_Recipient="rfc822;ada@mail.example", address="x@forwarded.example")
    assert parse(report(named)).recipient == "ada@mail.example"


@pytest.mark.parametrize(
    ("to", "letter", "known"),
    [
        (RETURN.upper(), "Subject: x\n\n", True),
        (f"SRS0=ab=cd=papers.example={RETURN.partition('@')[0]}@forwarder.example", "Subject: x\n\n", True),
        ("postmaster@papers.example", LETTER, True),
        ("postmaster@papers.example", "Subject: no return path\n\n", False),
    ],
)
def test_the_token_is_found_in_the_address_or_in_the_letter_that_is_quoted(to, letter, known):
    token = parse(report(recipient(), to=to, letter=letter)).verp_token
    assert (token and tokens.read_verp(KEYS, token)) == (4711 if known else None)


def test_a_message_id_with_a_control_character_is_ignored():
    assert parse(report(recipient(), letter="Message-ID: <letter\x004711@papers.example>\n\n")).message_id is None
    assert parse(report(recipient(), letter=LETTER)).message_id == "<letter-4711@papers.example>"


def test_of_several_mailboxes_behind_one_address_the_liveliest_counts():
    dead, full = recipient("5.1.1"), recipient("5.2.2", address="eve@mail.example")
    assert parse(report(dead, dead)).kind is HARD
    assert parse(report(dead, full)).kind is SOFT
    assert parse(report(dead, full, recipient("5.7.1"))).kind is POLICY
    assert parse(report(dead, recipient("2.0.0", "delivered"))).kind is NOTHING
    glued = dead + full  # two recipients without the empty line between them
    assert parse(report(glued)).kind is SOFT


@pytest.mark.parametrize("kind", ["abuse", "Fraud", "virus", "other", "opt-out"])
def test_a_complaint_is_matched_through_the_letter_it_quotes(kind):
    found = parse(complaint(kind))
    assert found.kind is COMPLAINT
    assert tokens.read_verp(KEYS, found.verp_token) == 4711
    assert found.recipient == "ada@mail.example"


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", ""])
def test_other_feedback_is_no_complaint(kind):
    assert parse(complaint(kind)).kind is NOTHING


def test_a_complaint_may_name_our_sender_itself():
    raw = (
        complaint()
        .replace(b"Return-Path", b"X-Removed")
        .replace(b"Version: 1", f"Version: 1\nOriginal-Mail-From: <{RETURN}>".encode())
    )
    assert tokens.read_verp(KEYS, parse(raw).verp_token) == 4711


def test_microsofts_complaints_have_no_report_and_are_read_all_the_same():
    raw = f"""\
From: <staff@hotmail.com>
To: <complaints@papers.example>
Subject: complaint about message from 192.0.2.7
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=xx

--xx
Content-Type: message/rfc822

X-HmXmrOriginalRecipient: ada@mail.example
{LETTER}
--xx--
""".encode()
    found = parse(raw)
    assert (found.kind, found.recipient) == (COMPLAINT, "ada@mail.example")
    assert tokens.read_verp(KEYS, found.verp_token) == 4711


def test_microsofts_reports_say_it_in_a_field_of_their_own():
    odd = recipient("5.0.0", X_Supplementary_Info="< #5.1.10 smtp;550 5.1.10 RESOLVER.ADR.NotFound; not found>")
    assert parse(report(odd)).kind is HARD


def plain(body, subject="failure notice", sender="MAILER-DAEMON@mx.mail.example", more=""):
    return f"Return-Path: <>\nDelivered-To: {RETURN}\nFrom: {sender}\nSubject: {subject}\n{more}\n{body}".encode()


QMAIL = (
    """\
Hi. This is the mail program at mx.mail.example.
I could not bring your letter to the following address.

<ada@mail.example>:
{}

--- Below this line is a copy of the message.

"""
    + LETTER
)


@pytest.mark.parametrize(
    ("reason", "kind", "status"),
    [
        ("Sorry, no mailbox here by that name. (#5.1.1)", HARD, "5.1.1"),
        ("192.0.2.1 does not like recipient.\nRemote host said: 550 5.1.1 unknown", HARD, "5.1.1"),
        ("192.0.2.1 failed after I sent the message.\nRemote host said: 554 refused", POLICY, None),
        ("I am not going to try again; it has been in the queue too long. (#4.4.3)", SOFT, "4.4.3"),
        ("Remote host said: 550 something", SOFT, None),
        ("The user's mailbox is full", SOFT, None),
        ("No such user here", HARD, None),
        ("It did not work.", NOTHING, None),
        ("It will be retried for four more days. 450 4.4.1", NOTHING, None),
    ],
)
def test_plain_texts_are_read_as_well_as_they_can_be(reason, kind, status):
    found = parse(plain(QMAIL.format(reason)))
    assert (found.kind, found.status) == (kind, status)
    assert tokens.read_verp(KEYS, found.verp_token) == 4711
    assert found.message_id == "<letter-4711@papers.example>"
    assert kind is NOTHING or found.recipient == "ada@mail.example"


def test_a_plain_report_that_names_its_recipients_needs_no_other_sign():
    raw = plain(
        "550 5.1.1 nobody",
        "Delivery",
        "somebody@mail.example",
        "Auto-Submitted: auto-replied\nX-Failed-Recipients: ada@mail.example\n",
    )
    assert (parse(raw).kind, parse(raw).recipient) == (HARD, "ada@mail.example")


@pytest.mark.parametrize(
    "raw",
    [
        plain("I am away until 550 5.1.1", "Undelivered holiday", more="Auto-Submitted: auto-replied\n"),
        plain("550 5.1.1 is what your relay said to me", "Re: failure", sender="ada@mail.example").replace(
            b"Return-Path: <>", b"Return-Path: <ada@mail.example>"
        ),
        plain("Thank you, 550 5.1.1 times", "Re: Ten papers"),
        plain(
            "The user does not exist in their data. It could not be delivered.",
            "Re: Delivery of packets that failed",
            "Postmaster Pat <pat@mail.example>",
        ).removeprefix(b"Return-Path: <>\n"),
        plain("Address failed. 550 5.1.1 user unknown", "AW: Ten papers", "Hans <postmaster@mail.example>").replace(
            b"Return-Path: <>", b"Return-Path: <postmaster@mail.example>"
        ),
        b"",
        b"\n\n\n",
        b"no header at all",
    ],
)
def test_answers_of_people_and_other_mail_are_nothing(raw):
    assert parse(raw).kind is NOTHING


def test_a_report_without_anything_to_judge_falls_back_to_its_text():
    assert parse(report(text="550 5.1.1 nobody")).kind is HARD


def encoded(raw, encoding, change):
    head, _, rest = raw.partition(b"Content-Type: message/delivery-status\n\n")
    body, _, tail = rest.partition(b"\n--b/1")
    top = b"Content-Type: message/delivery-status\nContent-Transfer-Encoding: " + encoding + b"\n\n"
    return head + top + change(body) + b"\n--b/1" + tail


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.replace(b"\n", b"\r\n"),
        lambda raw: raw.replace(b"\n--b/1--", b""),  # never closed
        lambda raw: raw[: raw.index(b"Content-Type: message/rfc822")],  # cut off
        lambda raw: raw.replace(b'"b/1"', b"b/1"),
        lambda raw: raw.replace(b"multipart/report", b"MULTIPART/Report"),
        lambda raw: raw.replace(b"--b/1\n", b"--b/1 \t\n"),
        lambda raw: raw.replace(b"smtp; 550", b"smtp;\n\t550"),
        lambda raw: raw.replace(b"nobody", "niemand, schöne Grüße".encode()),
        lambda raw: raw.replace(b"nobody", "niemand, schöne Grüße".encode("latin-1")),
        lambda raw: raw.replace(b"message/delivery-status", b"message/global-delivery-status"),
        lambda raw: raw.replace(b"rfc822; ada", b"utf-8; ada"),
        lambda raw: raw.replace(b"Final-Recipient: rfc822; ada@mail.example\n", b""),
        lambda raw: raw.replace(b"Action: failed\n", b""),
        lambda raw: raw.replace(b"Action: failed", b"ACTION: Failed (no way)"),
        lambda raw: encoded(raw, b"base64", base64.encodebytes),
        lambda raw: encoded(raw, b"Quoted-Printable", lambda body: body.replace(b"Status", b"=53tatus")),
    ],
)
def test_broken_and_unusual_reports_are_read_too(change):
    found = parse(change(report(recipient("5.1.1", said="550 5.1.1 nobody"))))
    assert found.kind is HARD
    assert tokens.read_verp(KEYS, found.verp_token) == 4711


def test_invalid_base64_is_left_as_it_is():
    raw = encoded(report(recipient("5.1.1")), b"base64", lambda body: body.replace(b"Reporting", b"A"))
    assert parse(raw).kind in {HARD, NOTHING}


def test_parts_are_bounded_in_depth_and_number():
    inner = b"Content-Type: text/plain\n\nend"
    for level in range(40):
        inner = f'Content-Type: multipart/mixed; boundary="{level}"\n\n--{level}\n'.encode() + inner
    assert len(read_parts(inner)) < 10
    many = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 5_000
    assert len(read_parts(many)) == 60


@given(st.binary(max_size=2000))
def test_any_bytes_give_a_report(raw):
    assert isinstance(parse(raw), Report)


SAMPLES = [report(recipient("5.1.1", said="550 5.1.1 nobody")), complaint(), plain(QMAIL.format("(#5.1.1)"))]


@given(st.sampled_from(SAMPLES), st.data())
@settings(max_examples=examples(300), deadline=None)
def test_a_damaged_report_is_still_a_report_and_names_no_other_letter(raw, data):
    damaged = bytearray(raw)
    for _ in range(data.draw(st.integers(1, 8))):
        spot = data.draw(st.integers(0, len(damaged) - 1))
        if data.draw(st.booleans()):
            del damaged[spot : spot + data.draw(st.integers(1, 60))]
        else:
            damaged[spot:spot] = data.draw(st.binary(max_size=20) | st.sampled_from([b"\n\n", b"--b/1\n", b":"]))
        if not damaged:
            return
    found = parse(bytes(damaged))
    if found.verp_token:
        with contextlib.suppress(InvalidTokenError):
            assert tokens.read_verp(KEYS, found.verp_token) == 4711


@pytest.mark.slow
@pytest.mark.parametrize("piece", [b"-", b" ", b"\n", b"--b\n", b"a@", b"Content-Type: ", b":", b"5.", b"<", b"=3D"])
@pytest.mark.timeout(30)
def test_a_big_and_hostile_mail_is_read_in_no_time(piece):
    top = b"From: MAILER-DAEMON\nSubject: failure\nContent-Type: multipart/report; boundary=b\n"
    status = b"\n--b\nContent-Type: message/delivery-status\n\n"
    many = piece * (examples(1_000_000) // len(piece))
    for raw in (many, top + b"\n" + many, top + status + many, top + b"To: " + many, top + b"\n--b\n\n" + many):
        parse(raw)


GMX = """\
This mail was written by our mail system.

The following address failed:

ada@mail.example:
SMTP error from the other server after RCPT command: 550 5.1.1 {}
"""


def test_a_text_that_a_system_marks_as_an_automatic_reply_is_a_report_all_the_same():
    found = parse(plain(GMX.format("nobody"), "Mail delivery failed", more="Auto-Submitted: auto-replied\n"))
    assert (found.kind, found.recipient) == (HARD, "ada@mail.example")
    assert tokens.read_verp(KEYS, found.verp_token) == 4711


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Your message did not reach ada@mail.example: the recipient name is not recognized", HARD),
        ("We were unable to deliver your mail to <ada@mail.example>, whose mailbox is full.", SOFT),
        ("Your message could not be delivered: our spam filter refused its content.", POLICY),
        ("Your message could not be delivered to ada@mail.example.", SOFT),
        ("We have received your message and thank you.", NOTHING),
    ],
)
def test_a_text_without_any_code_is_judged_by_its_words(text, kind):
    assert parse(plain(text, "About your message")).kind is kind


def test_a_text_about_several_mailboxes_is_as_mild_as_the_mildest_of_them():
    text = (
        "I could not deliver your mail.\n\n<ada@mail.example>:\n550 5.1.1 nobody\n\n"
        "<eve@mail.example>:\n552 5.2.2 over quota\n\n"
    )
    assert parse(plain(text)).kind is SOFT


def forwarded(inner, sender="postmaster@papers.example"):
    head = f"From: {sender}\nTo: bounces@papers.example\nSubject: Fwd: look at this\nMIME-Version: 1.0\n"
    body = b'Content-Type: multipart/mixed; boundary="outer"\n\n--outer\nContent-Type: text/plain\n\nsee below\n\n'
    return head.encode() + body + b"--outer\nContent-Type: message/rfc822\n\n" + inner + b"\n--outer--\n"


@pytest.mark.parametrize("inner", [report(recipient("5.1.1", said="550 nobody")), plain(GMX.format("nobody"))])
def test_a_report_that_somebody_forwards_as_an_attachment_is_read(inner):
    found = parse(forwarded(inner))
    assert found.kind is HARD
    assert tokens.read_verp(KEYS, found.verp_token) == 4711


def test_a_letter_that_somebody_forwards_is_no_report():
    assert parse(forwarded(LETTER.encode())).kind is NOTHING


def test_the_fields_of_a_report_are_read_from_the_middle_of_a_forwarded_text():
    inner = "".join(f"> {line}\n" for line in recipient("5.1.1", said="550 nobody").splitlines())
    raw = plain(f"Look at this:\n\n> Reporting-MTA: dns; mx.mail.example\n>\n{inner}", "Fwd: x", "ada@mail.example")
    assert parse(raw).kind is HARD
    assert parse(plain("> Final-Recipient: rfc822; ada@mail.example\n", "Fwd: x", "ada@mail.example")).kind is NOTHING


def test_a_read_receipt_is_no_bounce():
    receipt = b"Final-Recipient: rfc822; ada@mail.example\nDisposition: manual-action; displayed\n"
    raw = report(recipient("5.1.1", said="550 5.1.1 nobody")).replace(b"message/delivery-status", b"message/x")
    head, _, _ = raw.partition(b"--b/1\nContent-Type: message/x")
    raw = head + b"--b/1\nContent-Type: message/disposition-notification\n\n" + receipt + b"--b/1--\n"
    assert parse(raw.replace(b"could not be brought", b"550 5.1.1 is in the title that was read")).kind is NOTHING


def test_the_text_for_people_counts_where_the_fields_say_nothing():
    text = "host mx.mail.example said: user unknown (in reply to RCPT TO command)"
    assert parse(report(recipient("5.0.0"), text=text)).kind is HARD
    assert parse(report(recipient("5.1.1", said="550 nobody"), text="The mailbox is full.")).kind is SOFT


@pytest.mark.parametrize(
    ("where", "kind"),
    [
        ("in reply to MAIL FROM command", POLICY),
        ("while performing the HELO handshake", POLICY),
        ("in reply to RCPT TO command", SOFT),
        ("in reply to end of DATA command", POLICY),
        ("in reply to DATA command", POLICY),
        ("at some time", SOFT),
    ],
)
def test_a_refusal_without_a_reason_is_judged_by_where_it_was_said(where, kind):
    text = f"host mx.mail.example said: 550 go away ({where})"
    assert parse(report(recipient("5.0.0", said="550 go away"), text=text)).kind is kind


def test_the_text_of_a_report_may_be_html_or_in_a_charset_of_its_own():
    page = "<html><style>p {color: red}</style><p>550 <b>user</b>&nbsp;unknown</p></html>"
    raw = (
        report(recipient("5.0.0"), text="@@")
        .replace(b"text/plain; charset=us-ascii", b"text/html")
        .replace(b"@@", page.encode())
    )
    assert parse(raw).kind is HARD
    japanese = "宛先のメールアドレスが見つかりません".encode("iso-2022-jp")
    assert parse(report(recipient("5.0.0"), text="@@").replace(b"@@", japanese)).kind is HARD
    for charset in (b"koi8-r", b"no-such-charset", b"hex"):
        text = "ящик переполнен".encode("koi8-r" if charset == b"koi8-r" else "utf-8")
        raw = report(recipient("5.0.0"), text="@@").replace(b"us-ascii", charset).replace(b"@@", text)
        assert parse(raw).kind is SOFT


def test_a_complaint_is_told_by_amazon_in_a_mail_of_json():
    value = (
        f'{{"notificationType": "Complaint", "mail": {{"source": "{RETURN}"}}, "complaint": {{"complainedRecipients":'
    )
    value += ' [{"emailAddress": "ada@mail.example"}]}}'
    found = parse(
        plain(
            value + "\n\n--\nIf you wish to stop {these}, open the link.", "AWS Notification Message", "sns@a.example"
        )
    )
    assert (found.kind, found.recipient) == (COMPLAINT, "ada@mail.example")
    assert tokens.read_verp(KEYS, found.verp_token) == 4711
    nothing = '{"notificationType": "Delivery", "mail": {}}'
    assert parse(plain(nothing, "x", "sns@a.example")).kind is NOTHING
    for broken in ('{"notificationType": "Bounce"', "{}", '{"a":' * 5_000):
        assert parse(plain(broken, "x", "sns@a.example")).kind is NOTHING
