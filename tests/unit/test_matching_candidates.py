"""Matches become candidates: columns of numbers that are computed once for all subscribers with the same match."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pytest

from paperround.domain.match_table import BatchMatches, MatchTable
from paperround.domain.models import Match
from paperround.domain.schedule import Cadence, Issue
from paperround.matching import candidates
from paperround.matching.candidates import CandidateMaker, is_by_followed_name
from paperround.matching.compose import Candidates, DigestRequest, compose
from paperround.matching.popularity import popularity
from support.letters import paper

TODAY = date(2026, 11, 25)
PAPERS = {
    1: paper(1, title="Robots fold laundry", day=TODAY - timedelta(days=3), upvotes=40, comments=2),
    2: paper(2, title="Proteins bind", abstract="", authors=["Cy Clone"], day=TODAY + timedelta(days=1)),
}
ROBOTS, PROTEINS = Match("robots", 1, 0.7, ("title: robots",)), Match("proteins", 2, 0.4, ())


def made(*lists: Sequence[Match], interests: tuple[str, ...] = (), least: float = 0.0) -> Candidates:
    """The candidates of several subscribers."""
    table = MatchTable([match for some in lists for match in some])
    owners = np.repeat(np.arange(len(lists)), [len(some) for some in lists])
    matches = BatchMatches(table, owners, np.arange(len(table)))
    return CandidateMaker(TODAY, interests).make(matches, PAPERS, [least] * len(lists))


def test_a_candidate_is_the_match_and_how_popular_its_paper_is() -> None:
    maker = CandidateMaker(TODAY)
    found = maker.make(BatchMatches.of_one([ROBOTS, PROTEINS]), PAPERS, [0.0])
    assert found.matches.for_subscriber(0) == [ROBOTS, PROTEINS]
    assert found.scores.relevance.tolist() == [5250, 3000]
    popular = round(round(popularity(40, 3) / 10, 4) * 10_000)
    assert found.scores.popularity.tolist() == [popular, 0], "announced tomorrow, in another zone; nobody has voted"
    assert maker.oldest(found.matches, 2) == [
        min(one.first_seen for one in PAPERS.values()).timestamp(),
        float("inf"),
    ]
    assert (found.taste.tolist(), found.discussion.tolist()) == ([0, 0], [0.0, 0.0])


def test_a_match_whose_paper_is_gone_is_left_out() -> None:
    found = made([Match("robots", 9, 0.9, ()), ROBOTS], [Match("proteins", 9, 0.9, ())], [PROTEINS])
    assert [found.matches.for_subscriber(place) for place in range(3)] == [[ROBOTS], [], [PROTEINS]]


def test_of_an_interest_come_only_matches_as_good_as_the_subscriber_wants_them() -> None:
    found = made([ROBOTS, PROTEINS], interests=("proteins",), least=0.5)
    assert found.matches.paper.tolist() == [1]
    assert made([ROBOTS, PROTEINS], interests=("proteins",), least=0.4).matches.paper.tolist() == [1, 2]
    assert made([ROBOTS, PROTEINS], interests=("robots",), least=0.5).matches.paper.tolist() == [1, 2]


def test_each_match_is_computed_once_for_all_its_subscribers(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(
        candidates, "is_by_followed_name", lambda match: asked.append(match.paper) or is_by_followed_name(match)
    )
    table, maker = MatchTable([ROBOTS]), CandidateMaker(TODAY)
    for expected in ([1], [1, 2], [1, 2]):
        numbers = np.arange(len(table))
        both = BatchMatches(table, np.repeat([0, 1], len(table)), np.concatenate([numbers, numbers]))
        assert maker.make(both, PAPERS, [0.0, 0.0]).matches.paper.tolist() == expected * 2
        if len(table) == 1:
            table.add([PROTEINS])
    assert asked == [1, 2]
    assert maker.make(BatchMatches.of_one([PROTEINS]), PAPERS, [0.0]).matches.paper.tolist() == [2], (
        "another table, other numbers"
    )


def test_without_subscribers_there_is_nothing() -> None:
    assert made().matches.paper.tolist() == []


def test_a_match_by_an_author_or_an_organization_is_by_name() -> None:
    assert is_by_followed_name(Match("a", 1, 0.5, ("title: robots", "author: Ada Lovelace")))
    assert is_by_followed_name(Match("a", 1, 0.5, ("organisation: CERN",)))
    assert not is_by_followed_name(ROBOTS)


def test_of_a_topic_that_only_names_sources_the_most_voted_paper_comes_first() -> None:
    papers = {
        3: paper(3, upvotes=41, comments=0, stars=0, code_url=None),
        4: paper(4, upvotes=40, comments=90, stars=9_000, code_url="https://code.example.org/4"),
    }
    matches = BatchMatches.of_one([Match("best", row, 0.05, ("source: hf-daily",)) for row in (4, 3)])
    found = CandidateMaker(TODAY, by_votes={"best"}).make(matches, papers, [0.0])
    (digest,) = compose([DigestRequest(Issue(Cadence.DAILY, date(2026, 11, 23)), ("best",), 10)], found, {})
    assert digest is not None
    first, second = digest.sections[0].picks
    assert (first.paper, second.paper) == (3, 4)
    assert digest.scores[3].parts() == {"popularity": first.rank}


# --- the table ----------------------------------------------------------------------------------------------------


def test_the_matches_of_a_batch_stay_in_the_order_of_its_subscribers() -> None:
    table = MatchTable([ROBOTS])
    assert table.add([PROTEINS, ROBOTS]).tolist() == [1, 2]
    assert table.add([]).tolist() == []
    assert (table.topics, table.topic.tolist()) == (["robots", "proteins"], [0, 1, 0])
    some = BatchMatches(table, np.array([0, 2]), np.array([1, 0]))
    assert ([some.for_subscriber(place) for place in range(3)], some.papers()) == ([[PROTEINS], [], [ROBOTS]], {1, 2})
    more = some.with_others(BatchMatches(table, np.array([1, 2]), np.array([2, 1])))
    assert [more.for_subscriber(place) for place in range(3)] == [[PROTEINS], [ROBOTS], [ROBOTS, PROTEINS]]
    assert more.of_papers({0: [1], 2: {2}, 9: [1]}).tolist() == [False, False, False, True]
    assert more.of_papers({0: [], 1: [7]}).tolist() == more.of_papers({}).tolist() == [False] * 4
    assert (len(more), len(BatchMatches.of_one([])), len(BatchMatches.of_one([]).of_papers({0: [1]}))) == (4, 0, 0)


def test_rows_can_be_taken() -> None:
    found = made([ROBOTS], [ROBOTS, PROTEINS])
    kept = found.select(np.array([False, True, True]))
    assert [kept.matches.for_subscriber(place) for place in range(2)] == [[], [ROBOTS, PROTEINS]]
    assert (len(kept.taste), len(kept.discussion)) == (2, 2)
