"""Interests of subscribers' own: their answers count from the next paper on, and each takes as many as was chosen."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from paperround.domain.errors import ConfigurationError
from paperround.domain.models import Feedback, Topic
from paperround.domain.preferences import DEFAULTS, Breadth
from paperround.rounds import pipeline
from paperround.rounds.interest_scales import InterestScales
from paperround.rounds.interest_tastes import InterestTastes, TasteSource
from paperround.rounds.meaning import Meaning
from paperround.rounds.topics import add_topic
from paperround.subscribers import membership
from support.encoder import use_ideas
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
        with pytest.raises(ConfigurationError, match="are reserved for interests"):
            add_topic(site.app, Topic(slug, "Cats", "cats"))
    assert site.app.store.topics.all() == before


def test_a_topic_of_the_site_is_no_interest_whatever_its_slug_begins_with(site: Site) -> None:
    about = "Studies that follow up earlier ones"
    add_topic(site.app, Topic("follow-up-studies", "Follow-up studies", '"follow-up"', about))
    site.topic("own-goals")
    site.subscriber("ada@example.org", "follow-up-studies", "own-goals")
    chosen = membership.subscriber(site.app, "ada@example.org").preferences
    assert chosen == DEFAULTS.patched({"topics": ("follow-up-studies", "own-goals")})


def _matched(site: Site, email: str = _EMAIL) -> set[str]:
    """Return the titles of what the only interest of a subscriber matches."""
    [topic] = site.app.store.topics.by_slugs(membership.subscriber(site.app, email).topics)
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


def test_answers_on_other_subjects_take_nothing_from_an_interest(site: Site) -> None:
    use_ideas(site.app)
    _own(site, _EMAIL, "legged machines which walk")
    walking = [listing(number, title=f"Humanoid {number}", abstract="Its stride is even.") for number in range(4)]
    site.papers(*(listing(number, title=f"Protein {number}") for number in range(100, 120)))
    site.papers(*walking, *map(_other, range(10, 70)))
    pipeline.embed_papers(site.app)
    titles = {paper.title for paper in walking}
    assert _matched(site) == titles
    _answer(site, 1, *range(100, 115))
    pipeline.sweep(site.app)
    assert _matched(site) == titles, "what somebody thinks of proteins says nothing about walking"


def test_liked_papers_in_other_words_lower_the_threshold_of_an_interest(site: Site) -> None:
    use_ideas(site.app)
    walking = [listing(number, title=f"Humanoid {number}", abstract="Its stride is even.") for number in range(4)]
    site.papers(*walking, *map(_other, range(10, 70)))
    pipeline.embed_papers(site.app)
    site.app.shared(Meaning).table()
    liked = [site.app.store.papers.by_id(paper.arxiv_id or "") for paper in walking]
    papers = {paper.row: paper for paper in liked if paper is not None}

    def threshold(interest: str) -> float:
        scales = InterestScales(site.app)
        answers = tuple(Feedback(row, 1, site.clock()) for row in papers)
        source = TasteSource(interest, answers, scales.history())
        site.app.shared(Meaning).topic_vector(interest)
        tastes = InterestTastes(site.app, scales)
        learned = tastes.learn_one(source, papers, scales.batch(papers.values()), frozenset())
        assert len(learned.liked_shares) == 4
        return learned.scale.threshold

    assert threshold("machines which walk") < threshold("humanoid stride") - 0.5


def _answer(site: Site, verdict: int, *numbers: int, email: str = _EMAIL) -> None:
    for number in numbers:
        paper = site.app.store.papers.by_id(f"2611.{number:05d}")
        assert paper is not None
        membership.rate_paper(site.app, membership.subscriber(site.app, email), paper.row, verdict)


def _sent(site: Site, email: str = _EMAIL) -> list[str]:
    """Let a day pass, send what is due, and return the titles of the subscriber's new digest, if there is one."""
    row = membership.subscriber(site.app, email).row
    before = len(site.app.store.issues.digests_of(row))
    site.clock.now += timedelta(days=1)
    pipeline.publish_and_deliver(site.app)
    found = site.app.store.issues.digests_of(row)
    rows = found[0].papers if len(found) > before else ()
    known = site.app.store.papers.by_rows(rows)
    return [known[row].title for row in rows]


def _parts(site: Site) -> set[str]:
    """Store papers that only answers find, the last two of them on their own; return the titles."""
    site.papers(*map(_gripper, range(1, 5)), *map(_other, range(10, 70)))
    site.papers(*map(_gripper, (101, 102)), *map(_other, range(103, 110)))
    return set(map(_part, (1, 2, 3, 4, 101, 102)))


def _part(number: int) -> str:
    return f"Part {number}: {_GRIPPER}"


