"""The matches of one subscriber, laid out as a digest; and what popularity has to do with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain.models import DISCUSSED, Digest, Pick, Score, Section, pack_scores
from paperround.domain.preferences import own_slug
from paperround.domain.schedule import Cadence, Issue
from paperround.matching import ranking
from paperround.matching.compose import DigestRequest
from paperround.matching.compose import compose as compose_all
from paperround.matching.popularity import popularity
from support.composed import Candidate, compose, compose_one, in_columns, likings

DAILY, WEEKLY = (Issue(cadence, date(2026, 11, 23)) for cadence in (Cadence.DAILY, Cadence.WEEKLY))
ORDER = ("robots", "agents", "speech")
NAMES = {"robots": "Robots", "agents": "Agents", "speech": "Speech"}
topics = st.sampled_from([*ORDER, "a topic just left"])
shares = st.sampled_from([0.0, 0.2, 0.5, 0.9])
candidates = st.lists(
    st.builds(Candidate, st.integers(1, 9), topics, shares, st.sampled_from([(), ("title: robot",)]), shares),
    min_size=1,
    max_size=25,
    unique_by=lambda one: (one.topic, one.paper),
)
rooms = st.integers(1, 8)


def composed(found: list[Candidate], max_papers: int) -> Digest:
    digest = compose(DAILY, found, ORDER, NAMES, max_papers)
    assert digest is not None
    return digest


def given_ranks(digest: Digest, found: list[Candidate]) -> dict[int, float]:
    """Each paper's rank: the highest that it has in any topic."""
    best: dict[int, float] = {}
    for one in found:
        best[one.paper] = max(best.get(one.paper, -1.0), one.ranking.total)
    return best


@given(candidates, rooms)
def test_every_matched_paper_is_laid_out_or_counted_once_and_never_both(found: list[Candidate], room: int) -> None:
    digest = composed(found, room)
    assert Counter([*digest.papers, *digest.more]) == Counter({one.paper for one in found})
    assert len(digest.papers) == min(room, len({one.paper for one in found}))
    assert all(section.picks for section in digest.sections)


@given(candidates.flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))), rooms)
def test_the_order_of_the_candidates_changes_nothing(
    pair: tuple[list[Candidate], list[Candidate]], room: int
) -> None:
    found, shuffled = pair
    assert compose("i", found, ORDER, NAMES, room) == compose("i", shuffled, ORDER, NAMES, room)


@given(candidates, rooms)
def test_a_busy_topic_does_not_crowd_out_a_quiet_one(found: list[Candidate], room: int) -> None:
    digest = composed(found, room)
    everything = composed(found, 100)
    shown = {section.topic: len(section.picks) for section in digest.sections}
    for section in everything.sections:
        if shown.get(section.topic, 0) < len(section.picks):  # one that had more to show
            assert max(shown.values()) <= shown.get(section.topic, 0) + 1


@given(candidates, st.integers(10, 20), topics, st.integers(4, 8))
def test_a_paper_more_on_one_topic_never_takes_the_last_of_another(
    found: list[Candidate], new_paper: int, topic: str, room: int
) -> None:
    before = {section.topic for section in composed(found, room).sections}
    after = {section.topic for section in composed([*found, Candidate(new_paper, topic, 0.9)], room).sections}
    assert before <= after


@given(candidates, rooms)
def test_sections_stand_in_the_subscribers_order_and_unknown_topics_last(found: list[Candidate], room: int) -> None:
    shown = [section.topic for section in composed(found, room).sections]
    assert shown == [topic for topic in (*ORDER, "a topic just left") if topic in shown]


@given(
    st.lists(
        st.builds(Candidate, st.integers(1, 9), topics, shares),
        min_size=1,
        max_size=20,
        unique_by=lambda one: (one.topic, one.paper),
    ),
    rooms,
)
def test_better_papers_come_first_in_a_section_and_among_the_rest(found: list[Candidate], room: int) -> None:
    digest = composed(found, room)
    ranks = given_ranks(digest, found)
    for papers in (*([pick.paper for pick in section.picks] for section in digest.sections), digest.more):
        assert list(papers) == sorted(papers, key=lambda paper: (-ranks[paper], paper))


