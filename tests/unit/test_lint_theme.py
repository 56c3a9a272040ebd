"""Mistakes planted in a copy of a theme: lint names each with the theme's file and line."""

# ruff: noqa: E501 - a mistake is planted in one line
from __future__ import annotations

import re
from pathlib import Path

import pytest

from paperround.linting.finding import LintFinding, Severity
from paperround.linting.page import read
from paperround.linting.theme import join_findings, lint_theme
from paperround.rendering import language, sample
from paperround.rendering.letter import LetterRenderer
from paperround.rendering.letter_facts import LetterFacts
from paperround.rendering.source_marks import unmark
from support.letters import FOLDERS, THEMES, renderer

pytestmark = pytest.mark.slow  # letters are laid out several times for each

_THEME = (FOLDERS[-1] / "email" / "themes" / "cards.html.j2").read_text("utf-8")
_FILE = "email/themes/mine.html.j2"
_SUMMARY = ".summary { margin: 6px 0 0;"
_MEDIA = "@media (min-width: 600px) {"
_CARD = '<tr><td class="inside">{{ parts.card(card, pictured=true) }}</td></tr></table></td></tr>'
_BLOCK = "{% block card %}\n"


def _style(text: str) -> tuple[str, str]:
    return _SUMMARY, f"¶{_SUMMARY} {text}"


def _inside(text: str) -> tuple[str, str]:
    return "{{ parts.card(card, pictured=true) }}</td>", f"{{{{ parts.card(card, pictured=true) }}}}\n¶{text}</td>"


# What is planted: the text that is replaced, its replacement with ¶ in the line to be named, and the rule.
PLANTED: dict[str, tuple[tuple[str, str], str]] = {
    "unknown block": (("{% block card %}", "¶{% block crad %}"), "refused"),
    "condition that is never closed": (("{% block card %}\n", "{% block card %}\n{% if card.day %}{{ card.day }}\n¶{% endblock %}"),
                                       "refused"),
    "unknown fact": (_inside("{{ card.titel }}"), "refused"),
    "unknown filter": (_inside("{{ card.title | shiny }}"), "refused"),
    "unknown macro": (_inside("{{ parts.crad(card) }}"), "refused"),
    "@import": ((".summary {", "¶@import 'more.css';\n.summary {"), "refused"),
    "selector by position": ((".summary {", "¶.card:first-child { margin: 0 }\n.summary {"), "refused"),
    "missing brace": ((".summary { margin: 6px 0 0; font-size: 16px; line-height: 22px; color: #2a3140; }",
                       "¶.summary { margin: 6px 0 0;"), "refused"),
    "class that no element has": ((".summary {", "¶.sumary {"), "unused-selector"),
    "unknown property": (_style("colour: #2a3140;"), "unknown-property"),
    "misspelled property": (_style("font-wieght: bold;"), "unknown-property"),
    "color that is none": ((f"{_SUMMARY} font-size: 16px; line-height: 22px; color: #2a3140",
                            f"¶{_SUMMARY} font-size: 16px; line-height: 22px; color: #2a314g"), "refused"),
    "color without a meaning": (_style("background-color: paperwhite;"), "wrong-color"),
    "missing semicolon": (("font-size: 16px; line-height: 22px; color: #2a3140; }",
                           "font-size: 16px; line-height: 22px; ¶color: #2a3140 margin: 0; }"), "refused"),
    "!important in the style block": (_style("margin: 0 !important;"), "important"),
    "dark color without !important": ((".link { color: #9fc0ff !important; }", "¶.link { color: #9fc0ff; }"), "important"),
    "low contrast": (("line-height: 22px; color: #2a3140; }", "line-height: 22px; ¶color: #b0b0b0; }"), "contrast"),
    "low contrast in the dark": ((".link { color: #9fc0ff !important; }", "¶.link { color: #333333 !important; }"), "contrast"),
    "text of 11 px": (("{ margin: 6px 0 0; font-size: 16px;", "{ ¶margin: 6px 0 0; font-size: 11px;"), "small-text"),
    "flex": (_style("display: flex;"), "unsupported"),
    "grid": (_style("display: grid;"), "unsupported"),
    "position": (_style("position: absolute;"), "unsupported"),
    "float": (_style("float: left;"), "unsupported"),
    "var()": (_style("background-color: var(--paper);"), "unsupported"),
    "calc()": (_style("width: calc(100% - 20px);"), "unsupported"),
    "negative margin": (("{ margin: 6px 0 0; font-size: 16px;", "{ ¶margin: -6px 0 0; font-size: 16px;"), "unsupported"),
    "background image": (_style("background-image: url(https://papers.example/a.png);"), "unsupported"),
    "padding on a paragraph": (_style("padding: 8px;"), "unsupported"),
    "web font": ((_MEDIA, f"¶@font-face {{ font-family: Own; src: url(https://papers.example/a.woff2); }}\n{_MEDIA}"),
                 "unsupported"),
    "unclosed <td>": (("<tr><td class=\"inside\">{{ parts.card(card, pictured=true) }}</td></tr>",
                       "¶<tr><td class=\"inside\">{{ parts.card(card, pictured=true) }}</tr>"), "tags"),
    "unclosed <b>": (_inside("<b>{{ card.day }}"), "tags"),
    "stray </div>": (_inside("</div>"), "tags"),
    "untranslated sentence": (_inside("<p class=\"note\">Thanks for reading this</p>"), "untranslated"),
    "picture without alt": (_inside('<img src="https://papers.example/a.png" width="20" height="20">'), "alt"),
    "linked picture with an empty alt": (
        _inside('<a href="{{ card.url }}"><img src="https://papers.example/a.png" alt="" width="20"></a>'), "blank-link"),
    "picture over http": (_inside('<img src="http://papers.example/a.png" alt="" width="20">'), "picture-source"),
    "picture of 900 pixels": (_inside('<img src="https://papers.example/a.png" alt="" width="900">'), "fixed-width"),
    "picture inside the letter": (_inside('<img src="data:image/png;base64,AAAA" alt="" width="20">'), "data-url"),
    "tracking pixel": (_inside('<img src="https://papers.example/a.png" alt="" width="1" height="1">'), "tracking"),
    "SVG picture": (_inside('<img src="https://papers.example/a.svg" alt="" width="20">'), "unsupported"),
    "table without role": (_inside("<table><tr><td>{{ card.day }}</td></tr></table>"), "layout-tables"),
    "table of 800 pixels": (
        _inside('<table role="presentation" width="800"><tr><td>{{ card.day }}</td></tr></table>'), "fixed-width"),
    "link with a relative address": (_inside('<a href="/about">{{ card.day }}</a>'), "relative-link"),
    "link without an address": (_inside('<a href="">{{ card.day }}</a>'), "broken-link"),
    "link named here": (_inside('<a class="link" href="{{ card.url }}">{{ _("Click here") }}</a>'), "vague-link"),
    "the same id in each card": (_inside('<p id="paper">{{ card.day }}</p>'), "ids"),
    "script": (_inside("<script>let a = 1</script>"), "active-content"),
    "onclick": (_inside('<p onclick="go()">{{ card.day }}</p>'), "active-content"),
    "form": (_inside('<form action="https://papers.example/"></form>'), "active-content"),
    "iframe": (_inside('<iframe src="https://papers.example/"></iframe>'), "active-content"),
    "external style sheet": (_inside('<link rel="stylesheet" href="https://papers.example/a.css">'), "active-content"),
    "hidden text": (_inside('<p style="display: none">{{ card.title }}</p>'), "hidden-text"),
    "no unsubscribe link": (
        ("\n{% block lead %}", '\n¶{% block footer %}<tr><td class="footer">{{ site.postal_address }}</td></tr>'
         "{% endblock %}\n{% block lead %}"), "unsubscribe"),
}  # fmt: skip


