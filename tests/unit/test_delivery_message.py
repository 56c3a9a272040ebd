import email
import email.policy
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email.header import decode_header
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paperround.delivery.address import UnusableAddressError, ascii_domain, contact_uri, wire
from paperround.delivery.message import (
    HeaderData,
    assemble,
    display_name,
    encoded,
    message_id,
    subject_line,
)
from paperround.domain.models import RenderedLetter
from paperround.domain.quoted_printable import encode as quoted_printable
from paperround.domain.text import clean
from support.examples import examples

KEY = b"k" * 32
LETTER = RenderedLetter(
    "Ten papers on “diffusion”", "<!doctype html>\n<p>Zwölf Boxkämpfer</p>\n", "Zwölf Boxkämpfer\n"
)


def build(head, rendered):
    return assemble(head, encoded(rendered))


def head(**changes):
    usual = {
        "sender_name": "The Morning Papers",
        "sender": "papers@papers.example",
        "recipient": "ada@mail.example",
        "date": datetime(2026, 11, 23, 7, 0, tzinfo=UTC),
        "message_id": message_id("daily 2026-11-23", 7, "ada@mail.example", KEY, "papers.example"),
        "reply_to": "editor@papers.example",
        "unsubscribe_url": "https://papers.example/u/" + "A" * 28,
        "unsubscribe_mailto": "mailto:leave+AAAA@papers.example?subject=unsubscribe",
        "help_url": "https://papers.example/help",
        "owner_url": "mailto:ops@papers.example",
        "archive_url": "https://papers.example/",
    }
    return HeaderData(**(usual | changes))


def fields(message):
    """The head's fields as they are written, in order."""
    top = message.partition(b"\r\n\r\n")[0].decode()
    return [tuple(field.split(":", 1)) for field in re.split(r"\r\n(?![ \t])", top)]


def field(message, name):
    found = [value.strip() for its_name, value in fields(message) if its_name == name]
    assert len(found) <= 1
    return found[0] if found else None


def parsed(message):
    return email.message_from_bytes(message, policy=email.policy.default)


def content(part):
    return part.get_payload(decode=True).decode(part.get_content_charset()).replace("\r\n", "\n")


# Everything that a title, a name or a body may hold, and what somebody with bad intent puts there.
hostile = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("\r\n\t\0\x85\u2028=?_<>,;:\"'\\@.é世🙂 "),
    max_size=300,
)


@given(hostile, hostile, hostile, hostile)
@settings(max_examples=examples(150), deadline=None)
def test_whatever_is_in_a_letter_it_is_a_well_formed_message(name, subject, html, text):
    message = build(head(sender_name=name, list_name=name), RenderedLetter(subject, html, text))
    # RFC 5322 2.3 and 2.1.1: CRLF only, no NUL, no long line; and ASCII only.
    assert b"\0" not in message
    assert re.search(rb"(?<!\r)\n|\r(?!\n)", message) is None
    assert max(map(len, message.split(b"\r\n"))) <= 78
    assert message.isascii()
    # RFC 5322 2.2 and 3.6: each line of the head is a field or continues one with something to read; no field twice.
    top = message.partition(b"\r\n\r\n")[0]
    assert all(re.fullmatch(rb"[A-Za-z-]+:.*|[ \t]+[^ \t].*", line) for line in top.split(b"\r\n"))
    names = [name for name, _ in fields(message)]
    assert sorted(names) == sorted(set(names))
    assert set(names) <= {
        *("From", "To", "Subject", "Date", "Message-ID", "Reply-To", "Feedback-ID", "Auto-Submitted", "Precedence"),
        *("List-Id", "List-Help", "List-Owner", "List-Archive", "List-Unsubscribe", "List-Unsubscribe-Post"),
        *("MIME-Version", "Content-Type"),
    }


printable = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n"), max_size=400)


@given(printable.filter(subject_line), printable, printable)
@settings(max_examples=examples(150), deadline=None)
def test_the_standard_library_finds_the_same_subject_text_and_html(subject, html, text):
    message = parsed(build(head(), RenderedLetter(subject, html, text)))
    assert message["subject"] == subject_line(subject)
    plain, rich = message.get_payload()
    assert (content(plain), content(rich)) == (text, html)
    assert not message.defects + plain.defects + rich.defects


