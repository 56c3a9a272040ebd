"""How well is well enough: the cut of an interest among the papers of the past."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.matching.interests import BREADTHS, Scale, is_close, relevance

SCORES = st.lists(st.floats(0, 1, width=32), max_size=50).map(lambda scores: np.array(scores, dtype=np.float32))


def test_relevance_is_the_cosine_and_seven_tenths_of_the_share_of_evidence() -> None:
    shares, cosines = np.array([0.0, 1.0], dtype=np.float32), np.array([0.5, 0.25], dtype=np.float32)
    assert relevance(shares, cosines) == pytest.approx([0.5, 0.95])
    assert relevance(shares, None) is shares


def test_a_cosine_far_above_what_is_usual_is_close() -> None:
    assert is_close(0.5)
    assert not is_close(0.2)


@given(SCORES, st.booleans(), SCORES)
def test_wider_interests_take_all_that_narrower_ones_take(past: np.ndarray, meaning: bool, new: np.ndarray) -> None:
    taken = [Scale.of(past, meaning=meaning, breadth=breadth).enough(new) for breadth in BREADTHS]
    for narrow, wide in pairwise(taken):
        assert not np.any(narrow & ~wide)


@given(SCORES, st.booleans(), st.floats(0, 2))
def test_a_fit_is_between_nought_and_one_and_a_half_at_the_cut(past: np.ndarray, meaning: bool, score: float) -> None:
    scale = Scale.of(past, meaning=meaning)
    assert 0 <= scale.fit(score) < 1
    assert scale.fit(scale.mean + scale.cut * scale.deviation) == pytest.approx(0.5)
    assert scale.fit(score) <= scale.fit(score + 0.5)


def test_what_fits_usually_raises_the_cut() -> None:
    quiet, loud = (Scale.of(np.full(2_000, level, dtype=np.float32), meaning=True) for level in (0.1, 0.4))
    score = np.array([0.55], dtype=np.float32)
    assert quiet.enough(score)
    assert not loud.enough(score)


def test_a_site_without_papers_takes_what_is_usual() -> None:
    scale = Scale.of(np.zeros(0, dtype=np.float32), meaning=False)
    assert (scale.mean, scale.deviation) == pytest.approx((0.02, 0.05))
