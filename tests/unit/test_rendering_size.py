"""A letter is never clipped, and never loses a paper silently."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from paperround.rendering.size import BUDGETS, Plan, PlannedPaper, PlannedSection, fit
from support.letters import ABSTRACT, letter, never_clipped, paper

_PAPER = paper()


def _plan(*counts: int, more: int = 0) -> Plan:
    sections = (PlannedSection(f"s{at}", (PlannedPaper(_PAPER, ("x",)),) * count) for at, count in enumerate(counts))
    return Plan(tuple(sections), more)


def _size(plan: Plan) -> int:
    return 1_000 + plan.count * (300 + plan.budget)


@given(st.lists(st.integers(1, 200), max_size=5), st.integers(0, 9), st.integers(1_000, 200_000))
def test_the_richest_plan_that_fits_is_taken_and_nothing_is_lost(counts: list[int], more: int, limit: int) -> None:
    plan = _plan(*counts, more=more)
    found = fit(plan, lambda made: made, _size, limit)
    assert found.count + found.more == plan.count + plan.more
    if found.count:
        assert _size(found) < limit
    if found.more > more:
        assert found.budget == BUDGETS[-1]
        assert 1_000 + (found.count + 1) * (300 + found.budget) >= limit, "one more paper would have fitted"


def test_summaries_are_shortened_before_papers_are_left_out() -> None:
    found = fit(_plan(10), lambda made: made, _size, 1_000 + 10 * (300 + BUDGETS[2]) + 1)
    assert (found.count, found.budget, found.more) == (10, BUDGETS[2], 0)


def test_each_topic_keeps_its_best_as_long_as_it_can() -> None:
    found = fit(_plan(8, 2, 1), lambda made: made, _size, 1_000 + 5 * 300 + 1)
    assert [len(section.choices) for section in found.sections] == [2, 2, 1]
    assert found.more == 6


def test_five_hundred_papers_make_one_letter_under_the_limit() -> None:
    """In every theme: tests/integration/test_rendering_many.py."""
    never_clipped("compact")


def test_thirty_papers_all_stay_with_shorter_abstracts() -> None:
    papers = [paper(row, abstract=ABSTRACT * 20) for row in range(1, 45)]
    rendered = letter(papers)
    assert rendered.html.count("<h3 ") == 44
    assert "more online" not in rendered.html
    few = letter(papers[:3])
    assert len(few.text) / 3 > len(rendered.text) / 44
