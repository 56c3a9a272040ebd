"""The query language on SQLite's full-text index."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import paperround.store
from paperround.domain.errors import QueryError
from paperround.domain.models import Paper
from paperround.matching.fields import Field
from paperround.matching.fts import CREATE, expression, index_document
from paperround.matching.lexical import Index
from paperround.matching.query import MAX_LENGTH, MAX_NESTING, Query, parse, parse_search_text
from support.examples import examples
from support.queries import BATCHES, QUERIES, Shape, paper


def rows(papers: Iterable[Paper], *queries: Query) -> list[set[int]]:
    """What SQLite finds for each query among the papers."""
    with closing(sqlite3.connect(":memory:")) as db:
        _fill(db, papers)
        return [{row for (row,) in db.execute(_ASK, (expression(query),))} for query in queries]


_ASK = "SELECT rowid FROM paper_index WHERE paper_index MATCH ?"


def _fill(db: sqlite3.Connection, papers: Iterable[Paper]) -> None:
    db.execute(CREATE)
    names = ", ".join(Field)
    for one in papers:
        document = index_document(one)
        db.execute(
            f"INSERT INTO paper_index (rowid, {names}) VALUES (?{', ?' * len(Field)})",
            (one.row, *(document[name] for name in Field)),
        )


@given(BATCHES, st.lists(QUERIES, min_size=1, max_size=4))
@settings(max_examples=examples(60))
def test_sqlite_finds_the_same_papers_as_the_index(papers: list[Paper], queries: list[tuple[Shape, str]]) -> None:
    trees = [parse(text) for _, text in queries]
    index = Index(papers)
    assert rows(papers, *trees) == [index.rows(tree) for tree in trees]


@pytest.mark.parametrize(
    "nested",
    [
        lambda level, inner: f"(b{level} OR (c{level} {inner}))",
        lambda level, inner: f"(b{level} NOT {inner})",
        lambda level, inner: f"(b{level} d (c OR NOT {inner}))",
        lambda level, inner: f"(b{level} OR (d NOT {inner}))",
        lambda level, inner: f"(b{level} OR c{level} {inner})",
        lambda level, inner: f"b{level} -(c{level} OR d{level} {inner})",
        lambda level, inner: f"(b{level} OR c{level} {inner} -d{level})",
        lambda level, inner: f"-(-b{level} OR c{level} {inner} -d{level})",
        lambda level, inner: f"(({inner} -b{level}) OR c{level}) d{level} -e{level}",
        lambda level, inner: f"title:(b{level}* OR c{level}* {inner})",
    ],
)
def test_the_deepest_query_that_is_allowed_is_not_too_deep_for_sqlite(nested: Callable[[int, str], str]) -> None:
    query, level = '"vision boxe"*', 0
    while True:
        deeper = nested(level, query)
        try:
            parse(deeper)
        except QueryError:
            break
        query, level = deeper, level + 1
    assert level >= MAX_NESTING // 4
    assert rows([paper()], parse(query)) == [set()]


def test_the_longest_query_that_is_allowed_is_not_too_long_for_sqlite() -> None:
    many = " OR ".join(f"x{number}i*" for number in range(205))
    assert len(many) <= MAX_LENGTH
    assert rows([paper(title="x7iy")], parse(many), parse(many.replace(" OR ", " -"))) == [{1}, set()]


def test_words_of_any_script_and_names_with_dots_survive() -> None:
    facts = {"title": "大语言模型 и модели μ-TVA C++", "categories": ["cs.CL", "q-bio.NC", "Cell Biology"]}
    found = ("语言", "модели", "μ", '"tva C++"', "cat:cs.CL", "cat:cs.*", 'cat:"cell biology"', "cat:q-bio.nc")
    missed = ("言语", "c#", "cat:CL", "cat:cs", "cat:biology", '"cs cl"')
    queries = [parse(query) for query in (*found, *missed)]
    assert rows([paper(**facts)], *queries) == [{1}] * len(found) + [set()] * len(missed)


def test_a_phrase_never_reaches_over_the_end_of_a_keyword() -> None:
    facts = {"keywords": ["machine", "vision"], "authors": ["Ada", "Byron"]}
    queries = map(parse, ('"machine vision"', 'author:"ada byron"', "keywords:(machine vision)"))
    assert rows([paper(**facts)], *queries) == [set(), set(), {1}]


def test_the_store_makes_the_table_that_is_described_here() -> None:
    versions = Path(paperround.store.__file__).parent / "migrations" / "versions"
    assert any(CREATE in migration.read_text("utf-8") for migration in versions.glob("*.py"))


@pytest.mark.parametrize(
    ("typed", "query"),
    [
        ("robot* OR drones", "robot* OR drone"),
        ("vision-language action", '"vision language" action'),
        ('diffusion "policy', "diffusion policy"),
        ("Mamba: linear-time (sequence modeling", 'mamba "linear time" sequence modeling'),
        ("robots & drones", "robot drone"),
        ("robots AND", "robot"),
        ("a) AND b NOT", "a b"),
        ("https://example.org/p", '"http example org p"'),
    ],
)
def test_the_search_box_takes_a_query_where_it_is_one_and_else_the_words(typed: str, query: str) -> None:
    assert str(parse_search_text(typed)) == query


@pytest.mark.parametrize("typed", ["", "  ", "&", "-", "-robots", "NOT robots", "a OR -b", "()"])
def test_a_search_without_anything_to_look_for_is_refused(typed: str) -> None:
    with pytest.raises(QueryError):
        parse_search_text(typed)


def test_a_whole_abstract_pasted_into_the_search_box_finds_its_paper() -> None:
    abstract = "We (the authors) ask: what does a robot's hand know? " * 60
    assert len(abstract) > MAX_LENGTH
    assert rows([paper(abstract=abstract), paper(2, abstract="What?")], parse_search_text(abstract)) == [{1}]
