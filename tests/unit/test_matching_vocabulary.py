"""The collection's own words: typing mistakes mended, acronyms spelled out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.matching.vocabulary import CorrectedText, Vocabulary, one_letter_away
from support.queries import paper

LLMS = "Large language models (LLMs) shrink."
LLM = "A large language model (LLM), and a graph (XYZ)."
KNOWN = Vocabulary.of(
    [
        *(paper(row, title="Quantization of networks", abstract=LLMS) for row in range(1, 5)),
        *(paper(row, title="Networks", abstract=LLM) for row in range(5, 7)),
        paper(8, abstract="A rare thing (RT), quantisation, and Lonely Large Models (LLM)."),
    ]
)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("quantizaton of networks", "quantization of networks"),
        ("quantizzation of networks", "quantization of networks"),
        ("quantizatoin of networks", "quantization of networks"),
        ("Quantixation, of NETWORKZ", "quantization, of network"),
        ("netwrk", "network"),
    ],
)
def test_a_word_that_no_paper_has_becomes_the_one_that_is_a_letter_away(typed: str, meant: str) -> None:
    corrected = KNOWN.correct(typed)
    assert corrected.text == meant
    assert all(before in typed and after in meant for before, after in corrected.changes)


@pytest.mark.parametrize(
    "text",
    [
        "quantization of networks",
        "entirely different words",
        "rra of networks",
        "the of that",
        '"quantizaton" networks',
        "quantizaton OR networks",
        "title:quantizaton",
        "GPT4x networks",
        "μodel networks",
        "語言 networks",
        "",
    ],
)
def test_known_words_short_ones_numbers_other_scripts_and_queries_stay_as_they_are(text: str) -> None:
    assert KNOWN.correct(text) == CorrectedText(text)


@pytest.mark.parametrize(("common", "typed"), [("and", "hand"), ("handled", "handle"), ("noisy", "noise")])
def test_a_word_becomes_neither_one_that_says_nothing_nor_another_form_of_itself(common: str, typed: str) -> None:
    papers = [paper(row, title=f"{common} robot") for row in range(1, 5)]
    assert Vocabulary.of(papers).correct(f"robots {typed}").changes == ()


def test_a_missing_last_letter_is_a_mistake_although_it_is_an_ending() -> None:
    papers = [paper(row, title="language") for row in range(1, 5)]
    assert Vocabulary.of(papers).correct("robots languag").text == "robots language"


def test_a_word_that_the_whole_collection_has_is_no_mistake() -> None:
    assert KNOWN.correct("quantizaton networks", lambda term: term == "quantizaton").changes == ()


def test_an_acronym_is_spelled_out_where_two_papers_define_it_the_same_way() -> None:
    assert KNOWN.long_forms == {"llm": "large language model"}
    assert KNOWN.expand("LLM agents") == "LLM agents large language model"
    assert KNOWN.expand("LLMs") == "LLMs large language model"


@pytest.mark.parametrize(
    "text", ["agents", "LLM OR agents", '"LLM"', "LLM large language models", "large language models"]
)
def test_nothing_is_added_to_a_query_or_beside_the_long_form(text: str) -> None:
    assert KNOWN.expand(text) == text


ORDINARY = Vocabulary(long_forms={"can": "controller area network", "map": "mean average precision", "rl": "reward"})


@pytest.mark.parametrize(
    ("text", "added"),
    [
        ("robots that can learn", ""),
        ("drones that map cities", ""),
        ("CAN security", " controller area network"),
        ("MAPs of rooms", " mean average precision"),
        ("ROBOTS THAT CAN LEARN", ""),
        ("rl agents", " reward"),
    ],
)
def test_an_ordinary_word_is_an_acronym_only_in_capitals(text: str, added: str) -> None:
    assert ORDINARY.expand(text, {"can", "map"}.__contains__) == text + added


def test_a_text_with_many_acronyms_stays_a_valid_query() -> None:
    forms = {f"a{letter}z": f"{letter * 90} words" for letter in "bcdefghijklmnopqrstuvwxy"}
    text = Vocabulary(long_forms=forms).expand(" ".join(term.upper() for term in forms))
    assert 1_900 < len(text) <= 2_000


@given(st.text("abc", min_size=1, max_size=5), st.data())
def test_what_is_one_letter_away_leads_back(word: str, data: st.DataObject) -> None:
    other = data.draw(st.sampled_from(sorted(one_letter_away(word))))
    assert other != word
    assert word in one_letter_away(other)


def test_a_collection_without_papers_corrects_nothing() -> None:
    assert Vocabulary().correct("robots walk") == CorrectedText("robots walk")
    assert Vocabulary().expand("LLM agents") == "LLM agents"


NAMES = Vocabulary.of(
    [
        paper(1, authors=("Ada Byron", "Mary Q. Somerville")),
        paper(2, authors=("Ada Byrne",)),
        paper(3, authors=("Ada Byrne", "Will May")),
    ]
)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("ada byron", "ada byron"),
        ("byron ada", "ada byron"),
        ("somerville mary q", "mary q somerville"),
        ("will may", "will may"),
        ("byron", "byron"),
        ("ada byrom", ""),
        ("byro", ""),
        ("somebody else", ""),
        ("five words are no name", ""),
        ("", ""),
    ],
)
def test_a_name_is_that_of_an_author_in_either_order(written: str, meant: str) -> None:
    assert NAMES.author(written.split()) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("ada byrom", "ada byron"),
        ("byrom ada", "ada byron"),
        ("byrno", "byrne"),  # one letter from both, and more papers are by Byrne
        ("mary q somervile", "mary q somerville"),
        ("adda byron", "ada byron"),
        ("adda byrom", ""),  # one letter off in each word is another name
        ("add byron", ""),  # too short to be a typing mistake
        ("somebody else", ""),
        ("five words are no name", ""),
        ("", ""),
    ],
)
def test_a_name_is_nearly_that_of_an_author_if_one_word_is_a_letter_away(written: str, meant: str) -> None:
    assert NAMES.author_nearly(written.split()) == meant
