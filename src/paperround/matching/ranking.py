"""The score that orders the papers in a letter, from relevance, popularity, taste and so on. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache

from paperround.domain.models import Score

RELEVANCE, POPULARITY = 0.75, 0.1
FOLLOWED = 0.2
CODE = 0.03
# Of papers that say much the same, the second loses 0.1, the third 0.2, and all further ones 0.3: a letter of ten
# papers shows two of five copies as long as there are others that fit nearly as well.
COPY = 0.1
MAX_COPIES = 3

Alike = Callable[[Sequence[int]], Mapping[int, Collection[int]]]
"""Returns for each of these papers, by row, the rows of the papers that say much the same."""


def nothing_alike(_rows: Sequence[int]) -> Mapping[int, Collection[int]]:
    """Return an empty mapping, for callers that do not compare papers."""
    return {}


@lru_cache(maxsize=1 << 14)
def score(
    relevance: float, popularity: float, taste: float, *, followed: bool, code: bool, by_votes: bool = False
) -> Score:
    """Return the score that a paper is ordered by.

    Three quarters of the relevance and a tenth of the popularity count, both from 0 to 1. Relevances of matches in
    plain words lie within a fifth, so votes decide only between papers that fit about equally well. The subscriber's
    taste (−1 to 1) is added in full, so that a paper exactly like those they want more of comes before all others; it
    is 0 without feedback. A paper by a followed author gains 0.2, about as much as a quarter of the relevance.
    Available code decides between equals.

    `by_votes` is for topics that look for no words, such as all papers of a source: there every paper fits equally
    well, so popularity counts in full, and neither relevance nor code counts.
    """
    if by_votes:
        return Score(0.0, round(popularity, 4), round(taste, 4), FOLLOWED * followed, 0.0)
    return Score(
        relevance=round(RELEVANCE * relevance, 4),
        popularity=round(POPULARITY * popularity, 4),
        taste=round(taste, 4),
        followed=FOLLOWED * followed,
        code=CODE * code,
    )


def describe_parts() -> str:
    """Return what a rank is the sum of, in English, for operators."""
    return (
        f"{RELEVANCE:.0%} of the fit to the topic and {POPULARITY:.0%} of the popularity, which is votes against "
        "age (for a topic that only names sources, such as the day's best: nothing of the fit and all of the "
        "popularity); the subscriber's taste (−1 to 1), which comes from their feedback; "
        f"{FOLLOWED:g} for an author or organization that they follow; {CODE:g} for available code; and −{COPY:g} "
        f"for each better paper in the email that says much the same (−{COPY * MAX_COPIES:.1g} at most)"
    )


def repetitions(ranked: Sequence[int], near: Mapping[int, Collection[int]]) -> list[int]:
    """Return how many better papers say much the same as each of these, best first; three at most.

    Each costs the paper `COPY` of its score. The best of similar papers keeps its score; no paper is removed.
    """
    seen, copies = set[int](), []
    for row in ranked:
        copies.append(min(len(seen.intersection(near.get(row, ()))), MAX_COPIES))
        seen.add(row)
    return copies