def test_a_golden_head():
    top = build(head(), LETTER).partition(b"\r\n\r\n")[0]
    assert top.decode().split("\r\n") == [
        "From: The Morning Papers <papers@papers.example>",
        "To: <ada@mail.example>",
        "Subject: =?utf-8?q?Ten_papers_on_=E2=80=9Cdiffusion=E2=80=9D?=",
        "Date: Mon, 23 Nov 2026 07:00:00 +0000",
        "Message-ID: <eer5ibpckcvr2wrwmibwaix4@papers.example>",
        "Reply-To: <editor@papers.example>",
        "List-Id: The Morning Papers <papers.papers.example>",
        "List-Help: <https://papers.example/help>",
        "List-Owner: <mailto:ops@papers.example>",
        "List-Archive: <https://papers.example/>",
        "List-Unsubscribe: <https://papers.example/u/AAAAAAAAAAAAAAAAAAAAAAAAAAAA>,",
        " <mailto:leave+AAAA@papers.example?subject=unsubscribe>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "Feedback-ID: digest:::papersexample",
        "Auto-Submitted: auto-generated",
        "Precedence: bulk",
        "MIME-Version: 1.0",
        'Content-Type: multipart/alternative; boundary="=_eb9691c687fe22dae98b10d2"',
    ]


ENCODED = re.compile(r"=\?utf-8\?([bq])\?([!->@-~]*)\?=")


@given(hostile, hostile)
@settings(max_examples=examples(150), deadline=None)
def test_encoded_words_are_short_stand_alone_and_only_where_they_may(name, subject):
    message = build(head(sender_name=name, list_name=name), RenderedLetter(subject, "", ""))
    for its_name, value in fields(message):
        words = list(re.finditer(r"=\?\S*\?=", value))
        assert not words or its_name in {"From", "Subject"}
        for word in words:
            assert len(word[0]) <= 75
            assert ENCODED.fullmatch(word[0])
            ((octets, charset),) = decode_header(word[0])
            octets.decode(charset)  # whole characters
        assert not words or all(len(line) <= 76 for line in f"{its_name}:{value}".split("\r\n"))


@pytest.mark.parametrize(
    "subject",
    [
        "diffusion",
        "A plain subject that is long enough to go over more than one line of the head, and then some",
        "x" * 200,
        "Größe " * 30,
        "世界 " * 40,
        "👩‍👩‍👧 " * 30,
        "looks like =?utf-8?q?an_encoded?= word",
        "two  spaces\tand a tab",
        "underscore_and=equals?",
        "Ünï=?",
    ],
)
def test_subjects_of_every_kind_arrive(subject):
    assert parsed(build(head(), RenderedLetter(subject, "", "")))["subject"] == clean(subject)


def test_a_subject_stays_under_the_providers_limit():
    for text in ("a" * 3000, "世" * 3000, "word " * 800):
        written = field(build(head(), RenderedLetter(text, "", "")), "Subject")
        assert len(written) <= 998
        assert parsed(build(head(), RenderedLetter(text, "", "")))["subject"].endswith("…")


@pytest.mark.parametrize("mark", ["Re: ", "RE:", "Fwd: ", "fw: ", "Re: Fwd: ", "AW: ", "Antw: ", "SV: Re[2]: "])
def test_a_subject_never_claims_a_conversation(mark):
    assert field(build(head(), RenderedLetter(f"{mark}Ten papers", "", "")), "Subject") == "Ten papers"


@pytest.mark.parametrize(
    "title", ["Regression: a survey", "On software: a survey", "Four papers on care: Re: and Fwd:"]
)
def test_a_subject_keeps_what_only_resembles_a_reply(title):
    assert subject_line(title) == title


def test_there_is_always_a_subject():
    assert field(build(head(), RenderedLetter(" \r\n ", "", "")), "Subject") == "The Morning Papers"
    assert field(build(head(sender_name=""), RenderedLetter("", "", "")), "Subject") == "Papers"


def test_the_date_is_rfc_5322_in_utc():
    local = datetime(2026, 11, 22, 23, 30, 9, tzinfo=timezone(timedelta(hours=-8)))
    assert field(build(head(date=local), LETTER), "Date") == "Mon, 23 Nov 2026 07:30:09 +0000"


