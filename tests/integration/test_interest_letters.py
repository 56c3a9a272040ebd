"""What an interest promises on trial is what its first letter brings."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from paperround.matching.words import interpret
from paperround.rounds import pipeline
from paperround.rounds.interests import Interests
from paperround.rounds.trial import Trials
from paperround.subscribers import membership
from support.encoder import use_ideas
from support.papers import listing
from support.site import Site

SUBJECTS = ("speech recognition", "protein folding", "image retrieval", "traffic forecasts", "poetry", "compilers")


BY_WORDS = ("a hand grasping transparent cups", "Grasping {} transparent cups", "A hand grasps cups made of glass.")
BY_MEANING = ("legged machines which walk", "Humanoid {}", "Its stride is even.")


def _papers(site: Site, fitting: int, title: str, abstract: str) -> None:
    others = (listing(100 + n, SUBJECTS[n % len(SUBJECTS)]) for n in range(60))
    site.papers(
        *others,
        *(listing(n, title=title.format(n), abstract=abstract) for n in range(fitting)),
    )


@pytest.mark.parametrize("kind", [BY_WORDS, BY_MEANING], ids=["words", "meaning"])
@pytest.mark.parametrize("fitting", [0, 1, 4, 13])
def test_the_first_letter_has_the_papers_that_stood_out_on_trial(
    tmp_path: Path, database_url: str, fitting: int, kind: tuple[str, str, str]
) -> None:
    site = Site(tmp_path, database_url)
    interest, title, abstract = kind
    if kind is BY_MEANING:
        use_ideas(site.app)
    _papers(site, fitting, title, abstract)
    pipeline.embed_papers(site.app)
    trial = site.app.shared(Trials).try_interest(interest, {})
    membership.add(site.app, "ada@example.org", {"queries": (interest,)}, confirmed=True, first_now=True)
    site.clock.now += timedelta(minutes=1)
    pipeline.run_round(site.app)
    assert trial.selected == fitting
    assert _digests(site) == ([fitting] if fitting else [])
    site.app.close()


@pytest.mark.parametrize("meaning", [False, True], ids=["words", "meaning"])
def test_the_first_letter_has_the_papers_that_stood_out_on_trial_after_answers(
    tmp_path: Path, database_url: str, meaning: bool
) -> None:
    site = Site(tmp_path, database_url)
    interest, title, abstract = BY_MEANING if meaning else BY_WORDS
    if meaning:
        use_ideas(site.app)
    _papers(site, 9, title, abstract)
    site.papers(*(listing(200 + n, title=f"Hand {n}", abstract="A hand with even fingers.") for n in range(4)))
    pipeline.embed_papers(site.app)
    answers = dict(zip(_rows(site, 1, 2, 3, 200, 201), (1, 1, 1, -1, -1), strict=True))
    trial = site.app.shared(Trials).try_interest(interest, answers)
    membership.add(site.app, "ada@example.org", {"queries": (interest,)}, confirmed=True, first_now=True)
    for row, verdict in answers.items():
        membership.rate_paper(site.app, membership.subscriber(site.app, "ada@example.org"), row, verdict)
    site.clock.now += timedelta(minutes=1)
    pipeline.run_round(site.app)
    assert trial.selected >= 6, "besides the three that were answered with more"
    assert _digests(site) == [trial.selected + 3]
    site.app.close()


def _rows(site: Site, *numbers: int) -> list[int]:
    found = [site.app.store.papers.by_id(f"2611.{number:05d}") for number in numbers]
    return [paper.row for paper in found if paper]


def _digests(site: Site) -> list[int]:
    """How many papers each digest includes or counts."""
    rows = [told["id"] for told in site.app.store.delivery_reports.find()]
    found = [site.app.store.deliveries.by_row(row) for row in rows]
    digests = [site.app.store.issues.digest(one.digest) for one in found if one and one.digest]
    return [len([*digest.papers, *digest.more]) for digest in digests if digest]


def test_an_interest_that_was_tried_before_papers_had_vectors_finds_what_a_new_process_finds(
    tmp_path: Path, database_url: str
) -> None:
    site, restarted = Site(tmp_path, database_url), Site(tmp_path, database_url)
    interest, title, abstract = BY_MEANING
    for one in (site, restarted):
        use_ideas(one.app)
    _papers(site, 1, title, abstract)
    answers = dict(zip(_rows(site, 0, 100, 101), (1, -1, -1), strict=True))
    for said in ({}, answers):
        site.app.shared(Trials).try_interest(interest, said)
    pipeline.embed_papers(site.app)
    for said in ({}, answers):
        found = [one.app.shared(Trials).try_interest(interest, said) for one in (site, restarted)]
        assert found[0] == found[1]
    membership.add(site.app, "ada@example.org", {"queries": (interest,)}, confirmed=True, first_now=True)
    site.clock.now += timedelta(minutes=1)
    pipeline.run_round(site.app)
    assert _digests(site) == [1]
    for one in (site, restarted):
        one.app.close()


def test_an_answer_on_a_paper_of_one_interest_leaves_another_interest_in_the_same_field_alone(
    tmp_path: Path, database_url: str
) -> None:
    """Papers about walking alone fit both interests, but the second one less."""
    site = Site(tmp_path, database_url)
    use_ideas(site.app)
    walking, pictured = "legged machines which walk", "pictures of people who talk while they walk"
    _papers(site, 9, "Humanoid {}", "Its stride is even.")
    site.papers(*(listing(200 + n, title=f"Photo {n}", abstract="A walk, and the talk of it.") for n in range(4)))
    pipeline.embed_papers(site.app)
    membership.add(site.app, "ada@example.org", {"queries": (walking, pictured)}, confirmed=True)
    owner = membership.subscriber(site.app, "ada@example.org")
    for row in _rows(site, 1, 2, 3):
        membership.rate_paper(site.app, owner, row, 1)
    interests, all_topics = site.app.shared(Interests), site.app.store.topics.all()
    interests.prepare(all_topics)
    batch = interests.batch(site.app.store.papers.latest(99))
    learned = {
        topic.query: interests.match(topic.query, interpret(topic.query), batch, topic.row).hits
        != interests.match(topic.query, interpret(topic.query), batch).hits
        for topic in all_topics
    }
    assert learned == {walking: True, pictured: False}
    site.app.close()


def test_an_acronym_of_an_interest_finds_papers_that_write_it_out(tmp_path: Path, database_url: str) -> None:
    """Two papers define the acronym; the one of today does not even name it."""
    site, interest = Site(tmp_path, database_url), "QGA for beginners"
    defining = "We study quadruped gait adaptation (QGA) on ice."
    others = (listing(100 + n, SUBJECTS[n % len(SUBJECTS)]) for n in range(60))
    site.papers(*others, *(listing(200 + n, title=f"A study {n}", abstract=defining) for n in range(2)))
    site.papers(listing(300, title="Learned adaptation of a quadruped gait", abstract="Legs that adapt."))
    trial = site.app.shared(Trials).try_interest(interest, {})
    assert {one.paper.row for one in trial.papers} == set(_rows(site, 200, 201, 300))
    encoder = use_ideas(site.app)
    membership.add(site.app, "ada@example.org", {"queries": (interest,)}, confirmed=True)
    written_out = "QGA for beginners quadruped gait adaptation"
    assert written_out in encoder.asked
    assert site.app.store.vectors.topic_vectors("ideas-1", lambda _: written_out).keys() == {written_out}
    assert site.app.store.vectors.topic_vectors("ideas-1") == {}, "as it was written, before the papers defined it"
    site.app.close()