@given(candidates, rooms)
def test_a_paper_stands_under_the_topic_that_it_fits_best(found: list[Candidate], room: int) -> None:
    for section in composed(found, room).sections:
        for pick in section.picks:
            scores = {one.topic: 0.0 for one in found if one.paper == pick.paper}
            for one in found:
                if one.paper == pick.paper:
                    scores[one.topic] = max(scores[one.topic], one.score)
            assert scores[section.topic] == max(scores.values())


def test_nobody_gets_a_digest_without_papers() -> None:
    assert compose(DAILY, [], ORDER, NAMES, 10) is None


def test_a_digest_says_under_which_other_topics_a_paper_was_found() -> None:
    found = [
        Candidate(1, "speech", 0.5),
        Candidate(1, "robots", 0.5, ("title: robot",)),
        Candidate(1, "agents", 0.9, ("title: agent",)),
        Candidate(2, "robots", 0.4, ("title: arm",)),
    ]
    assert composed(found, 10) == Digest(
        DAILY,
        (
            Section("robots", "Robots", (Pick(2, ("title: arm",), 0.3),)),
            Section("agents", "Agents", (Pick(1, ("title: agent", "also on: Robots", "also on: Speech"), 0.675),)),
        ),
        packed_scores=pack_scores([Score(0.3), Score(0.675)]),
    )


def test_places_are_dealt_in_rounds_and_the_last_go_to_the_better_papers() -> None:
    busy = [Candidate(number, "robots", 0.9) for number in range(1, 6)]
    quiet = [Candidate(11, "agents", 0.2), Candidate(12, "agents", 0.1), Candidate(21, "speech", 0.1)]
    digest = composed([*quiet, *busy], 4)
    assert [pick.paper for section in digest.sections for pick in section.picks] == [1, 2, 11, 21]
    assert digest.more == (3, 4, 5, 12)


def test_with_fewer_places_than_topics_the_better_papers_are_shown() -> None:
    digest = composed([Candidate(1, "robots", 0.1), Candidate(2, "agents", 0.2), Candidate(3, "speech", 0.9)], 2)
    assert digest.papers == (2, 3)


def test_a_topic_fitted_equally_well_is_the_one_that_the_subscriber_put_first() -> None:
    found = [Candidate(1, "agents", 0.5), Candidate(1, "robots", 0.5)]
    assert composed(found, 1).sections[0].topic == "robots"


def test_of_papers_equally_relevant_the_more_popular_comes_first() -> None:
    found = [Candidate(1, "robots", 0.5, popularity=0.1), Candidate(2, "robots", 0.5, popularity=0.6)]
    assert composed(found, 2).papers == (2, 1)


counts = st.one_of(st.none(), st.integers(0, 100_000))
ages = st.floats(-1, 4_000)


@given(counts, ages)
def test_popularity_lies_between_nought_and_one(votes: int | None, age: float) -> None:
    assert 0 <= popularity(votes, age) < 1
    assert (popularity(votes, age) == 0) == (not votes)


@given(st.integers(0, 10_000), ages)
def test_a_vote_more_makes_a_paper_more_popular(votes: int, age: float) -> None:
    assert popularity(votes + 1, age) > popularity(votes, age)


@given(st.integers(1, 10_000), st.floats(0, 1_000), st.floats(0.01, 1_000))
def test_popularity_fades_with_age(votes: int, age: float, later: float) -> None:
    assert popularity(votes, age + later) < popularity(votes, age)


@pytest.mark.parametrize(
    ("votes", "age", "popular"), [(15, 0, 0.5), (31, 2, 0.5), (0, 0, 0.0), (15, -3, 0.5), (None, 1, 0.0)]
)
def test_popularity_has_the_documented_values(votes: int | None, age: float, popular: float) -> None:
    assert popularity(votes, age) == pytest.approx(popular)


# --- near copies ------------------------------------------------------------------------------------------------


def near(*groups: set[int]) -> Callable[[Sequence[int]], dict[int, set[int]]]:
    """Papers that say much the same, group by group."""
    return lambda rows: {row: group - {row} for group in groups for row in group if row in rows}


