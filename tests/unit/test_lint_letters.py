"""Our own letters have nothing against them, and no bytes at all break the linter."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from paperround.linting import RULES, Severity, lint
from paperround.linting.mail import opened
from paperround.linting.size import measure
from paperround.rendering import sample
from paperround.rendering.letter_facts import LetterFacts
from support.findings import HTML, NOW, SITE, found, raw
from support.letters import DAY, EXTREMES, LANGUAGES, NOTICE_CONTEXT, NOTICES, THEMES, digest, renderer

pytestmark = pytest.mark.slow  # whole letters are laid out


def _message(rendered: object, kind: str = "digest") -> bytes:
    return raw(
        rendered.html, rendered.text, rendered.subject, kind=kind, unsubscribe_url=sample.LINKS.unsubscribe,  # type: ignore[attr-defined]
        sender=sample.SITE.sender, message_id="<one@papers.example>", reply_to=sample.SITE.reply_to,
    )  # fmt: skip


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("theme", THEMES)
def test_nothing_is_said_against_our_themes(theme: str, code: str) -> None:
    rendered = renderer(theme, code).letter(
        LetterFacts(sample.DIGEST, sample.PAPERS, sample.SUBSCRIBER, sample.LINKS, sample.DAY)
    )
    assert lint(_message(rendered), rendered, sample.SITE, NOW) == []


@pytest.mark.parametrize("kind", NOTICES)
@pytest.mark.parametrize("theme", THEMES)
def test_shipped_notices_have_no_findings(theme: str, kind: str) -> None:
    rendered = renderer(theme).notice(kind, sample.SUBSCRIBER, sample.LINKS, NOTICE_CONTEXT)
    assert lint(_message(rendered, "notice"), rendered, sample.SITE, NOW) == []


@pytest.mark.parametrize("name", EXTREMES)
def test_papers_that_are_hard_to_print_make_no_errors(name: str) -> None:
    made = digest(EXTREMES[name], more=2)
    rendered = renderer().letter(
        LetterFacts(made, {one.row: one for one in EXTREMES[name]}, sample.SUBSCRIBER, sample.LINKS, DAY)
    )
    findings = lint(_message(rendered), rendered, sample.SITE, NOW)
    assert [finding for finding in findings if finding.severity is Severity.ERROR] == []


def test_a_letter_of_a_trial_site_has_only_notes() -> None:
    site = replace(SITE, base_url="http://localhost:8000", postal_address="")
    letter = raw(HTML.replace("https://papers.example.org", "http://localhost:8000"),
                 unsubscribe_url="http://localhost:8000/u/token")  # fmt: skip
    told = found(letter, site)
    del told["visible-unsubscribe"]
    assert {remark.severity for remark in told.values()} == {Severity.NOTE}


def test_the_worst_comes_first() -> None:
    broken = raw(html="<p>Hi</p>", text="Hi")
    severities = [finding.severity for finding in lint(broken, None, SITE)]
    assert severities == sorted(severities, key=list(Severity).index)
    assert severities[0] is Severity.ERROR


@given(st.binary(max_size=2_000))
def test_no_bytes_break_the_linter(message: bytes) -> None:
    for finding in lint(message, None, SITE, NOW):
        assert finding.what
    measure(opened(message, None, SITE))


_PIECES = st.sampled_from((b"", b"<", b">", b"=", b'"', b"\r\n\r\n", b"{", b"}", b"--", b"\xff"))
_MANGLED = st.lists(st.tuples(st.floats(0, 1), _PIECES), min_size=1, max_size=8)


@given(_MANGLED)
def test_no_damage_to_a_letter_breaks_the_linter(damage: list[tuple[float, bytes]]) -> None:
    message = raw()
    for place, piece in damage:
        at = int(place * len(message))
        message = message[:at] + piece + message[at + 3 :]
    lint(message, None, SITE, NOW)
    measure(opened(message, None, SITE))


@given(st.text(max_size=400))
@example(html="\x1f{}")
@example(html="[a='\x01'] { color: red }")
def test_no_html_breaks_the_linter(html: str) -> None:
    lint(raw(html=f"<style>{html}</style><p style='{html}'>{html}<a href='{html}'>{html}"), None, SITE, NOW)


def test_every_rule_tells_where_it_comes_from() -> None:
    assert all(rule.__doc__ and len(rule.__doc__) > 20 for rule in RULES)
