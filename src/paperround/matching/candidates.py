"""Turn matches into candidates by adding today's popularity and the subscriber's taste. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from paperround.domain.models import Match, Paper
from paperround.matching.compose import Candidate
from paperround.matching.popularity import popularity
from paperround.matching.profile import Taste

_KEPT = 200_000
_FOLLOWED = ("author: ", "organisation: ")  # reasons of a match by name


class Candidates:
    """Creates candidates and caches them for all subscribers with the same match; taste is added for each."""

    def __init__(self, today: date) -> None:
        self._today = today
        self._known: dict[Match, Candidate] = {}

    def of(self, matches: Iterable[Match], papers: Mapping[int, Paper], taste: Taste) -> list[Candidate]:
        """Return one subscriber's candidates; skip matches whose paper is not in `papers`."""
        found = [self._plain(match, papers[match.paper]) for match in matches if match.paper in papers]
        if taste.neutral:
            return found
        told = {row: taste.affinity(papers[row]) for row in {one.paper for one in found}}
        return [replace(one, affinity=told[one.paper].degree, like=told[one.paper].like) for one in found]

    def _plain(self, match: Match, paper: Paper) -> Candidate:
        """Return the candidate of a match without any subscriber's taste."""
        known = self._known.get(match)
        if known is None:
            if len(self._known) > _KEPT:
                self._known.clear()
            age = max(0, (self._today - paper.day).days)
            popular = popularity(paper.upvotes, paper.comments, paper.stars, age)
            known = self._known[match] = Candidate(
                match.paper,
                match.topic,
                match.score,
                match.why,
                popular,
                followed=any(reason.startswith(_FOLLOWED) for reason in match.why),
                code=paper.code_url is not None,
            )
        return known
