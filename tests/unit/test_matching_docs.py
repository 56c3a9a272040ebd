"""docs/queries.md says how queries work: every table of it is true."""

from __future__ import annotations

from pathlib import Path

import pytest

from paperround.domain.errors import QueryError
from paperround.domain.models import Paper
from paperround.matching.fields import Field
from paperround.matching.lexical import Index
from paperround.matching.query import MAX_DEPTH, MAX_LENGTH, parse
from paperround.matching.words import any_of, interpret
from support.queries import paper

PAGE = (Path(__file__).parents[2] / "docs" / "queries.md").read_text("utf-8")


def table(first_heading: str) -> list[list[str]]:
    """The cells of the table whose first column has this heading."""
    lines = PAGE.split(f"\n| {first_heading} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]


def several(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(";") if part.strip()]


def documented() -> list[Paper]:
    return [
        paper(
            int(row),
            title=title,
            abstract=abstract,
            keywords=several(keywords),
            authors=several(authors),
            organization=organisation or None,
            categories=several(categories),
            sources=(source,),
        )
        for row, title, abstract, keywords, authors, organisation, categories, source in table("paper")
    ]


EXAMPLES = table("query | papers")
REFUSED = table("query | why")


@pytest.mark.parametrize(("query", "papers"), EXAMPLES)
def test_an_example_finds_what_the_page_says(query: str, papers: str) -> None:
    expected = set() if papers == "none" else {int(row) for row in papers.split(",")}
    assert Index(documented()).rows(any_of(interpret(query))) == expected


@pytest.mark.parametrize(("query", "why"), REFUSED)
def test_a_refusal_has_the_words_of_the_page(query: str, why: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(query)
    assert caught.value.problem == why


def test_the_marked_spot_is_shown_as_it_is_printed() -> None:
    with pytest.raises(QueryError) as caught:
        parse("robots OR (drones")
    assert str(caught.value).splitlines() == [line[4:] for line in PAGE.splitlines() if line.startswith("    ")]


def test_every_field_and_every_spelling_of_one_is_on_the_page() -> None:
    rows = table("field")
    assert {row[0] for row in rows} == {f"{field}:" for field in Field}
    for field, _, spellings in rows:
        for spelling in spellings.replace("`", "").split(","):
            assert not spelling or parse(f"{spelling.strip()}robots") == parse(f"{field}robots")


def test_every_form_in_the_table_of_the_language_parses_and_equal_forms_are_equal() -> None:
    for written, _ in table("you write"):
        first, *others = written.split("` or `")
        assert all(interpret(other) == interpret(first) for other in others)


def test_the_limits_on_the_page_are_the_limits() -> None:
    assert f"at most {MAX_LENGTH:,} characters, and parentheses at most {MAX_DEPTH} deep" in PAGE
