"""The document, its links and its words: each rule broken once and found."""

from __future__ import annotations

import pytest

from paperround.domain.models import Site
from paperround.linting import Severity, lint
from paperround.linting.mail import opened
from paperround.linting.size import measure
from support.findings import HTML, SITE, TEXT, UNSUBSCRIBE, body, found, of_html, raw

_LINK = 'style="color: #1d4fa8" class="link"'


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("<!DOCTYPE html>", "", "doctype"),
        (' lang="en"', "", "lang"),
        ("<title>A careful study</title>", "", "title"),
        ('<meta charset="utf-8">', "", "charset"),
        ("width=device-width", "width=700", "viewport"),
        ("prefers-color-scheme: dark", "min-width: 600px", "dark-mode"),
        ('content="light dark"', 'content="light"', "dark-mode"),
        ("</td></tr>", "</tr>", None),
        ("<h2>Robots</h2>", "<h2>Robots", "tags"),
        ("<h2>Robots</h2>", "<h2>Robots</h2></div>", "tags"),
        ("<h2>Robots</h2>", "<div>Robots</div></br><br/>", "headings"),
        ("<h1>Papers</h1>", "<b>Papers</b>", "headings"),
        ("<h2>Robots</h2>", "<h1>Robots</h1>", "headings"),
        ("<h2>Robots</h2>", '<h2 id="a">Robots</h2><p id="a">twice</p>', "ids"),
        (' role="presentation"', "", "layout-tables"),
        ("</head>", f"<style>{'.a { margin: 0 }' * 1100}</style></head>", "style-size"),
        ("</body>", "<style>.a { margin: 0 }</style></body>", "style-place"),
    ],
)  # fmt: skip
def test_what_the_document_lacks_is_found(old: str, new: str, rule: str | None) -> None:
    assert old in HTML
    told = found(raw(HTML.replace(old, new, 1)))
    assert set(told) >= ({rule} if rule else set())
    assert rule or told == {}


def test_a_charset_may_be_named_in_the_old_way() -> None:
    old = '<meta http-equiv="Content-Type" content="text/html; charset=utf-8">'
    assert found(raw(HTML.replace('<meta charset="utf-8">', old))) == {}


def test_data_tables_are_no_layout() -> None:
    assert of_html("<table><tr><th>Year</th></tr><tr><td>2026</td></tr></table>") == {}


@pytest.mark.parametrize(
    ("picture", "rule", "severity"),
    [
        ('<img src="https://a.example/1.png" width="100">', "alt", "error"),
        ('<img src="https://a.example/1.png" alt="A robot">', "width", "warning"),
        ('<img src="https://a.example/1.png" alt="" width="1" height="1">', "tracking", "error"),
        ('<img src="https://a.example/1.png" alt="" width="9" style="display: none">', "tracking", "error"),
        ('<img src="http://a.example/1.png" alt="" width="100">', "picture-source", "error"),
        ('<img src="data:image/png;base64,xx" alt="" width="100">', "data-url", "error"),
    ],
)
def test_a_bad_picture_is_found(picture: str, rule: str, severity: str) -> None:
    assert of_html(picture)[rule].severity == severity
    assert of_html('<img src="cid:robot" alt="A robot" width="100">') == {}


@pytest.mark.parametrize(
    ("content", "rule", "severity"),
    [
        ('<p style="font-size: 11px">small</p>', "small-text", "error"),
        ('<p style="font-size: 13px">small</p>', "small-text", "warning"),
        ('<p style="font-size: 8pt">small</p>', "small-text", "error"),
        ('<table role="presentation" width="640"><tr><td>wide</td></tr></table>', "fixed-width", "warning"),
        ('<table role="presentation" style="width: 640px"><tr><td>wide</td></tr></table>', "fixed-width", "warning"),
    ],
)
def test_what_does_not_fit_a_phone_is_found(content: str, rule: str, severity: str) -> None:
    assert of_html(content)[rule].severity == severity