def test_five_copies_do_not_fill_a_letter() -> None:
    copies = [Candidate(number, "robots", 0.9) for number in range(1, 6)]
    others = [Candidate(number, "robots", 0.75) for number in range(6, 9)]
    alone = compose("i", [*copies, *others], ORDER, NAMES, 5)
    digest = compose("i", [*copies, *others], ORDER, NAMES, 5, alike=near({1, 2, 3, 4, 5}))
    assert alone is not None
    assert digest is not None
    assert alone.papers == (1, 2, 3, 4, 5)
    assert digest.papers == (1, 2, 6, 7, 8)
    assert digest.more == (3, 4, 5), "the others are counted, none is lost"
    assert [digest.scores[paper].repetition for paper in digest.papers] == [0, -0.1, 0, 0, 0]


@given(candidates, rooms, st.sets(st.integers(1, 9)))
def test_near_copies_change_the_order_and_never_the_lead_or_what_is_told_of(
    found: list[Candidate], room: int, group: set[int]
) -> None:
    alone, digest = composed(found, 100), compose("i", found, ORDER, NAMES, room, alike=near(group))
    assert digest is not None
    assert {*digest.papers, *digest.more} == set(alone.papers)
    ranks = {pick.paper: pick.rank for section in digest.sections for pick in section.picks}
    before = {pick.paper: pick.rank for section in alone.sections for pick in section.picks}
    assert all(rank <= before[paper] for paper, rank in ranks.items())
    # Of papers whose ranks are equal when they are rounded, any may lead.
    assert max(ranks.values(), default=0) == max(before.values(), default=0)


# --- the rank taken apart ---------------------------------------------------------------------------------------


@given(candidates, rooms)
def test_a_rank_is_the_sum_of_its_parts(found: list[Candidate], room: int) -> None:
    digest = composed(found, room)
    ranks = {pick.paper: pick.rank for section in digest.sections for pick in section.picks}
    assert {paper: sum(score.parts().values()) for paper, score in digest.scores.items()} == pytest.approx(ranks)


@given(shares, shares)
def test_relevance_counts_far_more_than_popularity(score: float, popular: float) -> None:
    assert 0 <= Candidate(1, "robots", score, popularity=popular).ranking.total <= 1
    plain, popularly = (Candidate(1, "robots", 0.5, popularity=share).ranking.total for share in (0, popular))
    assert popularly - plain == pytest.approx(popular / 10, abs=1e-4)
    assert Candidate(1, "robots", 0.5 + score / 2).ranking.total - plain == pytest.approx(score * 3 / 8, abs=1e-4)


_relevances = st.floats(0, 1)


@given(_relevances, _relevances, st.floats(0, 1), st.booleans())
def test_of_equally_popular_papers_of_a_topic_one_that_fits_better_never_ranks_below(
    one: float, other: float, popular: float, by_votes: bool
) -> None:
    less, more = (
        Candidate(1, "robots", score, popularity=popular, by_votes=by_votes).ranking.total
        for score in sorted((one, other))
    )
    assert 0 <= more - less <= 0.75 * abs(one - other) + 1e-4, "and a small step never makes a large difference"


def test_a_word_in_passing_does_not_lead_by_its_votes() -> None:
    found = [
        Candidate(1, "robots", 0.05, ("abstract: robotics",), popularity=0.62),  # about 100 votes
        Candidate(2, "robots", 0.099, ("abstract: robotics",), popularity=0.62),
        Candidate(3, "robots", 0.3, ("title: robot",)),
    ]
    assert composed(found, 10).papers == (3, 2, 1)


def test_a_paper_keeps_the_rank_of_its_votes_under_a_topic_whose_words_it_hardly_has() -> None:
    found = [
        Candidate(1, "speech", 0.05, ("source: hf-daily",), popularity=0.62, by_votes=True),
        Candidate(1, "robots", 0.06, ("abstract: robot",), popularity=0.62),
        Candidate(2, "robots", 0.5, ("title: robot",), popularity=0.62),
        Candidate(3, "speech", 0.05, ("source: hf-daily",), popularity=0.61, by_votes=True),
    ]
    digest = composed(found, 10)
    assert {section.topic: [pick.paper for pick in section.picks] for section in digest.sections} == {
        "robots": [1, 2],
        "speech": [3],
    }
    assert digest.scores[1].parts() == {"popularity": 0.62}
    assert digest.scores[2].parts() == {"relevance": 0.375, "popularity": 0.062}


