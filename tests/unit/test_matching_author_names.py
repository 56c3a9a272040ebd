"""Texts that are the name of an author."""

from __future__ import annotations

import pytest

from paperround.matching.author_names import author_exactly_named, author_named, is_name_of
from paperround.matching.vocabulary import Vocabulary

KNOWN = Vocabulary(authors={"yuke zhu": 3, "will may": 1, "xu jundong": 2, "zheng jun zha": 9, "jun zhang": 7})


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Yuke Zhu", 'author:"yuke zhu"'),
        ("zhu yuke", 'author:"yuke zhu"'),
        ("Zhu, Yuke", 'author:"yuke zhu"'),
        ("yuke zhou", 'author:"yuke zhu"'),
        ("Will May", 'author:"will may"'),
        ("Zhang Jun", 'author:"jun zhang"'),
        ('"yuke zhu"', 'author:"yuke zhu"'),
        ("author:zhuu", "author:zhu"),
        ('author:"yuke zhu"', ""),
        ("Ada Lovelace", ""),
        ("zhu AND robots", ""),
        ("title:zhu", ""),
        ("zhu*", ""),
    ],
)
def test_a_name_in_either_order_or_nearly_that_name_is_a_query_for_its_author(text: str, query: str) -> None:
    assert author_named(KNOWN, text) == query


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Zhang Jun", 'author:"jun zhang"'),
        ("yuke zhou", ""),
        ('"zhu yuke"', 'author:"yuke zhu"'),
        ("zhu AND yuke", ""),
        ("may", "author:may"),
    ],
)
def test_a_name_is_exactly_that_of_an_author_in_either_order(text: str, query: str) -> None:
    assert author_exactly_named(KNOWN, text) == query


def test_a_text_is_the_name_of_a_query_if_it_has_all_its_names_and_no_other() -> None:
    assert is_name_of("Zhu, Yuke", 'author:"yuke zhu"')
    assert not is_name_of("Yuke", 'author:"yuke zhu"')
    assert not is_name_of("Yuke Zhu on robots", 'author:"yuke zhu"')
