"""A sentence that is too long ends where its main clause is complete."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.rendering.clause import shorten_to_clause

_REST = "the routes people prefer near lakes and rivers and beside roads or bridges or gates or gardens or woods"


@pytest.mark.parametrize(
    ("clause", "boundary"),
    [
        ("We propose a planner for legged robots on ice and snow", ", which learns "),
        ("We propose a planner for legged robots on ice and snow", "; the robots learn "),
        ("We propose a planner for legged robots on ice and snow", " by learning "),
        ("We propose a planner for legged robots on ice and snow", ", enabling "),
        ("We propose a planner for legged robots on ice and snow", " that learns "),
        ("We propose a planner for legged robots on ice and snow", " to improve "),
        ("We propose a planner for legged robots on ice and snow", ", and we measure "),
        ("We propose a planner for legged robots on ice and snow", " — a new kind of "),
        ("This paper presents a planner for robots on ice and snow", ", where they learn "),
        ("A planner for legged robots on ice and snow is proposed", " using "),
    ],
)
def test_a_clause_that_stands_by_itself_ends_with_a_period(clause: str, boundary: str) -> None:
    assert shorten_to_clause(f"{clause}{boundary}{_REST}.", len(clause) + 30) == f"{clause}."


@pytest.mark.parametrize(
    "beginning",
    [
        "We propose, among planners near ice and snow, both quick",  # "and" is missing
        "We show that with simple yet powerful hardware",  # what they show has no verb
        "Planners (for robots that walk on ice and snow",
        "We allow all of our robots on ice and on snow",
        "Robots on ice and snow, and on wet and dirty roads",  # no verb
    ],
)
def test_what_does_not_stand_by_itself_is_cut_at_a_word(beginning: str) -> None:
    assert shorten_to_clause(f"{beginning} to improve {_REST}.", len(beginning) + 30).endswith("…")


def test_a_name_and_a_word_for_any_work_are_too_little() -> None:
    text = f"We propose CARUSO (Careful Robots Under Snow), a novel framework that improves {_REST}."
    assert shorten_to_clause(text, 100).endswith("…")


@pytest.mark.parametrize(
    "text",
    [
        "Wir stellen einen Planer vor, der auf Eis und Schnee lernt; er braucht keine Daten und kein Licht.",
        "我们提出一种方法，" * 20,
    ],
)
def test_other_languages_are_cut_at_a_word(text: str) -> None:
    assert shorten_to_clause(text, 80).endswith("…")


@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(("we show", "the", ", which", "snow", "to improve", ";", "."))).map(" ".join)
)
def test_a_clause_is_never_too_long_and_made_of_the_text(text: str) -> None:
    shown = shorten_to_clause(text, 100)
    assert len(shown) <= 100
    assert text.startswith(shown) or text.startswith(shown[:-1])
