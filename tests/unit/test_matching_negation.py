"""What an interest says that somebody does not want."""

from __future__ import annotations

import pytest

from paperround.matching.negation import unwanted_in


@pytest.mark.parametrize(
    "text",
    [
        "no robots",
        "No robots please!",
        "please no robots",
        "not robots",
        "without robots",
        "except robots",
        "anything except robots",
        "everything but robots",
        "nothing about robots, please",
        "not interested in robots",
        "I don't want robots",
        "I do not want to read about robots.",
        "no robots but drones",
        "keine robots",
        "alles außer robots",
        "nichts über robots bitte",
        "ohne robots",
        "nicht robots, bitte",
        "keine robots sondern drones",
    ],
)
def test_an_interest_that_begins_with_a_negation_excludes_what_follows(text: str) -> None:
    assert unwanted_in(text) == "robots"


@pytest.mark.parametrize(
    "text",
    [
        "robots",
        "robots without legs",
        "no-reference image quality assessment",
        "nothing but robots",
        "not only robots",
        "nicht nur robots",
        "learning without rewards",
        "note taking robots",
        "robots -drones",
        '"no robots"',
        "NOT robots",
        "kernel methods",
        "no",
        "",
    ],
)
def test_an_interest_that_says_what_it_wants_excludes_nothing(text: str) -> None:
    assert unwanted_in(text) == ""
