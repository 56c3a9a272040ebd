"""How well is well enough: the cut of an interest among the papers of the past."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain.preferences import Breadth
from paperround.matching.interests import (
    USUAL_CUT,
    Scale,
    is_close,
    learned_scale,
    least_fit,
    relevance,
    toward_best,
)

BREADTHS = [breadth.steps for breadth in Breadth]
SCORES = st.lists(st.floats(0, 1, width=32), max_size=50).map(lambda scores: np.array(scores, dtype=np.float32))


def unit(*numbers: float) -> np.ndarray:
    return np.array(numbers, dtype=np.float32) / np.float32(np.linalg.norm(numbers))


def test_relevance_is_the_cosine_and_twice_the_squared_share_of_evidence() -> None:
    shares, cosines = np.array([0.0, 0.5, 1.0], dtype=np.float32), np.array([0.5, 0.5, 0.25], dtype=np.float32)
    assert relevance(shares, cosines) == pytest.approx([0.5, 1.0, 2.25])
    assert relevance(shares, None) is shares


def feedback(wanted: np.ndarray, near: np.ndarray, share: float) -> np.ndarray:
    """The interest after feedback from forty papers, two of which are near."""
    vectors = np.stack([near, near, *[unit(0, 0, 0, 1)] * 38])
    shares = np.array([share, share, *[0.0] * 38], dtype=np.float32)
    return toward_best(wanted, vectors, shares, vectors @ wanted)


def test_an_interest_whose_words_papers_do_not_use_moves_toward_the_nearest_of_them() -> None:
    wanted, near, alike = unit(1, 0, 0, 0), unit(1, 1, 0, 0), unit(0, 1, 0, 0)
    moved = feedback(wanted, near, 0.0)
    assert alike @ wanted == 0
    assert alike @ moved > 0.2, "a paper that is like the nearest ones is found as well"
    assert np.linalg.norm(moved) == pytest.approx(1)


def test_an_interest_in_the_words_of_the_field_stays_where_it_is() -> None:
    wanted, near = unit(1, 0, 0, 0), unit(1, 1, 0, 0)
    assert feedback(wanted, near, 0.6) is wanted
    assert wanted @ feedback(wanted, near, 0.3) > wanted @ feedback(wanted, near, 0.1)


def test_a_dozen_papers_are_too_few_for_an_interest_to_follow() -> None:
    wanted, vectors = unit(1, 0), np.stack([unit(1, 1)] * 12)
    assert toward_best(wanted, vectors, np.zeros(12, dtype=np.float32), vectors @ wanted) is wanted


def test_a_cosine_far_above_what_is_usual_is_close() -> None:
    assert is_close(0.5)
    assert not is_close(0.2)


@given(SCORES, st.booleans(), SCORES)
def test_wider_interests_take_all_that_narrower_ones_take(past: np.ndarray, meaning: bool, new: np.ndarray) -> None:
    taken = [Scale.of(past, meaning=meaning).enough(new, breadth) for breadth in BREADTHS]
    for narrow, wide in pairwise(taken):
        assert not np.any(narrow & ~wide)


@given(SCORES, st.booleans(), st.floats(0, 2))
def test_a_fit_is_between_nought_and_one_and_a_half_at_the_cut(past: np.ndarray, meaning: bool, score: float) -> None:
    scale = Scale.of(past, meaning=meaning)
    assert 0 <= scale.fit(score) < 1
    assert scale.fit(scale.mean + scale.cut * scale.deviation) == pytest.approx(0.5)
    assert scale.fit(score) <= scale.fit(score + 0.5)


@given(SCORES, st.booleans(), st.floats(0, 2), st.sampled_from(BREADTHS))
def test_a_match_fits_as_much_as_a_breadth_asks_exactly_if_it_reaches_its_cut(
    past: np.ndarray, meaning: bool, score: float, breadth: int
) -> None:
    scale, given_score = Scale.of(past, meaning=meaning), np.array([score], dtype=np.float32)
    short = least_fit(breadth) - scale.fit(float(given_score[0]))
    assert bool(scale.enough(given_score, breadth)[0]) == (short <= 0) or abs(short) < 1e-4
    assert least_fit(0) == 0.5


@given(SCORES, st.booleans(), SCORES)
def test_a_height_reaches_the_one_cut_exactly_if_its_score_reaches_its_own(
    past: np.ndarray, meaning: bool, new: np.ndarray
) -> None:
    scale = Scale.of(past, meaning=meaning)
    heights = scale.heights(new)
    sure = np.abs(heights - USUAL_CUT) > 1e-3
    assert np.array_equal(scale.enough(new)[sure], (heights >= USUAL_CUT)[sure])


@given(SCORES.map(lambda scores: 20 * scores))
def test_a_taste_counts_as_much_as_it_varies_and_a_quiet_one_is_not_made_loud(past: np.ndarray) -> None:
    scale = learned_scale(past, 0.5)
    assert scale.deviation >= 1
    if len(past) and past.std() > 1:
        assert scale.standardized(past).std() == pytest.approx(1, abs=1e-3)


def test_the_more_was_learned_the_further_a_paper_must_stand_out() -> None:
    past = np.random.default_rng(1).normal(size=2_000).astype(np.float32)
    cuts = [learned_scale(past, sure).cut for sure in (0.0, 1 / 3, 0.9)]
    assert cuts[0] == USUAL_CUT
    assert cuts == sorted(set(cuts))


def test_what_fits_usually_raises_the_cut() -> None:
    quiet, loud = (Scale.of(np.full(2_000, level, dtype=np.float32), meaning=True) for level in (0.1, 0.4))
    score = np.array([0.55], dtype=np.float32)
    assert quiet.enough(score)
    assert not loud.enough(score)


def test_a_site_without_papers_takes_what_is_usual() -> None:
    scale = Scale.of(np.zeros(0, dtype=np.float32), meaning=False)
    assert (scale.mean, scale.deviation) == pytest.approx((0.02, 0.05))
