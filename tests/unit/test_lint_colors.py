"""Colors are read as CSS writes them, and text has to stand out in light, in dark and turned round."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.linting.colors import BLACK, WHITE, color, contrast, inverted, written
from support.findings import found, of_html, raw

_CHANNELS = st.floats(0, 1)
_COLORS = st.tuples(_CHANNELS, _CHANNELS, _CHANNELS)


@pytest.mark.parametrize(
    ("text", "hex_"),
    [
        ("#fff", "#ffffff"),
        ("#1d4FA8", "#1d4fa8"),
        (" white ", "#ffffff"),
        ("DarkSlateGray", "#2f4f4f"),
        ("rgb(255, 0, 10)", "#ff000a"),
        ("rgb(100% 0% 0%)", "#ff0000"),
        ("rgba(0, 0, 0, 0.5)", "#808080"),
        ("rgb(0 0 0 / 50%)", "#808080"),
        ("#00000080", "#7f7f7f"),
        ("#0008", "#777777"),
        ("hsl(120, 100%, 50%)", "#00ff00"),
        ("hsla(240deg, 100%, 50%, 1)", "#0000ff"),
        ("rgb(300, -5, 0)", "#ff0000"),
        ("transparent", "#ffffff"),
        ("inherit", None),
        ("rgb(1, 2)", None),
        ("rgb(a, b, c)", None),
        ("url(x)", None),
    ],
)
def test_a_color_is_read(text: str, hex_: str | None) -> None:
    made = color(text)
    assert (written(made) if made else None) == hex_


def test_contrast_is_wcags() -> None:
    assert contrast(BLACK, WHITE) == contrast(WHITE, BLACK) == pytest.approx(21)
    assert contrast(WHITE, WHITE) == 1
    grey = color("#767676")
    assert grey
    assert contrast(grey, WHITE) == pytest.approx(4.54, abs=0.01)


@given(_COLORS)
def test_turning_a_grey_twice_gives_it_back_and_no_color_leaves_the_range(one: tuple[float, float, float]) -> None:
    assert all(0 <= part <= 1 for part in inverted(one))
    grey = (one[0],) * 3
    assert inverted(inverted(grey)) == pytest.approx(grey, abs=0.02)


@pytest.mark.parametrize(
    ("content", "when"),
    [
        ('<p style="color: #aaaaaa">pale</p>', "in light mode"),
        ('<p style="background-color: #222222">dark on dark</p>', "in light mode"),
        ('<table role="presentation" bgcolor="#222222"><tr><td>dark on dark</td></tr></table>', "in light mode"),
        ('<p style="background: #222222 none">dark on dark</p>', "in light mode"),
        ('<p><font color="#cccccc">pale</font></p>', "in light mode"),
        ('<p style="font-size: 20px; color: #949494">not large enough</p>', "in light mode"),
        ('<p style="color: #222222">stays dark</p>', "in dark mode"),
    ],
)
def test_text_that_does_not_stand_out_is_found(content: str, when: str) -> None:
    assert when in of_html(content)["contrast"].what


@pytest.mark.parametrize(
    "content",
    [
        '<p style="font-size: 24px; color: #949494">large</p>',
        '<p style="font-size: 14pt; font-weight: bold; color: #949494">large and bold</p>',
        '<p style="font-size: 1.5em; color: #949494">large</p>',
        '<p style="font-size: 150%; color: #949494">large</p>',
        '<h4 style="font-size: 19px; color: #949494">bold by its nature</h4>',
        '<p style="background: url(https://a.example/1.png); color: #888888">on a picture</p>',
        '<table role="presentation" background="a.png"><tr><td style="color: #888888">on a picture</td></tr></table>',
        '<p style="background-color: transparent; color: inherit">as before</p>',
    ],
)
def test_large_text_and_text_on_pictures_pass(content: str) -> None:
    told = of_html(f"{content}<h4>x</h4>").get("contrast")
    assert told is None or "light" not in told.what


def test_colors_that_a_client_would_turn_are_turned_here() -> None:
    told = of_html('<p style="color: #0000ff">blue on white</p>')
    assert "contrast" in told
    turned = of_html('<p class="link" style="color: #7a4dff; background-color: #1b1b1b; font-size: 24px">x</p>')
    assert "inverts" in turned["contrast"].what or "light" in turned["contrast"].what


def test_each_pair_of_colors_is_told_once() -> None:
    from paperround.linting import lint
    from support.findings import NOW, SITE, body

    twice = '<p class="page" style="color: #aaaaaa; background-color: #fefefe">pale</p>' * 2
    told = [finding for finding in lint(raw(body(twice)), None, SITE, NOW) if finding.rule == "contrast"]
    assert len([finding for finding in told if "light" in finding.what]) == 1


def test_without_dark_colors_of_its_own_a_letter_stays_light() -> None:
    from support.findings import HTML

    only_light = HTML.replace('content="light dark"', 'content="light"').replace(
        "prefers-color-scheme: dark", "print"
    )
    assert "contrast" not in found(raw(only_light))
    unstyled = only_light.replace(' style="color: #1d4fa8"', "")
    assert "contrast" not in found(raw(unstyled)), "a link has the browser's blue"