def test_to_is_the_one_subscriber_and_nobody_else_is_in_the_file():
    message = build(head(), LETTER)
    assert field(message, "To") == "<ada@mail.example>"
    assert field(message, "Cc") is None
    assert field(message, "Bcc") is None
    assert field(message, "Return-Path") is None
    found = set(re.findall(rb"[\w.+-]+@[\w.-]+", message))
    assert {address.rpartition(b"@")[2] for address in found} == {b"papers.example", b"mail.example"}


def test_replies_go_to_a_person():
    assert field(build(head(), LETTER), "Reply-To") == "<editor@papers.example>"
    assert field(build(head(reply_to=""), LETTER), "Reply-To") is None


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("The Morning Papers", "The Morning Papers"),
        ("Papers, daily", "Papers, daily"),
        ('The "best" \\ papers', 'The "best" \\ papers'),
        ("Tägliche Aufsätze", "Tägliche Aufsätze"),
        ("論文の朝刊", "論文の朝刊"),
        ("📰 Papers ✨", "Papers"),
        ("papers@other.example", "papersother.example"),
        ("Re: your invoice", "your invoice"),
        ("Papers\r\nBcc: everybody@mail.example", "Papers Bcc: everybodymail.example"),
        ("\u202egnp.exe", "gnp.exe"),
        ("=?utf-8?q?Bank?=", "=?utf-8?q?Bank?="),
        ("N" * 200, "N" * 64),
        ("", ""),
    ],
)
def test_the_senders_name_is_shown_as_providers_accept_it(name, shown):
    message = parsed(build(head(sender_name=name), LETTER))
    (address,) = message["from"].addresses
    assert (address.display_name, address.addr_spec) == (shown, "papers@papers.example")
    assert display_name(name) == shown


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("ada@mail.example", "ada@mail.example"),
        ("Ada.L+papers@Mail.Example", "Ada.L+papers@Mail.Example"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@straße.example", "ada@xn--strae-oqa.example"),
        ("дана@почта.example", "дана@xn--80a1acny.example"),
        ("papers@localhost", "papers@localhost"),
    ],
)
def test_domains_are_written_in_a_labels(address, written):
    assert wire(address) == written
    assert field(build(head(recipient=address), LETTER), "To") == f"<{written}>"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "@mail.example",
        "ada@",
        "ada@mail..example",
        "ada@-mail.example",
        "ada@mail.example\r\nBcc: eve@mail.example",
        "ada\n@mail.example",
        "ada@mail.example>",
        "a da@mail.example",
        "ada,eve@mail.example",
        '"a\\"b"@mail.example',
        "ada\0@mail.example",
        "ada\u2028@mail.example",
        "a" * 65 + "@mail.example",
        "é" * 33 + "@mail.example",
        "ada@" + "a" * 250 + ".example",
        "ada@" + "a.b" * 60 + ".example" * 9,
        "ada@mail_.example",
        "ada@xn--\u00fc.example",
        "ada@\u2025.example",
    ],
)
def test_an_address_that_cannot_be_written_is_refused_by_name(address):
    with pytest.raises(UnusableAddressError):
        wire(address)
    with pytest.raises(UnusableAddressError):
        build(head(recipient=address), LETTER)


@given(hostile)
def test_no_address_carries_anything_into_the_head(text):
    try:
        written = wire(text)
    except UnusableAddressError:
        return
    assert not set(written) & set(' \r\n\t\0<>,;:"()')
    assert written.count("@") == 1


def test_a_message_id_is_the_same_for_the_same_delivery_and_differs_for_every_other():
    ids = {message_id(issue, row, "ada@x", KEY, "papers.example") for row in range(200) for issue in ("a", "b")}
    assert len(ids) == 400
    assert message_id("a", 5, "ada@x", KEY, "papers.example") in ids
    assert message_id("a", 5, "bob@x", KEY, "papers.example") not in ids
    assert message_id("a", 5, "ada@x", b"x" * 32, "papers.example") not in ids
    assert all(re.fullmatch(r"<[a-z2-7]{24}@papers\.example>", each) for each in ids)
    assert message_id("a", 5, "ada@x", KEY, "bücher.example").endswith("@xn--bcher-kva.example>")