@pytest.mark.parametrize(
    "content",
    [
        '<p style="font-size: 14px">fine</p>',
        '<p style="font-size: 1px; line-height: 1px">a spacer</p>',
        '<p style="font-size: larger">relative</p>',
        '<table role="presentation" width="320"><tr><td>narrow</td></tr></table>',
        '<table role="presentation" width="640" style="max-width: 100%"><tr><td>flexible</td></tr></table>',
        '<table role="presentation" width="640" style="width: 100%"><tr><td>flexible</td></tr></table>',
        '<table role="presentation" width="100%"><tr><td>flexible</td></tr></table>',
    ],
)
def test_what_fits_a_phone_passes(content: str) -> None:
    assert {"small-text", "fixed-width"}.isdisjoint(of_html(content))


@pytest.mark.parametrize(
    ("link", "rule", "severity"),
    [
        (f'<a {_LINK} href="">Paper</a>', "broken-link", "error"),
        (f"<a {_LINK}>Paper</a>", "broken-link", "error"),
        (f'<a {_LINK} href="#">Paper</a>', "broken-link", "error"),
        (f'<a {_LINK} href="https://a b">Paper</a>', "broken-link", "error"),
        (f'<a {_LINK} href="https://[">Paper</a>', "broken-link", "error"),
        (f'<a {_LINK} href="/papers/1">Paper</a>', "relative-link", "error"),
        (f'<a {_LINK} href="javascript:alert(1)">Paper</a>', "scheme", "error"),
        (f'<a {_LINK} href="http://a.example/">Paper</a>', "http-link", "warning"),
        (f'<a {_LINK} href="http://localhost:8000/">Paper</a>', "local-link", "error"),
        (f'<a {_LINK} href="https://127.9.9.9/">Paper</a>', "local-link", "error"),
        (f'<a {_LINK} href="https://192.168.1.4/">Paper</a>', "private-host", "error"),
        (f'<a {_LINK} href="https://intranet/">Paper</a>', "private-host", "error"),
        (f'<a {_LINK} href="https://bit.ly/x">Paper</a>', "shortener", "warning"),
        (f'<a {_LINK} href="https://a.example/">https://b.example/</a>', "other-domain", "error"),
        (f'<a {_LINK} href="https://evil.example/">www.arxiv.org</a>', "other-domain", "error"),
        (f'<a {_LINK} href="mailto:a@b.example">write to c.org</a>', "other-domain", "error"),
        (f'<a {_LINK} href="https://a.example/"> </a>', "blank-link", "error"),
        (f'<a {_LINK} href="https://a.example/"><img src="cid:a" alt="" width="9"></a>', "blank-link", "error"),
        (f'<a {_LINK} href="https://a.example/">here</a>', "vague-link", "warning"),
    ],
)
def test_a_bad_link_is_found(link: str, rule: str, severity: str) -> None:
    assert of_html(link)[rule].severity == severity


@pytest.mark.parametrize(
    "link",
    [
        '<a name="top"></a>',
        f'<a {_LINK} href="#top">To the top</a>',
        f'<a {_LINK} href="mailto:editor@example.org">editor@example.org</a>',
        f'<a {_LINK} href="https://arxiv.org/abs/2611.00001">export.arxiv.org</a>',
        f'<a {_LINK} href="https://arxiv.org/abs/2611.00001">Node.js and v2.ai, compared</a>',
        f'<a {_LINK} href="https://arxiv.org/abs/2611.00001"><img src="cid:a" alt="A robot" width="9"></a>',
    ],
)
def test_a_good_link_passes(link: str) -> None:
    assert of_html(link) == {}


def test_links_of_one_kind_are_one_remark() -> None:
    told = of_html("".join(f'<a {_LINK} href="http://a.example/{n}">Paper {n}</a>' for n in range(5)))["http-link"]
    assert told.what.startswith("a link is not encrypted (5 of them): http://a.example/0, ")
    assert told.html_line == 16


def test_on_trial_links_to_this_machine_are_only_noted() -> None:
    site = Site("Papers", "http://127.0.0.1:8000", "papers@example.org", "", SITE.postal_address)
    letter = raw(body(f'<a {_LINK} href="http://127.0.0.1:8000/papers/1">Paper</a>'))
    assert found(letter, site)["local-link"].severity is Severity.NOTE