def test_votes_that_make_no_difference_in_the_rank_decide_between_equals() -> None:
    found = [
        Candidate(number, "speech", 0.05, popularity=popularity(votes, 0), by_votes=True)
        for number, votes in enumerate((1_001, 1_003, 1_002), 1)
    ]
    assert len({one.ranking.total for one in found}) < 3
    assert composed(found, 10).papers == (2, 3, 1)


def test_operators_read_what_a_rank_is_the_sum_of() -> None:
    text = ranking.describe_parts()
    best = ranking.score(1.0, 1.0, 0.0, followed=True, code=True)
    assert f"{best.relevance:.0%} of the fit" in text
    assert f"{best.popularity:.0%} of the popularity" in text
    assert f"{best.followed} for an author" in text
    assert f"{best.code} for available code" in text
    assert "−0.1 for each better paper" in text
    assert "(−0.3 at most)" in text


def test_a_followed_author_comes_first_whatever_topic_the_paper_stands_under_and_code_decides_between_equals() -> (
    None
):
    found = [
        Candidate(1, "robots", 0.9),
        Candidate(2, "robots", 0.9, code=True),
        Candidate(3, "robots", 0.8),
        Candidate(3, "agents", 0.6, ("author: Ada Lovelace",), followed=True),
    ]
    assert composed(found, 10).papers == (3, 2, 1)


# --- what is discussed most -------------------------------------------------------------------------------------

talked = st.lists(
    st.builds(
        Candidate,
        st.integers(1, 30),
        topics,
        shares,
        st.just(()),
        shares,
        discussion=st.sampled_from([0.0, 1.0, 3.0, 40.0]),
    ),
    min_size=1,
    max_size=30,
    unique_by=lambda one: one.paper,
)


