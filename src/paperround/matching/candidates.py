"""Turn matches into candidates by adding today's popularity and the subscriber's taste. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from paperround.domain.match_table import Ints, MatchList, MatchTable
from paperround.domain.models import SCORE_UNIT, Match, Paper
from paperround.matching import ranking
from paperround.matching.compose import Candidates
from paperround.matching.popularity import popularity

_NAMED = ("author: ", "organisation: ")  # reasons of a match by name
_RELEVANCE, _POPULARITY, _CODE, _FOLLOWED, _INTEREST, _FIRST_SEEN, _KNOWN = range(7)


class CandidateMaker:
    """Makes candidates. The columns of a match are computed once for all its subscribers."""

    def __init__(self, today: date, interests: Collection[str] = ()) -> None:
        """Store the slugs of the topics in plain words, to which a subscriber's breadth applies."""
        self._today, self._interests = today, interests
        self._table = MatchTable()
        self._columns: NDArray[np.float64] = np.zeros((_KNOWN + 1, 0))

    def of(self, lists: Sequence[MatchList], papers: Mapping[int, Paper], least: Sequence[float]) -> Candidates:
        """Return the candidates of several subscribers, without taste and discussion.

        Left out are matches whose paper is not in `papers`, and matches of interests with a score below the
        subscriber's `least`. All lists are of the same table.
        """
        table = lists[0].table if lists else self._table
        match = np.concatenate([np.zeros(0, dtype=np.int64), *(one.numbers for one in lists)])
        subscriber = np.repeat(np.arange(len(lists)), [len(one) for one in lists])
        columns = self._computed(table, match, papers)
        score = table.score[match]
        wanted = (score >= np.array(least)[subscriber]) | (columns[_INTEREST] == 0)
        found = Candidates(
            table,
            subscriber,
            match,
            table.topic[match],
            table.paper[match],
            score,
            columns[_RELEVANCE].astype(np.int64),
            columns[_POPULARITY].astype(np.int64),
            columns[_CODE].astype(np.int64),
            columns[_FOLLOWED] > 0,
            columns[_FIRST_SEEN],
            taste=np.zeros_like(match),
            discussion=np.zeros_like(score),
        )
        return found.taken(wanted & (columns[_KNOWN] > 0))

    def _computed(self, table: MatchTable, match: Ints, papers: Mapping[int, Paper]) -> NDArray[np.float64]:
        """Return the columns of these matches."""
        if table is not self._table:
            self._table, self._columns = table, self._columns[:, :0]
        added = np.zeros((_KNOWN + 1, len(table) - self._columns.shape[1]))
        self._columns = np.concatenate([self._columns, added], axis=1)
        fresh = match[self._columns[_KNOWN, match] == 0]
        for number in np.unique(fresh).tolist():
            one = table.matches[number]
            if one.paper in papers:
                self._columns[:, number] = self._of(one, papers[one.paper])
        return self._columns[:, match]

    def _of(self, match: Match, paper: Paper) -> tuple[float, ...]:
        score = ranking.score(
            match.score, popularity_on(paper, self._today), 0.0, followed=False, code=paper.code_url is not None
        )
        parts = (round(part * SCORE_UNIT) for part in (score.relevance, score.popularity, score.code))
        return (*parts, by_name(match), match.topic in self._interests, paper.first_seen.timestamp(), 1)


def popularity_on(paper: Paper, today: date) -> float:
    """Return a paper's popularity on a day, from 0 to 1."""
    return popularity(paper.upvotes, paper.comments, paper.stars, max(0, (today - paper.day).days))


def by_name(match: Match) -> bool:
    """Return whether a match is by an author or an organization that the query names."""
    return any(reason.startswith(_NAMED) for reason in match.why)
