"""Each rule for a header, broken once and found; a good one is left in peace."""

from __future__ import annotations

import pytest

from paperround.domain.models import Site
from paperround.linting import Severity
from support.findings import SITE, changed, found, raw, without


def test_a_good_letter_has_no_findings() -> None:
    assert found(raw()) == {}


@pytest.mark.parametrize("name", ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version"])
def test_a_field_that_every_letter_has_is_missed(name: str) -> None:
    finding = found(without(name))["missing-header"]
    assert (finding.severity, finding.where) == (Severity.ERROR, f"header {name}")


@pytest.mark.parametrize(
    ("old", "new", "rule", "severity"),
    [
        (b"\r\nTo:", b"\nTo:", "line-ends", "error"),
        (b"\r\nTo:", b"\r\n\rTo:", "line-ends", "error"),
        (b"A careful", b"A\0careful", "nul", "error"),
        (b"\r\nTo:", b"\r\nX-Long: " + b"x" * 1000 + b"\r\nTo:", "long-line", "error"),
        ("\r\nTo:", "\r\nno field at all\r\nTo:", "malformed-header", "error"),
        ("\r\nTo:", "\r\n \r\nTo:", "malformed-header", "error"),
        ("From: Papers", "From: Päpers", "raw-characters", "error"),
        ("\r\nTo:", "\r\nSubject: again\r\nTo:", "repeated-header", "error"),
        ("\r\nTo:", "\r\nBcc: other@subscriber.example\r\nTo:", "bcc", "error"),
        ("\r\nTo:", "\r\nReturn-Path: <a@example.org>\r\nTo:", "return-path", "warning"),
        (b"\r\nTo:", b"\r\nX-Big: " + b"x\r\n " * 11_000 + b"x\r\nTo:", "big-header", "error"),
        (b"\r\nTo:", (b"\r\nX-Big: " + b"x\r\n " * 7_000 + b"x") * 20 + b"\r\nTo:", "big-header", "error"),
        (b"<one@", b"<" + b"o" * 600 + b"@", "big-header", "error"),
        ("Subject: A", "Subject: =?utf-8?q?" + "a" * 70 + "?= A", "encoded-word", "error"),
        ("Subject: A", "Subject: " + "=?utf-8?q?aaa?= " * 6, "encoded-word", "error"),
        ("Subject: A", "Subject: =?utf-8?q?=C3?= =?utf-8?q?=A4?=", "encoded-word", "error"),
        ("Subject: A", "Subject: =?no-such?q?a?=", "encoded-word", "error"),
        ("From: Papers", 'From: "=?utf-8?q?Papers?="', "encoded-word", "error"),
        ("List-Id: Papers", "List-Id: =?utf-8?q?Papers?=", "encoded-word", "error"),
        ("Papers <papers@example.org>", "Papers <papers@example.org>, b@example.org", "from-address", "error"),
        ("papers@example.org>", "papers@gmail.com>", "from-address", "error"),
        ("papers@example.org>", "papers@elsewhere.example>", "from-address", "warning"),
        ("From: Papers", 'From: "papers@example.org"', "display-name", "error"),
        ("From: Papers", "From: =?utf-8?q?Papers_=E2=9C=85?=", "display-name", "error"),
        ("From: Papers", 'From: "Re: Papers"', "display-name", "error"),
        ("Reply-To: <editor@", "Reply-To: <no-reply@", "no-reply", "warning"),
        ("To: <ada@subscriber.example>", "To: ada@subscriber.example, ben@subscriber.example", "recipients", "error"),
        ("\r\nTo:", "\r\nCc: ben@subscriber.example\r\nTo:", "recipients", "error"),
        ("Subject: A careful study of robots", "Subject: ", "subject", "error"),
        ("Subject: A", "Subject: Re: A", "subject", "error"),
        ("Subject: A careful study of robots", "Subject: ROBOTS FOR ALL", "subject", "warning"),
        ("study of robots", "study of robots" + " and of more robots" * 5, "subject", "note"),
        ("study of robots", "study!! of robots", "spam-like", "warning"),
        ("study of robots", "limited time offer", "spam-like", "warning"),
        ("Date: Mon", "Date: Someday", "date", "error"),
        ("Date: Mon, 23 Nov 2026", "Date: Tue, 23 Nov 2026", "date", "error"),
        ("06:00:00 +0000", "06:00:00 GMT", "date", "error"),
        ("06:00:00 +0000", "06:00:00 -0000", "date", "error"),
        ("06:00:00 +0000", "07:00:00 +0000", "date", "error"),
        ("Date: Mon, 23 Nov 2026 06:00:00 +0000", "Date: tomorrow", "date", "error"),
        ("<one@example.org>", "one@example.org", "message-id", "error"),
        ("<one@example.org>", "<one@elsewhere.example>", "message-id", "warning"),
        ("MIME-Version: 1.0", "MIME-Version: 1.1", "mime-version", "error"),
        ("<papers.example.org>", "<papers>", "list-id", "warning"),
        ("<papers.example.org>", "<papers.localhost>", "list-id", "warning"),
        ("\r\nTo:", "\r\nList-Help: https://papers.example.org\r\nTo:", "list-headers", "error"),
        ("<https://papers.example.org/u/token>", "https://papers.example.org/u/token", "list-unsubscribe", "error"),
        ("<https://papers.example.org/u/token>", "<mailto:out@example.org>", "list-unsubscribe", "error"),
        ("<https://papers.example.org/u/token>", "<http://papers.example.org/u/t>", "list-unsubscribe", "error"),
        ("/u/token>", "/u/ada%40subscriber.example>", "list-unsubscribe", "error"),
        ("List-Unsubscribe=One-Click", "List-Unsubscribe=one-click", "one-click", "error"),
        ("Auto-Submitted: auto-generated", "Auto-Submitted: no", "auto-submitted", "warning"),
        ("Precedence: bulk", "Precedence: junk", "precedence", "warning"),
        ("Feedback-ID: digest:", "Feedback-ID: a:b:c:d:", "feedback-id", "warning"),
        ("\r\nTo:", "\r\nDKIM-Signature: v=1; a=rsa-sha256; h=From:To; b=x\r\nTo:", "dkim", "error"),
        ("\r\nTo:", "\r\nDKIM-Signature: v=1; a=rsa-sha1; l=10; h=From; b=x\r\nTo:", "dkim", "error"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_found(old: str | bytes, new: str | bytes, rule: str, severity: str) -> None:
    finding = found(changed(old, new))[rule]
    assert finding.severity == severity
    assert finding.what
    assert finding.remedy


def test_a_message_without_a_body_has_no_end_of_its_header() -> None:
    assert found(b"From: a@example.org\r\n")["malformed-header"].what == "the empty line after the header is missing"


@pytest.mark.parametrize("name", ["List-Unsubscribe", "List-Unsubscribe-Post", "Auto-Submitted"])
def test_a_digest_without_an_unsubscribe_link_is_found(name: str) -> None:
    rule = {"List-Unsubscribe": "list-unsubscribe", "List-Unsubscribe-Post": "one-click"}.get(name, "auto-submitted")
    assert found(without(name))[rule].what == "is missing"


def test_a_notice_needs_no_unsubscribe_link() -> None:
    notice = raw(kind="notice", unsubscribe_url="")
    assert found(notice) == {}


def test_good_fields_that_few_letters_have_pass() -> None:
    fields = (
        "\r\nDKIM-Signature: v=1; a=ed25519-sha256; b=x;\r\n h=From:To:Subject:Date:Message-ID:MIME-Version"
        "\r\n :Content-Type:Reply-To:List-Id:List-Unsubscribe:List-Unsubscribe-Post:Feedback-ID"
        "\r\nList-Owner: <mailto:editor@example.org>, <https://papers.example.org/>\r\nTo:"
    )
    assert found(changed("\r\nTo:", fields)) == {}


def test_encoded_words_that_are_whole_pass() -> None:
    assert found(raw(subject="Überraschend gute Roboter: 面向长上下文的稀疏注意力机制 🤖")) == {}


def test_an_address_that_is_no_domain_is_compared_as_it_is() -> None:
    site = Site("Papers", SITE.base_url, "papers@" + "ä" * 80 + ".org", "", SITE.postal_address)
    assert found(raw(), site)["from-address"].severity is Severity.WARNING


def test_on_a_trial_site_an_unsubscribe_link_without_https_is_only_a_note() -> None:
    site = Site("Papers", "http://localhost:8000", "papers@example.org", "", "1 Mill Lane, Ely")
    letter = raw(unsubscribe_url="http://localhost:8000/u/token")
    assert found(letter, site)["list-unsubscribe"].severity is Severity.NOTE
    assert found(letter)["list-unsubscribe"].severity is Severity.ERROR


def test_a_field_is_read_as_people_read_it() -> None:
    from paperround.linting.mail import opened

    (field,) = opened(raw(subject="Überraschend gute Roboter"), None, SITE).all("subject")
    assert field.decoded == "Überraschend gute Roboter" != field.value


def test_a_remark_reads_like_a_sentence_and_knows_its_line() -> None:
    finding = found(changed("Precedence: bulk", "Precedence: junk"))["precedence"]
    assert str(finding) == ("warning: header Precedence: is 'junk' (precedence)\n    use `bulk` or `list`")
    assert finding.html_line is None
