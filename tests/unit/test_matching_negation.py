"""What an interest says that somebody does not want."""

from __future__ import annotations

import pytest

from paperround.matching.negation import unwanted_in


@pytest.mark.parametrize(
    "text",
    [
        "no robots",
        "No robots please!",
        "NO ROBOTS PLEASE",
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
        "ich will keine robots",
        "I am not interested in robots",
        "avoid robots",
        "don't show me robots",
        "never robots",
    ],
)
def test_an_interest_that_begins_with_a_negation_excludes_what_follows(text: str) -> None:
    assert unwanted_in(text) == "robots"


@pytest.mark.parametrize(
    "text",
    [
        "drones, not robots",
        "drones but not robots",
        "drones, but no robots please",
        "drones except robots",
        "drones, excluding robots.",
        "drones (not robots)",
        "drones (indoor), no robots",
        "drones other than robots",
        "drones – not robots",
        "papers on drones; no robots",
        "Drohnen, aber keine robots",
        "Drohnen außer robots",
    ],
)
def test_an_interest_that_ends_with_a_negation_excludes_its_end(text: str) -> None:
    assert unwanted_in(text) == "robots"


@pytest.mark.parametrize(
    "text",
    [
        "robots",
        "Not all tokens are equal",
        "no free lunch",
        "without loss of generality",
        "models that do not forget",
        "attention is not all you need",
        "robots, not only drones",
        "can LLMs say no?",
        "robots without legs",
        "no-reference image quality assessment",
        "nothing but robots",
        "not only robots",
        "nicht nur robots",
        "learning without rewards",
        "note taking robots",
        "NO emissions from soil",
        "CO oxidation, NO reduction",
        "nitrogen oxides (NO emissions)",
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