def test_the_answers_of_one_change_nothing_for_another_with_the_same_interest(site: Site) -> None:
    _own(site, _EMAIL, _INTEREST)
    _own(site, "ben@bookman.example", _INTEREST)
    site.papers(*map(_gripper, range(1, 5)), *map(_other, range(10, 70)))
    _answer(site, 1, 1, 2, 3, 4)
    site.papers(_gripper(101), *map(_other, range(102, 110)))
    pipeline.sweep(site.app)
    assert _part(101) in _matched(site)
    assert _matched(site, "ben@bookman.example") == set()
    _own(site, "eva@bookman.example", _INTEREST)
    assert _matched(site, "eva@bookman.example") == set(), "somebody who comes later begins without answers"
    membership.erase(site.app, membership.subscriber(site.app, _EMAIL))
    assert _matched(site, "ben@bookman.example") == set()
    assert len([topic for topic in site.app.store.topics.all() if topic.private]) == 2


def test_answers_renew_what_was_not_sent_yet_and_nothing_comes_twice(site: Site) -> None:
    _own(site, _EMAIL, _INTEREST)
    parts = _parts(site)
    _answer(site, 1, 1, 2, 3, 4)
    assert _matched(site) == set(), "no page waits for it"
    pipeline.sweep(site.app)
    assert _matched(site) == parts
    assert sorted(_sent(site)) == sorted(parts)
    _answer(site, 1, 101)
    pipeline.sweep(site.app)
    assert _sent(site) == []


def test_an_answer_that_is_taken_back_takes_its_effect_back(site: Site) -> None:
    _own(site, _EMAIL, _INTEREST)
    parts = _parts(site)
    _answer(site, 1, 1, 2, 3, 4)
    pipeline.sweep(site.app)
    assert _matched(site) == parts
    assert site.app.store.feedback.forget_all(membership.subscriber(site.app, _EMAIL).row) == 4
    pipeline.sweep(site.app)
    assert _matched(site) == set()
    _answer(site, 1, 1, 2, 3, 4)
    pipeline.sweep(site.app)
    assert sorted(_sent(site)) == sorted(parts), "a match that was lost and found is still news"


def test_what_a_digest_has_passed_over_stays_so(site: Site) -> None:
    _own(site, _EMAIL, _INTEREST)
    _parts(site)
    site.papers(listing(500, title="Songs of whales"))
    assert _sent(site) == []
    _answer(site, 1, 1, 2, 3, 4)
    site.papers(_gripper(111))
    pipeline.sweep(site.app)
    assert _sent(site) == [_part(111)]


def test_an_answer_while_matches_are_renewed_makes_them_due_again(site: Site) -> None:
    _own(site, _EMAIL, _INTEREST)
    site.papers(*map(_gripper, range(1, 5)), *map(_other, range(10, 70)))
    _answer(site, 1, 1)
    store = site.app.store.topics
    [before] = store.due()
    _answer(site, 1, 2)
    store.matched(before, ())
    [due] = store.due()
    assert due.taste_version == before.taste_version + 1
    pipeline.sweep(site.app)
    assert store.due() == []


def test_a_query_with_operators_is_not_matched_again_for_answers(site: Site) -> None:
    _own(site, _EMAIL, '"tactile gripper"')
    site.papers(*map(_gripper, range(1, 3)))
    _answer(site, -1, 1, 2)
    pipeline.sweep(site.app)
    assert site.app.store.topics.due() == []
    assert _matched(site) == {_part(1), _part(2)}


def test_breadth_has_an_immediate_effect_only_for_the_subscriber_who_chose_it(site: Site) -> None:
    words = ["tactile", "gripper", "slip", "glass", "hands", "touch", "soft", "rubber"]
    ben = "ben@bookman.example"
    for email in (_EMAIL, ben):
        _own(site, email, " ".join(words))
    site.papers(*map(_other, range(100, 400)))
    site.papers(*(
        listing(number, title=f"Number {number}", abstract=" ".join(words[:some]), authors=[f"Author {number}"])
        for number, some in enumerate([1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8], 1)
    ))  # fmt: skip
    usual = _matched(site)
    taken = {}
    for breadth in Breadth:
        membership.change(site.app, membership.subscriber(site.app, _EMAIL), {"breadth": breadth})
        taken[breadth] = _matched(site)
        assert site.app.store.topics.due() == []
    assert taken[Breadth.USUAL] == usual
    assert all(fewer <= more for fewer, more in pairwise(taken.values()))
    assert len(taken[Breadth.FEWEST]) < len(usual) < len(taken[Breadth.MOST])
    assert _matched(site, ben) == usual
    assert set(_sent(site)) == taken[Breadth.MOST]


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
