"""Cutting where people would cut."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.rendering.excerpt import (
    breakable,
    cut,
    cut_to_width,
    excerpt,
    first_sentence,
    right_to_left,
    tie_last_words,
)

_LONG = "and so on and on " * 30


@pytest.mark.parametrize(
    ("text", "budget", "kept"),
    [
        ("Short.", 100, "Short."),
        ("One sentence. " + _LONG, 18, "One sentence."),
        ("Is it? Yes! " + _LONG, 15, "Is it? Yes!"),
        ("As in Doe et al. and others in Fig. 3 of it. " + _LONG, 60, "As in Doe et al. and others in Fig. 3 of it."),
        ("It works, e.g. here. " + _LONG, 26, "It works, e.g. here."),
        ("It works well, e.g. " + _LONG, 21, "It works well, e.g…"),
        ("It is 3.5 times faster. " + _LONG, 30, "It is 3.5 times faster."),
        ("Written by J. Doe. " + _LONG, 24, "Written by J. Doe."),
        ("He said “stop.” And then " + _LONG, 20, "He said “stop.”"),
        ("A third is too short. " + _LONG, 33, "A third is too short. and so…"),
        ("Too short. " + _LONG, 60, "Too short. and so on and on and so on and on and so…"),
        ("我们提出一种方法。它在长文本上更快！" + "并且" * 99, 24, "我们提出一种方法。它在长文本上更快！"),
        ("并且几乎不损失质量" * 30, 10, "并且几乎不损失质量…"),
        ("The policy of a controller of, and, in the room " + _LONG, 46, "The policy of a controller…"),
        ("anything at all", 0, ""),
        ("", 0, ""),
    ],
)  # fmt: skip
def test_an_abstract_ends_where_a_sentence_does(text: str, budget: int, kept: str) -> None:
    assert excerpt(text, budget) == kept


_PIECES = ("word", "e.g.", "end.", "End!", "Fig.", "é", "👩🏽‍🔬", "ا")
_ANY = st.text(max_size=200) | st.lists(st.sampled_from(_PIECES), max_size=40).map(" ".join)


@given(_ANY, st.integers(0, 120))
def test_an_excerpt_keeps_to_its_budget_and_its_text(text: str, budget: int) -> None:
    kept = excerpt(text, budget)
    assert len(kept) <= max(budget, 0)
    assert text.startswith(kept.removesuffix("…").rstrip()) or text.startswith(kept)
    if len(text) <= budget:
        assert kept == text


@given(_ANY, st.integers(1, 120))
def test_a_cut_never_parts_a_character_from_its_marks(text: str, budget: int) -> None:
    kept = cut(text, budget)
    if kept != text and len(kept) > 1:
        following = text[len(kept.removesuffix("…")) :][:1]
        assert not following or unicodedata.category(following) not in ("Mn", "Me") or kept == "…"


def test_a_family_of_emoji_is_not_cut_apart() -> None:
    assert cut("👩🏽‍🔬" * 3, 6) == "👩🏽‍🔬…"
    assert cut("anything", 0) == ""
    assert cut("e\u0301" * 5, 4) == "e\u0301…"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Hello", False), ("مرحبا", True), ("שלום", True), ("3 مرحبا", True), ("BERT نموذج", False), ("123 …", False)],
)
def test_the_first_letter_with_a_direction_decides(text: str, expected: bool) -> None:
    assert right_to_left(text) is expected


def test_long_words_can_break_and_others_are_left_alone() -> None:
    assert breakable("electroencephalographically") == "electroenceph\u200balographically"
    assert breakable("short words only") == "short words only"
    assert (
        breakable("这是一个很长的没有空格的句子这是一个很长的没有空格的句子")
        == "这是一个很长的没有空格的句子这是一个很长的没有空格的句子"
    )
    assert breakable("e\u0301" * 20).startswith("e\u0301" * 6 + "\u200b")
    assert breakable("\u0301" * 40) == "\u0301" * 13 + "\u200b" + "\u0301" * 13 + "\u200b" + "\u0301" * 14


def test_a_break_never_looks_back_beyond_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = []
    monkeypatch.setattr("paperround.rendering.excerpt._continues", lambda char: looked_at.append(char) or True)
    breakable("a" + "\u0301" * 2_000)
    assert len(looked_at) <= 2_001, "each character once, however many combining marks there are"


@given(st.text(st.characters(exclude_characters="\u200b"), max_size=120))
def test_breaking_adds_nothing_visible(text: str) -> None:
    assert breakable(text).replace("\u200b", "") == text
    assert all(
        len(word) <= 26 or not word.isascii() for line in breakable(text).split() for word in line.split("\u200b")
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Robots walk, e.g. on sand. They fall.", "Robots walk, e.g. on sand."),
        ("Does it walk? Yes.", "Does it walk?"),
        ("It walks on sand, snow etc. and falls. Yes.", "It walks on sand, snow etc. and falls."),
        ("It walks on sand, snow etc. We push it.", "It walks on sand, snow etc."),
        ("It walks slowly.We push it.", "It walks slowly."),
        ("It walks in Node.js and so on. Yes.", "It walks in Node.js and so on."),
        ("它会走路。它不会摔倒。", "它会走路。"),
        ("Without an end", ""),
        ("Smith et al.", ""),
        ("", ""),
    ],
)
def test_the_first_sentence_ends_at_no_abbreviation(text: str, sentence: str) -> None:
    assert first_sentence(text) == sentence


@pytest.mark.parametrize(
    ("text", "room", "kept"),
    [
        ("A short title", 20, "A short title"),
        ("A longer title of words", 20, "A longer title of…"),
        ("Better Robot Policies for Vision-Language-Action Models", 44, "Better Robot Policies for Vision-Language…"),
        ("Policies for Long-Horizon-Action Models", 20, "Policies for…"),  # too little is gained
        (
            "Better Robot Policies for A-very-long-x-y-z-and-so-on",
            44,
            "Better Robot Policies for…",
        ),  # the words are too short
        ("不分词的标题", 6, "不分…"),
    ],
)
def test_a_title_is_cut_to_a_width_at_a_word_or_at_a_hyphen_of_a_long_one(text: str, room: int, kept: str) -> None:
    def width(piece: str) -> float:
        return sum(1 if char.isascii() else 2 for char in piece)

    assert cut_to_width(text, room, width) == kept


@pytest.mark.parametrize(
    ("title", "tied"),
    [
        ("Robots that walk", "Robots that\u00a0walk"),
        ("Robots", "Robots"),
        ("On electroencephalographic measurements", "On electroencephalographic measurements"),
        ("", ""),
    ],
)
def test_the_last_word_of_a_title_is_not_alone_on_a_line(title: str, tied: str) -> None:
    assert tie_last_words(title) == tied
