"""How popular a paper is, and what that and a reader's taste weigh against relevance: the formulas, here alone."""

from __future__ import annotations

from math import log2, log10

# A comment takes more trouble than a vote. Stars are for the code and its whole life: 1,000 count as 3 votes.
_VOTES_PER_COMMENT = 2
# With 15 votes on its first day a paper is half as popular as can be, two days later with 31.
_HALF, _DAYS_PER_DOUBLING = 4.0, 2.0
_RELEVANCE_SHARE = 0.75


def popularity(upvotes: int | None, comments: int | None, stars: int | None, age_days: float) -> float:
    """0 to 1, growing with votes, comments and GitHub stars and falling with age; unknown counts are none.

    heat / (heat + 4 + age / 2 days), where heat = log2(1 + votes + 2 · comments + log10(1 + stars)): as in
    news rankings the tenth vote counts for more than the hundredth. An age below zero (another zone's day) is
    zero.
    """
    voices = (upvotes or 0) + _VOTES_PER_COMMENT * (comments or 0) + log10(1 + (stars or 0))
    heat = log2(1 + voices)
    return heat / (heat + _HALF + max(age_days, 0.0) / _DAYS_PER_DOUBLING)


def rank(score: float, popular: float, affinity: float = 0.0) -> float:
    """What papers are ordered by: three parts relevance, one part popularity, 0 to 1, and the reader's taste on top.

    An affinity (−1 to 1) is added whole: a paper just as a reader wants more goes before the best of the others, one
    just as they want less behind the last of them. For readers who have said nothing it is 0 and changes nothing.
    """
    return _RELEVANCE_SHARE * score + (1 - _RELEVANCE_SHARE) * popular + affinity
