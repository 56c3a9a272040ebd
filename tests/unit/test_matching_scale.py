"""Which scores of an interest are high enough, given those of past papers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain.preferences import Breadth
from paperround.matching.relevance import relevance
from paperround.matching.scale import USUAL_THRESHOLD, Scale, least_fit

BREADTHS = [breadth.steps for breadth in Breadth]
SCORES = st.lists(st.floats(0, 1, width=32), max_size=50).map(lambda scores: np.array(scores, dtype=np.float32))


def test_relevance_is_the_cosine_and_twice_the_squared_share_of_evidence() -> None:
    shares, cosines = np.array([0.0, 0.5, 1.0], dtype=np.float32), np.array([0.5, 0.5, 0.25], dtype=np.float32)
    assert relevance(shares, cosines) == pytest.approx([0.5, 1.0, 2.25])
    assert relevance(shares, None) is shares


@given(SCORES, st.booleans(), SCORES)
def test_wider_interests_take_all_that_narrower_ones_take(past: np.ndarray, meaning: bool, new: np.ndarray) -> None:
    taken = [Scale.of(past, meaning=meaning).above_threshold(new, breadth) for breadth in BREADTHS]
    for narrow, wide in pairwise(taken):
        assert not np.any(narrow & ~wide)


@given(SCORES, st.booleans(), st.floats(0, 2))
def test_a_fit_is_between_zero_and_one_and_one_half_at_the_threshold(
    past: np.ndarray, meaning: bool, score: float
) -> None:
    scale = Scale.of(past, meaning=meaning)
    assert 0 <= scale.fit(score) < 1
    assert scale.fit(scale.mean + scale.threshold * scale.deviation) == pytest.approx(0.5)
    assert scale.fit(score) <= scale.fit(score + 0.5)


@given(SCORES, st.booleans(), st.floats(0, 2), st.sampled_from(BREADTHS))
def test_a_match_fits_as_much_as_a_breadth_asks_exactly_if_it_reaches_its_cut(
    past: np.ndarray, meaning: bool, score: float, breadth: int
) -> None:
    scale, given_score = Scale.of(past, meaning=meaning), np.array([score], dtype=np.float32)
    short = least_fit(breadth) - scale.fit(float(given_score[0]))
    assert bool(scale.above_threshold(given_score, breadth)[0]) == (short <= 0) or abs(short) < 1e-4
    assert least_fit(0) == 0.5


@given(SCORES, st.booleans(), SCORES, st.sampled_from(BREADTHS))
def test_close_are_the_best_few_below_the_threshold_whose_fit_is_nearly_enough(
    past: np.ndarray, meaning: bool, new: np.ndarray, breadth: int
) -> None:
    scale = Scale.of(past, meaning=meaning)
    below = ~scale.above_threshold(new, breadth)
    close = scale.close(new, breadth)
    assert len(close) <= 5
    assert below[close].all()
    assert all(scale.fit(float(new[at])) >= 0.4 - 1e-4 for at in close)
    scores = new[close].tolist()
    assert scores == sorted(scores, reverse=True)
    others = [at for at in np.flatnonzero(below) if at not in close and scale.fit(float(new[at])) > 0.4 + 1e-4]
    assert not others or (len(close) == 5 and max(new[others]) <= min(scores))


@given(SCORES, st.booleans(), SCORES)
def test_a_height_reaches_the_one_cut_exactly_if_its_score_reaches_its_own(
    past: np.ndarray, meaning: bool, new: np.ndarray
) -> None:
    scale = Scale.of(past, meaning=meaning)
    z_scores = scale.z_scores(new)
    sure = np.abs(z_scores - USUAL_THRESHOLD) > 1e-3
    assert np.array_equal(scale.above_threshold(new)[sure], (z_scores >= USUAL_THRESHOLD)[sure])


def test_the_usual_deviation_counts_for_more_where_an_interest_has_a_larger_one() -> None:
    narrow, broad = (Scale.of(spread_by(deviation), meaning=True).deviation for deviation in (0.066, 0.166))
    assert narrow**2 == pytest.approx((0.066**2 + 0.116**2) / 2, rel=1e-3)
    assert broad**2 == pytest.approx((0.166**2 + 2 * 0.116**2) / 3, rel=1e-3)
    assert Scale.of(spread_by(0.166), meaning=False).deviation ** 2 == pytest.approx(
        (0.166**2 + 0.05**2) / 2, rel=1e-3
    )


def test_on_a_site_of_one_field_a_larger_deviation_counts_as_the_usual_one() -> None:
    deviations = [
        Scale.of(spread_by(0.166), meaning=True, likeness=likeness).deviation for likeness in (0.3, 0.315, 0.33, 0.9)
    ]
    assert deviations[0] == Scale.of(spread_by(0.166), meaning=True).deviation > deviations[1] > deviations[2]
    assert deviations[2] == deviations[3] == pytest.approx(0.116, rel=1e-3)
    narrow = spread_by(0.066)
    assert Scale.of(narrow, meaning=True, likeness=0.9) == Scale.of(narrow, meaning=True)


def spread_by(deviation: float) -> np.ndarray:
    """The scores of a thousand papers with this deviation."""
    return np.array([0.2 - deviation, 0.2 + deviation] * 500, dtype=np.float32)


def test_what_fits_usually_raises_the_cut() -> None:
    quiet, loud = (Scale.of(np.full(2_000, level, dtype=np.float32), meaning=True) for level in (0.1, 0.4))
    score = np.array([0.55], dtype=np.float32)
    assert quiet.above_threshold(score)
    assert not loud.above_threshold(score)


def test_a_site_without_papers_takes_what_is_usual() -> None:
    scale = Scale.of(np.zeros(0, dtype=np.float32), meaning=False)
    assert (scale.mean, scale.deviation) == pytest.approx((0.02, 0.05))


def test_lifted_scores_reach_the_threshold_and_others_stay() -> None:
    scale = Scale.of(np.zeros(100, dtype=np.float32), meaning=True)
    scores = np.array([0.1, 0.1, 2.0], dtype=np.float32)
    lifted = scale.lifted(scores, np.array([True, False, True]))
    assert scale.above_threshold(lifted).tolist() == [True, False, True]
    assert scale.fit(float(lifted[0])) >= least_fit(0)
    assert lifted[1:].tolist() == scores[1:].tolist()
