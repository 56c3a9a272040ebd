"""News of papers that a subscriber had, papers saved for the weekend, and quiet days."""

from __future__ import annotations

import re
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest

from paperround.domain.models import Digest, NoteKind
from paperround.operator import preview
from paperround.operator.preview import PreviewRequest
from paperround.rounds import pipeline
from paperround.sources import SourceState
from paperround.store.sources import SourceRecord
from paperround.subscribers import membership
from paperround.web import create
from support.pages import Browser
from support.papers import listing
from support.site import Site

_EMAIL = "ada@lovelace.example"


@pytest.fixture
def site(site: Site) -> Site:
    site.topic("robots")
    site.clock.now += timedelta(hours=2)  # letters are due at seven
    return site


def _robot(number: int, **facts: Any) -> Any:
    return listing(number, title=f"Robots, number {number}", abstract="robots", **facts)


def _morning(site: Site, *papers: Any) -> Digest:
    """The next morning, with these papers; its digest."""
    site.clock.now += timedelta(days=1)
    site.papers(*papers)
    pipeline.publish(site.app)
    pipeline.deliver(site.app)
    return site.app.store.issues.digests_of(membership.subscriber(site.app, _EMAIL).row)[0]


def _text(site: Site) -> str:
    body = message_from_bytes(site.relay.accepted[-1].message, policy=policy.default).get_body(("plain",))
    assert body
    return str(body.get_content()).replace("\u00a0", " ")


def test_a_letter_tells_once_what_has_become_of_a_paper(site: Site) -> None:
    site.subscriber(_EMAIL, "robots")
    _morning(site, _robot(1, upvotes=12))
    digest = _morning(site, _robot(1, upvotes=118), _robot(2))
    assert [(note.kind, note.before, note.now) for note in digest.notes] == [(NoteKind.VOTES, 12, 118)]
    assert "▲ 12 → 118 since Tuesday: Robots, number 1" in _text(site)
    assert not _morning(site, _robot(1, upvotes=900), _robot(3)).notes, "it was told already"


def test_code_and_a_withdrawal_come_before_votes_and_others_hear_nothing(site: Site) -> None:
    site.subscriber(_EMAIL, "robots")
    _morning(site, *(_robot(number, upvotes=5) for number in (1, 2, 3, 4)))
    site.topic("agents")
    site.subscriber("ben@other.example", "agents")
    after = {1: {"upvotes": 90}, 2: {"code_url": "https://code.example/2"}, 3: {"withdrawn": True}, 4: {"version": 2}}
    digest = _morning(site, *(_robot(number, **facts) for number, facts in after.items()), _robot(5), listing(
        6, title="agents", abstract="agents"
    ))  # fmt: skip
    assert [note.kind for note in digest.notes] == [NoteKind.WITHDRAWN, NoteKind.CODE, NoteKind.VERSION]
    ben = membership.subscriber(site.app, "ben@other.example")
    assert not site.app.store.issues.digests_of(ben.row)[0].notes


def test_a_preview_has_the_notes_that_the_letter_will_have(site: Site) -> None:
    site.subscriber(_EMAIL, "robots")
    _morning(site, _robot(1, upvotes=12))
    site.clock.now += timedelta(days=1)
    site.papers(_robot(1, upvotes=118), _robot(2))
    before = preview.build(site.app, PreviewRequest(_EMAIL))
    pipeline.publish(site.app)
    after = preview.build(site.app, PreviewRequest(_EMAIL))
    pipeline.deliver(site.app)
    assert before
    assert after
    assert "▲" in before.finished.rendered.text
    assert before.digest
    assert after.digest
    assert before.digest.notes == after.digest.notes
    assert after.finished.letter.message == site.relay.accepted[-1].message


def test_news_in_a_letter_that_expired_is_in_the_next_one(site: Site) -> None:
    site.subscriber(_EMAIL, "robots")
    _morning(site, _robot(1))
    site.clock.now += timedelta(days=1)
    site.papers(_robot(1, version=2), _robot(2))
    pipeline.publish(site.app)
    digest = _morning(site, _robot(3))
    assert [(note.kind, note.paper) for note in digest.notes] == [(NoteKind.VERSION, 1)]
    assert not _morning(site, _robot(4)).notes


