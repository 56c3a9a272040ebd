"""Interests and letters while another thread renews what they are computed from."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from paperround.domain.models import Digest, Paper
from paperround.matching.scale import Scale
from paperround.matching.words import interpret
from paperround.rounds import interest_scales as module
from paperround.rounds import pipeline
from paperround.rounds.collection import Collection
from paperround.rounds.interests import Interests
from paperround.rounds.letters import LetterBuilder
from paperround.rounds.topic_matching import match_papers
from paperround.subscribers import membership
from support.papers import listing
from support.site import Site

INTEREST = "tactile grippers"
WORDS = interpret(INTEREST)


def _stored(site: Site, *numbers: int, about: str = "robots") -> Sequence[Paper]:
    listed = [
        listing(
            number, title=f"Part {number}: {about}", abstract=f"{about} word{number}", authors=[f"Author {number}"]
        )
        for number in numbers
    ]
    site.app.store.papers.add(listed, site.clock())
    found = site.app.store.papers.rows_by_id([one.arxiv_id for one in listed if one.arxiv_id])
    return list(site.app.store.papers.by_rows(found.values()).values())


def _renewed(site: Site, about: str) -> None:
    """Let another thread read many papers and renew what scores are based on."""
    _stored(site, *range(100, 140), about=about)
    site.app.shared(Collection).renew()
    interests = site.app.shared(Interests)
    interests.score_papers("other words", interpret("other words"), interests.batch(_stored(site, 140)))


def test_a_scale_is_kept_with_the_papers_that_it_was_computed_from(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    interests, renewed = site.app.shared(Interests), list[bool]()
    batch = interests.batch(_stored(site, *range(1, 11), about="tactile hands"))

    def meanwhile(values: Any, *, meaning: bool, likeness: float = 0.0) -> Scale:
        if not renewed:
            renewed.append(True)
            _renewed(site, "tactile grippers")
        return Scale.of(values, meaning=meaning, likeness=likeness)

    with monkeypatch.context() as patch:
        patch.setattr(module, "Scale", SimpleNamespace(of=meanwhile))
        interests.score_papers(INTEREST, WORDS, batch)
    assert renewed
    assert interests.score_papers(INTEREST, WORDS, batch) == Interests(site.app).score_papers(INTEREST, WORDS, batch)


def test_what_was_learned_is_used_with_the_papers_that_it_was_learned_against(site: Site) -> None:
    text, gripper = "artificial hands which know what they touch", "tactile gripper senses incipient slip of glass"
    words, interests = interpret(text), site.app.shared(Interests)
    site.topic("whales")
    site.subscriber("ada@example.org", "whales", queries=(text,))
    ada = membership.subscriber(site.app, "ada@example.org")
    liked = _stored(site, 1, 2, 3, 4, about=gripper)
    for number in range(10, 70):
        _stored(site, number, about=" ".join(f"word{number}x{letter}" for letter in "abcdefgh"))
    match_papers(site.app)
    for paper in liked:
        membership.rate_paper(site.app, ada, paper.row, 1)
    batch = interests.batch(_stored(site, 80, about=gripper))
    interests.prepare(site.app.store.topics.all())
    [topic] = [topic for topic in site.app.store.topics.all() if topic.private]
    before = interests.match(text, words, batch, topic.row)
    assert before
    _renewed(site, "hands touch")
    assert interests.match(text, words, batch, topic.row) == before


def test_two_threads_that_renew_the_snapshot_take_each_paper_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots = site.app.shared(Collection)
    _stored(site, *range(1, 5))
    snapshots.fixed()
    _stored(site, *range(5, 10))
    asked, threads = threading.Event(), list[threading.Thread]()
    last_row, latest = site.app.store.browsing.last_row, site.app.store.papers.latest

    def noticed() -> int:
        if threading.current_thread() in threads:
            asked.set()
        return last_row()

    def meanwhile(number: int, **bounds: int) -> Sequence[Paper]:
        if not threads:
            threads.append(threading.Thread(target=snapshots.renew))
            threads[0].start()
            asked.wait(0.2)  # never, if it waits for this one
        return latest(number, **bounds)

    monkeypatch.setattr(site.app.store.browsing, "last_row", noticed)
    monkeypatch.setattr(site.app.store.papers, "latest", meanwhile)
    snapshots.renew()
    threads[0].join()
    rows = [paper.row for paper in snapshots.fixed().papers]
    assert rows == sorted(set(rows), reverse=True)
    assert len(rows) == 9


class _Meanwhile(Digest):
    """A digest whose issue another thread forgets as soon as it was asked for twice."""

    builder: LetterBuilder

    def __getattribute__(self, name: str) -> Any:
        if name == "issue":
            kept = object.__getattribute__(self, "__dict__")
            kept["asked"] = kept.get("asked", 0) + 1
            if kept["asked"] == 2:
                _Meanwhile.builder.forget_printed()
        return object.__getattribute__(self, name)


def test_the_papers_of_an_issue_are_forgotten_while_a_letter_is_built(site: Site) -> None:
    site.topic("robots")
    site.papers(listing(1, "robots"))
    site.subscriber("ada@example.org", "robots")
    site.clock.now += timedelta(days=1)
    pipeline.publish(site.app)
    [digest] = site.app.store.issues.digests_of(membership.subscriber(site.app, "ada@example.org").row)
    _Meanwhile.builder = builder = site.app.shared(LetterBuilder)
    assert builder.papers(_Meanwhile(digest.issue, digest.sections)).keys() == set(digest.papers)


def test_papers_that_a_letter_was_given_stay_the_same_while_others_of_the_issue_are_read(site: Site) -> None:
    site.topic("robots")
    site.topic("agents")
    site.papers(listing(1, "robots"), listing(2, "agents"))
    site.subscriber("ada@example.org", "robots")
    site.subscriber("ben@example.org", "agents")
    site.clock.now += timedelta(days=1)
    pipeline.publish(site.app)
    builder = site.app.shared(LetterBuilder)
    builder.forget_printed()
    first, second = (
        site.app.store.issues.digests_of(membership.subscriber(site.app, email).row)[0]
        for email in ("ada@example.org", "ben@example.org")
    )
    given = builder.papers(first)
    assert given.keys() == set(first.papers)
    assert builder.papers(second).keys() == {*first.papers, *second.papers}
    assert given.keys() == set(first.papers)