def _planted(tmp_path: Path, change: tuple[str, str]) -> int:
    """Write the theme with this mistake; the line that holds it."""
    old, new = change
    assert old in _THEME
    text = _THEME.replace(old, new, 1)
    folder = tmp_path / "email" / "themes"
    folder.mkdir(parents=True)
    (folder / "mine.html.j2").write_text(text.replace("¶", ""), "utf-8")
    return text[: text.index("¶")].count("\n") + 1


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_mistake_is_named_with_file_and_line(tmp_path: Path, name: str) -> None:
    change, rule = PLANTED[name]
    line = _planted(tmp_path, change)
    found = lint_theme("mine", language.load("en", FOLDERS), (tmp_path, *FOLDERS))
    assert (rule, f"{_FILE} line {line}") in [(one.rule, one.where) for one in found], [str(one) for one in found]


@pytest.mark.parametrize("name", THEMES)
def test_shipped_themes_have_no_findings(name: str) -> None:
    assert lint_theme(name, language.load("en", FOLDERS), FOLDERS) == []


def test_a_mistake_in_each_card_is_one_finding_with_a_count(tmp_path: Path) -> None:
    line = _planted(tmp_path, _inside("<b>{{ card.day }}"))
    (found,) = lint_theme("mine", language.load("en", FOLDERS), (tmp_path, *FOLDERS))
    assert found.where == f"{_FILE} line {line}"
    assert found.what.startswith("<b> is never closed (")


def test_a_letter_adds_only_what_the_theme_was_not_told() -> None:
    def finding(rule: str, severity: Severity, where: str) -> LintFinding:
        return LintFinding(rule, severity, "is wrong", where, "mend it")

    letter = [finding("alt", Severity.ERROR, "HTML line 9"), finding("size", Severity.WARNING, "HTML")]
    theme = [finding("alt", Severity.ERROR, f"{_FILE} line 80"), finding("sheet", Severity.NOTE, _FILE)]
    assert join_findings(letter, theme) == [theme[0], letter[1], theme[1]]


def test_marks_change_nothing_that_is_printed() -> None:
    facts = LetterFacts(sample.DIGEST, sample.PAPERS, sample.SUBSCRIBER, sample.LINKS, sample.DAY)
    marked = LetterRenderer(sample.SITE, "cards", language.load("en", FOLDERS), FOLDERS, marked=True)
    html = unmark(marked.document(facts), _FILE).html
    assert re.sub(r"\s", "", read(html).words) == re.sub(r"\s", "", read(renderer("cards").document(facts)).words)
