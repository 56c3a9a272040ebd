"""How well is well enough: the cut of an interest among the papers of the past."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain.preferences import Breadth
from paperround.matching.interests import (
    CLOSE,
    NEAREST,
    USUAL_THRESHOLD,
    ExpandedQuery,
    Scale,
    is_close,
    learned_scale,
    learned_sums,
    least_fit,
    related,
    relevance,
    rocchio,
    with_meaning,
    z_scale,
)
from paperround.matching.vectors import Vectors

BREADTHS = [breadth.steps for breadth in Breadth]
SCORES = st.lists(st.floats(0, 1, width=32), max_size=50).map(lambda scores: np.array(scores, dtype=np.float32))


def unit(*numbers: float) -> np.ndarray:
    return np.array(numbers, dtype=np.float32) / np.float32(np.linalg.norm(numbers))


def test_relevance_is_the_cosine_and_twice_the_squared_share_of_evidence() -> None:
    shares, cosines = np.array([0.0, 0.5, 1.0], dtype=np.float32), np.array([0.5, 0.5, 0.25], dtype=np.float32)
    assert relevance(shares, cosines) == pytest.approx([0.5, 1.0, 2.25])
    assert relevance(shares, None) is shares


def feedback(wanted: np.ndarray, near: np.ndarray, share: float, others: int = 38) -> ExpandedQuery:
    """The interest after feedback from two papers that are near and others that are not."""
    vectors = np.stack([near, near, *[unit(0, 0, 0, 1)] * others])
    shares = np.array([share, share, *[0.0] * others], dtype=np.float32)
    return rocchio(wanted, vectors, shares, vectors @ wanted)


def test_an_interest_whose_words_papers_do_not_use_moves_toward_the_nearest_of_them() -> None:
    wanted, near, alike = unit(1, 0, 0, 0), unit(1, 1, 0, 0), unit(0, 1, 0, 0)
    moved = feedback(wanted, near, 0.0).vector
    assert alike @ wanted == 0
    assert alike @ moved > 0.2, "a paper that is like the nearest ones is found as well"
    assert np.linalg.norm(moved) == pytest.approx(1)


def test_a_rated_paper_tells_about_an_interest_if_it_is_near() -> None:
    past = np.linspace(-2, 3, 50, dtype=np.float32)
    assert related(np.array([-1.0, 0.9, 1.0, 5.0], dtype=np.float32), past).tolist() == [False, False, True, True]
    assert related(np.array([0.3, 0.9, 1.0], dtype=np.float32), past - 2).tolist() == [False, True, True], (
        "the nearest tenth of past papers is near"
    )
    assert related(np.array([0.9, 1.0], dtype=np.float32), past[:0]).tolist() == [False, True]
    others = [np.array(row, dtype=np.float32) for row in ([5.0, 6.1, 0.0], [1.0, 1.0, 1.0])]
    mine = np.array([5.0, 5.0, 5.0], dtype=np.float32)
    assert related(mine, past, others).tolist() == [True, False, True], "the second fits another interest better"
    assert related(mine, past, [mine]).all(), "it fits both as well"


def test_an_interest_is_moved_as_far_as_the_best_papers_are_trusted() -> None:
    wanted, near = unit(1, 0, 0, 0), unit(1, 1, 0, 0)
    vectors, shares = np.stack([near] * 40), np.zeros(40, dtype=np.float32)
    moved = [wanted @ rocchio(wanted, vectors, shares, vectors @ wanted, trust).vector for trust in (0, 0.03, 0.5, 1)]
    assert moved[0] == pytest.approx(1), "few past papers may not fit at all"
    assert moved == sorted(set(moved), reverse=True)


def test_an_interest_in_the_words_of_the_field_stays_where_it_is() -> None:
    wanted, near = unit(1, 0, 0, 0), unit(1, 1, 0, 0)
    assert feedback(wanted, near, 0.6).vector is wanted
    assert wanted @ feedback(wanted, near, 0.3).vector > wanted @ feedback(wanted, near, 0.1).vector


def test_the_further_an_interest_is_from_the_words_of_papers_the_lower_is_its_cut() -> None:
    wanted, near = unit(1, 0, 0, 0), unit(1, 1, 0, 0)
    reliefs = [feedback(wanted, near, share).threshold_reduction for share in (0.6, 0.4, 0.3, 0.2, 0.1, 0.0)]
    assert reliefs[:2] == [0, 0]
    assert reliefs[1:5] == sorted(set(reliefs[1:5]))
    assert reliefs[4] == reliefs[5]
    score = np.array([USUAL_THRESHOLD - reliefs[-1] / 2], dtype=np.float32)
    assert z_scale(reliefs[-1]).above_threshold(score)
    assert not z_scale().above_threshold(score)


def test_few_papers_do_not_lower_the_cut_much() -> None:
    wanted, near = unit(1, 0, 0, 0), unit(1, 1, 0, 0)
    few, many = (feedback(wanted, near, 0.0, others).threshold_reduction for others in (38, 1_998))
    assert 0 < few < 0.2
    assert many > 1


def test_a_dozen_papers_are_too_few_for_an_interest_to_follow() -> None:
    wanted, vectors = unit(1, 0), np.stack([unit(1, 1)] * 12)
    assert rocchio(wanted, vectors, np.zeros(12, dtype=np.float32), vectors @ wanted) == (
        wanted,
        wanted,
        0.0,
        0.0,
    )


def test_on_a_young_site_papers_close_to_an_interest_in_other_words_stand_higher() -> None:
    wanted, near = unit(1, 0, 0, 0), unit(1, 1, 0, 0)
    papers = at_cosines(0.2, 0.35, 0.4, 0.5, 0.9)
    none, few = np.zeros(5, dtype=np.float32), feedback(wanted, near, 0.0)
    assert few.original is wanted
    boosts = few.boosts(none, papers)
    assert boosts[0] == 0
    assert 0 < boosts[1] < boosts[2] < boosts[3] == boosts[4] == pytest.approx(few.boost - few.threshold_reduction)
    assert not feedback(wanted, near, 0.0, 9_998).boosts(none, papers).any(), "there the cut is low enough for all"
    assert not feedback(wanted, near, 0.6).boosts(none, papers).any(), "the field's own words need no help"


def test_a_paper_that_has_words_of_an_interest_is_lifted_less_for_being_close_to_it() -> None:
    expanded = feedback(unit(1, 0, 0, 0), unit(1, 1, 0, 0), 0.0)
    shares = np.array([0.0, 0.05, 0.1, 0.15, 0.9], dtype=np.float32)
    boosts = expanded.boosts(shares, at_cosines(0.9, 0.9, 0.9, 0.9, 0.9))
    assert boosts[0] == boosts[1] > boosts[2] > boosts[3] == boosts[4] == 0


def at_cosines(*cosines: float) -> Vectors:
    """Papers whose vectors have these cosines with the first axis."""
    return Vectors(
        np.ones(len(cosines), dtype=np.bool_), np.stack([unit(c, (1 - c * c) ** 0.5, 0, 0) for c in cosines])
    )


def test_a_cosine_far_above_what_is_usual_is_close() -> None:
    assert is_close(0.5)
    assert not is_close(0.2)


@pytest.mark.parametrize(
    ("words", "cosine", "shown"),
    [
        ((), 0.5, (CLOSE,)),
        (("title: robots",), 0.5, ("title: robots", CLOSE)),
        (("title: robots", "abstract: hands"), 0.5, ("title: robots", "abstract: hands")),
        ((), 0.2, (NEAREST,)),
        (("title: robots",), 0.2, ("title: robots",)),
        ((), None, ()),
    ],
)
def test_a_paper_is_called_close_in_meaning_only_if_it_is(
    words: tuple[str, ...], cosine: float | None, shown: tuple[str, ...]
) -> None:
    assert with_meaning(words, cosine) == shown


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


@given(SCORES.map(lambda scores: 20 * scores))
def test_a_weak_taste_is_not_amplified(past: np.ndarray) -> None:
    assert learned_scale(past, 3, 2).deviation >= 1


def test_a_taste_counts_as_much_as_it_varies_among_many_papers() -> None:
    past = np.random.default_rng(1).normal(3, 4, size=100_000).astype(np.float32)
    scale = learned_scale(past, 3, 2)
    assert (scale.mean, scale.deviation) == pytest.approx((3, 4), abs=0.1)


def test_the_usual_deviation_counts_for_more_where_an_interest_has_a_larger_one() -> None:
    narrow, broad = (Scale.of(spread_by(deviation), meaning=True).deviation for deviation in (0.066, 0.166))
    assert narrow**2 == pytest.approx((0.066**2 + 0.116**2) / 2, rel=1e-3)
    assert broad**2 == pytest.approx((0.166**2 + 2 * 0.116**2) / 3, rel=1e-3)
    assert Scale.of(spread_by(0.166), meaning=False).deviation ** 2 == pytest.approx(
        (0.166**2 + 0.05**2) / 2, rel=1e-3
    )


def spread_by(deviation: float) -> np.ndarray:
    """The scores of a thousand papers with this deviation."""
    return np.array([0.2 - deviation, 0.2 + deviation] * 500, dtype=np.float32)


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
    sums = learned_sums(z_scores, np.full(41, learned, dtype=np.float32), scale)
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
        assert scale.above_threshold(learned_sums(z_scores, learned, scale)).all(), liked


def test_a_learned_cut_is_lowered_by_the_height_that_the_interest_lacks() -> None:
    past = np.random.default_rng(1).normal(size=2_000).astype(np.float32)
    plain, relieved = learned_scale(past, 3, 2), learned_scale(past, 3, 2, 1.5)
    assert (plain.threshold - relieved.threshold) * plain.deviation == pytest.approx(1.5)


def test_what_fits_usually_raises_the_cut() -> None:
    quiet, loud = (Scale.of(np.full(2_000, level, dtype=np.float32), meaning=True) for level in (0.1, 0.4))
    score = np.array([0.55], dtype=np.float32)
    assert quiet.above_threshold(score)
    assert not loud.above_threshold(score)


def test_a_site_without_papers_takes_what_is_usual() -> None:
    scale = Scale.of(np.zeros(0, dtype=np.float32), meaning=False)
    assert (scale.mean, scale.deviation) == pytest.approx((0.02, 0.05))
