"""A subscriber's taste: what they liked lifts its like, what they disliked lowers it, and no paper is lost or
doubled.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain.models import Digest, Feedback, Paper
from paperround.matching import lexical, query
from paperround.matching.compose import Candidate, compose
from paperround.matching.popularity import popularity
from paperround.matching.profile import NEUTRAL, Affinity, Features, Taste, Tastes
from paperround.sources import FORMATS
from support.letters import paper

_NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
_SEEDS = Path(__file__).parents[2] / "seeds" / "papers.jsonl"
_ROBOTS = "robot OR robotic OR manipulation"
_EVERYTHING = "model OR agent OR action OR learning OR language"


@lru_cache(maxsize=1)
def _seeds() -> dict[int, Paper]:
    listings = FORMATS["jsonl"](_SEEDS.read_bytes(), date(2026, 11, 23)).listings
    return {
        row: Paper(
            **{
                name: value
                for name, value in listing.model_dump().items()
                if name in Paper.model_fields and name not in ("row", "id", "sources", "first_seen")
            },
            id=f"p{row}",
            row=row,
            sources=(listing.source,),
            first_seen=_NOW,
        )
        for row, listing in enumerate(listings, 1)
    }


@lru_cache(maxsize=1)
def _statistics() -> lexical.Statistics:
    return lexical.Statistics.of(_seeds().values())


def _said(*rows: int, verdict: int = 1) -> list[Feedback]:
    return [Feedback(row, verdict, _NOW - timedelta(hours=row)) for row in rows]


@lru_cache(maxsize=1)
def _features() -> Features:
    return Features(_statistics())


@lru_cache(maxsize=1)
def _found() -> dict[int, lexical.Hit]:
    return lexical.Index(_seeds().values(), _statistics()).matches(query.parse(_EVERYTHING))


def _day(feedback: Sequence[Feedback], room: int = 100) -> Digest:
    """The digest of all seeds but those that feedback was given on, which the subscriber has had."""
    had = {one.paper for one in feedback}
    taste = Taste.of(feedback, _seeds(), _features())
    candidates = [
        Candidate(
            row, "all", hit.score, hit.why, popularity(_seeds()[row].upvotes, 0, 0, 0), *taste.affinity(_seeds()[row])
        )
        for row, hit in _found().items()
        if row not in had
    ]
    made = compose("daily 2026-11-23", candidates, ("all",), {"all": "All"}, room)
    assert made
    return made


def _robots() -> list[int]:
    found = lexical.Index(_seeds().values(), _statistics()).matches(query.parse(_ROBOTS))
    return sorted(found, key=lambda row: (-found[row].score, row))


def _places(digest: Digest, rows: Sequence[int]) -> list[int]:
    order = [*digest.papers, *digest.more]
    return [order.index(row) + 1 for row in rows]


def test_more_on_two_robot_papers_brings_robots_to_the_front_and_less_to_the_end() -> None:
    liked, others = _robots()[:2], [row for row in _robots()[2:] if row in _found()]
    plain = [row for row in _day([]).papers if row not in liked]
    before = mean(plain.index(row) + 1 for row in others)
    more, less = _day(_said(*liked)), _day(_said(*liked, verdict=-1))
    assert len(others) >= 6
    assert mean(_places(more, others)) < before - 10
    assert mean(_places(less, others)) > before + 10
    assert len(set(plain[:10]) & set(others)) < 3
    assert len(set(more.papers[:10]) & set(others)) > 6
    assert len(set(less.papers[-10:]) & set(others)) > 6
    assert set(more.papers) == set(less.papers) == set(plain)
    assert set(more.papers[:4]) <= set(others)
    assert set(less.papers[-2:]) <= set(others)
    reasons = [why for pick in more.sections[0].picks[:4] for why in pick.why if why.startswith("like: ")]
    assert reasons
    assert not any(why.startswith("like: ") for pick in less.sections[0].picks for why in pick.why)


def test_a_lowered_paper_is_counted_where_there_is_no_room_and_never_dropped() -> None:
    liked, others = _robots()[:2], [row for row in _robots()[2:] if row in _found()]
    digest = _day(_said(*liked, verdict=-1), room=10)
    assert len(digest.papers) == 10
    assert set(others) <= {*digest.papers, *digest.more}
    assert set(digest.more[-2:]) <= set(others)
    assert len(set(others) & set(digest.papers)) < 2


def test_who_has_said_nothing_gets_the_digest_of_before() -> None:
    def never() -> lexical.Statistics:
        raise AssertionError("nothing is counted for subscribers who said nothing")

    taste = Tastes(never).of((), {})
    assert taste.affinity(paper(1)) == NEUTRAL == Affinity(0.0, "")


def test_papers_that_are_not_at_hand_are_left_out_of_a_taste() -> None:
    taste = Tastes(_statistics).of(_said(9_999), _seeds())
    assert taste.affinity(_seeds()[1]) == NEUTRAL


def test_a_paper_of_unknown_words_is_neutral() -> None:
    taste = Tastes(_statistics).of(_said(*_robots()[:2]), _seeds())
    strange = paper(500, title="Zyx", abstract="Qwv", authors=())
    assert taste.affinity(strange) == Affinity(0.0, "")


def test_more_by_an_author_of_a_liked_paper_is_lifted_without_a_word_in_common() -> None:
    liked, other = paper(1, title="Zyx", authors=("Zoë Ålund",)), paper(2, title="Qwv", authors=("Zoe Alund",))
    papers = {1: liked, 2: other}
    statistics = lexical.Statistics.of(_seeds().values())
    assert Tastes(lambda: statistics).of(_said(1), papers).affinity(other).degree > 0.5
    assert Tastes(lambda: statistics).of(_said(1, verdict=-1), papers).affinity(other).degree < -0.5


def test_one_liked_and_one_disliked_of_a_kind_leave_their_kind_about_where_it_was() -> None:
    first, second, *others = _robots()
    liked = Tastes(_statistics).of(_said(first), _seeds())
    torn = Tastes(_statistics).of([*_said(first), *_said(second, verdict=-1)], _seeds())
    assert mean(torn.affinity(_seeds()[row]).degree for row in others) < mean(
        liked.affinity(_seeds()[row]).degree for row in others
    )


@pytest.mark.parametrize(
    ("title", "told"),
    [
        ("Folding Laundry", "Folding Laundry"),
        (f"{'word ' * 12}and: longer than a line", f"{'word ' * 12}and…"),
        ("x" * 100, "x" * 69 + "…"),
    ],
    ids=["short", "cut at a word", "one long word"],
)
def test_the_reason_names_the_liked_paper(title: str, told: str) -> None:
    papers = {row: paper(row, title=title, abstract="Cloth creases", authors=("A B",)) for row in (1, 2)}
    taste = Taste.of(_said(1), papers, Features(lexical.Statistics.of([*papers.values(), *_seeds().values()])))
    assert taste.affinity(papers[2]).like == told


def test_a_taste_of_dislikes_alone_names_nothing() -> None:
    taste = Tastes(_statistics).of([*_said(1, verdict=-1)], _seeds())
    assert all(taste.affinity(one).like == "" for one in _seeds().values())


_FEEDBACK = st.lists(
    st.builds(Feedback, st.integers(1, 57), st.sampled_from((1, -1)), st.just(_NOW)),
    max_size=20,
    unique_by=lambda one: one.paper,
)


@given(_FEEDBACK, st.randoms(use_true_random=False))
def test_the_order_of_feedback_makes_no_difference(feedback: list[Feedback], random: object) -> None:
    shuffled = list(feedback)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (Taste.of(said, _seeds(), _features()) for said in (feedback, shuffled))
    assert [one.affinity(found) for found in _seeds().values()] == [
        other.affinity(found) for found in _seeds().values()
    ]


@given(_FEEDBACK, st.integers(0, 60))
def test_whatever_is_said_no_paper_is_lost_and_none_doubled(feedback: list[Feedback], room: int) -> None:
    had = {one.paper for one in feedback}
    digest = _day(feedback, room)
    everything = [*digest.papers, *digest.more]
    assert len(everything) == len(set(everything))
    assert set(everything) == set(_day([]).papers) - had
    assert len(digest.papers) == min(room, len(everything))


@given(_FEEDBACK)
def test_an_affinity_is_between_minus_one_and_one(feedback: list[Feedback]) -> None:
    taste = Taste.of(feedback, _seeds(), _features())
    for one in _seeds().values():
        degree, like = taste.affinity(one)
        assert -1 <= degree <= 1
        assert not like or degree > 0
