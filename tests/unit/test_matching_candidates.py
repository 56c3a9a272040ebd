"""Matches become candidates."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from paperround.domain.models import Feedback, Match
from paperround.matching import candidates
from paperround.matching.candidates import Candidates
from paperround.matching.lexical import Statistics
from paperround.matching.popularity import popularity
from paperround.matching.profile import Past, Tastes
from support.letters import paper

TODAY = date(2026, 11, 25)
PAPERS = {
    1: paper(1, title="Robots fold laundry", day=TODAY - timedelta(days=3), upvotes=40, comments=2),
    2: paper(2, title="Proteins bind", abstract="", authors=["Cy Clone"], day=TODAY + timedelta(days=1)),
}
ROBOTS, PROTEINS = Match("robots", 1, 0.7, ("title: robots",)), Match("proteins", 2, 0.4, ())
NOBODYS = Tastes(Past).of((), {})


def test_a_candidate_is_the_match_and_how_popular_its_paper_is() -> None:
    robots, proteins = Candidates(TODAY).of([ROBOTS, PROTEINS], PAPERS, NOBODYS)
    assert (robots.paper, robots.topic, robots.score, robots.why) == (1, "robots", 0.7, ("title: robots",))
    assert robots.popularity == popularity(40, 2, None, 3)
    assert proteins.popularity == 0.0, "announced tomorrow, in another zone, and nobody has voted"
    assert (robots.affinity, robots.like) == (0.0, "")


def test_a_match_whose_paper_is_gone_is_left_out() -> None:
    gone = Match("robots", 9, 0.9, ())
    assert [one.paper for one in Candidates(TODAY).of([gone, ROBOTS], PAPERS, NOBODYS)] == [1]


def test_one_subscribers_taste_is_nobody_elses() -> None:
    others = [paper(3, title="Robots walk home"), paper(4, title="Laundry is wet"), paper(5, title="Rain")]
    past = Past(others, Statistics.of([*PAPERS.values(), *others]))
    said = [Feedback(1, 1, datetime(2026, 11, 24, tzinfo=UTC))]
    made = Candidates(TODAY)
    before = made.of([ROBOTS, PROTEINS], PAPERS, NOBODYS)
    hers = made.of([ROBOTS, PROTEINS], PAPERS, Tastes(lambda: past).of(said, PAPERS, PAPERS))
    assert hers[0].affinity > hers[1].affinity
    assert made.of([ROBOTS, PROTEINS], PAPERS, NOBODYS) == before


def test_what_is_kept_for_others_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "_KEPT", 0)
    made = Candidates(TODAY)
    assert [one.paper for one in made.of([ROBOTS, PROTEINS, ROBOTS], PAPERS, NOBODYS)] == [1, 2, 1]
    assert len(made._known) == 1


def test_of_papers_that_match_by_their_source_alone_the_most_voted_comes_first() -> None:
    papers = {3: paper(3, upvotes=90, code_url=None), 4: paper(4, upvotes=40, code_url="https://code.example.org/4")}
    matches = [Match("best", row, 0.05, ("source: hf-daily",)) for row in (4, 3)]
    found = sorted(Candidates(TODAY).of(matches, papers, NOBODYS), key=lambda one: -one.ranking.total)
    assert [one.paper for one in found] == [3, 4]
    assert found[0].ranking.parts() == {"popularity": round(found[0].popularity, 4)}
