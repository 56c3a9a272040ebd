"""The documents about letters and themes say what is there, and the theme in them works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from paperround.domain.models import Links, Site
from paperround.rendering import language, notice, sample, subject
from paperround.rendering.letter import LetterRenderer
from paperround.rendering.letter_facts import LetterFacts
from paperround.rendering.letter_view import Card, LetterView, Link, Paragraph
from support.letters import DAY, FOLDERS, THEMES

pytestmark = pytest.mark.slow  # whole letters

_DOCS = Path(__file__).parents[2] / "docs"
_LETTER = (_DOCS / "letter.md").read_text(encoding="utf-8")
_THEME = (_DOCS / "add-a-theme.md").read_text(encoding="utf-8")


def _layout() -> str:
    return (FOLDERS[-1] / "email" / "digest.html.j2").read_text(encoding="utf-8")


def test_the_theme_in_the_document_works_and_looks_different(tmp_path: Path) -> None:
    (theme,) = re.findall(r"```jinja\n(.*?)```", _THEME, re.DOTALL)
    (tmp_path / "email" / "themes").mkdir(parents=True)
    (tmp_path / "email" / "themes" / "evening.html.j2").write_text(theme, encoding="utf-8")
    renderer = LetterRenderer(sample.SITE, "evening", language.load("en", FOLDERS), (tmp_path, *FOLDERS))
    rendered = renderer.letter(LetterFacts(sample.DIGEST, sample.PAPERS, sample.SUBSCRIBER, sample.LINKS, DAY))
    assert "In one minute ☾" in rendered.html
    assert "background-color:#f8faff" in rendered.html
    assert "background-color: #141b2e !important" in rendered.html
    assert rendered.html.count("<h3 ") == 5
    assert sample.LINKS.unsubscribe in rendered.html


@pytest.mark.parametrize("block", re.findall(r"{% block (\w+)", _layout()))
def test_every_block_is_explained(block: str) -> None:
    assert f"| `{block}` |" in _THEME


@pytest.mark.parametrize("kind", [Card, LetterView, Link, Paragraph, Links, Site])
def test_every_fact_that_a_theme_can_print_is_named(kind: Any) -> None:
    for fact in kind.__match_args__:
        assert f"`{fact}`" in _THEME, fact


def test_every_part_of_a_card_is_named() -> None:
    parts = (FOLDERS[-1] / "email" / "parts.html.j2").read_text(encoding="utf-8")
    names = re.findall(r"{%-? *macro (\w+)", parts)
    assert len(names) == parts.count("endmacro") > 0
    for part in names:
        assert f"parts.{part}(" in _THEME


def test_the_card_of_the_document_prints_what_that_of_the_layout_prints() -> None:
    parts = (FOLDERS[-1] / "email" / "parts.html.j2").read_text(encoding="utf-8")
    (layout,) = re.findall(r"macro card\(.*?%}(.*?){% endmacro", parts, re.DOTALL)
    (told,) = re.findall(r"This is `parts.card`:\n\n((?: {4}.*\n)+)", _THEME)
    for pattern in (r"card\.\w+", r"{{ (?:parts\.)?(\w+)\("):
        assert re.findall(pattern, told) == re.findall(pattern, layout)


def test_all_themes_notices_and_fields_of_the_subject_are_named() -> None:
    for theme in THEMES:
        assert f"| `{theme}` |" in _LETTER
        assert f"`{theme}.html.j2`" in _THEME
    for kind in notice.kinds(FOLDERS):
        assert kind in _LETTER
    for name in subject.FIELDS:
        assert f"`{{{name}}}`" in _LETTER
