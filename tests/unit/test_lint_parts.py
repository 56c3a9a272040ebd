"""MIME, the text body and the size: each rule broken once and found."""

from __future__ import annotations

import pytest

from paperround.domain.models import RenderedLetter
from paperround.linting import Severity, lint
from support.findings import HTML, NOW, SITE, TEXT, UNSUBSCRIBE, body, changed, found, raw


def test_the_text_comes_first_and_the_html_last() -> None:
    swapped = (
        raw().replace(b"text/plain", b"text/x").replace(b"text/html", b"text/plain").replace(b"text/x", b"text/html")
    )
    assert "text/html + text/plain" in found(swapped)["alternatives"].what
    assert found(changed("multipart/alternative", "multipart/mixed"))["alternatives"].severity is Severity.ERROR


def test_a_message_of_one_part_is_no_letter_of_ours() -> None:
    plain = b"From: a@example.org\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhello\r\n"
    told = found(plain)
    assert "text/plain as text/plain" in told["alternatives"].what
    assert told["no-html"].severity is Severity.ERROR
    assert found(b"Content-Type: multipart/alternative; boundary=b\r\n\r\n")["alternatives"].what.startswith(
        "contains"
    )


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ('charset="utf-8"', 'charset="windows-1252"', "its charset is"),
        ('; charset="utf-8"', "", "not named"),
        ('charset="utf-8"', 'charset="no-such-thing"', "does not decode"),
        ("A careful study of robots\r\nh", "A =FF study of robots\r\nh", "does not decode"),
        ("A careful study of robots\r\nh", "A =EF=BF=BD study\r\nh", "U+FFFD"),
        ("quoted-printable", "x-uuencode", "x-uuencode"),
        ("quoted-printable", "8bit", "8BITMIME"),
        ("A careful study of robots\r\nh", "A careful = study\r\nh", "is not an escape"),
        ("A careful study of robots\r\nh", "A careful study of robots" + " x" * 40 + "\r\nh", "76"),
    ],
)
def test_a_part_that_is_not_what_it_says_is_found(old: str, new: str, part: str) -> None:
    told = [finding.what for finding in lint(changed(old, new), None, SITE, NOW) if finding.rule == "encoding"]
    assert any(part in what for what in told)


def test_7bit_has_to_be_7bit() -> None:
    letter = changed("quoted-printable", "7bit").replace(b"A careful study of robots\r\nh", "Ä\r\nh".encode())
    assert "is declared as 7bit" in found(letter)["encoding"].what


def test_a_boundary_is_valid_and_closed_once() -> None:
    mark = raw().partition(b'boundary="')[2].partition(b'"')[0]
    assert found(raw().replace(mark, b"a*b"))["boundary"].where == "header Content-Type"
    assert found(raw()[: -len(mark) - 8])["boundary"].what == "is closed 0 times"
    assert found(raw() + b"--" + mark + b"--\r\n")["boundary"].what == "is closed 2 times"


def test_what_was_laid_out_is_what_the_message_says() -> None:
    rendered = RenderedLetter("A careful study of robots", HTML, TEXT)
    assert found(raw(), rendered=rendered) == {}
    other = RenderedLetter("A careful study of robots", HTML + "<p>more</p>", TEXT)
    assert found(raw(), rendered=other)["changed"].where == "part text/html"


@pytest.mark.parametrize(("bytes_", "severity"), [(91_000, None), (101_000, "warning"), (103_000, "error")])
def test_html_is_weighed_against_what_gmail_shows(bytes_: int, severity: str | None) -> None:
    told = found(raw(body(f"<p>{'word ' * ((bytes_ - len(HTML)) // 5)}</p>")))
    assert (told["size"].severity if "size" in told else None) == severity


def test_the_text_is_for_people_who_read_text() -> None:
    assert found(raw(text="short"))["text-part"].what == "is almost empty"
    assert "contains HTML" in found(raw(text=TEXT + "<div><br><table><tr>"))["text-part"].what
    assert found(raw(text=TEXT + "About <b>bold</b> papers, and 1 < 2.")) == {}


def test_four_of_five_links_stand_in_the_text_too() -> None:
    blue = "color: #1d4fa8"
    links = "".join(
        f'<h3><a class="link" style="{blue}" href="https://a.example/{n}">Paper {n}</a></h3>' for n in range(8)
    )
    told = found(raw(body(links)))["text-links"]
    assert "1 of the HTML's 9 main links" in told.what
    assert "and 5 more" in told.what
    some = "\n".join(f"https://a.example/{n}" for n in range(7))
    assert found(raw(body(links), TEXT + some)) == {}
    assert "text-links" not in found(raw("<p>no links here</p>"))


def test_of_each_thing_told_of_one_address_is_enough_in_text() -> None:
    cards = "".join(
        f'<h3><a href="https://a.example/{n}">Paper {n}</a></h3><p><a href="https://a.example/{n}/code">Code</a></p>'
        for n in range(8)
    )
    some = "\n".join(f"https://a.example/{n}" for n in range(8))
    assert "text-links" not in found(raw(body(cards), TEXT + some))
    assert "1 of the HTML's 9 main links" in found(raw(body(cards)))["text-links"].what


def test_the_unsubscribe_link_is_found_in_both_parts() -> None:
    told = found(raw(HTML.replace(UNSUBSCRIBE, "https://papers.example.org/u/other")))
    assert told["visible-unsubscribe"].where == "HTML"
    assert found(raw(text=TEXT.replace(UNSUBSCRIBE, "…")))["visible-unsubscribe"].where == "text"
    assert "visible-unsubscribe" not in found(raw(HTML.replace(UNSUBSCRIBE, "https://a.example/"), kind="notice"))
