"""A search in two steps: which papers are candidates, and how they are ranked."""

from __future__ import annotations

import math
from datetime import date
from itertools import pairwise
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paperround.domain.models import Paper
from paperround.matching import fts, tsearch
from paperround.matching.fields import TEXT, Field, field_terms
from paperround.matching.lexical import Index, Statistics
from paperround.matching.query import Phrase, parse, positive_phrases
from paperround.matching.search import UNBOUNDED, IndexedTexts, SearchBounds, plan, scores
from paperround.matching.words import SearchExpression, Words, interpret
from support.queries import BATCHES, QUERIES, WORDS, Shape, paper

LANGUAGES = (fts, tsearch)
PLAIN = st.lists(WORDS, min_size=2, max_size=9).map(" ".join)


def indexed(papers: list[Paper], language: ModuleType) -> IndexedTexts:
    """The papers' texts, as this language indexes them."""
    documents = [language.index_document(one) for one in papers]
    return language.read_documents([[one[name] for name in language.COLUMNS] for one in documents])


@pytest.mark.slow
@given(BATCHES, QUERIES)
@settings(max_examples=80)
def test_a_search_scores_a_query_as_the_index_of_a_morning_does(
    papers: list[Paper], query: tuple[Shape, str]
) -> None:
    statistics, wanted = Statistics.of(papers), parse(query[1])
    hits = Index(papers, statistics).matches(wanted)
    for language in LANGUAGES:
        found = scores(wanted, statistics, indexed(papers, language)).values
        for one, score in zip(papers, found.tolist(), strict=True):
            # The index counts how common a beginning is among the papers of the batch, the search among all.
            assert one.row not in hits or math.isclose(score, hits[one.row].score, rel_tol=1e-5) or "*" in query[1]


@pytest.mark.slow
@given(BATCHES, PLAIN)
@settings(max_examples=60)
def test_and_plain_words_too(papers: list[Paper], text: str) -> None:
    statistics, wanted = Statistics.of(papers), interpret(text)
    assert isinstance(wanted, Words)
    shares = Index(papers, statistics).shares(wanted)
    for language in LANGUAGES:
        assert scores(wanted, statistics, indexed(papers, language)).values == pytest.approx(shares, rel=1e-4)


def test_a_hyphenated_word_counts_in_each_of_its_spellings_on_every_database() -> None:
    papers = [
        paper(1, title="De-noising"), paper(2, title="Images", abstract="Denoising, de-noising."),
        paper(3, title="De-occlusion"), paper(4, title="Noising", abstract="Images"),
    ]  # fmt: skip
    statistics, wanted = Statistics.of(papers), interpret("de-noising images")
    shares = Index(papers, statistics).shares(wanted) if isinstance(wanted, Words) else []
    assert [share > 0 for share in shares] == [True, True, False, True]
    for language in LANGUAGES:
        assert scores(wanted, statistics, indexed(papers, language)).values == pytest.approx(shares, rel=1e-4)
    asked = [[str(query) for query, _ in chain] for chain in plan(wanted, statistics)]
    assert asked[1] == [
        'title:image OR title:"de noising" OR title:denoising',
        'title:image (title:"de noising" OR title:denoising)',
    ]


@pytest.mark.slow
@given(BATCHES, QUERIES)
@settings(max_examples=80)
def test_a_phrase_is_counted_as_often_as_it_stands_in_each_paper(
    papers: list[Paper], query: tuple[Shape, str]
) -> None:
    for language in LANGUAGES:
        texts = indexed(papers, language)
        assert texts.abstract_lengths() == [len(said[0]) for said in _said(papers, Field.ABSTRACT)]
        for phrase in positive_phrases(parse(query[1])):
            for field in [phrase.field] if phrase.field else TEXT:
                counts = [sum(mentioned(phrase, terms) for terms in said) for said in _said(papers, field)]
                assert texts.mentions(phrase, field) == {place: count for place, count in enumerate(counts) if count}


def _said(papers: list[Paper], field: Field) -> list[list[list[str]]]:
    """The terms of each paper's values of a field."""
    return [list(map(list, field_terms(one, field))) for one in papers]


def mentioned(phrase: Phrase, terms: list[str]) -> int:
    """How often a phrase occurs in a text, word by word."""
    *before, last = phrase.terms
    pieces = [terms[at : at + len(phrase.terms)] for at in range(len(terms) - len(before))]
    ends = (last, *phrase.endings)
    return sum(
        begin == before and (end in ends or (phrase.prefix and end.startswith(last))) for *begin, end in pieces
    )


