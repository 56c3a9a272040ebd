"""One batch of papers against queries: rows, scores, reasons."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paperround.domain.models import Listing, Paper
from paperround.matching import lexical
from paperround.matching.fields import Field
from paperround.matching.lexical import COUNTED_PAPERS, MAX_REASONS, Hit, Index, Statistics
from paperround.matching.query import Phrase, parse
from support.examples import examples
from support.queries import BATCHES, QUERIES, WORDS, Shape, holds, paper

ROOT = Path(__file__).parents[2]


@given(BATCHES, st.lists(QUERIES, min_size=1, max_size=4))
@settings(max_examples=examples(60))
def test_the_index_finds_what_reading_every_paper_word_by_word_finds(
    papers: list[Paper], queries: list[tuple[Shape, str]]
) -> None:
    index = Index(papers)
    assert [one.row for one in index.papers] == list(index.numbers)
    for shape, text in queries:
        found = {one.row for one in papers if holds(shape, one)}
        assert index.rows(parse(text)) == found
        assert index.matches(parse(text)).keys() == found


@given(BATCHES, QUERIES)
@settings(max_examples=examples(40))
def test_scores_lie_between_nought_and_one_and_reasons_quote_the_paper(
    papers: list[Paper], query: tuple[Shape, str]
) -> None:
    by_row = {one.row: one for one in papers}
    for row, hit in Index(papers).matches(parse(query[1])).items():
        assert 0 < hit.score < 1
        assert 1 <= len(hit.why) <= MAX_REASONS
        assert len(set(hit.why)) == len(hit.why)
        for reason in hit.why:
            label, _, words = reason.partition(": ")
            assert any(words.strip('"') in value for value in quoted(by_row[row])[label])


def quoted(one: Paper) -> dict[str, tuple[str, ...]]:
    return {
        "title": (one.title,),
        "abstract": (one.abstract or one.summary,),
        "keyword": one.keywords,
        "author": one.authors,
        "organisation": (one.organization or "",),
        "category": one.categories,
        "source": one.sources,
    }


@given(BATCHES, QUERIES)
@settings(max_examples=examples(25))
def test_with_statistics_a_hit_does_not_depend_on_the_batch_it_is_found_in(
    papers: list[Paper], query: tuple[Shape, str]
) -> None:
    # How common a beginning is depends on the words that are there: whole words only.
    tree = parse(query[1].replace("*", ""))
    statistics = Statistics.of(papers)
    together = Index(papers, statistics).matches(tree)
    alone: dict[int, Hit] = {}
    for one in papers:
        alone |= Index([one], statistics).matches(tree)
    assert together == alone


@given(st.lists(WORDS, max_size=4), WORDS)
def test_any_beginning_of_a_word_finds_the_word(before: list[str], word: str) -> None:
    index = Index([paper(abstract=" ".join([*before, word]))])
    for end in range(1, len(word) + 1):
        if word[end - 1].isalnum():
            assert index.rows(parse(f"{word[:end]}*")), word[:end]


def only(query: str, **facts: object) -> Hit:
    return Index([paper(**facts)], Statistics(1_000, {"rare": 3, "common": 500})).matches(parse(query))[1]


def test_the_same_word_weighs_more_in_the_title_than_in_keywords_and_there_more_than_in_the_abstract() -> None:
    title = only("robots", title="Robots at work").score
    keyword = only("robots", keywords=["robots"]).score
    abstract = only("robots", abstract="On robots.").score
    assert title > keyword > abstract > 0


def test_a_rare_word_weighs_more_than_a_common_one_and_a_phrase_more_than_its_words() -> None:
    text = "A rare common thing"
    assert only("rare", title=text).score > only("common", title=text).score
    assert only('"rare common"', title=text).score > only("rare", title=text).score
    assert only("rar*", title=text).score > only("comm*", title=text).score


def test_more_evidence_never_lowers_the_score() -> None:
    once, twice = (only("robots OR drones", abstract=text).score for text in ("robots", "robots and robots"))
    both = only("robots OR drones", abstract="robots and robots and drones").score
    assert once < twice < both


def test_a_long_abstract_is_no_advantage() -> None:
    short, long = (only("robots", abstract="robots " + "word " * count).score for count in (100, 1_000))
    assert short > long


def test_names_weigh_as_documented_author_before_organisation_before_category_before_source() -> None:
    facts = {"authors": ["Ada Byron"], "organization": "Tea Lab", "categories": ["cs.RO"]}
    scores = [only(query, **facts).score for query in ("author:byron", "org:tea", "cat:cs.RO", "source:arxiv")]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 4


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("vision-language-action", ("title: Vision-Language-Action",)),
        ('"diffusion policies"', ('abstract: "Diffusion Policy"',)),
        ("cat:cs.ro au:HE org:tencent", ("author: Kaiming He", "organisation: Tencent AI Lab", "category: cs.RO")),
        ("question", ("keyword: visual question answering",)),
        ("uber*", ("abstract: Überblick",)),
        ("source:hf-daily", ("source: hf-daily",)),
        ("model OR models OR diffusion", ("title: Models", "abstract: Diffusion")),
        ("(models diffusion) OR policy OR uses", ("title: Models", "abstract: Diffusion", "abstract: uses")),
        ("diffusion -robots", ("abstract: Diffusion",)),
    ],
)
def test_reasons_are_in_the_papers_own_words_best_first(query: str, why: tuple[str, ...]) -> None:
    facts = {
        "title": "Vision-Language-Action Models",
        "abstract": "Ein Überblick: uses the Diffusion Policy (diffusion for control).",
        "keywords": ["control", "visual question answering"],
        "authors": ["Ada Byron", "Kaiming He"],
        "organization": "Tencent AI Lab",
        "categories": ["cs.CV", "cs.RO"],
        "sources": ("arxiv", "hf-daily"),
    }
    assert only(query, **facts).why == why


def test_a_reason_is_cut_where_it_would_fill_the_letter() -> None:
    [name] = only("author:anybody", authors=["Anybody " + "von und zu " * 20]).why
    [quote] = only('"' + "hum " * 30 + '"', title="hum " * 30).why
    assert name.endswith("…")
    assert quote.endswith('…"')
    assert len(name) < 100 > len(quote)


def test_what_is_excluded_is_no_reason_and_no_evidence() -> None:
    plain, excluding = only("robots", title="Robots"), only("robots -drones", title="Robots")
    assert plain == excluding


def test_a_phrase_never_reaches_from_one_keyword_author_or_field_into_the_next() -> None:
    index = Index(
        [paper(title="deep", abstract="learning", keywords=["machine", "vision"], authors=["Ada", "Byron"])]
    )
    for query in ('"deep learning"', '"machine vision"', 'author:"ada byron"', '"deep machine"'):
        assert not index.rows(parse(query))


def test_a_summary_stands_in_for_an_abstract_that_is_missing_and_only_then() -> None:
    index = Index([paper(1, summary="robots"), paper(2, summary="robots", abstract="drones")])
    assert index.rows(parse("robots")) == {1}


def test_words_are_not_looked_for_among_authors_and_organisations() -> None:
    index = Index(
        [paper(authors=["Robin Robot"], organization="Robot Lab", categories=["robot"], sources=("robot",))]
    )
    assert not index.rows(parse("robot"))


def test_an_empty_batch_matches_nothing() -> None:
    assert Index([]).matches(parse("robots OR rob* OR cat:cs.RO")) == {}


def test_statistics_count_papers_not_mentions() -> None:
    counted = Statistics.of([paper(1, title="robot robot", abstract="robots"), paper(2, keywords=["robot arm"])])
    assert counted.documents == 2
    assert (counted.frequencies["robot"], counted.frequencies["arm"]) == (2, 1)


@given(BATCHES, BATCHES, BATCHES)
def test_renewed_statistics_are_those_of_the_papers_that_remain(
    removed: list[Paper], kept: list[Paper], added: list[Paper]
) -> None:
    assert Statistics.of(removed + kept).renewed(added, removed) == Statistics.of(kept + added)


def test_rarity_falls_from_one_with_every_paper_that_has_the_word() -> None:
    counts = (0, 1, 10, 100, 1_000, 5_000)
    statistics = Statistics(1_000, {f"in{count}": count for count in counts})
    rarities = [statistics.rarity_of(Phrase((f"in{count}",))) for count in counts]
    assert rarities == sorted(rarities, reverse=True)
    assert rarities[0] == 1
    assert rarities[-1] == rarities[-2] > 0


def test_a_prefix_is_as_common_as_all_that_it_stands_for() -> None:
    statistics = Statistics(1_000, {"robot": 20, "robotic": 30, "both": 50})
    begun = statistics.rarity_of(Phrase(("robot",), prefix=True), ("robot", "robotic"))
    assert begun == statistics.rarity_of(Phrase(("both",)))


def test_the_background_stands_in_for_papers_that_a_new_site_does_not_have() -> None:
    background = Statistics(4_000, {"learning": 2_000, "hurricane": 4})
    few = Statistics.of([paper(row=1, title="Learning from hurricanes")], background)

    def rarity(statistics: Statistics, word: str) -> float:
        return statistics.rarity_of(Phrase((word,)))

    assert rarity(few, "learning") < 0.1
    assert rarity(few, "hurricane") > 0.8
    assert rarity(few, "squall") == 1, "no paper has it"
    alone = Statistics.of([paper(row=1, title="Learning from hurricanes")])
    assert rarity(alone, "learning") == rarity(alone, "hurricane")
    assert few.frequencies == alone.frequencies, "what the site's own papers say stays what it is"
    assert few.renewed([paper(row=2)], []).background is background


@given(st.integers(0, 3_000))
def test_a_site_with_enough_papers_needs_no_background(papers: int) -> None:
    own, background = {"learning": papers // 2, "rare": papers // 100}, Statistics(4_000, {"rare": 4_000})
    alone, filled = Statistics(papers, own), Statistics(papers, own, background)
    rarities = [one.rarity_of(Phrase(("rare",))) for one in (alone, filled)]
    assert (rarities[0] == rarities[1]) == (papers >= COUNTED_PAPERS)


def test_every_topic_that_comes_with_the_program_finds_papers_among_the_seeds() -> None:
    listings = [
        Listing.model_validate({name: value for name, value in json.loads(line).items() if value is not None})
        for line in (ROOT / "seeds" / "papers.jsonl").read_text("utf-8").splitlines()
    ]
    seeds = [
        Paper(
            **one.model_dump(),
            id=str(row),
            row=row,
            sources=(one.source,),
            first_seen=datetime(2026, 11, 23, tzinfo=UTC),
        )
        for row, one in enumerate(listings)
    ]
    index = Index(seeds)
    topics = tomllib.loads((ROOT / "config" / "topics.toml").read_text("utf-8"))["topics"]
    assert topics
    assert {topic["slug"]: len(rows) for topic in topics if len(rows := index.rows(parse(topic["query"]))) < 2} == {}


def test_what_another_thread_looks_up_while_papers_are_indexed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    papers = [paper(row, title="robots") for row in (1, 2)]
    index, field_terms, found = Index(papers), lexical.field_terms, list[object]()

    def meanwhile(one: Paper, field: Field) -> tuple[tuple[str, ...], ...]:
        if not found:
            found.append(None)
            found[:] = [index.rows(parse("robots"))]
        return field_terms(one, field)

    monkeypatch.setattr(lexical, "field_terms", meanwhile)
    assert index.rows(parse("robots")) == {1, 2}
    assert found == [{1, 2}]
