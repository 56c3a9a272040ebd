"""Why a paper is in a subscriber's letter, or why not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from paperround.domain.errors import UnknownNameError
from paperround.domain.schedule import Cadence
from paperround.operator.paper_answers import PaperAnswer, PaperFate, why_paper
from paperround.rounds import pipeline, topic_matching
from paperround.subscribers import membership
from support.pages import Pages
from support.papers import listing

ADA = "ada@lovelace.example"
INTEREST = "a hand grasping transparent cups"


@pytest.fixture
def pages(tmp_path: Path, database_url: str) -> Iterator[Pages]:
    made = Pages(tmp_path, database_url)
    yield made
    made.app.close()


def _id(number: int) -> str:
    return f"2611.{number:05}"


def _why(pages: Pages, number: int) -> PaperAnswer:
    return why_paper(pages.app, ADA, _id(number))


def test_what_a_letter_has_and_what_it_only_counts(pages: Pages) -> None:
    pages.subscriber(ADA, max_papers="2", first_now=True)
    pages.letters()
    answers = [_why(pages, number) for number in range(1, 6)]
    fates = [answer.fate for answer in answers]
    assert (fates.count(PaperFate.PRINTED), fates.count(PaperFate.COUNTED)) == (2, 3)
    assert answers[4].sentence == "it is in their letter of 2026-11-23"
    assert answers[0].sentence == 'their letter of 2026-11-23 counted it in "more" and did not print it'
    assert [(one.name, one.matches, bool(one.why)) for one in answers[4].topics] == [("Robots", True, True)]
    assert answers[4].silence == ""


def test_what_the_next_letter_would_have(pages: Pages) -> None:
    pages.subscriber(ADA, max_papers="2")
    pipeline.publish(pages.app)
    assert _why(pages, 5).sentence == "it would be number 1 of 2 in their next letter"
    assert _why(pages, 1).fate is PaperFate.NEXT_COUNTED
    assert "it ranks below the 2 papers that they want at most" in _why(pages, 1).sentence
    assert _why(pages, 9).fate is PaperFate.NO_MATCH
    assert [(one.matches, one.fit) for one in _why(pages, 9).topics] == [(False, 0.0)]


def test_what_a_subscriber_leaves_out(pages: Pages) -> None:
    pages.subscriber(ADA, leave_out=[f"paper: {_id(5)}", "no such words"])
    assert _why(pages, 5).fate is PaperFate.LEFT_OUT
    assert _why(pages, 5).sentence == f"they asked to leave out paper: {_id(5)}"


def test_what_is_not_compared_archived_or_too_old(pages: Pages) -> None:
    pages.subscriber(ADA)
    pages.app.store.papers.add([listing(20, "robots")], pages.site.clock())
    assert _why(pages, 20).sentence == "it is stored, and the next round compares it with what they follow"
    pages.app.store.papers.add([listing(21, "robots")], pages.site.clock(), unmailed=True)
    topic_matching.match_papers(pages.app)
    assert _why(pages, 21).fate is PaperFate.ARCHIVED
    pipeline.publish(pages.app)
    pages.site.clock.now += timedelta(days=20)
    membership.erase(pages.app, membership.subscriber(pages.app, ADA))
    pages.subscriber(ADA)
    assert _why(pages, 5).fate is PaperFate.TOO_OLD
    assert "it was stored at 2026-11-23 06:00 UTC" in _why(pages, 5).sentence


def test_how_far_a_paper_is_from_an_interest(pages: Pages) -> None:
    pages.site.papers(
        *(listing(100 + n, title=f"Paper {n} on matters of economics", abstract="Prices.") for n in range(40)),
        listing(150, title="A hand grasping transparent cups", abstract="A hand grasps cups made of glass."),
        listing(151, title="Cups", abstract="Of glass."),
    )
    pages.subscriber(ADA, "agents", queries=[INTEREST], breadth="fewest")
    near, far = _why(pages, 150), _why(pages, 120)
    assert [(one.name, one.matches) for one in near.topics] == [(INTEREST, True), ("Agents", False)]
    assert near.topics[0].needed is not None
    assert near.topics[0].fit is not None
    assert near.topics[0].fit >= near.topics[0].needed
    (interest,) = (one for one in far.topics if one.name == INTEREST)
    assert far.fate is PaperFate.NO_MATCH
    assert interest.fit is not None
    assert interest.needed is not None
    assert interest.fit < interest.needed


def test_who_gets_no_letters_is_told_apart(pages: Pages) -> None:
    pages.subscriber(ADA)
    found = membership.subscriber(pages.app, ADA)
    membership.change(pages.app, found, {"cadence": Cadence.OFF})
    assert (_why(pages, 5).fate, _why(pages, 5).silence) == (PaperFate.NEXT, "their frequency is set to off")
    membership.unsubscribe(pages.app, found)
    assert _why(pages, 5).silence == "the subscriber is unsubscribed"


def test_a_paper_that_is_not_stored_is_refused(pages: Pages) -> None:
    pages.subscriber(ADA)
    with pytest.raises(UnknownNameError, match=r"there is no paper '2611\.77777' here"):
        _why(pages, 77777)


def test_a_paper_on_their_reading_list(pages: Pages) -> None:
    pages.subscriber(ADA)
    subscriber = membership.subscriber(pages.app, ADA)
    paper = pages.app.store.papers.by_id(_id(5))
    assert paper
    pages.app.store.reading_lists.save(subscriber.row, paper.row, pages.site.clock())
    answer = _why(pages, 5)
    assert (answer.fate, answer.sentence) == (
        PaperFate.OWNED,
        "they have it already, in their library or on their reading list",
    )
