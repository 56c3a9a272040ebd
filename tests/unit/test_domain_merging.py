"""Several listings, one paper."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain.merging import facts_alone, merge, merged_alone
from paperround.domain.models import Facts, Listing

maybe_text = st.sampled_from(["", "One text", "Another text"])
maybe_count = st.one_of(st.none(), st.integers(0, 50))
listings = st.builds(
    Listing,
    source=st.sampled_from(["arxiv-cs", "daily", "lab-blog"]),
    kind=st.sampled_from(["", "arxiv", "hf-daily", "feed", "page", "nobody-knows"]),
    day=st.dates(date(2026, 11, 1), date(2026, 11, 5)),
    title=st.sampled_from(["One title", "Another title"]),
    abstract=maybe_text,
    summary=maybe_text,
    authors=st.lists(st.sampled_from(["Ada Byron", "Marie Curie"]), max_size=2),
    version=st.one_of(st.none(), st.integers(1, 3)),
    published=st.one_of(st.none(), st.dates(date(2026, 10, 1), date(2026, 10, 9))),
    upvotes=maybe_count,
    comments=maybe_count,
    stars=maybe_count,
    withdrawn=st.booleans(),
)
several = st.lists(listings, min_size=1, max_size=5)


def listing(**facts: Any) -> Listing:
    return Listing.model_validate({"source": "s", "day": date(2026, 11, 1), "title": "A title"} | facts)


@given(several.flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))))
def test_the_order_in_which_listings_came_in_makes_no_difference(pair: tuple[list[Listing], list[Listing]]) -> None:
    assert merge(pair[0]) == merge(pair[1])


@given(several)
def test_a_listing_seen_again_changes_nothing(found: list[Listing]) -> None:
    assert merge(found + found) == merge(found)


@given(several)
def test_what_is_merged_are_facts_that_some_listing_states(found: list[Listing]) -> None:
    merged = merge(found)
    assert merged.keys() == Facts.model_fields.keys()
    for name, value in merged.items():
        stated = [getattr(one, name) for one in found]
        assert value in stated
        assert value not in (None, "", ()) or all(one in (None, "", ()) for one in stated)


@given(several, listings)
def test_counts_never_shrink_and_a_withdrawal_stays(found: list[Listing], another: Listing) -> None:
    before, after = merge(found), merge([*found, another])
    assert all((after[name] or 0) >= (before[name] or 0) for name in ("upvotes", "comments", "stars"))
    assert after["withdrawn"] >= before["withdrawn"]
    assert before["published"] is None or after["published"] <= before["published"]


@given(listings | st.builds(listing, organization=maybe_text, author_count=maybe_count, keywords=st.just([])))
def test_a_paper_of_one_listing_has_the_facts_that_merging_gives(found: Listing) -> None:
    merged = Facts.model_construct(**merge([found])).model_dump(mode="json", exclude_defaults=True)
    assert json.loads(merged_alone(found)) == merged
    assert Facts.model_construct(**facts_alone(found)).model_dump(mode="json", exclude_defaults=True) == merged


def test_a_count_of_zero_is_stored_and_a_missing_count_is_not() -> None:
    assert merge([listing(upvotes=0), listing()])["upvotes"] == 0
    assert merge([listing()])["upvotes"] is None


def test_arxiv_is_believed_about_the_paper_and_the_daily_page_about_its_echo() -> None:
    arxiv = listing(kind="arxiv", title="From arXiv", organization="As affiliated", keywords=["from arxiv"])
    daily = listing(kind="hf-daily", title="From the page", organization="As claimed", keywords=["from the page"])
    merged = merge([daily, arxiv])
    assert (merged["title"], merged["organization"]) == ("From arXiv", "As claimed")
    assert merged["keywords"] == ("from the page",)


def test_a_source_without_a_kind_is_known_by_its_name() -> None:
    assert merge([listing(source="feed", title="Feed"), listing(source="arxiv", title="arXiv")])["title"] == "arXiv"


@pytest.mark.parametrize("later", [{"version": 2}, {"day": date(2026, 11, 2)}])
def test_of_one_source_the_later_version_then_the_later_day_is_believed(later: dict[str, Any]) -> None:
    first = listing(kind="arxiv", version=1, title="As first written")
    second = listing(**{"kind": "arxiv", "version": 1, "title": "As corrected"} | later)
    assert merge([first, second])["title"] == "As corrected"


def test_what_the_trusted_source_leaves_out_is_taken_from_the_next() -> None:
    merged = merge([listing(kind="arxiv"), listing(kind="page", abstract="Only the page has one.", author_count=4)])
    assert (merged["abstract"], merged["author_count"]) == ("Only the page has one.", 4)
