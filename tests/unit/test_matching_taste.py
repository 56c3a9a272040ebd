"""A subscriber's taste: what they liked lifts its like, what they disliked lowers it, and no paper is lost or
doubled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from paperround.domain.models import Digest, Feedback, Paper
from paperround.domain.schedule import Cadence, Issue
from paperround.matching import lexical, query
from paperround.matching.learning import weight
from paperround.matching.popularity import popularity
from paperround.matching.taste import NEUTRAL, Affinity, PastPapers, Taste, Tastes
from paperround.matching.vectors import Lookup, Numbers, Vectors
from paperround.sources import FORMATS
from support.composed import Candidate, compose
from support.letters import paper

_NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
_SEEDS = Path(__file__).parents[2] / "tests" / "data" / "papers.jsonl"
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


def test_many_papers_stand_as_high_for_a_taste_as_each_of_them_alone() -> None:
    papers = list(_seeds().values())
    known = np.array([place % 3 != 2 for place in range(len(papers))])
    texts, titles = np.random.default_rng(1).normal(size=(2, len(papers), 4)).astype(np.float32)
    places = {one.row: place for place, one in enumerate(papers)}

    def lookup(numbers: Numbers, known: NDArray[np.bool_]) -> Lookup:
        def look_up(wanted: Sequence[int]) -> Vectors:
            at = np.array([places[row] for row in wanted], dtype=int)
            return Vectors(known[at], numbers[at[known[at]]])

        return look_up

    lookups = lookup(texts, known), lookup(titles, np.roll(known, 1))
    taste = Tastes(lambda: PastPapers(tuple(papers), _statistics(), *lookups)).taste(_said(1, 2, 3), _seeds())
    together = taste.z_scores(taste.learner.features(papers))
    for place in (0, 1, 2, 20, 21):
        alone = taste.z_scores(taste.learner.features([papers[place]]))
        assert alone == pytest.approx(together[place : place + 1], abs=1e-4)
    assert together[:3].mean() > together.mean() + 1
    assert len(taste.meaning) == 2, "texts and titles, or only the words were tried"
    assert not _taste([]).z_scores(taste.learner.features(papers)).any()


def test_a_title_alone_tells_what_is_wanted() -> None:
    """Two papers with the same words and the same text, and a title like the liked paper's in one of them."""
    chance = np.random.default_rng(2)
    near, far = np.eye(8, dtype=np.float32)[:2]
    titles = {row: chance.normal(scale=0.3, size=8) for row in _seeds()} | {101: near, 102: near, 103: far}
    texts = {row: chance.normal(scale=0.3, size=8) for row in _seeds()} | dict.fromkeys((101, 102, 103), far)

    def lookup(held: Mapping[int, NDArray[Any]]) -> Lookup:
        return lambda rows: Vectors(
            np.full(len(rows), True), np.stack([held[row] for row in rows]).astype(np.float32)
        )

    past = PastPapers(tuple(_seeds().values()), _statistics(), lookup(texts), lookup(titles))
    taste = Tastes(lambda: past).taste(_said(101), {101: paper(101, title="Zyx")})
    like, other = (paper(row, title="Qwv", abstract="") for row in (102, 103))
    assert taste.affinity(like).degree > taste.affinity(other).degree + 0.01
    features = taste.learner.features([like, other])
    assert np.diff(taste.z_scores(features))[0] < -0.1


def _said(*rows: int, verdict: int = 1) -> list[Feedback]:
    return [Feedback(row, verdict, _NOW - timedelta(hours=row)) for row in rows]


@lru_cache(maxsize=1)
def _past() -> PastPapers:
    return PastPapers(tuple(_seeds().values()), _statistics())


def _taste(feedback: Sequence[Feedback], papers: Mapping[int, Paper] | None = None, new: Sequence[int] = ()) -> Taste:
    """What is learned, the seeds being the past."""
    return Tastes(_past).taste(feedback, papers or _seeds(), new)


