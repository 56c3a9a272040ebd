"""What mail clients do not know is found, and what they know is left in peace."""

from __future__ import annotations

import json
import re

import pytest

from paperround.linting import clients, lint
from paperround.linting.clients import AT_RULES, CSS, PICTURES, TAGS
from paperround.linting.page import css_blocks, declarations, hides, read
from support import client_support
from support.findings import HTML, NOW, SITE, body, of_html, raw

_EXAMPLES = {
    "display: flex": "display: flex",
    "display: grid": "display:inline-grid",
    "position": "position: absolute",
    "float": "float: left",
    "gap": "column-gap: 4px",
    "margin: auto": "margin: 0 auto",
    "negative margins": "margin-top: -4px",
    "padding outside of table cells": "padding: 0 4px",
    "width on a block": "width: 300px",
    "logical properties": "margin-inline-start: 4px",
    "box-shadow": "box-shadow: 0 1px 2px #000000",
    "text-shadow": "text-shadow: 0 1px 2px #000000",
    "border-radius": "border-top-left-radius: 4px",
    "background images": "background: url(https://a.example/1.png)",
    "gradients": "background-image: linear-gradient(#ffffff, #eeeeee)",
    "CSS variables": "color: var(--ink)",
    "calc() and similar functions": "width: calc(100% - 4px)",
    "modern colors": "color: light-dark(#000000, #ffffff)",
    "colors with spaces": "color: rgb(0 0 0)",
    "transparent colors": "background-color: rgba(0, 0, 0, .1)",
    "opacity": "opacity: .9",
    "object-fit": "object-fit: cover",
    "aspect-ratio": "aspect-ratio: 1",
    "transform": "transform: none",
    "animation": "transition: color 1s",
    "filters": "filter: none",
    "rem": "margin: 1.5rem",
    "vw and vh": "margin: 2vw",
}


@pytest.mark.parametrize("feature", CSS, ids=lambda feature: str(feature.name))
def test_css_that_a_client_does_not_know_is_found(feature: clients.Feature) -> None:
    content = f'<p style="{_EXAMPLES[feature.name]}">text</p>'
    told = [finding.what for finding in lint(raw(body(content)), None, SITE, NOW) if finding.rule == "unsupported"]
    assert f"{feature.name}: not supported by {', '.join(feature.clients)}" in told


@pytest.mark.parametrize("name", AT_RULES)
def test_rules_that_a_client_does_not_know_are_found(name: str) -> None:
    style = {"@import": "@import url(https://a.example/a.css);"}.get(name, f"{name} x {{ a {{ color: #ffffff }} }}")
    told = lint(raw(HTML.replace("</head>", f"<style>\n{style}</style></head>")), None, SITE)
    (finding,) = [finding for finding in told if finding.what.startswith(name)]
    assert finding.html_line == 11


@pytest.mark.parametrize("tag", TAGS)
def test_elements_that_a_client_does_not_know_are_found(tag: str) -> None:
    assert f"<{tag}>" in of_html(f"<{tag}>text</{tag}>")["unsupported"].what


@pytest.mark.parametrize("ending", PICTURES)
def test_pictures_that_a_client_does_not_show_are_found(ending: str) -> None:
    told = of_html(f'<img src="https://a.example/1{ending}?size=2" alt="" width="9">')["unsupported"]
    assert told.what.startswith(f"{ending} images")


def test_srcset_is_noted() -> None:
    told = of_html('<img src="https://a.example/1.png" srcset="https://a.example/2.png 2x" alt="" width="9">')
    assert told["unsupported"].severity == "note"


def test_max_width_needs_a_table_for_outlook() -> None:
    wide = '<table role="presentation" style="max-width: 640px"><tr><td>x</td></tr></table>'
    assert "max-width" in of_html(wide)["unsupported"].what
    assert of_html(f"<!--[if mso]><table><tr><td><![endif]-->{wide}<!--[if mso]></td></tr></table><![endif]-->") == {}
    assert of_html('<table role="presentation" style="max-width: 100%"><tr><td>x</td></tr></table>') == {}


@pytest.mark.parametrize(
    "style",
    [
        "display: block",
        "padding: 0",
        "padding: 0 0px",
        "width: 100%",
        "margin: 0 0 4px",
        "border-radius: 0",
        "color: rgb(0,0,0)",
        "color: #000000",
        "font-family: Prem, serif",
        "box-shadow: none",
    ],
)
def test_what_every_client_knows_passes(style: str) -> None:
    assert "unsupported" not in of_html(f'<p style="{style}">text</p>')


