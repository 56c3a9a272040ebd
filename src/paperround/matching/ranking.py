"""The score that orders the papers in a letter, from relevance, popularity, taste and so on. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from paperround.domain.models import Score

_RELEVANCE, _POPULARITY = 0.75, 0.25
_FOLLOWED, _CODE = 0.2, 0.03
_SAYS_NOTHING = 0.1  # the relevance of a match by a source is 0.05, that by a category 0.18
# Of papers that say much the same, the second loses 0.1, the third 0.2, and all further ones 0.3: a letter of ten
# papers shows two of five copies as long as there are others that fit nearly as well.
_COPY, _MOST_COPIES = 0.1, 3

Alike = Callable[[Sequence[int]], Mapping[int, Collection[int]]]
"""Returns for each of these papers, by row, the rows of the papers that say much the same."""


def nothing_alike(_rows: Sequence[int]) -> Mapping[int, Collection[int]]:
    """Return an empty mapping, for callers that do not compare papers."""
    return {}


@lru_cache(maxsize=1 << 14)
def score(relevance: float, popularity: float, taste: float, *, followed: bool, code: bool) -> Score:
    """Return the score that a paper is ordered by.

    Three quarters are relevance and one quarter is popularity, both from 0 to 1. The subscriber's taste (−1 to 1) is
    added in full, so that a paper exactly like those they want more of comes before all others; it is 0 without
    feedback. A paper by a followed author gains 0.2, about as much as a quarter of the relevance. Available code
    decides between equals. A match by source alone says nothing about relevance, so popularity counts in full there.
    """
    if relevance < _SAYS_NOTHING:
        return Score(0.0, round(popularity, 4), round(taste, 4), _FOLLOWED * followed, 0.0)
    return Score(
        relevance=round(_RELEVANCE * relevance, 4),
        popularity=round(_POPULARITY * popularity, 4),
        taste=round(taste, 4),
        followed=_FOLLOWED * followed,
        code=_CODE * code,
    )


def without_repetition(ranked: Sequence[tuple[int, Score]], alike: Alike) -> dict[int, Score]:
    """Return the scores of papers by row, lowered for each paper that says much the same as better ones.

    `ranked` lists papers by row, best first. The best of similar papers keeps its score; no paper is removed.
    """
    near, seen, found = alike([row for row, _ in ranked]), set[int](), dict[int, Score]()
    for row, own in ranked:
        copies = min(len(seen.intersection(near.get(row, ()))), _MOST_COPIES)
        found[row] = replace(own, repetition=-round(_COPY * copies, 4)) if copies else own
        seen.add(row)
    return found
