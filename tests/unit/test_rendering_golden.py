"""Each theme's letter as it is kept in golden/letters: a change of looks shows in review.

PAPERROUND_GOLDEN=write pytest tests/unit/test_rendering_golden.py      writes them anew
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from paperround.domain.models import RenderedLetter
from paperround.rendering import sample
from paperround.rendering.letter_facts import LetterFacts
from support.letters import COUNTS, LANGUAGES, THEMES, WEEKLY, WEEKLY_SUBSCRIBER, renderer

pytestmark = pytest.mark.slow  # whole letters

_FOLDER = Path(__file__).parent / "golden" / "letters"
_LETTERS = [(theme, "en") for theme in THEMES] + [("paper", code) for code in LANGUAGES if code != "en"]


@pytest.mark.parametrize(("theme", "code"), _LETTERS)
@pytest.mark.parametrize("part", ["html", "txt"])
def test_a_letter_looks_as_before(theme: str, code: str, part: str) -> None:
    rendered = renderer(theme, code).letter(
        LetterFacts(sample.DIGEST, sample.PAPERS, sample.SUBSCRIBER, sample.LINKS, sample.DAY)
    )
    _compare(rendered, f"{theme}-{code}", part)


@pytest.mark.parametrize(("theme", "code"), _LETTERS)
@pytest.mark.parametrize("part", ["html", "txt"])
def test_a_weekly_letter_looks_as_before(theme: str, code: str, part: str) -> None:
    rendered = renderer(theme, code).letter(
        LetterFacts(WEEKLY, sample.PAPERS, WEEKLY_SUBSCRIBER, sample.LINKS, sample.DAY, COUNTS)
    )
    _compare(rendered, f"{theme}-{code}-weekly", part)


def _compare(rendered: RenderedLetter, name: str, part: str) -> None:
    now = rendered.html if part == "html" else f"Subject: {rendered.subject}\n\n{rendered.text}"
    kept = _FOLDER / f"{name}.{part}"
    if os.environ.get("PAPERROUND_GOLDEN") == "write":
        kept.write_text(now, encoding="utf-8")
    assert kept.exists(), f"there is no {kept.name}; PAPERROUND_GOLDEN=write writes it"
    assert now == kept.read_text(encoding="utf-8"), f"{kept.name} differs; PAPERROUND_GOLDEN=write writes it anew"
