"""Many letters: what is joined is what would have been laid out at once, and big days are never clipped."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paperround.rendering import sample
from paperround.rendering.letter_facts import LetterFacts
from support.letters import (
    DAY,
    EXTREMES,
    LANGUAGES,
    THEMES,
    decoded,
    digest,
    encoded_by,
    letters,
    never_clipped,
    renderer,
    well_encoded,
)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(facts=letters(), theme=st.sampled_from(THEMES), code=st.sampled_from(LANGUAGES))
def test_hundreds_of_joined_letters_are_the_same_bytes_as_whole_ones(
    facts: LetterFacts, theme: str, code: str
) -> None:
    joined, whole = renderer(theme, code).letter(facts), renderer(theme, code).whole_letter(facts)
    assert joined.html.encode() == whole.html.encode()
    assert joined == whole
    assert decoded(encoded_by(renderer(theme, code), facts)) == (whole.subject, whole.html, whole.text)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("extreme", EXTREMES)
def test_hard_papers_are_the_same_bytes_in_every_theme(theme: str, code: str, extreme: str) -> None:
    papers = EXTREMES[extreme]
    facts = LetterFacts(digest(papers), {one.row: one for one in papers}, sample.SUBSCRIBER, sample.LINKS, DAY)
    whole, encoded = renderer(theme, code).whole_letter(facts), encoded_by(renderer(theme, code), facts)
    assert renderer(theme, code).letter(facts) == whole
    assert decoded(encoded) == (whole.subject, whole.html, whole.text)
    assert well_encoded(encoded.html)
    assert well_encoded(encoded.text)


@pytest.mark.parametrize("theme", THEMES)
def test_five_hundred_papers_make_one_letter_under_the_limit(theme: str) -> None:
    never_clipped(theme)