@lru_cache(maxsize=1)
def _found() -> dict[int, lexical.Hit]:
    return lexical.Index(_seeds().values(), _statistics()).matches(query.parse(_EVERYTHING))


def _day(feedback: Sequence[Feedback], room: int = 100) -> Digest:
    """The digest of all seeds but those that feedback was given on, which the subscriber has had."""
    had = {one.paper for one in feedback}
    new = [row for row in _found() if row not in had]
    taste = _taste(feedback, new=new)
    candidates = [
        Candidate(row, "all", hit.score, hit.why, popularity(seed.upvotes, 0), *taste.affinity(seed))
        for row, hit in _found().items()
        if row not in had and (seed := _seeds()[row])
    ]
    made = compose(Issue(Cadence.DAILY, date(2026, 11, 23)), candidates, ("all",), {"all": "All"}, room)
    assert made
    return made


def _robots() -> list[int]:
    found = lexical.Index(_seeds().values(), _statistics()).matches(query.parse(_ROBOTS))
    return sorted(found, key=lambda row: (-found[row].score, row))


def _places(digest: Digest, rows: Sequence[int]) -> list[int]:
    order = [*digest.papers, *digest.more]
    return [order.index(row) + 1 for row in rows]


def test_more_on_some_robot_papers_brings_robots_forward_and_less_back() -> None:
    liked, others = _robots()[:4], [row for row in _robots()[4:] if row in _found()]
    plain = [row for row in _day([]).papers if row not in liked]
    before = mean(plain.index(row) + 1 for row in others)
    more, less = _day(_said(*liked)), _day(_said(*liked, verdict=-1))
    assert len(others) >= 6
    assert mean(_places(more, others)) < before - 3
    assert mean(_places(less, others)) > before + 3
    assert set(more.papers) == set(less.papers) == set(plain)


def test_the_more_answers_there_are_the_more_they_move() -> None:
    rows = _robots()
    once, often = (_taste(_said(*rows[:number]), new=rows[6:]) for number in (1, 6))
    moved = [mean(abs(taste.affinity(_seeds()[row]).degree) for row in rows[6:]) for taste in (once, often)]
    assert 0 < moved[0] < moved[1]
    assert max(abs(once.affinity(one).degree) for one in _seeds().values()) <= weight(1)


def test_a_lowered_paper_is_counted_where_there_is_no_room_and_never_dropped() -> None:
    liked, others = _robots()[:2], [row for row in _robots()[2:] if row in _found()]
    digest = _day(_said(*liked, verdict=-1), room=10)
    assert len(digest.papers) == 10
    assert set(others) <= {*digest.papers, *digest.more}


def test_who_has_said_nothing_gets_the_digest_of_before() -> None:
    def never() -> PastPapers:
        raise AssertionError("nothing is read for subscribers who said nothing")

    taste = Tastes(never).taste((), {})
    assert taste.affinity(paper(1)) == NEUTRAL == Affinity(0.0, "")


def test_papers_that_are_not_at_hand_are_left_out_of_a_taste() -> None:
    taste = _taste(_said(9_999))
    assert taste.affinity(_seeds()[1]) == NEUTRAL


def test_more_by_an_author_of_a_liked_paper_is_lifted_without_a_word_in_common() -> None:
    liked, other = paper(101, title="Zyx", authors=("Zoë Ålund",)), paper(102, title="Qwv", authors=("Zoe Alund",))
    stranger = paper(103, title="Qwv", authors=("Somebody Else",))
    for verdict in (1, -1):
        taste = _taste(_said(101, verdict=verdict), {101: liked})
        lifted = taste.affinity(other).degree - taste.affinity(stranger).degree
        assert lifted * verdict > 0.001


