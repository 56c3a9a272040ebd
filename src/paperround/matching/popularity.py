"""The formulas of popularity. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from math import exp2, log2, log10

from paperround.domain.models import DailyCounts, Paper

# A comment takes more effort than a vote. Stars count the code's whole life, so 1,000 of them count as 3 votes.
_VOTES_PER_COMMENT = 2
# 15 votes on the first day give a popularity of one half; two days later it takes 31.
_HALF, _DAYS_PER_DOUBLING = 4.0, 2.0
_DAYS_PER_HALVING = 2.0
REMEMBERED_DAYS = 30
"""The number of past days that count. Older gains would count 1/30,000 by now and are left out."""


def popularity(upvotes: int | None, age_days: float) -> float:
    """Return 0 to 1: more with votes, less with age. An unknown number of votes is taken as 0.

    heat / (heat + 4 + age / 2 days), where heat = log2(1 + votes): as in news rankings the tenth vote counts for
    more than the hundredth. An age below zero (another zone's day) is zero. Comments and stars do not count, so that
    papers of one day are in the order of the votes that are printed beside them.
    """
    heat = log2(1 + (upvotes or 0))
    return heat / (heat + _HALF + max(age_days, 0.0) / _DAYS_PER_DOUBLING)


def momentum(daily_counts: Iterable[DailyCounts], announced: date, today: date) -> float:
    """Return how fast a paper gains votes and comments now; a gain counts half as much every two days.

    The sum over the past month of reactions gained · ½ ^ (days ago / 2), where reactions are
    votes + 2 · comments + log10(1 + stars). What the paper had when it was first seen counts as gained on the day
    of its announcement, since it may have been announced before we first asked. A falling count subtracts nothing. A
    paper with stars alone scores 0: stars tell that code is used, not that the paper is discussed.
    """
    known = sorted(daily_counts, key=lambda counts: counts.day)
    if not any(counts.upvotes or counts.comments for counts in known):
        return 0.0
    return sum(
        reactions * exp2(-max(0, (today - day).days) / _DAYS_PER_HALVING)
        for day, reactions in _gains(known, announced)
        if (today - day).days <= REMEMBERED_DAYS
    )


def discussion(daily_counts: Iterable[DailyCounts], announced: date, since: date) -> float:
    """Return the votes and comments a paper gained since a day; a comment counts as two votes, stars do not count."""
    known = sorted(
        (DailyCounts(counts.day, counts.upvotes, counts.comments) for counts in daily_counts),
        key=lambda counts: counts.day,
    )
    return sum(reactions for day, reactions in _gains(known, announced) if day >= since)


class DiscussionCache:
    """The discussion of papers, computed once per paper and first day rather than once per subscriber."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, date], float] = {}

    def discussion(self, paper: Paper, daily_counts: Iterable[DailyCounts], since: date) -> float:
        """Return `discussion` of one paper since a day, computed at most once."""
        key = (paper.row, since)
        if key not in self._known:
            self._known[key] = discussion(daily_counts, paper.day, since)
        return self._known[key]


def _gains(known: Iterable[DailyCounts], announced: date) -> Iterator[tuple[date, float]]:
    """Yield the reactions gained on each day; the first known count is dated to the announcement."""
    most, upvotes, comments, stars = 0.0, 0, 0, 0
    for number, counts in enumerate(known):
        # Sources report one paper at different times: the larger count is the newer one.
        upvotes = max(upvotes, counts.upvotes)
        comments = max(comments, counts.comments)
        stars = max(stars, counts.stars)
        reactions = _reactions(upvotes, comments, stars)
        yield (counts.day if number else announced), reactions - most
        most = reactions


def _reactions(upvotes: int, comments: int, stars: int) -> float:
    return upvotes + _VOTES_PER_COMMENT * comments + log10(1 + stars)
