"""Interests of subscribers' own: their answers count from the next paper on, and each takes as many as was chosen."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from paperround.domain.errors import ConfigurationError
from paperround.domain.models import Topic
from paperround.domain.preferences import DEFAULTS, Breadth
from paperround.rounds import pipeline
from paperround.rounds.topics import add_topic
from paperround.subscribers import membership
from support.papers import listing
from support.site import Site

_EMAIL = "ada@lovelace.example"
_INTEREST = "artificial hands which know what they touch"
_GRIPPER = "tactile gripper senses incipient slip of glass"


@pytest.fixture
def site(site: Site) -> Site:
    site.topic("whales", "whales")
    return site


def _own(site: Site, email: str, interest: str, breadth: Breadth = Breadth.USUAL) -> None:
    site.subscriber(email, "whales")
    change = {"topics": (), "queries": (interest,), "breadth": breadth}
    membership.change(site.app, membership.subscriber(site.app, email), change)
    pipeline.sweep(site.app)


def test_no_topic_of_the_site_replaces_a_subscribers_interest(site: Site) -> None:
    site.subscriber("ada@example.org", "whales", queries=("grippers",), follows=("author: Li Na",))
    before = site.app.store.topics.all()
    for slug in membership.subscriber(site.app, "ada@example.org").topics[1:]:
        with pytest.raises(ConfigurationError, match="interests of subscribers have such slugs"):
            add_topic(site.app, Topic(slug, "Cats", "cats"))
    assert site.app.store.topics.all() == before


def test_a_topic_of_the_site_is_no_interest_whatever_its_slug_begins_with(site: Site) -> None:
    about = "Studies that follow up earlier ones"
    add_topic(site.app, Topic("follow-up-studies", "Follow-up studies", '"follow-up"', about))
    site.topic("own-goals")
    site.subscriber("ada@example.org", "follow-up-studies", "own-goals")
    chosen = membership.subscriber(site.app, "ada@example.org").preferences
    assert chosen == DEFAULTS.patched({"topics": ("follow-up-studies", "own-goals")})


def _matched(site: Site) -> set[str]:
    [topic] = [topic for topic in site.app.store.topics.all() if topic.private]
    return {paper.title for paper in site.app.store.papers.by_rows(site.app.store.topics.matches_of(topic)).values()}


def _other(number: int) -> object:
    words = " ".join(f"word{number}x{letter}" for letter in "abcdefgh")
    return listing(number, title=f"Of {words}", abstract=words, authors=[f"Author {number}"])


def _gripper(number: int) -> object:
    return listing(number, title=f"Part {number}: {_GRIPPER}", abstract=_GRIPPER, authors=[f"Author {number}"])


def test_four_answers_bring_what_the_interest_does_not_say(site: Site) -> None:
    _own(site, _EMAIL, _INTEREST)
    site.papers(*map(_gripper, range(1, 5)), *map(_other, range(10, 70)))
    assert _matched(site) == set(), "none of its words is in any paper"
    for number in (1, 2, 3, 4):
        paper = site.app.store.papers.by_id(f"2611.{number:05d}")
        assert paper is not None
        membership.rate_paper(site.app, membership.subscriber(site.app, _EMAIL), paper.row, 1)
    site.papers(_gripper(101), *map(_other, range(102, 110)))
    assert _matched(site) == {f"Part 101: {_GRIPPER}"}


def test_the_answers_of_one_change_nothing_for_another_with_the_same_interest(site: Site) -> None:
    _own(site, _EMAIL, _INTEREST)
    _own(site, "ben@bookman.example", _INTEREST)
    site.papers(*map(_gripper, range(1, 5)), *map(_other, range(10, 70)))
    for number in (1, 2, 3, 4):
        paper = site.app.store.papers.by_id(f"2611.{number:05d}")
        assert paper is not None
        membership.rate_paper(site.app, membership.subscriber(site.app, _EMAIL), paper.row, 1)
    site.papers(_gripper(101), *map(_other, range(102, 110)))
    assert _matched(site) == set()


def test_fewer_and_more_are_felt_by_each_who_chose_them(site: Site) -> None:
    words = ["tactile", "gripper", "slip", "glass", "hands", "touch", "soft", "rubber"]
    names = {breadth: f"{breadth.value}@lovelace.example" for breadth in Breadth}
    for breadth, email in names.items():
        _own(site, email, " ".join(words), breadth)
    site.papers(*map(_other, range(100, 400)))
    site.papers(*(
        listing(number, title=f"Number {number}", abstract=" ".join(words[:some]), authors=[f"Author {number}"])
        for number, some in enumerate([1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8], 1)
    ))  # fmt: skip
    site.clock.now += timedelta(days=1)
    pipeline.publish(site.app)
    sent = []
    for email in names.values():
        [digest] = site.app.store.issues.digests_of(membership.subscriber(site.app, email).row) or [None]
        sent.append(set() if digest is None else {*digest.papers, *digest.more})
    for fewer, more in pairwise(sent):
        assert fewer <= more
    assert len(sent[0]) < len(sent[2]) < len(sent[4])
