"""Turn matches into candidates by adding today's popularity and the subscriber's taste. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

import numpy as np

from paperround.domain.match_table import BatchMatches, Ints, MatchTable
from paperround.domain.models import SCORE_UNIT, Match, Paper
from paperround.domain.reasons import ReasonKind, start
from paperround.matching import ranking
from paperround.matching.compose import EXACT_UNIT, Candidates, MatchScores
from paperround.matching.popularity import popularity

_NAMED = (start(ReasonKind.AUTHOR), start(ReasonKind.ORGANIZATION))
_FOLLOWED = round(ranking.FOLLOWED * SCORE_UNIT)


class CandidateMaker:
    """Makes candidates. The columns of a match are computed once for all its subscribers."""

    def __init__(self, today: date, interests: Collection[str] = (), by_votes: Collection[str] = ()) -> None:
        """Store the slugs of the topics in plain words, to which a subscriber's breadth applies, and of those whose
        papers are ordered by votes.
        """
        self._today, self._interests, self._by_votes = today, interests, by_votes
        self._reset(MatchTable())

    def _reset(self, table: MatchTable) -> None:
        self._table = table
        self._scores = np.zeros((5, 0), dtype=np.int64)
        """The columns of MatchScores."""
        self._first_seen = np.zeros(0)
        """When the paper was first stored, in seconds since 1970."""
        self._fit = np.zeros(0)
        """What a subscriber's least fit is compared with: the score for an interest, infinity for other topics, and
        minus infinity as long as the match's columns are not computed.
        """

    def make(self, matches: BatchMatches, papers: Mapping[int, Paper], least: Sequence[float]) -> Candidates:
        """Return these matches as candidates, without taste and discussion.

        Left out are matches whose paper is not in `papers`, and matches of interests with a score below the
        subscriber's `least`.
        """
        if matches.table is not self._table:
            self._reset(matches.table)
        self._compute(matches.number, papers)
        matches = matches.select(self._fit[matches.number] >= np.array(least)[matches.subscriber])
        taste, discussion = np.zeros(len(matches), dtype=np.int64), np.zeros(len(matches))
        return Candidates(matches, MatchScores(*self._scores), taste, discussion)

    def oldest(self, matches: BatchMatches, number: int) -> list[float]:
        """Return, for each of the first `number` subscribers, when their oldest paper was stored.

        In seconds since 1970; infinity without papers.
        """
        oldest = np.full(number, np.inf)
        np.minimum.at(oldest, matches.subscriber, self._first_seen[matches.number])
        return oldest.tolist()

    def _compute(self, match: Ints, papers: Mapping[int, Paper]) -> None:
        """Compute the columns of the matches that were not computed before."""
        if added := len(self._table) - len(self._fit):
            self._scores = np.pad(self._scores, ((0, 0), (0, added)))
            self._first_seen = np.pad(self._first_seen, (0, added))
            self._fit = np.pad(self._fit, (0, added), constant_values=-np.inf)
        for number in np.unique(match[self._fit[match] == -np.inf]).tolist():
            computed = self._table.matches[number]
            if paper := papers.get(computed.paper):
                self._scores[:, number] = self._score_columns(computed, paper)
                self._first_seen[number] = paper.first_seen.timestamp()
                self._fit[number] = computed.score if computed.topic in self._interests else np.inf

    def _score_columns(self, match: Match, paper: Paper) -> tuple[int, ...]:
        """Return the values of MatchScores."""
        popular, by_votes = popularity_on(paper, self._today), match.topic in self._by_votes
        code = paper.code_url is not None
        score = ranking.score(match.score, popular, 0.0, followed=False, code=code, by_votes=by_votes)
        parts = (round(part * SCORE_UNIT) for part in (score.relevance, score.popularity, score.code))
        return (*parts, _FOLLOWED * is_by_followed_name(match), round(popular * EXACT_UNIT))


def popularity_on(paper: Paper, today: date) -> float:
    """Return a paper's popularity on a day, from 0 to 1."""
    return popularity(paper.upvotes, max(0, (today - paper.day).days))


def is_by_followed_name(match: Match) -> bool:
    """Return whether a match is by an author or an organization that the query names."""
    return any(reason.startswith(_NAMED) for reason in match.why)
