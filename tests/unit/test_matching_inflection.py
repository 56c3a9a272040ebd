"""Other forms of the words of a search."""

from __future__ import annotations

import pytest

from paperround.matching.inflection import other_forms


@pytest.mark.parametrize(
    ("term", "form"),
    [
        ("walk", "walking"),
        ("walk", "walked"),
        ("walking", "walk"),
        ("walked", "walking"),
        ("drive", "driving"),
        ("driving", "drive"),
        ("plan", "planning"),
        ("planned", "plan"),
        ("rating", "rate"),
        ("study", "studied"),
        ("studied", "study"),
        ("play", "played"),
        ("modeling", "model"),
    ],
)
def test_a_verb_has_forms(term: str, form: str) -> None:
    assert form in other_forms(term)
    assert term not in other_forms(term)


@pytest.mark.parametrize(
    ("term", "other"), [("rating", "rat"), ("see", "seed"), ("string", "str"), ("plane", "plan")]
)
def test_another_word_is_no_form(term: str, other: str) -> None:
    assert other not in other_forms(term)


@pytest.mark.parametrize("term", ["c++", "bär", "h2o", "de noising", "走路走路", "gpt", ""])
def test_what_is_no_english_word_has_no_forms(term: str) -> None:
    assert other_forms(term) == ()
