"""How popular a paper is, and what that and a subscriber's taste weigh against relevance: the formulas, here
alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from math import exp2, log2, log10

from paperround.domain.models import Echo, Paper

# A comment takes more trouble than a vote. Stars are for the code and its whole life: 1,000 count as 3 votes.
_VOTES_PER_COMMENT = 2
# With 15 votes on its first day a paper is half as popular as can be, two days later with 31.
_HALF, _DAYS_PER_DOUBLING = 4.0, 2.0
_RELEVANCE_SHARE = 0.75
_DAYS_PER_HALVING = 2.0
REMEMBERED_DAYS = 30
"""What was gained longer ago is a thirty-thousandth by now and counts as nothing."""


def popularity(upvotes: int | None, comments: int | None, stars: int | None, age_days: float) -> float:
    """0 to 1, growing with votes, comments and GitHub stars and falling with age; unknown counts are none.

    heat / (heat + 4 + age / 2 days), where heat = log2(1 + votes + 2 · comments + log10(1 + stars)): as in
    news rankings the tenth vote counts for more than the hundredth. An age below zero (another zone's day) is
    zero.
    """
    heat = log2(1 + _voices(upvotes or 0, comments or 0, stars or 0))
    return heat / (heat + _HALF + max(age_days, 0.0) / _DAYS_PER_DOUBLING)


def momentum(echoes: Iterable[Echo], announced: date, today: date) -> float:
    """How much a paper gains now: its votes and comments, each worth half as much every two days.

    The sum, over the days of the past month, of voices gained · ½ ^ (days ago / 2), where voices are
    votes + 2 · comments + log10(1 + stars). What the paper had when it was first seen counts as gained on the day
    that it was announced: we may have come late. A count that falls takes nothing back, and stars alone, which tell
    of code and not of talk, are nothing.
    """
    heard = sorted(echoes, key=lambda echo: echo.day)
    if not any(echo.upvotes or echo.comments for echo in heard):
        return 0.0
    return sum(
        voices * exp2(-max(0, (today - day).days) / _DAYS_PER_HALVING)
        for day, voices in _gains(heard, announced)
        if (today - day).days <= REMEMBERED_DAYS
    )


def talk(echoes: Iterable[Echo], announced: date, since: date) -> float:
    """The votes and comments that a paper gained from a day on, a comment for two votes; stars are no talk."""
    heard = sorted((Echo(echo.day, echo.upvotes, echo.comments) for echo in echoes), key=lambda echo: echo.day)
    return sum(voices for day, voices in _gains(heard, announced) if day >= since)


class Talks:
    """How much papers were talked about, worked out once for each paper and span and not for each subscriber."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, date], float] = {}

    def of(self, paper: Paper, echoes: Iterable[Echo], since: date) -> float:
        """The talk of one paper from a day on."""
        key = (paper.row, since)
        if key not in self._known:
            self._known[key] = talk(echoes, paper.day, since)
        return self._known[key]


def _gains(heard: Iterable[Echo], announced: date) -> Iterator[tuple[date, float]]:
    """The voices that were new on each day; what was there at first came on the day of the announcement."""
    most, upvotes, comments, stars = 0.0, 0, 0, 0
    for number, echo in enumerate(heard):
        # Sources tell of one paper at different times: the larger count is the true one.
        upvotes, comments, stars = max(upvotes, echo.upvotes), max(comments, echo.comments), max(stars, echo.stars)
        voices = _voices(upvotes, comments, stars)
        yield (echo.day if number else announced), voices - most
        most = voices


def _voices(upvotes: int, comments: int, stars: int) -> float:
    return upvotes + _VOTES_PER_COMMENT * comments + log10(1 + stars)


def rank(score: float, popular: float, affinity: float = 0.0) -> float:
    """What papers are ordered by: three parts relevance, one part popularity, 0 to 1, and the subscriber's taste
    on top.

    An affinity (−1 to 1) is added whole: a paper just as a subscriber wants more goes before the best of the others,
    one just as they want less behind the last of them. For subscribers who have said nothing it is 0
    and changes nothing.
    """
    return _RELEVANCE_SHARE * score + (1 - _RELEVANCE_SHARE) * popular + affinity