def test_on_trial_a_picture_of_this_machine_is_only_noted() -> None:
    site = Site("Papers", "http://127.0.0.1:8000", "papers@example.org", "", SITE.postal_address)
    letter = raw(body('<img src="http://127.0.0.1:8000/pictures/1.jpg" alt="" width="100">'))
    assert found(letter, site)["picture-source"].severity is Severity.NOTE


@pytest.mark.parametrize(
    ("content", "rule", "severity"),
    [
        ("<script>alert(1)</script>", "active-content", "error"),
        ('<p onclick="x()">press</p>', "active-content", "error"),
        ('<p style="display: none">a secret</p>', "hidden-text", "warning"),
        ('<div style="max-height: 0; overflow: hidden">' + "a secret " * 40 + "</div>", "hidden-text", "error"),
        ("<p>{{ card.title }}</p>", "placeholder", "error"),
        ("<p>{% if x %}</p>", "placeholder", "error"),
        ("<p>None</p>", "placeholder", "error"),
        ("<p>Hello None, your round</p>", "placeholder", "error"),
        ("<p>By &lt;built-in method title of str object at 0x7f&gt;</p>", "placeholder", "error"),
        (f'<a {_LINK} href="https://arxiv.org/abs/None">Paper</a>', "placeholder", "error"),
    ],
)
def test_what_should_not_be_said_is_found(content: str, rule: str, severity: str) -> None:
    assert of_html(content)[rule].severity == severity


@pytest.mark.parametrize(
    "content",
    [
        "<p>None of the models plans; {{ braces }} are considered harmful by all of the authors.</p>",
        '<p style="display: none"> </p>',
        "<p hidden>not shown</p>",
        '<div style="display: none"><p style="display: none">told once</p></div>',
    ],
)
def test_papers_may_speak_of_nothing_and_of_braces(content: str) -> None:
    assert "placeholder" not in of_html(content)
    assert sum(finding.rule == "hidden-text" for finding in lint(raw(body(content)), None, SITE)) <= 1


def test_placeholders_are_found_in_subject_and_text() -> None:
    assert found(raw(subject="Hello None"))["placeholder"].where == "header Subject"
    assert found(raw(text=TEXT + "\n{{ name }}\n"))["placeholder"].where == "text line 9"


def test_the_first_words_say_what_is_inside() -> None:
    first = "<p>Your round today: one paper on one topic, chosen for you.</p>"
    told = found(raw(HTML.replace(first, "<p>View this email in your browser</p>" + first)))
    assert told["preheader"].what.startswith("begins with 'View this email")
    assert "hardly any text" in found(raw("<p>Hi</p>"))["preheader"].what


def test_who_sends_it_stands_in_both_parts() -> None:
    assert found(raw(HTML.replace("1 Mill Lane, Ely", "")))["postal-address"].where == "HTML"
    assert found(raw(text=TEXT.replace("1 Mill Lane, Ely", "")))["postal-address"].where == "text"
    nameless = Site("Papers", SITE.base_url, SITE.sender, SITE.reply_to)
    assert found(raw(), nameless)["postal-address"].severity is Severity.NOTE


def test_a_letter_without_html_is_one_remark_on_the_document() -> None:
    told = found(raw(html=" "))
    assert told["no-html"].severity is Severity.ERROR
    assert {"headings", "preheader", "dark-mode"}.isdisjoint(told)


def test_the_weight_is_told_by_section() -> None:
    two = body("<h2>Agents</h2><div><h3>First</h3><p>about it</p></div><div><h3>Second</h3><p>about it</p></div>")
    weight = measure(opened(raw(two), None, SITE))
    assert [(share.name, share.entries) for share in weight.sections] == [("Robots", 1), ("Agents", 2)]
    assert weight.html == len(two.encode())
    assert weight.head + weight.around + sum(share.bytes for share in weight.sections) == weight.html
    assert weight.style + weight.inline + weight.words < weight.html < weight.message
    assert weight.share == pytest.approx(weight.html / 102_000)
    assert len(raw(two)) == weight.message > weight.header + weight.text


def test_a_paper_without_a_section_belongs_to_none() -> None:
    assert measure(opened(raw("<h3>Alone</h3>"), None, SITE)).sections == ()
    assert UNSUBSCRIBE in TEXT
