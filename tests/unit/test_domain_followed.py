"""Entries that follow somebody or leave something out, and what they are compared with."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain.errors import PreferenceError
from paperround.domain.followed import (
    MAX_COAUTHORS,
    FollowedName,
    LeftOut,
    LeftOutKind,
    check_left_out,
    followed_in,
    read_followed,
    read_left_out,
    suggest_colon,
)
from paperround.domain.models import Paper, Topic
from paperround.domain.preferences import DEFAULTS, is_follow, is_own, is_private, read_patch
from paperround.domain.schedule import Cadence
from paperround.matching.leave_out import LeaveOut
from paperround.matching.namesakes import people
from paperround.matching.query import parse
from paperround.process.resources import templates
from paperround.rendering.counts import describe_left_out
from paperround.rendering.language import load
from paperround.rendering.schedule_sentences import describe_reason


def paper(number: int, **facts: Any) -> Paper:
    """A paper with little in it."""
    day = date(2026, 11, 20)
    known = {"id": f"p{number}", "row": number, "day": day, "sources": ("arxiv",), "first_seen": datetime.now(UTC)}
    return Paper.model_validate(known | facts)


_NAME = st.from_regex(r"[A-Z][a-z]{1,9} [A-Z][a-z]{1,9}", fullmatch=True)


@given(_NAME, st.booleans(), st.lists(_NAME, max_size=6, unique=True))
def test_an_entry_is_read_as_it_was_written(name: str, organization: bool, others: list[str]) -> None:
    whom = FollowedName(name, organization, () if organization else tuple(others))
    assert read_followed(str(whom)) == whom


@given(st.sampled_from(LeftOutKind), _NAME)
def test_what_is_left_out_is_read_as_it_was_written(kind: LeftOutKind, name: str) -> None:
    assert read_left_out(str(LeftOut(kind, name))) == LeftOut(kind, name)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Ada Lovelace", 'author:"ada lovelace"'),
        ("AUTHOR:  Ada  Lovelace", 'author:"ada lovelace"'),
        ('author: Ada "Countess" Lovelace', 'author:"ada countess lovelace"'),
        ("Ada M. Lovelace (with Wei Li)", '(author:"ada m lovelace" OR author:"ada lovelace") author:"wei li"'),
        ("author: Wei Zhang (with Li Na)", 'author:"wei zhang" author:"li na"'),
        ("author: Wei Zhang (with Li Na, , Bo)", 'author:"wei zhang" (author:"li na" OR author:bo)'),
        ("org: Analytical Society", 'org:"analytical society"'),
        ("author: “Ada Lovelace”", 'author:"ada lovelace"'),
        ("author: Wei Zhang (with «Li» Na)", 'author:"wei zhang" author:"li na"'),
        ("org: „Analytical“ Society", 'org:"analytical society"'),
    ],
)
def test_an_entry_finds_papers_by_a_query(text: str, query: str) -> None:
    assert str(parse(read_followed(text).query)) == query


def test_a_followed_name_is_a_whole_name() -> None:
    assert read_followed("Min Kim").is_among(["Ada Byron", "Min Kim"])
    assert not read_followed("Min Kim").is_among(["Seung-Min Kim", "Min Kim Lee"])
    assert not read_followed("王小明").is_among(["王小明明"])
    assert read_followed("Ada Lovelace").is_among(["Ada M. Lovelace Jr."])
    assert read_followed("Lovelace, A. M.").is_among(["A. M. Lovelace"])
    assert not read_followed("A. M. Lovelace").is_among(["A. Lovelace"])
    assert read_followed("Jörg Müller").is_among([r"J\"org M\"uller"])
    assert read_followed("Łukasz Kaiser").is_among([r"{\L}ukasz Kaiser"])
    assert read_followed("Min Kim").is_among(["Prof. Dr. Min Kim"])
    assert read_followed("Min Kim").is_among(["Min Kim, MSc"])
    assert read_followed("Kim").is_among(["Seung-Min Kim"])
    assert read_followed("org: Tea Lab").is_among([])
    assert followed_in("author: Min Kim") == read_followed("Min Kim")


@pytest.mark.parametrize(
    ("name", "author", "same"),
    [
        ("Ada Lovelace", "Ada M. Lovelace", True),
        ("Ada Lovelace", "Ada Mary Lovelace", False),
        ("Jin Kim", "Jin Young Kim", False),
        ("Ada Lovelace", "Ada M. B. Lovelace", True),
        ("Ada B. Lovelace", "Ada M. B. Lovelace", True),
        ("Ada Mary Lovelace", "Ada Mary B. Lovelace", True),
        ("Ada B. Lovelace", "Ada Mary B. Lovelace", False),
        ("Ada M. Lovelace", "Ada Lovelace", True),
        ("Lovelace, Ada M.", "Ada Mary Lovelace", True),
        ("Ada Mary Lovelace", "Ada M. Lovelace", True),
        ("Ada M. Lovelace", "Ada M. K. Lovelace", True),
        ("Ada M. Lovelace", "Ada B. Lovelace", False),
        ("Ada M. Lovelace", "Ada Beth Lovelace", False),
        ("Ada Mary Lovelace", "Ada Maude Lovelace", False),
        ("Ada Lovelace", "Anna M. Lovelace", False),
        ("Ada Lovelace", "Ada Lovelace Byron", False),
        ("A. Lovelace", "Ada Lovelace", False),
        ("J. Robert Oppenheimer", "Robert Oppenheimer", False),
        ("Robert Oppenheimer", "J. Robert Oppenheimer", True),
        ("Min Kim", "Seung-Min Kim", False),
        ("Min Kim", "Seung Min Kim", False),
        ("Seung-Min Kim", "Seung Min Kim", True),
        ("Seung Kim", "Seung-Min Kim", False),
        ("Jorg Muller", r"J\"org M. M\"uller", True),
        ("Ada Lovelace", "Dr. Ada M. Lovelace Jr.", True),
    ],
)
def test_a_missing_middle_name_may_be_any(name: str, author: str, same: bool) -> None:
    assert read_followed(name).is_among([author]) == same


@pytest.mark.parametrize("text", ["number OR thing", "robot*", "robots -drones", "robots –drones", "NOT robots"])
def test_operators_are_refused_where_words_are_left_out(text: str) -> None:
    with pytest.raises(ValueError, match="has an operator"):
        check_left_out(text)
    assert read_left_out(text).value == text


def test_a_dash_within_words_is_no_operator() -> None:
    text = "zero-shot or few-shot - a survey"
    assert check_left_out(text).value == text
    assert check_left_out("author: A. N. Other *").kind is LeftOutKind.AUTHOR


@pytest.mark.parametrize("text", ["", " ", "author:", "org: !!", "category: cs.CV", "paper: 1", "x" * 301])
def test_an_entry_that_names_nobody_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(ValueError, match="write author: NAME or org: NAME"):
        read_followed(text)


@pytest.mark.parametrize("text", ["", "!!", "author:", "org: Name", "y" * 301])
def test_an_entry_that_leaves_nothing_out_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(ValueError, match="write words, author: NAME"):
        read_left_out(text)


def test_whom_somebody_follows_is_a_private_topic_with_a_name_of_its_own() -> None:
    entry = "author: Wei Zhang (with Li Na)"
    topic = Topic.of_follow(entry)
    assert (topic.name, topic.about, topic.private) == ("Wei Zhang", entry, True)
    chosen = DEFAULTS.patched({"follows": (entry,), "queries": ("survey",)})
    followed = chosen.followed_by(7)
    assert chosen.follows_anything
    assert [is_follow(slug) for slug in followed] == [False, True]
    assert [is_own(slug) for slug in followed] == [True, False]
    assert [is_private(slug) for slug in (*followed, "follow-up-studies", "own-goals")] == [
        True,
        True,
        False,
        False,
    ]
    assert followed[-1] == topic.slug


def test_too_many_entries_are_refused() -> None:
    with pytest.raises(PreferenceError, match="101 entries to follow; 100 is the most"):
        read_patch({"follows": [f"Author {number}x" for number in range(101)]})


def test_what_was_left_out_is_told_where_it_was_something() -> None:
    language = load("en", templates())
    assert describe_left_out(0, language) == ""
    assert describe_left_out(2, language) == "2 papers were left out, as you asked."
    assert describe_reason(Cadence.DAILY, (), language, 1).endswith("1 paper was left out, as you asked.")
    assert (language.signed(0.25), language.signed(-0.5)) == ("+0.25", "−0.50")


_PAPER = paper(
    1,
    title="A survey of quantum annealing",
    abstract="Machines anneal.",
    authors=["Ada Lovelace", "Wei Zhang", "Konrad E. O. Zuse"],
    categories=["quant-ph", "cs.RO", "math-ph"],
    arxiv_id="2411.01234",
    doi="10.1000/abc",
)


@pytest.mark.parametrize(
    ("entry", "left_out"),
    [
        ("survey", True),
        ("Surveys", True),
        ("quantum annealing", True),
        ("annealing quantum", False),
        ("annealing machines", False),  # the title's last word and the abstract's first
        ("author: ada LOVELACE", True),
        ("author: Lovelace", False),
        ("author: Lovelace, Ada", True),
        ("author: Konrad E. O. Zuse", True),
        ("author: Konrad Zuse", False),  # who may be another
        ("author: Konrad E. Zuse", False),
        ("author: Konrad Zuse (with Wei Zhang)", True),
        ("author: Zuse, Konrad (with Li Na, Zhang, Wei)", False),
        ("author: Konrad Zuse (with Li Na)", False),
        ("author: Konrad A. Zuse (with Wei Zhang)", False),
        ("author: (with Wei Zhang)", False),
        ("author: “Ada Lovelace”", True),
        ("category: quant-ph", True),
        ("category: quant", False),
        ("paper: 2411.01234", True),
        ("paper: arXiv:2411.01234v2", True),
        ("paper: 2411.01235", False),
        ("paper: https://arxiv.org/abs/2411.01234", True),
        ("category: cs", True),
        ("category: cs.*", True),
        ("category: cs.CV", False),
        ("category: math", False),
        ("paper: 10.1000/ABC", True),
        ("paper: doi:10.1000/abc", True),
        ("paper: https://doi.org/10.1000/abc", True),
        ("org: nothing that is read", False),
    ],
)
def test_words_authors_categories_and_papers_are_left_out(entry: str, left_out: bool) -> None:
    assert LeaveOut().rows([entry], [_PAPER]) == ({1} if left_out else set())


def test_who_leaves_out_a_name_still_gets_the_papers_of_longer_names() -> None:
    papers = [_by(1, "Ada Lovelace"), _by(2, "Ada B. Lovelace"), _by(3, "Ada M. Lovelace", "Wei Zhang")]
    assert LeaveOut().rows(["author: Ada Lovelace"], papers) == {1}
    assert LeaveOut().rows(["author: Ada Lovelace (with Wei Zhang)"], papers) == {3}
    assert LeaveOut().rows(["author: Ada M. Lovelace"], papers) == {3}


def test_nothing_is_left_out_for_who_asked_for_nothing() -> None:
    assert LeaveOut().rows([], [_PAPER]) == set()
    assert LeaveOut().kept([], [_PAPER]) == [_PAPER]


def test_what_is_not_left_out_keeps_its_order() -> None:
    papers = [_by(number, "Wei Zhang" if number == 2 else "Li Na") for number in (3, 2, 1)]
    assert [one.row for one in LeaveOut().kept(["author: Wei Zhang"], iter(papers))] == [3, 1]


def test_a_paper_is_compared_for_several_subscribers() -> None:
    left = LeaveOut()
    assert left.rows(["survey"], [_PAPER]) == left.rows(["author: Wei Zhang"], [_PAPER]) == {1}


def test_what_is_compared_is_forgotten_when_it_grows() -> None:
    left = LeaveOut(max_papers=1)
    papers = [_PAPER, paper(2, title="Nothing of the kind"), paper(3, title="Another survey")]
    assert left.rows(["survey"], papers) == {1, 3}
    assert left.rows(["survey"], papers) == {1, 3}


def _by(number: int, *authors: str) -> Paper:
    return paper(number, title=f"Paper {number}", authors=list(authors))


def test_somebody_with_long_coauthors_is_followed_by_those_that_an_entry_has_room_for() -> None:
    bodies = [f"The Collaboration for a Very Large Number of Questions and a Few Answers {n}" for n in range(5)]
    papers = [_by(1, "Wei Zhang", *bodies, "Li “Lily” Na", "x" * 300), _by(2, "Wei Zhang", "Bo Chen")]
    first, _ = sorted(
        (person.followed(unique=False) for person in people("Wei Zhang", papers)), key=str, reverse=True
    )
    assert first.coauthors == ("Li Lily Na", *bodies[:3])
    assert read_followed(str(first)) == first


def test_of_many_coauthors_those_of_most_papers_tell_a_namesake_apart() -> None:
    others = [f"Coauthor {letter}" for letter in "ABCDEFGH"]
    papers = [_by(1, "Wei Zhang", *others), _by(2, "Wei Zhang", others[-1])]
    [person] = people("Wei Zhang", papers)
    assert person.followed(unique=False).coauthors == (others[-1], *others[: MAX_COAUTHORS - 1])


def test_people_of_one_name_are_told_apart_by_their_coauthors() -> None:
    papers = [
        _by(1, "Wei Zhang", "Li Na"),
        _by(2, "Wei Zhang", "Bo Chen"),
        _by(3, "Wei Zhang", "Li Na", "Mei Lin"),
        _by(4, "Mei Lin", "wei zhang"),
        _by(5, "Somebody Else"),
        _by(6, "Wei Zhang"),
    ]
    found = people("Wei Zhang", papers)
    assert [{one.row for one in person.papers} for person in found] == [{1, 3, 4}, {6}, {2}]
    assert str(found[0].followed(unique=False)) == "author: Wei Zhang (with Li Na, Mei Lin)"
    assert str(found[0].followed(unique=True)) == "author: Wei Zhang"
    assert people("Nobody", papers) == []


def test_a_paper_of_a_crowd_tells_nobody_apart() -> None:
    crowd = [f"Author number{number}x" for number in range(60)]
    found = people("Wei Zhang", [_by(1, "Wei Zhang", *crowd), _by(2, "Wei Zhang", crowd[0])])
    assert len(found) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("foo: bar", "'foo:' is not known; write words without a colon, or author: NAME"),
        ("autor: Ada", r"'autor:' is not known \(did you mean author:\?\)"),
        ("category: cs.XX", "arXiv has no category 'cs.XX'"),
        ("cat: math.ZZ", "arXiv has no category 'math.ZZ'"),
    ],
)
def test_an_entry_that_can_leave_nothing_out_is_refused(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_left_out(text)


@pytest.mark.parametrize("name", ["cs.CR", "quant-ph", "physics.optics", "Cell Biology", "neuro.science"])
def test_a_category_of_arxiv_or_of_another_server_is_left_out(name: str) -> None:
    assert str(read_left_out(f"cat: {name}")) == f"category: {name}"


@pytest.mark.parametrize(
    ("entry", "meant"),
    [
        ("author Li Wei", "author: Li Wei"),
        (" Author  identification", "author: identification"),
        ("cat cs.CV", "category: cs.CV"),
        ("category math", "category: math"),
        ("paper 2411.01234", "paper: 2411.01234"),
        ("paper 10.1000/xyz123", "paper: 10.1000/xyz123"),
        ("category theory", None),
        ("paper folding", None),
        ("author: Li Wei", None),
        ("authors", None),
        ("author ???", None),
        ("author (", None),
        ("author “Li Wei”", "author: Li Wei"),
        ("survey", None),
    ],
)
def test_an_exclusion_whose_colon_is_missing_is_recognized(entry: str, meant: str | None) -> None:
    found = suggest_colon(entry)
    assert (str(found) if found else None) == meant