def test_the_unsubscribe_address_is_one_uri_in_one_piece_and_takes_one_click():
    message = build(head(unsubscribe_url="https://a-rather-long-name-of-a-host.papers.example/u/" + "B" * 28), LETTER)
    value = field(message, "List-Unsubscribe")
    web, mail = re.findall(r"<([^>]*)>", value)
    assert (urlsplit(web).scheme, urlsplit(mail).scheme) == ("https", "mailto")
    assert all(line.count("<") == line.count(">") for line in value.split("\r\n"))
    assert field(message, "List-Unsubscribe-Post") == "List-Unsubscribe=One-Click"


@pytest.mark.parametrize(
    "url",
    [
        "http://papers.example/u/x",
        "javascript:alert(1)",
        "https://papers.example/u/x y",
        "https://papers.example/u/x>,<https://evil.example/",
        "https://papers.example/u/é",
        "https://papers.example/u/a,b",
        "https://papers.example/\r\nBcc: eve@mail.example",
        "http://localhost.evil.example/u/x",
        "",
    ],
)
def test_what_is_no_safe_uri_does_not_stand_in_the_head(url):
    addresses = dict.fromkeys(("unsubscribe_url", "help_url", "owner_url", "archive_url"), url)
    message = build(head(unsubscribe_mailto="", **addresses), LETTER)
    for name in ("List-Unsubscribe", "List-Unsubscribe-Post", "List-Help", "List-Owner", "List-Archive"):
        assert field(message, name) is None


@pytest.mark.parametrize("base", ["http://localhost:8000", "http://127.0.0.1:8000", "http://[::1]:8000"])
def test_on_ones_own_machine_one_click_can_be_tried_without_https(base):
    message = build(head(unsubscribe_url=f"{base}/u/x", unsubscribe_mailto=""), LETTER)
    assert field(message, "List-Unsubscribe") == f"<{base}/u/x>"
    assert field(message, "List-Unsubscribe-Post") == "List-Unsubscribe=One-Click"


def test_only_a_mail_address_to_unsubscribe_takes_no_click():
    message = build(head(unsubscribe_url=""), LETTER)
    assert field(message, "List-Unsubscribe") == "<mailto:leave+AAAA@papers.example?subject=unsubscribe>"
    assert field(message, "List-Unsubscribe-Post") is None


def test_a_notice_belongs_to_no_list_and_takes_no_one_click():
    notice = build(head(kind="notice"), LETTER)
    for name in ("List-Id", "List-Help", "List-Owner", "List-Archive", "List-Unsubscribe-Post", "Precedence"):
        assert field(notice, name) is None
    assert field(notice, "List-Unsubscribe").startswith("<https://papers.example/u/")
    assert field(notice, "Feedback-ID") == "notice:::papersexample"


@pytest.mark.parametrize(
    ("changes", "written"),
    [
        ({}, "The Morning Papers <papers.papers.example>"),
        ({"list_name": "Daily, by topic"}, '"Daily, by topic" <papers.papers.example>'),
        ({"list_name": "Aufsätze"}, "<papers.papers.example>"),
        ({"list_name": "", "sender_name": ""}, "<papers.papers.example>"),
        ({"sender": "papers@bücher.example"}, "The Morning Papers <papers.xn--bcher-kva.example>"),
        ({"sender": "papers@localhost"}, None),
        ({"sender": "papers@papers.localhost"}, None),
    ],
)
def test_the_list_id_is_stable_and_plain(changes, written):
    value = field(build(head(**changes), LETTER), "List-Id")
    assert value == written
    assert value is None or len(value) <= 255


def test_an_announcement_list_says_nothing_of_posting():
    assert b"List-Post" not in build(head(), LETTER)


@pytest.mark.parametrize(
    ("feedback", "sender", "written"),
    [
        ((), "papers@papers.example", "digest:::papersexample"),
        (("daily", "Theme: paper"), "papers@papers.example", "daily:theme-paper::papersexample"),
        (("a", "b", "c", "d"), "papers@a.io", "a:b:c:aio00"),
        (("x",), "p@a-very-long-domain-name.example", "x:::averylongdomain"),
    ],
)
def test_the_feedback_id_has_four_fields_and_a_sender_id_of_5_to_15(feedback, sender, written):
    assert field(build(head(feedback=feedback, sender=sender), LETTER), "Feedback-ID") == written
    assert 5 <= len(written.rpartition(":")[2]) <= 15
    assert written.count(":") == 3


