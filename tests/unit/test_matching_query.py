"""The query language: what it reads, what it refuses, and with which words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paperround.domain.errors import QueryError
from paperround.matching.fields import Field
from paperround.matching.query import (
    MAX_DEPTH,
    MAX_LENGTH,
    MAX_NESTING,
    And,
    Not,
    Or,
    Phrase,
    Query,
    can_come_from,
    conjoin,
    disjoin,
    negate,
    nesting,
    parse,
    parse_search_text,
    parse_syntax,
    positive_phrases,
)
from support.examples import examples
from support.queries import BLANK, SHAPES, Shape, holds, written


def word(term: str, field: Field | None = None) -> Phrase:
    return Phrase((term,), field)


A, B, C = word("a"), word("b"), word("c")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a", A),
        ("a b", And((A, B))),
        ("a AND b", And((A, B))),
        ("a and b", And((A, word("and"), B))),
        ("a b OR c", Or((And((A, B)), C))),
        ("a OR b c", Or((A, And((B, C))))),
        ("a (b OR c)", And((A, Or((B, C))))),
        ("a NOT b OR c", Or((And((A, Not(B))), C))),
        ("a AND NOT b", And((A, Not(B)))),
        ("a -b", And((A, Not(B)))),
        ("a -(b c)", And((A, Not(And((B, C)))))),
        ("NOT NOT a", A),
        ("a NOT (NOT b)", And((A, B))),
        ("a (b (c))", And((A, B, C))),
        ("a a OR a", A),
        ("Modèles", word("modele")),
        ('"Diffusion  Policies"', Phrase(("diffusion", "policy"))),
        ("vision-language", Phrase(("vision", "language"))),
        ("polic*", Phrase(("polic",), prefix=True)),
        ("models*", Phrase(("models",), prefix=True)),
        ("vision-lang*", Phrase(("vision", "lang"), prefix=True)),
        ('"large languages mod"*', Phrase(("large", "language", "mod"), prefix=True)),
        ('"A* search"', Phrase(("a", "search"))),
        ("title:a b", And((word("a", Field.TITLE), B))),
        ("title: a", word("a", Field.TITLE)),
        ("TI:a", word("a", Field.TITLE)),
        ("title:(a OR abs:b)", Or((word("a", Field.TITLE), word("b", Field.ABSTRACT)))),
        ("title:(a (b OR c))", parse_syntax("title:a (title:b OR title:c)")),
        ('au:"Ada Byron"', Phrase(("ada", "byron"), Field.AUTHOR)),
        ("cat:cs.CL", word("cs.cl", Field.CAT)),
        ("cat:q-bio.NC", word("q.bio.nc", Field.CAT)),
        ('cat:"Cell Biology"', word("cell.biology", Field.CAT)),
        ("cat:cs.*", Phrase(("cs.",), Field.CAT, prefix=True)),
        ('cat:"cs"*', Phrase(("cs",), Field.CAT, prefix=True)),
        ("source:hf-daily", word("hf.daily", Field.SOURCE)),
        ("16:9 a", And((Phrase(("16", "9")), A))),
        ("C++ c#", And((word("c++"), word("c#")))),
        ("(a)(b)", And((A, B))),
        ('a"b c"', And((A, Phrase(("b", "c"))))),
        ("“a b” «c»", And((Phrase(("a", "b")), C))),
    ],
)
def test_a_query_means_what_the_language_says(text: str, tree: object) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "position", "problem"),
    [
        ("", 0, "the query is empty; write a word to look for"),
        (" \n", 0, "the query is empty; write a word to look for"),
        ('a "b c', 2, "this quotation mark is never closed"),
        ("a (b", 2, "this parenthesis is never closed"),
        ("a (", 2, "this parenthesis is never closed"),
        ("a) b", 1, "this parenthesis was never opened"),
        ("a ()", 3, "these parentheses are empty; add a word or remove them"),
        ("a AND", 2, "AND needs a word after it"),
        ("a OR OR b", 2, "OR needs a word after it"),
        ("(a OR)", 3, "OR needs a word after it"),
        ("OR a", 0, "OR needs a word before it; in small letters it is a word itself"),
        ("a NOT", 2, "NOT needs a word after it"),
        ("a NOT AND b", 2, "NOT needs a word after it"),
        ("titel:a", 0, 'there is no field titel: (did you mean title:?); text with a colon goes in "quotes"'),
        ("a https://x.org/y", 2, "an address is not a query; describe the papers in words"),
        ("title:", 0, "title: needs a word, a phrase or a group after it"),
        ("title: OR a", 0, "title: needs a word, a phrase or a group after it"),
        ("title:au:a", 0, "title: needs a word, a phrase or a group after it"),
        ("a title:-b", 8, "the exclusion goes before the field: -title:…"),
        ("mod*l", 3, "a * is allowed only at the end of a word"),
        ("* &", 0, "there is no letter or digit to look for in *"),
        ("cat:...", 4, "there is no letter or digit to look for in ..."),
        ("-a", 0, "this would match everything except a; add a word to look for"),
        ("-a -b", 0, "this would match everything except a OR b; add a word to look for"),
        ("a OR NOT b", 0, "this would match everything except b NOT a; add a word to look for"),
        ("a " * 1_001, MAX_LENGTH, "a query has at most 2000 characters, this one 2002"),
        ("(" * 26 + "a", MAX_DEPTH, "more than 25 nested parentheses"),
    ],
)
def test_an_error_is_reported_where_it_occurs(text: str, position: int, problem: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text)
    assert (caught.value.query, caught.value.position, caught.value.problem) == (text, position, problem)


def test_groups_that_grow_too_deep_for_a_database_are_refused_before_they_are_asked() -> None:
    deep = lambda levels: "".join(f"(a{n} OR b{n} " for n in range(levels)) + "z" + ")" * levels  # noqa: E731
    assert nesting(parse(deep(MAX_NESTING // 2))) == MAX_NESTING
    with pytest.raises(QueryError, match="groups are nested too deeply"):
        parse(deep(MAX_NESTING // 2 + 1))


def test_what_a_visitor_types_is_not_kept_in_memory() -> None:
    before = parse.cache_info().currsize
    for number in range(20):
        parse_search_text(f"never typed before {number}")
    assert parse.cache_info().currsize == before


def test_an_unknown_field_without_a_likely_one_is_answered_with_all_of_them() -> None:
    with pytest.raises(QueryError, match="fields are title, keywords, abstract, author, org, cat, source"):
        parse("gopher://example.org/paper")


def test_the_error_shows_one_line_with_a_caret_under_the_spot() -> None:
    with pytest.raises(QueryError) as caught:
        parse("robots\nOR (drones")
    assert str(caught.value) == "this parenthesis is never closed\n  robots OR (drones\n            ^"


def test_of_a_long_query_the_error_shows_the_part_around_the_spot() -> None:
    with pytest.raises(QueryError) as caught:
        parse("robot " * 100 + "(" + " robot" * 100)
    _, line, caret = str(caught.value).split("\n")
    assert len(line) <= 82
    assert line[caret.index("^")] == "("


@given(SHAPES.flatmap(lambda shape: st.tuples(st.just(shape), written(shape))))
@settings(max_examples=examples(80))
def test_refused_are_exactly_the_queries_that_match_a_paper_with_none_of_their_words(pair: tuple[Shape, str]) -> None:
    shape, text = pair
    if holds(shape, BLANK):
        with pytest.raises(QueryError, match="everything except"):
            parse(text)
    else:
        parse(text)


@given(SHAPES.flatmap(written))
@settings(max_examples=examples(80))
def test_a_query_written_out_again_is_the_same_query(text: str) -> None:
    query = parse_syntax(text)
    assert parse_syntax(str(query)) == query
    assert str(parse_syntax(str(query))) == str(query)


@given(st.text('ab"()*-: \nANDORNOTtitlecat.“é', max_size=40))
@settings(max_examples=examples(300))
def test_any_text_is_a_query_or_a_query_error_that_points_into_it(text: str) -> None:
    query, error = parsed(text)
    if error:
        assert 0 <= error.position <= len(text)
        assert "\n" not in error.problem
    else:
        assert parse(str(query)) == query


def parsed(text: str) -> tuple[Query | None, QueryError | None]:
    try:
        return parse(text), None
    except QueryError as error:
        return None, error


def test_parentheses_may_be_nested_as_deep_as_allowed_and_operators_as_long() -> None:
    assert parse("(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH) == A
    assert parse("a OR " * 399 + "b") == Or((A, B))
    assert parse("NOT " * 498 + "a") == A


def test_trees_made_by_hand_have_the_same_canonical_form() -> None:
    assert conjoin([A]) == disjoin([A]) == A
    assert conjoin([A, conjoin([B, A])]) == And((A, B))
    assert disjoin([A, disjoin([B, C])]) == Or((A, B, C))
    assert negate(negate(A)) == A


def test_what_speaks_for_a_paper_are_the_phrases_that_are_not_excluded() -> None:
    assert positive_phrases(parse("a b -(c -title:a)")) == (A, B, word("a", Field.TITLE))


@pytest.mark.parametrize(
    ("prefix", "endings"),
    [
        ("model*", ()),
        ("models*", ("model",)),
        ("boxe*", ("box",)),
        ("polici*", ("policy",)),
        ("policie*", ("policy",)),
        ("matrice*", ("matrix",)),
        ("indic*", ()),
        ("cat:boxe*", ()),
        ("boxe", ()),
    ],
)
def test_a_beginning_that_reaches_into_a_plural_ending_finds_the_singular(
    prefix: str, endings: tuple[str, ...]
) -> None:
    query = parse(prefix)
    assert isinstance(query, Phrase)
    assert query.endings == endings


@pytest.mark.parametrize("dash", ["-", "–", "−"])
def test_a_dash_excludes_however_it_is_typed(dash: str) -> None:
    assert str(parse(f"robots {dash}drones")) == "robot NOT drone"
    assert str(parse(f"robots {dash} drones")) == str(parse("robots AND drones"))


def test_signs_that_nobody_sees_do_not_divide_a_word() -> None:
    assert str(parse("re\u00adtracted AND zom\u200bbie*")) == "retracted zombie*"


@pytest.mark.parametrize(
    ("text", "possible"),
    [
        ("source:feed", True),
        ("source:hf-daily", False),
        ("source:hf-daily OR source:feed", True),
        ("source:hf-daily OR robots", True),
        ("source:hf-daily robots", False),
        ("robots NOT source:hf-daily", True),
        ("source:fe*", True),
        ("source:hf*", False),
        ("hf-daily", True),
    ],
)
def test_a_query_can_be_served_by_the_sources_that_it_names(text: str, possible: bool) -> None:
    assert can_come_from(parse(text), ["Feed", "arxiv"]) is possible
