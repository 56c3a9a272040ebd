"""How an interest follows the papers that fit it best."""

from __future__ import annotations

import numpy as np
import pytest

from paperround.matching.expansion import ExpandedQuery, expand_query, trust_in_best
from paperround.matching.scale import USUAL_THRESHOLD, z_scale
from paperround.matching.vectors import Vectors


def unit(*numbers: float) -> np.ndarray:
    return np.array(numbers, dtype=np.float32) / np.float32(np.linalg.norm(numbers))


def feedback(wanted: np.ndarray, near: np.ndarray, share: float, others: int = 38) -> ExpandedQuery:
    """The interest after feedback from two papers that are near and others that are not."""
    vectors = np.stack([near, near, *[unit(0, 0, 0, 1)] * others])
    shares = np.array([share, share, *[0.0] * others], dtype=np.float32)
    return expand_query(wanted, vectors, shares, vectors @ wanted)


def test_an_interest_whose_words_papers_do_not_use_moves_toward_the_nearest_of_them() -> None:
    wanted, near, alike = unit(1, 0, 0, 0), unit(1, 1, 0, 0), unit(0, 1, 0, 0)
    moved = feedback(wanted, near, 0.0).vector
    assert alike @ wanted == 0
    assert alike @ moved > 0.2, "a paper that is like the nearest ones is found as well"
    assert np.linalg.norm(moved) == pytest.approx(1)


def test_an_interest_is_moved_as_far_as_the_best_papers_are_trusted() -> None:
    wanted, near = unit(1, 0, 0, 0), unit(1, 1, 0, 0)
    vectors, shares = np.stack([near] * 40), np.zeros(40, dtype=np.float32)
    moved = [
        wanted @ expand_query(wanted, vectors, shares, vectors @ wanted, trust).vector for trust in (0, 0.03, 0.5, 1)
    ]
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


def test_liked_papers_in_other_words_lower_the_cut_of_a_young_site_as_far_as_that_of_a_large_one() -> None:
    wanted, near, none = unit(1, 0, 0, 0), unit(1, 1, 0, 0), np.zeros(9, dtype=np.float32)
    few, many = feedback(wanted, near, 0.0), feedback(wanted, near, 0.0, 1_998)
    reductions = [few.with_liked(none[:liked]).threshold_reduction for liked in (0, 1, 2, 4, 9)]
    assert reductions[0] == few.threshold_reduction
    assert reductions[:4] == sorted(set(reductions[:4]))
    assert reductions[3] == reductions[4] == pytest.approx(many.threshold_reduction)
    assert many.with_liked(none) == many
    assert few.with_liked(none + 0.5) == few, "liked papers have the words"
    assert few.with_liked(none + 0.25).threshold_reduction < reductions[3]
    topical = feedback(wanted, near, 0.6)
    assert topical.with_liked(none) == topical, "the best papers have the words"


def test_a_dozen_papers_are_too_few_for_an_interest_to_follow() -> None:
    wanted, vectors = unit(1, 0), np.stack([unit(1, 1)] * 12)
    assert expand_query(wanted, vectors, np.zeros(12, dtype=np.float32), vectors @ wanted) == (
        wanted,
        wanted,
        0.0,
        0.0,
        0.0,
        0,
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


def test_the_best_of_few_papers_are_trusted_little() -> None:
    assert [trust_in_best(papers) for papers in (0, 60, 1_000, 2_000, 9_000)] == [0, 0.03, 0.5, 1, 1]