@pytest.mark.parametrize("kind", ["digest", "notice"])
def test_responders_are_told_that_nobody_wrote_this_by_hand(kind):
    assert field(build(head(kind=kind), LETTER), "Auto-Submitted") == "auto-generated"


def test_text_comes_first_and_html_last_in_utf_8_and_quoted_printable():
    message = parsed(build(head(), LETTER))
    assert message.get_content_type() == "multipart/alternative"
    plain, rich = message.get_payload()
    assert [part.get_content_type() for part in (plain, rich)] == ["text/plain", "text/html"]
    assert [part.get_content_charset() for part in (plain, rich)] == ["utf-8", "utf-8"]
    assert [part["Content-Transfer-Encoding"] for part in (plain, rich)] == ["quoted-printable"] * 2
    assert (content(plain), content(rich)) == (LETTER.text, LETTER.html)


def test_the_boundary_comes_from_the_message_id_and_from_nothing_else():
    def boundary(top, text):
        return re.search(rb'boundary="([^"]+)"', build(top, replace(LETTER, text=text)))[1]

    assert boundary(head(), "one") == boundary(head(recipient="bob@mail.example"), "two")
    assert boundary(head(), "one") != boundary(head(message_id="<x@y.example>"), "one")


@given(hostile)
@settings(deadline=None)
def test_the_boundary_never_occurs_in_a_part_and_is_closed_once(text):
    message = build(head(), RenderedLetter("x", text, text))
    boundary = re.search(rb'boundary="([^"]+)"', message)[1]
    assert len(boundary) <= 70
    assert message.count(b"--" + boundary) == 3
    assert message.endswith(b"\r\n--" + boundary + b"--\r\n")
    assert build(head(), RenderedLetter("x", text, text)) == message  # the same again on a retry


@given(hostile)
def test_quoted_printable_lines_are_short_and_end_in_no_white_space(text):
    encoded = quoted_printable(text)
    for line in encoded.split(b"\r\n"):
        assert len(line) <= 76
        assert not line.endswith((b" ", b"\t"))
        assert not line.startswith(b".")
    assert re.search(rb"(?<!\r)\n|\r(?!\n)", encoded) is None


@given(st.lists(hostile, max_size=4))
def test_parts_may_be_encoded_once_and_joined_as_long_as_their_lines_end(pieces):
    lines = [piece.replace("\r", "") + "\n" for piece in pieces]
    assert b"".join(map(quoted_printable, lines)) == quoted_printable("".join(lines))


@given(hostile, st.integers(0, 90))
def test_no_line_of_a_message_begins_with_a_dot(text, column):
    hidden = "x" * column + "...." + text + "\n.\n..\n."
    message = build(head(sender_name="." + text, list_name=".."), RenderedLetter("." + text, hidden, "." + hidden))
    assert b"\n." not in message


def test_a_letter_joined_from_encoded_parts_is_the_same_letter():
    assert assemble(head(), encoded(LETTER)) == build(head(), LETTER)


def test_all_line_ends_are_brought_to_one():
    assert quoted_printable("a\r\nb\rc\nd") == b"a\r\nb\r\nc\r\nd"


def test_a_label_beyond_a_host_names_is_cut():
    assert field(build(head(feedback=("x" * 90,)), LETTER), "Feedback-ID").count("x") == 63 + 1  # and one in .example


def test_ascii_domains_pass_untouched():
    assert ascii_domain("papers.example") == "papers.example"


@pytest.mark.parametrize(
    ("contact", "uri"),
    [
        ("ops@papers.example", "mailto:ops@papers.example"),
        ("Ops <ops+list@bücher.example>", "mailto:ops+list@xn--bcher-kva.example"),
        ("mailto:ops@papers.example", "mailto:ops@papers.example"),
        ("50%&more@papers.example", "mailto:50%25%26more@papers.example"),
        ("jürgen@papers.example", "mailto:j%C3%BCrgen@papers.example"),
        ("https://papers.example/contact", "https://papers.example/contact"),
        ("papers.example/contact", ""),
        ("", ""),
    ],
)
def test_a_contact_is_a_page_or_an_address(contact, uri):
    assert contact_uri(contact) == uri
