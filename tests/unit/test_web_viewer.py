"""A letter in a frame: shown as clients would, with no script and nothing fetched that was not asked for."""

from __future__ import annotations

import pytest

from paperround.web.operator.viewer import DisplayOptions, MessageView, frame, shown
from support.findings import HTML, NOW, SITE, raw

_LETTER = """<!DOCTYPE html><html><head><meta name="color-scheme" content="light dark">
<style>@media (min-width: 600px) { .a { margin: 0 } }
@media (prefers-color-scheme: dark) { .a { color: #fff } }
@media ( prefers-color-scheme:light ) { .a { color: #000 } }</style>
</head><body><p>On (prefers-color-scheme: dark) as a subject</p>
<img alt="one" src="https://a.example/1.png" width="9"><IMG SRC='https://a.example/2.png'>
<img width=9 src=https://a.example/3></body></html>"""


def test_dark_and_light_do_not_depend_on_who_looks() -> None:
    dark, light = shown(_LETTER, DisplayOptions("dark")), shown(_LETTER, DisplayOptions("light"))
    assert "@media (min-width: 0) { .a { color: #fff }" in dark
    assert "@media (max-width: 0) { .a { color: #000 }" in dark
    assert "@media (max-width: 0) { .a { color: #fff }" in light
    assert "@media (min-width: 0) { .a { color: #000 }" in light
    assert ":root { color-scheme: dark }" in dark
    for html in (dark, light):
        assert "@media (min-width: 600px) { .a { margin: 0 } }" in html
        assert "<p>On (prefers-color-scheme: dark) as a subject</p>" in html


def test_the_system_decides_between_dark_and_light_where_the_letter_is_for_visitors() -> None:
    html = shown(_LETTER, DisplayOptions("system"))
    assert "@media (prefers-color-scheme: dark) { .a { color: #fff }" in html
    assert ":root { color-scheme: light dark }" in html


def test_inverted_is_the_light_letter_turned_round() -> None:
    html = shown(_LETTER, DisplayOptions("inverted"))
    assert "filter: invert(1) hue-rotate(180deg)" in html
    assert "@media (max-width: 0) { .a { color: #fff }" in html


def test_pictures_that_are_off_are_not_fetched() -> None:
    html = shown(_LETTER, DisplayOptions(pictures=False))
    assert "a.example" not in html
    assert html.lower().count("<img") == 3
    assert 'alt="one"' in html
    assert (
        "img-src 'none'"
        in frame(_LETTER, DisplayOptions(pictures=False), pictures="https:").headers["content-security-policy"]
    )
    assert (
        "img-src 'self' data: https:;"
        in frame(_LETTER, DisplayOptions(), pictures="https:").headers["content-security-policy"]
    )


def test_the_style_element_can_be_left_out() -> None:
    html = shown(_LETTER, DisplayOptions("dark", styles=False))
    assert ".a {" not in html
    assert "min-width: 600px" not in html


def test_a_letter_without_a_head_is_shown_too() -> None:
    assert shown("<p>Hi</p>", DisplayOptions()).startswith('<base target="_blank"><style>')
    assert shown("<p>Hi</p>", DisplayOptions()).endswith("<p>Hi</p>")


def test_a_frame_runs_nothing_and_belongs_to_our_pages_alone() -> None:
    headers = frame("<script>alert(1)</script>", DisplayOptions(), pictures="", refresh=2).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; ")
    assert "frame-ancestors 'self'" in policy
    assert "script" not in policy
    assert "allow-scripts" not in policy.partition("sandbox")[2] != ""
    assert (headers["x-frame-options"], headers["refresh"]) == ("SAMEORIGIN", "2")
    assert "refresh" not in frame("", DisplayOptions(), pictures="").headers


def test_a_message_is_viewed_in_all_its_parts() -> None:
    viewed = MessageView(raw(subject="Überraschend gute Roboter"), SITE, now=NOW)
    assert viewed.subject == viewed.decoded("subject") == "Überraschend gute Roboter"
    assert viewed.decoded("X-Nothing") == ""
    assert viewed.html == HTML
    assert viewed.source[0] == "<!DOCTYPE html>"
    assert viewed.text.startswith("Your round today")
    assert ("To", "<ada@subscriber.example>", "") in viewed.header
    assert next(written for name, _, written in viewed.header if name == "Subject").startswith("=?utf-8?q?")
    assert "\r" not in viewed.written
    assert viewed.findings == []
    assert viewed.counts == {}
    assert viewed.size.html == len(HTML.encode())


def test_remarks_are_counted_by_how_bad_they_are() -> None:
    viewed = MessageView(raw(html="<p>Hi</p>", text="Hi"), SITE, now=NOW)
    assert list(viewed.counts) == ["error", "warning"]
    assert sum(viewed.counts.values()) == len(viewed.findings)


@pytest.mark.parametrize(
    "look", [DisplayOptions(), DisplayOptions("dark", pictures=False), DisplayOptions("inverted", styles=False)]
)
def test_every_switch_has_one_choice_that_holds(look: DisplayOptions) -> None:
    for _, choices in look.toggles():
        assert [wanted for _, wanted, on in choices if on] == [look]