@given(talked, rooms, st.integers(0, 4))
def test_the_most_discussed_come_once_and_first_and_nothing_is_lost(
    found: list[Candidate], room: int, most: int
) -> None:
    digest = compose(WEEKLY, found, ORDER, NAMES, room, most)
    assert digest is not None
    assert Counter([*digest.papers, *digest.more]) == Counter(one.paper for one in found)
    assert len(digest.papers) == min(room, len(found))
    first = [section for section in digest.sections if section.topic == DISCUSSED]
    assert first == list(digest.sections[: len(first)])
    discussion = {one.paper: one.discussion for one in found}
    loud = [discussion[pick.paper] for section in first for pick in section.picks]
    assert loud == sorted(loud, reverse=True)
    assert all(one >= 3 for one in loud)
    assert len(loud) <= min(most, room // 2)


def _loud(paper: int, topic: str, discussion: float) -> Candidate:
    return Candidate(paper, topic, 0.5, ("title: robot",), 0.2, discussion=discussion)


def test_the_loudest_paper_stands_in_front_with_its_topics() -> None:
    found = [_loud(number, "robots", number) for number in range(1, 7)]
    found += [_loud(7, "agents", 50), _loud(8, "agents", 0), Candidate(7, "speech", 0.4)]
    digest = compose(WEEKLY, found, ORDER, NAMES, 10, 2)
    assert digest is not None
    assert digest.sections[0] == Section(
        DISCUSSED,
        "",
        (
            Pick(7, ("title: robot", "on: Agents", "also on: Speech"), 0.395),
            Pick(6, ("title: robot", "on: Robots"), 0.395),
        ),
    )
    assert digest.scores[7] == digest.scores[6] == Score(0.375, 0.02)
    assert [section.topic for section in digest.sections[1:]] == ["robots", "agents"]


def test_an_own_interest_is_told_in_quotation_marks() -> None:
    own, query = own_slug("folding grippers", 1), "folding grippers"
    found = [Candidate(1, own, 0.9), Candidate(1, "robots", 0.5), Candidate(2, "robots", 0.9), Candidate(2, own, 0.5)]
    digest = compose(DAILY, found, ORDER, {**NAMES, own: query}, 10)
    assert digest is not None
    assert {pick.paper: pick.why[-1] for section in digest.sections for pick in section.picks} == {
        1: "also on: Robots",
        2: 'also on: "folding grippers"',
    }


def test_a_topic_keeps_its_only_paper_and_a_short_digest_has_no_such_section() -> None:
    found = [_loud(number, "robots", 0) for number in range(1, 6)]
    only = compose(WEEKLY, [*found, _loud(9, "speech", 99)], ORDER, NAMES, 10, 3)
    short = compose(WEEKLY, [_loud(n, "robots", 99) for n in range(1, 6)], ORDER, NAMES, 10, 3)
    assert only is not None
    assert short is not None
    assert [section.topic for section in only.sections] == ["robots", "speech"]
    assert [section.topic for section in short.sections] == ["robots"]


def test_of_topics_that_are_all_discussed_each_keeps_a_paper() -> None:
    found = [_loud(number, topic, 50 + number) for number, topic in enumerate([*ORDER, *ORDER], 1)]
    digest = compose(WEEKLY, found, ORDER, NAMES, 10, 5)
    assert digest is not None
    assert [[pick.paper for pick in section.picks] for section in digest.sections] == [[6, 5, 4], [1], [2], [3]]


# --- many at once -----------------------------------------------------------------------------------------------

_liked = {number: f"Paper {number}" for number in range(0, 40, 7)}
_papers = st.builds(
    lambda paper, topic, score, why, taste, discussion, followed: Candidate(
        paper,
        topic,
        score,
        why,
        paper % 5 / 7,  # what belongs to a paper is the same in all its matches
        taste.get(paper % 3, 0.0),
        _liked.get(paper, ""),
        discussion * (paper % 4),
        followed,
        paper % 2 == 0,
        topic == "speech",
    ),
    st.integers(1, 40),
    topics,
    st.sampled_from([0.05, 0.2, 0.5, 0.50001, 0.9]),
    st.sampled_from([(), ("title: robot",)]),
    st.just({0: 0.123456, 1: -0.4}),
    st.sampled_from([0.0, 2.0]),
    st.booleans(),
)
_subscribers = st.lists(
    st.tuples(
        st.lists(_papers, max_size=60, unique_by=lambda one: (one.topic, one.paper)).map(
            lambda found: [replace(one, discussion=one.paper % 4 * 2.0) for one in found]
        ),
        st.permutations(ORDER).flatmap(lambda order: st.integers(0, 3).map(lambda most: tuple(order[:most]))),
        rooms,
        st.integers(0, 4),
    ),
    max_size=6,
)


@given(_subscribers, st.sets(st.integers(1, 40)))
def test_many_digests_at_once_are_those_that_each_subscriber_would_get_alone(
    everybody: list[tuple[list[Candidate], tuple[str, ...], int, int]], group: set[int]
) -> None:
    requests = [DigestRequest(DAILY, order, room, most, likings(found)) for found, order, room, most in everybody]
    together = compose_all(requests, in_columns([found for found, *_ in everybody]), NAMES, near(group))
    alone = [
        compose_one(DAILY, found, order, NAMES, room, most, near(group)) for found, order, room, most in everybody
    ]
    assert together == alone


@given(_subscribers.filter(len), st.sets(st.integers(1, 40)))
def test_the_numbers_of_papers_may_be_as_large_as_a_database_allows(
    everybody: list[tuple[list[Candidate], tuple[str, ...], int, int]], group: set[int]
) -> None:
    large = 1 << 57
    found = [[replace(one, paper=one.paper * large) for one in found] for found, *_ in everybody]
    requests = [
        DigestRequest(DAILY, order, room, most, likings(mine))
        for mine, (_, order, room, most) in zip(found, everybody, strict=True)
    ]
    alike = near({one * large for one in group})
    together = compose_all(requests, in_columns(found), NAMES, alike)
    alone = [
        compose_one(DAILY, mine, order, NAMES, room, most, alike)
        for mine, (_, order, room, most) in zip(found, everybody, strict=True)
    ]
    assert together == alone