def test_what_is_saved_on_sunday_after_the_letter_is_in_the_next_sundays(site: Site) -> None:
    site.subscriber(_EMAIL, "robots")
    site.clock.now += timedelta(days=5)
    sunday = _morning(site, _robot(1))
    assert sunday.day.weekday() == 6
    site.clock.now += timedelta(hours=1)
    membership.save_paper(site.app, membership.subscriber(site.app, _EMAIL), sunday.papers[0])
    told = [_morning(site, _robot(number)).notes for number in range(2, 17)]
    assert [[note.kind for note in notes] for notes in told if notes] == [[NoteKind.SAVED]]
    assert told[6]


def test_sundays_letter_opens_with_what_was_saved_also_when_nothing_is_new(site: Site) -> None:
    site.subscriber(_EMAIL, "robots")
    first = _morning(site, _robot(1), _robot(2))
    ada = membership.subscriber(site.app, _EMAIL)
    assert membership.save_paper(site.app, ada, first.papers[0])
    assert membership.save_paper(site.app, ada, first.papers[0]), "twice is once"
    for _ in range(4):
        assert not _morning(site).notes
    sunday = _morning(site)
    assert (sunday.day.weekday(), [note.kind for note in sunday.notes]) == (6, [NoteKind.SAVED])
    text = _text(site)
    assert "Saved for the weekend" in text
    assert "/saved" in text
    assert site.app.store.reading_lists.papers(ada.row)[0].title == "Robots, number 1"
    membership.remove_saved(site.app, ada, first.papers[0])
    assert not site.app.store.reading_lists.papers(ada.row)


def test_a_quiet_day_is_silent_or_a_line_as_the_subscriber_chose(site: Site) -> None:
    site.subscriber(_EMAIL, "robots")
    site.subscriber("ben@other.example", "robots", quiet_days="line")
    site.clock.now += timedelta(days=1)
    site.app.store.sources.save(SourceRecord("hf-daily", SourceState.STALE, "", site.clock()))
    pipeline.publish(site.app)
    pipeline.deliver(site.app)
    assert [letter.recipient for letter in site.relay.accepted] == ["ben@other.example"]
    message = message_from_bytes(site.relay.accepted[0].message, policy=policy.default)
    assert message["Subject"] == "No new papers for you"
    text = " ".join(_text(site).split())
    assert "No new papers for you." in text
    assert "There were no new papers." in text
    assert "because you asked for one even when there are no new papers for you." in text
    assert "Cite" not in text
    online = re.search(r"https://papers.example.org(/i/[\w-]+)", text)
    assert online
    page = Browser(create(site.app)).get(online[1]).text
    assert "No new papers for you." in page
    assert 'id="cite"' not in page


def test_a_quiet_day_on_which_all_papers_were_left_out_says_so(site: Site) -> None:
    site.subscriber(_EMAIL, "robots", quiet_days="line", leave_out=("author: Ben Bookman",))
    _morning(site, _robot(1), _robot(2), _robot(3), listing(4, title="Else", abstract="else"))
    message = message_from_bytes(site.relay.accepted[0].message, policy=policy.default)
    assert message["Subject"] == "No new papers other than those you leave out"
    text = " ".join(_text(site).split())
    assert "Of 4 new papers, 3 matched your topics and interests." in text
    assert "3 papers were left out, as you asked." in text


def test_a_letter_says_from_how_many_papers_it_was_chosen(site: Site) -> None:
    site.subscriber(_EMAIL, "robots")
    _morning(site, _robot(1), *(listing(number, title=f"Else {number}", abstract="else") for number in range(2, 8)))
    assert "Of 7 new papers, 1 matched your topics and interests." in " ".join(_text(site).split())


def test_a_letter_with_papers_of_earlier_days_names_no_number_of_new_ones(site: Site) -> None:
    site.subscriber(_EMAIL, "robots")
    site.papers(_robot(1))
    site.clock.now += timedelta(days=2)
    _morning(site, _robot(2), *(listing(number, title=f"Else {number}", abstract="else") for number in range(3, 8)))
    text = _text(site)
    assert "Robots, number 1" in text
    assert "Robots, number 2" in text
    assert "matched your topics and interests" not in text