def test_padding_belongs_on_table_cells() -> None:
    cell = '<table role="presentation"><tr><td style="padding: 4px">text</td></tr></table>'
    assert "unsupported" not in of_html(cell)


def test_the_same_feature_is_one_remark_with_its_number() -> None:
    assert (
        of_html('<p style="float: left">a</p>' * 3)["unsupported"].what == "float, 3 times: not supported by Outlook"
    )


def test_every_feature_has_an_example_and_a_remedy() -> None:
    assert set(_EXAMPLES) == {feature.name for feature in CSS}
    assert all(feature.remedy and feature.clients for feature in CSS)


def test_a_style_sheet_is_read_with_its_media_and_its_lines() -> None:
    css = """/* one
 { } */
.a, p.b { color: red; font: 1px "a;b" }
@media (min-width: 600px) { .a { color: blue !important } }
@import "x.css"; .c { margin: 0 }
@font-face { src: url(a;b) }
.d { color: green"""
    found = list(css_blocks(css, 10))
    assert [(block.media, block.selector) for block in found] == [
        ("", ".a, p.b"),
        ("@media (min-width: 600px)", ".a"),
        ("", ".c"),
        ("", ".d"),
    ]
    assert [(one.name, one.value, one.important, one.line) for block in found for one in block.declarations] == [
        ("color", "red", False, 12),
        ("font", '1px "a;b"', False, 12),
        ("color", "blue", True, 13),
        ("margin", "0", False, 14),
        ("color", "green", False, 16),
    ]


def test_declarations_keep_their_lines() -> None:
    found = declarations("color: red;\nbackground: url(a;b) !important;\n;;nonsense", 5, "p")
    assert [(one.name, one.value, one.important, one.line, one.tag) for one in found] == [
        ("color", "red", False, 5, "p"),
        ("background", "url(a;b)", True, 6, "p"),
    ]


def test_the_cascade_is_that_of_css() -> None:
    page = read(
        """<style>
p { color: #000001 } .a { color: #000002 } .a { color: #000003 } #i { color: #000004 !important }
@media (prefers-color-scheme: dark) { .a { color: #000005 !important } }
@media print { p { color: #000006 !important } } p:no-such( { color: red }  p::before { color: red }
@media screen { .s { color: #000007 } }
</style><p>1</p><p class="a">2</p><p class="a" style="color: #000008">3</p><p id="i" style="color: #000009">4</p>
<p class="s">5</p>"""
    )

    def colors(scheme: str) -> list[str]:
        styles = page.styles(scheme)
        return [styles[element]["color"].value[-1] for element in page.all("p")]

    assert colors("light") == ["1", "3", "8", "4", "7"]
    assert colors("dark") == ["1", "5", "5", "4", "7"]


@pytest.mark.parametrize(
    ("style", "hidden"),
    [
        ("display:none", True),
        ("visibility: HIDDEN", True),
        ("opacity: 0", True),
        ("mso-hide: all", True),
        ("font-size: 1px", True),
        ("max-height: 0; overflow: hidden", True),
        ("max-height: 0", False),
        ("display: block", False),
        ("", False),
    ],
)
def test_text_is_hidden_in_many_ways(style: str, hidden: bool) -> None:
    assert hides(style) is hidden


def test_an_empty_page_has_nothing() -> None:
    page = read("")
    assert page.root is None
    assert (page.all(), list(page.visible()), page.words, page.styles("light")) == ([], [], "", {})
    assert re.fullmatch("", page.source)


def test_the_table_of_support_is_made_from_the_newest_versions_that_were_tested() -> None:
    windows = {"2016": "y", "2019": "n #1"}
    stats = {
        "gmail": {"desktop-webmail": {"2019-01": "n", "2024-01": "y"}, "ios": {"2024-01": "a #2"}},
        "outlook": {"windows": windows, "macos": {"2024": "n"}},
        "aol": {"android": {"2024": "n"}},
    }
    data = {
        "last_update_date": "2025-09-09 18:08:06 +0000",
        "data": [
            {"slug": "css-z", "stats": stats},
            {"slug": "css-a", "stats": {"gmail": {"ios": {"2024-01": "y"}}}},
            {"slug": "css-b", "stats": {"gmail": {"ios": {"2024-01": "n"}}}},
        ],
    }
    made = json.loads(client_support.text(client_support.table(data)))
    assert made["date"] == "2025-09-09"
    assert list(made["unsupported"].items()) == [("css-b", ["Gmail"]), ("css-z", ["Outlook", "Yahoo"])]


def test_the_table_in_the_package_is_written_as_the_script_writes_it() -> None:
    table = client_support.TABLE.read_text("utf-8")
    assert client_support.text(json.loads(table)) == table
