"""The query language on PostgreSQL's full-text search."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paperround.domain.errors import QueryError
from paperround.domain.models import MAX_ABSTRACT, MAX_AUTHORS, MAX_TITLE, Paper
from paperround.matching.lexical import Index
from paperround.matching.query import MAX_LENGTH, Query, parse
from paperround.matching.tsearch import CREATE, expression, index_document
from support.queries import BATCHES, QUERIES, Shape, paper

Rows = Callable[..., list[set[int]]]


# Left to itself, PostgreSQL reads tables as small as these from end to end and never asks their index.
@pytest.fixture(scope="module", params=["by reading all", "by the index"])
def rows(request: pytest.FixtureRequest, postgres_server: str) -> Iterator[Rows]:
    """What PostgreSQL finds for each query among the papers."""
    with psycopg.connect(postgres_server, autocommit=True) as db:
        db.execute("CREATE TEMP TABLE papers (row BIGINT PRIMARY KEY)")
        for statement in CREATE:
            db.execute(statement.replace("CREATE TABLE", "CREATE TEMP TABLE", 1))
        if request.param == "by the index":
            db.execute("SET enable_seqscan = off")
            plan = db.execute("EXPLAIN SELECT row FROM paper_index WHERE terms @@ $$'ti:robot'$$").fetchall()
            assert "ix_paper_index_terms" in str(plan)

        def found(papers: Iterable[Paper], *queries: Query) -> list[set[int]]:
            db.execute("DELETE FROM papers")
            for one in papers:
                db.execute("INSERT INTO papers VALUES (%s)", [one.row])
                db.execute("INSERT INTO paper_index VALUES (%s, %s)", [one.row, index_document(one)["terms"]])
            db.execute("SELECT gin_clean_pending_list('ix_paper_index_terms')")
            ask = "SELECT row FROM paper_index WHERE terms @@ %s::tsquery"
            return [{row for (row,) in db.execute(ask, [expression(query)])} for query in queries]

        yield found


@given(BATCHES, st.lists(QUERIES, min_size=1, max_size=4))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_postgresql_finds_the_same_papers_as_the_index(
    rows: Rows, papers: list[Paper], queries: list[tuple[Shape, str]]
) -> None:
    trees = [parse(text) for _, text in queries]
    index = Index(papers)
    assert rows(papers, *trees) == [index.rows(tree) for tree in trees]


@pytest.mark.parametrize(
    "nested",
    [
        lambda level, inner: f"(b{level} OR (c{level} {inner}))",
        lambda level, inner: f"(b{level} d (c OR NOT {inner}))",
    ],
)
def test_the_deepest_query_that_is_allowed_is_not_too_deep_for_postgresql(
    rows: Rows, nested: Callable[[int, str], str]
) -> None:
    query, level = '"vision boxe"*', 0
    while True:
        deeper = nested(level, query)
        try:
            parse(deeper)
        except QueryError:
            break
        query, level = deeper, level + 1
    assert rows([paper()], parse(query)) == [set()]


def test_the_longest_query_that_is_allowed_is_not_too_long_for_postgresql(rows: Rows) -> None:
    many = " OR ".join(f"x{number}i*" for number in range(205))
    word = "x" * MAX_LENGTH
    assert len(many) <= MAX_LENGTH
    queries = (many, many.replace(" OR ", " -"), word, f"{word[:-1]}*")
    assert rows([paper(title="x7iy"), paper(2, abstract=word)], *map(parse, queries)) == [{1}, set(), {2}, {2}]


def test_a_phrase_never_reaches_over_the_end_of_a_value(rows: Rows) -> None:
    facts = {"title": "A human", "keywords": ["machine", "vision"], "authors": ["Ada", "Byron"]}
    queries = map(parse, ('"machine vision"', 'author:"ada byron"', '"human machine"', "keywords:(machine vision)"))
    assert rows([paper(**facts)], *queries) == [set(), set(), set(), {1}]


@pytest.mark.parametrize("text", [r"O'Brien's \'x\' \\", "a:1,2B & b | !c <-> (d):*", "'", "x\\", '"; DROP', "%s :x"])
def test_marks_that_mean_something_to_postgresql_mean_nothing_in_a_paper_or_a_query(rows: Rows, text: str) -> None:
    one = paper(title=f"robots {text}", keywords=[text], categories=[text], organization=text)
    quoted = text.replace('"', "")
    queries = ["robots", f'robots OR cat:"{quoted} z"', *([f'"{quoted}"'] if any(map(str.isalpha, quoted)) else [])]
    assert rows([one], *map(parse, queries)) == [{1}] * len(queries)


def numbered(count: int) -> list[str]:
    """Words that differ, in Chinese, which is written without spaces: each character is one."""
    return [chr(0x4E00 + number % 20_000) for number in range(count)]


def test_the_last_words_of_the_longest_abstract_are_found_and_end_no_phrase(rows: Rows) -> None:
    words = numbered(MAX_ABSTRACT)
    long = paper(title="x " * (MAX_TITLE // 2), abstract="".join(words))
    middle, end = "".join(words[16_000:16_003]), "".join(words[16_381:16_383])
    queries = (middle, words[-1], f"{words[0]} {words[-1]}*", f'"{words[16_379]}{words[-1]}"', f'"{end}{words[-1]}"')
    assert rows([long], *map(parse, queries)) == [{1}, {1}, {1}, set(), set()]


def test_a_paper_of_three_thousand_authors_is_found_by_each_of_them(rows: Rows) -> None:
    names = [f"A{number} Ö'Brien{number} {'x' * 250}" for number in range(MAX_AUTHORS)]
    queries = (f"author:a{MAX_AUTHORS - 1}", 'author:"a7 o brien7"', 'author:"brien8 x"*', 'author:"brien8 a9"')
    assert rows([paper(authors=names)], *map(parse, queries)) == [{1}, {1}, {1}, set()]


def test_a_word_that_is_said_a_thousand_times_is_found(rows: Rows) -> None:
    one = paper(abstract="the robot " * 1_500)
    assert rows([one], parse('"the robot"'), parse('"robot robot"'), parse("robot -drone")) == [{1}, set(), {1}]


def test_a_paper_with_more_keywords_than_postgresql_can_hold_is_stored_and_found(rows: Rows) -> None:
    keywords = [f"{number:05}{'x' * 290}" for number in range(4_000)]
    flood = paper(title="Robots", keywords=keywords, abstract="On drones", authors=["Ada"])
    queries = map(parse, ("title:robots", "drones author:ada", "keywords:00000*"))
    assert rows([flood, paper(2, title="Robots")], *queries) == [{1, 2}, {1}, {1}]