def test_one_liked_and_one_disliked_of_a_kind_leave_their_kind_about_where_it_was() -> None:
    first, second, *others = _robots()
    torn = _taste([*_said(first), *_said(second, verdict=-1)], new=others)
    assert abs(mean(torn.affinity(_seeds()[row]).degree for row in others)) < 0.1


def test_papers_that_are_chosen_from_are_no_counter_examples() -> None:
    liked, *others = _robots()
    blind, knowing = _taste(_said(liked)), _taste(_said(liked), new=others)
    assert mean(knowing.affinity(_seeds()[row]).degree for row in others) > mean(
        blind.affinity(_seeds()[row]).degree for row in others
    )


def test_with_vectors_a_paper_that_means_the_same_is_lifted_without_a_word_in_common() -> None:
    chance = np.random.default_rng(1)
    meant = {row: chance.normal(size=8) for row in _seeds()} | {101: np.eye(8)[0] * 4, 102: np.eye(8)[0] * 4}
    rows = {row: (vector / np.linalg.norm(vector)).astype(np.float32) for row, vector in meant.items()}

    def lookup(wanted: Sequence[int]) -> Vectors:
        known = [row in rows for row in wanted]
        numbers = np.array([rows[row] for row in wanted if row in rows], dtype=np.float32).reshape(-1, 8)
        return Vectors(np.array(known, dtype=np.bool_), numbers)

    plain = {"abstract": "", "authors": ("C D",)}
    liked, same = paper(101, title="Zyx", authors=("A B",)), paper(102, title="Qwv", **plain)
    past = PastPapers(tuple(_seeds().values()), _statistics(), lookup)
    taste = Tastes(lambda: past).taste(_said(101), {101: liked})
    other = paper(1, title="Qwv", **plain)  # the vector of a seed
    assert taste.affinity(same).degree > taste.affinity(other).degree + 0.01
    nobody = Tastes(lambda: PastPapers((), _statistics(), lookup)).taste(_said(101), {101: liked})
    assert nobody.affinity(same).degree >= 0


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
    papers = {row: paper(row, title=title, abstract="Cloth creases", authors=("A B",)) for row in (101, 102)}
    assert _taste(_said(101), papers).affinity(papers[102]).like == told


def test_a_taste_of_dislikes_alone_names_nothing() -> None:
    taste = _taste(_said(1, verdict=-1))
    assert all(taste.affinity(one).like == "" for one in _seeds().values())


def test_a_paper_that_a_taste_lowers_is_explained_by_a_similar_one_that_was_disliked() -> None:
    titles = {101: "Folding Laundry", 102: "Folding Laundry Faster"}
    papers = {row: paper(row, title=title, abstract="Cloth creases") for row, title in titles.items()}
    other = paper(103, title="Stars", abstract="Light bends")
    assert _taste(_said(101, verdict=-1), papers).unlike(papers[102]) == "Folding Laundry"
    assert _taste(_said(101, verdict=-1), papers).unlike(papers[101]) == ""
    assert _taste(_said(101, verdict=-1), papers).unlike(other) == ""
    assert _taste(_said(101), papers).unlike(papers[102]) == ""


def test_no_paper_is_said_to_be_like_itself() -> None:
    taste = _taste(_said(1), _seeds())
    assert taste.affinity(_seeds()[1]).degree > 0
    assert taste.affinity(_seeds()[1]).like == ""


_FEEDBACK = st.lists(
    st.builds(Feedback, st.integers(1, 57), st.sampled_from((1, -1)), st.just(_NOW)),
    max_size=20,
    unique_by=lambda one: one.paper,
)


@given(_FEEDBACK, st.randoms(use_true_random=False))
def test_the_order_of_feedback_makes_no_difference(feedback: list[Feedback], random: object) -> None:
    shuffled = list(feedback)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = _taste(feedback), _taste(shuffled)
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
    taste = _taste(feedback)
    for one in _seeds().values():
        degree, like = taste.affinity(one)
        assert -1 <= degree <= 1
        assert not like or degree > 0
