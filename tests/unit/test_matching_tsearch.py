"""Queries and papers as PostgreSQL's full-text search takes them; on a real server it is tried elsewhere."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from paperround.domain.models import Paper
from paperround.matching import tsearch
from paperround.matching.query import Phrase, parse


def paper(**facts) -> Paper:
    known = {"id": "x", "row": 1, "day": date(2026, 11, 23), "sources": ("arxiv",), "title": "Robots learn"}
    return Paper.model_validate({**known, "first_seen": datetime(2026, 11, 23, tzinfo=UTC), **facts})


@pytest.mark.parametrize(
    ("query", "expression"),
    [
        ("title:robots", "'ti:robot'"),
        ('title:"robot arms"', "'ti:robot' <-> 'ti:arm'"),
        ("title:robo*", "'ti:robo':*"),
        ("author:ada AND org:tencent", "('au:ada' & 'or:tencent')"),
        ("author:ada OR author:ben", "('au:ada' | 'au:ben')"),
        ("title:robot NOT title:survey", "('ti:robot' & !'ti:survey')"),
        ("robot", "('ti:robot' | 'ke:robot' | 'ab:robot')"),
    ],
)
def test_a_query_becomes_a_tsquery(query: str, expression: str) -> None:
    assert tsearch.expression(parse(query)).replace("( ", "(") in (expression, f"({expression})")


def test_a_paper_becomes_a_tsvector_with_positions() -> None:
    terms = tsearch.index_document(paper(authors=("Ada Lovelace", "Ben Bit"), abstract="Arms and arms."))["terms"]
    assert "'ti:robot':1 'ti:learn':2" in terms
    assert "'au:ada':1 'au:lovelace':2 'au:ben':4" in terms, "no phrase reaches from one author to the next"
    assert "'ab:arm':1,3" in terms


def test_a_row_that_an_earlier_version_indexed_is_read_like_a_new_one() -> None:
    old, new = "'au:ada':2C 'ti:arm':2A,5A 'ti:robot':1A,7A", "'au:ada':2 'ti:arm':2,5 'ti:robot':1,7"
    texts = tsearch.read_documents([[old], [new]])
    for phrase, number in ((parse('title:"robot arms"'), 1), (parse("title:robot"), 2), (parse("author:ada"), 1)):
        assert isinstance(phrase, Phrase)
        assert phrase.field is not None
        assert texts.mentions(phrase, phrase.field) == {0: number, 1: number}


def test_quotes_and_backslashes_cannot_leave_their_lexeme() -> None:
    for term in ("it's", "back\\slash"):
        lexeme = tsearch._lexeme(tsearch.Field.TITLE, term)
        assert lexeme[1:-1].replace("''", "").replace("\\\\", "").isprintable()
        assert "'" not in lexeme[1:-1].replace("''", "")


def test_what_is_too_long_for_postgresql_is_cut_and_stays_findable() -> None:
    terms = tsearch.index_document(paper(abstract=" ".join(f"word{n}" for n in range(3_000)) + " same" * 400))[
        "terms"
    ]
    places = [int(place) for entry in terms.split() for place in entry.rpartition(":")[2].split(",")]
    assert max(places) <= 16_383
    assert max(entry.count(",") for entry in terms.split()) < 256
    many = tsearch.index_document(paper(authors=tuple(f"{'a' * 200}{n}" for n in range(3_000))))["terms"]
    assert len(many.encode()) < 2**20