@pytest.mark.slow
@given(BATCHES, PLAIN)
@settings(max_examples=60)
def test_a_paper_with_two_of_a_few_words_is_always_a_candidate(papers: list[Paper], text: str) -> None:
    words = interpret(text)
    assert isinstance(words, Words)
    few = Words(words.terms[:4])
    statistics, index = Statistics.of(papers), Index(papers)
    candidates = set().union(*(index.rows(query) for chain in plan(few, statistics) for query, _ in chain))
    for one in papers:
        held = sum(one.row in index.rows(phrase) for phrase in few.phrases)
        assert held < 2 or one.row in candidates


@pytest.mark.slow
@given(BATCHES, PLAIN)
@settings(max_examples=40)
def test_the_last_but_one_query_for_several_words_finds_the_papers_without_one_of_them(
    papers: list[Paper], text: str
) -> None:
    words = interpret(text)
    assert isinstance(words, Words)
    few, index = Words(words.terms[:6]), Index(papers)
    if len(few.terms) > 2:
        query, _ = plan(few, Statistics.of(papers))[0][-2]
        held = {one.row: sum(one.row in index.rows(phrase) for phrase in few.phrases) for one in papers}
        assert index.rows(query) == {row for row, number in held.items() if number >= len(few.terms) - 1}


@pytest.mark.slow
@given(BATCHES, QUERIES)
@settings(max_examples=40)
def test_the_candidates_of_a_query_are_what_it_finds(papers: list[Paper], query: tuple[Shape, str]) -> None:
    wanted, index = parse(query[1]), Index(papers)
    found = [index.rows(part) for chain in plan(wanted, Statistics()) for part, _ in chain]
    assert found[0] == index.rows(wanted)
    assert all(rows <= found[0] for rows in found)


@pytest.mark.slow
@given(BATCHES, st.one_of(PLAIN.map(interpret), QUERIES.map(lambda query: parse(query[1]))))
@settings(max_examples=60)
def test_each_query_of_a_chain_finds_some_of_the_papers_of_the_one_before(
    papers: list[Paper], wanted: SearchExpression
) -> None:
    index = Index(papers)
    for chain in plan(wanted, Statistics.of(papers)):
        for (loose, _), (strict, _) in pairwise(chain):
            assert index.rows(strict) <= index.rows(loose)


def test_a_long_text_asks_for_its_rarest_words() -> None:
    words = Words(tuple(f"word{number}" for number in range(40)))
    statistics = Statistics(1_000, {f"word{number}": 40 - number for number in range(40)})
    asked = plan(words, statistics)
    everything, _ = asked[0][-1]
    assert [len(chain) for chain in asked] == [3, 2, 1, 1, 1]
    assert str(everything).split(" ")[0] == "word39"
    assert "word1 " not in f"{everything} "


def test_names_count_and_of_several_words_those_together_are_asked_for() -> None:
    robots = paper(1, title="Robots and drones", authors=("Ada Byron",))
    wanted = parse("(robots OR drones) author:byron")
    for language in LANGUAGES:
        texts = indexed([robots], language)
        both, either = (scores(one, Statistics(), texts).values for one in (wanted, parse("robots OR drones")))
        assert both > either
        assert scores(parse("author:nobody"), Statistics(), texts).values == 0
    assert [[limit for _, limit in chain] for chain in plan(wanted, Statistics())] == [[200, 60], [80]]
    assert [[limit for _, limit in chain] for chain in plan(parse("author:byron"), Statistics(), 61)] == [[400]]


def test_bounds_of_a_search_limit_days_and_source() -> None:
    first, last = date(2026, 11, 1), date(2026, 11, 30)
    bounds, query = SearchBounds(first, last, "hf-daily"), parse("robots")
    assert (bounds.days, UNBOUNDED.days) == ((first, last), None)
    assert bounds.narrow(query) == parse("robots AND source:hf-daily")
    assert UNBOUNDED.narrow(query) == query
    one = paper(1, day=first, sources=("arxiv", "hf-daily"))
    assert bounds.include(one)
    assert UNBOUNDED.include(one)
    assert not bounds.include(one.model_copy(update={"sources": ("arxiv",)}))
    assert not bounds.include(one.model_copy(update={"day": date(2026, 12, 1)}))
