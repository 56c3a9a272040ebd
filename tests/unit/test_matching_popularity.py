"""What is trending: what papers gained lately."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain.models import DailyCounts
from paperround.matching.popularity import DiscussionCache, discussion, momentum
from support.letters import paper

TODAY = date(2026, 11, 23)
counts = st.integers(0, 10_000)


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


@given(counts, counts, st.integers(1, 500), st.integers(0, 60), st.integers(0, 60))
def test_a_gain_that_is_more_recent_never_ranks_lower(
    had: int, comments: int, gain: int, one_day: int, another: int
) -> None:
    earlier, later = ago(max(one_day, another)), ago(min(one_day, another))

    def gained_on(day: date) -> float:
        return momentum([DailyCounts(ago(90), had, comments), DailyCounts(day, had + gain, comments)], ago(90), TODAY)

    assert gained_on(later) >= gained_on(earlier)


@given(counts, counts, counts, st.integers(0, 30))
def test_a_vote_or_a_comment_more_ranks_higher(votes: int, comments: int, stars: int, days: int) -> None:
    def found(counts: DailyCounts) -> float:
        return momentum([counts], ago(days), TODAY)

    before = found(DailyCounts(TODAY, votes, comments, stars))
    assert found(DailyCounts(TODAY, votes + 1, comments, stars)) > before
    assert found(DailyCounts(TODAY, votes, comments + 1, stars)) > before


@given(
    st.lists(st.builds(DailyCounts, st.integers(0, 40).map(ago), counts, counts, counts), max_size=6)
    .flatmap(lambda heard: st.tuples(st.just(heard), st.permutations(heard)))
    .filter(lambda pair: len({counts.day for counts in pair[0]}) == len(pair[0]))
)
def test_the_order_in_which_counts_come_makes_no_difference(
    pair: tuple[list[DailyCounts], list[DailyCounts]],
) -> None:
    heard, shuffled = pair
    assert momentum(heard, ago(40), TODAY) == momentum(shuffled, ago(40), TODAY) >= 0


def test_an_old_paper_that_takes_off_today_beats_one_that_had_its_votes_ten_days_ago() -> None:
    takes_off = [DailyCounts(ago(20), 3), DailyCounts(TODAY, 23)]
    had_its_day = [DailyCounts(ago(10), 120)]
    assert momentum(takes_off, ago(20), TODAY) > momentum(had_its_day, ago(10), TODAY)


def test_what_a_paper_had_when_it_was_first_seen_counts_for_the_day_it_was_announced() -> None:
    assert momentum([DailyCounts(TODAY, 16)], ago(8), TODAY) == pytest.approx(1)
    assert momentum([DailyCounts(TODAY, 16)], TODAY + timedelta(days=1), TODAY) == pytest.approx(16)


@pytest.mark.parametrize(
    "heard", [[], [DailyCounts(TODAY)], [DailyCounts(TODAY, stars=9_999)], [DailyCounts(ago(31), 500)]]
)
def test_what_nobody_spoke_of_this_month_is_not_trending(heard: list[DailyCounts]) -> None:
    assert momentum(heard, ago(31), TODAY) == 0


def test_a_count_that_falls_takes_nothing_back() -> None:
    assert momentum([DailyCounts(TODAY - timedelta(2), 8), DailyCounts(TODAY, 5)], ago(2), TODAY) == pytest.approx(4)


def test_talk_is_what_was_gained_from_a_day_on_a_comment_for_two_votes() -> None:
    heard = [DailyCounts(ago(9), 10, 0, 900), DailyCounts(ago(3), 12, 1, 9_000)]
    assert discussion(heard, ago(9), ago(6)) == 4
    assert discussion(heard, ago(9), ago(9)) == 14


def test_the_talk_of_a_paper_is_worked_out_once_for_each_span() -> None:
    cache, heard = DiscussionCache(), [DailyCounts(ago(6), 4)]
    assert cache.discussion(paper(1, day=ago(6)), heard, ago(6)) == 4
    assert cache.discussion(paper(1, day=ago(6)), [], ago(6)) == 4
    assert cache.discussion(paper(1, day=ago(6)), heard, ago(5)) == 0
    assert cache.discussion(paper(2, day=ago(6)), [], ago(6)) == 0
