"""Strings at the door and in the index."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paperround.domain import text as texts
from paperround.domain.text import TermPlaces, clean, fold, singular, spans, terms, terms_between, words
from support.examples import examples

anything = st.text(max_size=40)
ascii_word = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=9)


@given(anything)
def test_clean_text_is_one_nfc_line_that_xml_and_databases_take(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned == unicodedata.normalize("NFC", cleaned)
    assert "  " not in cleaned
    assert cleaned == cleaned.strip()
    assert not any(unicodedata.category(c) in {"Cc", "Cs"} for c in cleaned)


@pytest.mark.parametrize(
    ("dirty", "cleaned"),
    [
        ("Size Scaling for\n  Contrastive Loss", "Size Scaling for Contrastive Loss"),
        ("page one\x0cpage two\x0bline", "page one page two line"),
        ("a\x00b \ud800 c", "ab c"),
        ("multi\u00admodal", "multimodal"),
        ("zero\u200bwidth", "zerowidth"),
        ("invoice \u202egnp.exe", "invoice gnp.exe"),
        ("\ufeffTitle", "Title"),
        ("Cafe\u0301", "Café"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_what_is_invisible_goes_and_what_separates_becomes_one_space(dirty: str, cleaned: str) -> None:
    assert clean(dirty) == cleaned


@pytest.mark.parametrize(
    ("number", "nouns", "told"),
    [
        (0, ("paper",), "0 papers"),
        (1, ("paper",), "1 paper"),
        (1_200, ("paper",), "1,200 papers"),
        (1, ("paper waits", "papers wait"), "1 paper waits"),
        (2, ("paper waits", "papers wait"), "2 papers wait"),
    ],
)
def test_a_number_agrees_with_its_noun(number: int, nouns: tuple[str, ...], told: str) -> None:
    assert texts.counted(number, *nouns) == told


@given(anything)
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(anything, anything)
def test_parts_fold_like_the_whole(one: str, other: str) -> None:
    assert fold(one + other) == fold(one) + fold(other)


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Überblick", "uberblick"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("Łódź", "lodz"),
        ("Bjørn Ærø", "bjorn aero"),
        ("İstanbul", "istanbul"),
        ("𝐁ayes 𝒳", "bayes x"),
        ("ﬁne-tuning", "fine-tuning"),
        ("Модель", "модель"),
        ("ＧＰＴ", "gpt"),
    ],
)
def test_case_accents_and_typographic_forms_do_not_count(written: str, folded: str) -> None:
    assert fold(written) == folded


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("model", "models"),
        ("policy", "policies"),
        ("class", "classes"),
        ("box", "boxes"),
        ("batch", "batches"),
        ("hash", "hashes"),
        ("size", "sizes"),
        ("gaze", "gazes"),
        ("cache", "caches"),
        ("response", "responses"),
        ("database", "databases"),
        ("bias", "biases"),
        ("matrix", "matrices"),
        ("analysis", "analyses"),
        ("hypothesis", "hypotheses"),
        ("corpus", "corpora"),
        ("movie", "movies"),
        ("tie", "ties"),
        ("lens", "lenses"),
        ("buzz", "buzzes"),
        ("llm", "llms"),
    ],
)
def test_one_and_many_are_the_same_term(one: str, many: str) -> None:
    assert singular(many) == singular(one)


@pytest.mark.parametrize("word", ["bias", "physics", "gas", "this", "loss", "corpus", "analysis", "was", "ai", "as"])
def test_a_word_that_merely_ends_in_s_stays_itself(word: str) -> None:
    assert singular(word) == word


@given(ascii_word)
def test_a_singular_has_no_plural_ending_left_to_lose(word: str) -> None:
    assert singular(singular(word)) == singular(word)


@given(st.sampled_from(["corpora", "indices", "caches", "movies", "biases"]))
def test_irregular_plurals_come_to_rest_too(word: str) -> None:
    assert singular(singular(word)) == singular(word)


def test_terms_are_folded_singular_words_in_order() -> None:
    text = "Vision-Language-Action Models (VLAs) in C++ and C#: a 3D survey_2"
    found = ["vision", "language", "action", "model", "vla", "in", "c++", "and", "c#", "a", "3d", "survey", "2"]
    assert terms(text) == found
    assert words("Models of models") == ["models", "of", "models"]


def test_chinese_and_japanese_are_split_into_characters_because_they_write_no_spaces() -> None:
    assert terms("GPT大语言模型 ロボットの学習") == ["gpt", *"大语言模型", *"ロホットの学習"]


@given(st.text(st.sampled_from("aCs9+#_-. \t\x1f~")) | st.text(st.characters(max_codepoint=127)))
def test_the_words_of_plain_text_are_those_of_the_pattern(text: str) -> None:
    assert words(text) == re.findall(r"c\+\+|c#|[a-z0-9]+", text.lower())
    assert [text[start:end].lower() for start, end in spans(text)] == words(text)


@given(anything)
def test_terms_survive_being_written_down_and_read_again(text: str) -> None:
    assert terms(" ".join(terms(text))) == terms(text)


@given(anything)
@settings(max_examples=examples(200))
def test_every_term_can_be_shown_as_it_was_written(text: str) -> None:
    shown = [text[start:end] for start, end in spans(text)]
    assert len(shown) == len(terms(text))
    assert all(term in terms(piece) for term, piece in zip(terms(text), shown, strict=True))


def test_the_span_of_a_word_covers_its_accents_and_ligatures() -> None:
    text = "Die ﬁnale Übersicht, ½ fertig"
    assert [text[start:end] for start, end in spans(text)] == ["Die", "ﬁnale", "Übersicht", "½", "fertig"]


@given(st.text("Ab c+#9.-é½ 中", max_size=30) | anything, st.data())
def test_the_places_of_terms_are_those_of_all_spans(text: str, data: st.DataObject) -> None:
    known, places = list(spans(text)), TermPlaces(text)
    for _ in range(3 if known else 0):
        first = data.draw(st.integers(0, len(known) - 1))
        last = data.draw(st.integers(first, len(known) - 1))
        assert places.span(first, last) == (known[first][0], known[last][1])


def test_singulars_are_forgotten_when_there_are_too_many() -> None:
    found = texts._Singulars(max_words=2)
    assert [found[word] for word in ("models", "robots", "bias", "models")] == ["model", "robot", "bias", "model"]
    assert len(found) == 2


def test_a_text_of_one_term_or_none_is_split_like_others() -> None:
    assert [terms(text) for text in ("", "...", "Models", "Models!")] == [[], [], ["model"], ["model"]]


@pytest.mark.parametrize("text", ["Robots that walk: c++, C# and more", "Die Höhle ½ der 中文 Löwen, ﬁve c++ ok"])
def test_terms_are_numbered_by_where_they_begin(text: str) -> None:
    starts = [start for start, _ in spans(text)]
    for first in range(len(text)):
        for last in range(first, len(text) + 1):
            numbers = [number for number, start in enumerate(starts) if first <= start < last]
            assert list(terms_between(text, first, last)) == numbers
