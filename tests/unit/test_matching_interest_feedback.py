"""How feedback changes which papers fit an interest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.matching.interest_feedback import Lift, add_taste, is_related, learned_scale, lift
from paperround.matching.scale import USUAL_THRESHOLD, z_scale

SCORES = st.lists(st.floats(0, 1, width=32), max_size=50).map(lambda scores: np.array(scores, dtype=np.float32))


def test_a_rated_paper_tells_about_an_interest_if_it_is_near() -> None:
    past = np.linspace(-2, 3, 50, dtype=np.float32)
    assert is_related(np.array([-1.0, 0.9, 1.0, 5.0], dtype=np.float32), past).tolist() == [False, False, True, True]
    assert is_related(np.array([0.3, 0.9, 1.0], dtype=np.float32), past - 2).tolist() == [False, True, True], (
        "the nearest tenth of past papers is near"
    )
    assert is_related(np.array([0.9, 1.0], dtype=np.float32), past[:0]).tolist() == [False, True]
    others = [np.array(row, dtype=np.float32) for row in ([5.0, 6.1, 0.0], [1.0, 1.0, 1.0])]
    mine = np.array([5.0, 5.0, 5.0], dtype=np.float32)
    assert is_related(mine, past, others).tolist() == [True, False, True], "the second fits another interest better"
    assert is_related(mine, past, [mine]).all(), "it fits both as well"


@given(SCORES.map(lambda scores: 20 * scores))
def test_a_weak_taste_is_not_amplified(past: np.ndarray) -> None:
    assert learned_scale(past, 3, 2).deviation >= 1


def test_a_taste_counts_as_much_as_it_varies_among_many_papers_but_no_more_than_is_usual() -> None:
    chance = np.random.default_rng(1)
    little, much = (chance.normal(3, spread, size=100_000).astype(np.float32) for spread in (1.2, 4))
    usual = learned_scale(little[:0], 3, 2).deviation
    assert (learned_scale(little, 3, 2).mean, learned_scale(little, 3, 2).deviation) == pytest.approx(
        (3, 1.2), abs=0.1
    )
    assert learned_scale(much, 3, 2).deviation == pytest.approx(usual) == pytest.approx(1.44, abs=0.01)


def test_where_a_tenth_of_few_papers_fits_what_was_learned_takes_them() -> None:
    past = np.array([10.0] * 8 + [0.0] * 72, dtype=np.float32)
    assert learned_scale(past, 3, 2).above_threshold(past).sum() == 8


def test_the_more_was_learned_the_further_a_paper_must_stand_out() -> None:
    past = np.random.default_rng(1).normal(size=2_000).astype(np.float32)
    thresholds = [
        learned_scale(past, liked, disliked).threshold for liked, disliked in ((0, 0), (1, 0), (1, 1), (12, 8))
    ]
    assert thresholds[0] == USUAL_THRESHOLD
    assert thresholds == sorted(set(thresholds))


def test_disliked_papers_raise_the_threshold_only_beside_liked_ones() -> None:
    past = np.random.default_rng(1).normal(size=2_000).astype(np.float32)
    assert learned_scale(past, 0, 9) == learned_scale(past, 0, 0)
    assert learned_scale(past, 2, 9) == learned_scale(past, 2, 4) != learned_scale(past, 2, 3)


@given(SCORES, st.integers(1, 20), st.floats(-3, 3), st.sampled_from([0, 1, 2]))
def test_a_paper_that_the_taste_speaks_for_is_taken_if_it_is_without_it(
    past: np.ndarray, liked: int, learned: float, breadth: int
) -> None:
    plain, scale = z_scale(), learned_scale(past, liked, 0)
    z_scores = np.linspace(0, 10, 41, dtype=np.float32)
    sums = add_taste(z_scores, np.full(41, learned, dtype=np.float32), scale, Lift())
    if np.float32(learned) >= 1:
        near = np.abs(plain.standardized(z_scores) - plain.threshold * (1 - breadth / 10)) < 1e-3
        assert (scale.above_threshold(sums, breadth) >= plain.above_threshold(z_scores, breadth))[~near].all()
    else:
        assert sums == pytest.approx(z_scores + learned, abs=1e-4)


def test_what_is_lifted_to_the_threshold_is_not_lost_by_rounding() -> None:
    chance = np.random.default_rng(0)
    z_scores, learned = np.array([4.75, 6, 9], dtype=np.float32), np.ones(3, dtype=np.float32)
    for liked in range(1, 301):
        past = (3 * chance.random() * chance.normal(size=liked)).astype(np.float32)
        scale = learned_scale(past, liked, 0)
        assert scale.above_threshold(add_taste(z_scores, learned, scale, Lift())).all(), liked


def test_a_learned_cut_is_lowered_by_the_height_that_the_interest_lacks() -> None:
    past = np.random.default_rng(1).normal(size=2_000).astype(np.float32)
    plain, relieved = learned_scale(past, 3, 2), learned_scale(past, 3, 2, 1.5)
    assert (plain.threshold - relieved.threshold) * plain.deviation == pytest.approx(1.5)


def test_after_one_answer_a_paper_that_only_a_reduced_threshold_took_is_kept_after_many_it_is_not() -> None:
    past = np.random.default_rng(1).normal(0, 1, 2000).astype(np.float32)
    z_scores, taste = np.float32([USUAL_THRESHOLD - 1.4]), np.float32([0.6])
    assert z_scale(1.5).above_threshold(z_scores).all()
    for ratings, kept in ((1, True), (20, False)):
        scale = learned_scale(past, ratings, 0, 1.5)
        assert scale.above_threshold(add_taste(z_scores, taste, scale, lift(ratings, 1.5))).all() == kept
