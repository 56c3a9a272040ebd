"""A letter is never clipped, and never loses a paper silently."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.rendering.size import BUDGETS, Plan, PlannedPaper, fit, forms
from support.letters import ABSTRACT, letter, never_clipped, paper

_PAPER = paper()


def _plan(papers: int, more: int = 0) -> Plan:
    return Plan((PlannedPaper(_PAPER, ("x",)),) * papers, more)


def _size(plan: Plan) -> int:
    return 1_000 + len(plan.choices) * (300 + plan.budget)


@given(st.integers(0, 700), st.integers(0, 9), st.integers(1_000, 200_000))
def test_the_richest_plan_that_fits_is_taken_and_nothing_is_lost(papers: int, more: int, limit: int) -> None:
    plan = _plan(papers, more)
    found = fit(plan, lambda made: made, _size, limit)
    shown = len(found.choices)
    assert shown + found.more == papers + more
    if shown:
        assert _size(found) < limit
    if found.more > more:
        assert found.budget == BUDGETS[-1]
        assert 1_000 + (shown + 1) * (300 + found.budget) >= limit, "one more paper would have fitted"


def test_summaries_are_shortened_before_papers_are_left_out() -> None:
    found = fit(_plan(10), lambda made: made, _size, 1_000 + 10 * (300 + BUDGETS[2]) + 1)
    assert (len(found.choices), found.budget, found.more) == (10, BUDGETS[2], 0)


@given(st.integers(0, 200), st.sampled_from(["full", "brief", "titles"]))
def test_every_paper_has_one_form_and_the_best_come_first(papers: int, density: str) -> None:
    shown = forms(range(papers), density)
    assert [*shown.lead, *shown.cards, *shown.briefs, *shown.lines] == list(range(papers))
    assert shown.entries == range(len(shown.entries))


@pytest.mark.parametrize(
    ("papers", "density", "numbers"),
    [
        (10, "full", (10, 1, 4, 0, 5)),
        (40, "full", (12, 1, 10, 0, 29)),
        (5, "full", (5, 1, 4, 0, 0)),
        (4, "full", (0, 1, 3, 0, 0)),
        (10, "brief", (0, 1, 0, 9, 0)),
        (10, "titles", (0, 0, 0, 0, 10)),
        (0, "full", (0, 0, 0, 0, 0)),
    ],
)
def test_forty_papers_still_have_ten_summaries(papers: int, density: str, numbers: tuple[int, ...]) -> None:
    assert tuple(map(len, forms(range(papers), density))) == numbers


@pytest.mark.slow
def test_five_hundred_papers_make_one_letter_under_the_limit() -> None:
    """In every theme: tests/integration/test_rendering_many.py."""
    never_clipped("plain")


@pytest.mark.slow
def test_forty_papers_all_stay_and_the_first_have_summaries() -> None:
    papers = [paper(row, abstract=f"Here is abstract {row}. {ABSTRACT * 20}") for row in range(1, 41)]
    rendered = letter(papers)
    assert rendered.text.count("Here is abstract ") == 11
    assert "online" not in rendered.html
    assert all(one.title in rendered.text for one in papers)
