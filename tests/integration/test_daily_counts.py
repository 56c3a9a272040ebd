"""Votes and comments are kept by day: for what is trending, and for what begins a weekly letter."""

from __future__ import annotations

from datetime import date, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

from paperround.domain.models import DISCUSSED, DailyCounts
from paperround.rounds import pipeline
from support.papers import listing
from support.site import MORNING, Site

TODAY = MORNING.date()


def _daily_counts(site: Site, arxiv_id: str) -> list[DailyCounts]:
    paper = site.app.store.papers.by_id(arxiv_id)
    assert paper is not None
    return site.app.store.papers.daily_counts_of([paper.row]).get(paper.row, [])


def test_what_a_paper_met_with_is_kept_for_each_day_and_never_shrinks(site: Site) -> None:
    site.papers(listing(1, upvotes=3, stars=20))
    site.papers(listing(1, upvotes=5, stars=20))
    site.papers(listing(1, upvotes=4, stars=20))
    site.clock.now += timedelta(days=2)
    site.papers(listing(1, upvotes=9, comments=1, stars=21))
    later = TODAY + timedelta(days=2)
    assert _daily_counts(site, "2611.00001") == [DailyCounts(TODAY, 5, 0, 20), DailyCounts(later, 9, 1, 21)]


def test_a_paper_that_nobody_noticed_has_no_echo(site: Site) -> None:
    site.papers(listing(1), listing(2, upvotes=0, comments=0))
    assert _daily_counts(site, "2611.00001") == _daily_counts(site, "2611.00002") == []


def test_two_papers_that_become_one_keep_the_larger_count_of_each_day(site: Site) -> None:
    apart = {"arxiv_id": None, "url": None, "title": "A robot that was announced twice"}
    site.papers(listing(1, upvotes=7))
    site.papers(listing(2, source="blog", kind="feed", doi="10.1000/robots.1", upvotes=4, comments=2, **apart))
    site.clock.now += timedelta(days=1)
    site.papers(listing(2, source="blog", kind="feed", doi="10.1000/robots.1", upvotes=30, **apart))
    site.papers(listing(1, source="hf-daily", kind="hf-daily", doi="10.1000/robots.1", upvotes=8))
    assert _daily_counts(site, "2611.00001")[0] == DailyCounts(TODAY, 7, 2, 0)
    assert _daily_counts(site, "2611.00001")[-1].upvotes == 30
    assert site.app.store.papers.count() == 1


def _morning_of_a_weekly_subscriber(site: Site) -> None:
    site.topic("robots", '"robots"')
    site.topic("agents", '"agents"')
    site.subscriber("ada@subscriber.example", "robots", "agents", cadence="weekly")
    # On the paper's day the old favourite had its votes; the two others gain theirs within the week.
    site.clock.now = MORNING - timedelta(days=12)
    site.papers(listing(1, upvotes=500, day=date(2026, 11, 10), title="The old favourite among robots"))
    site.clock.now = MORNING - timedelta(days=2)
    site.papers(
        *(listing(number, day=date(2026, 11, 20)) for number in range(2, 6)),
        listing(
            6, "agents", upvotes=2, comments=9, day=date(2026, 11, 20), title="Agents that everybody talks about"
        ),
        listing(7, "agents", day=date(2026, 11, 20)),
        listing(8, upvotes=12, day=date(2026, 11, 19), title="Robots that people vote for"),
    )
    site.clock.now = MORNING + timedelta(hours=2)


def test_a_weekly_letter_begins_with_what_was_discussed_most_that_week(site: Site) -> None:
    _morning_of_a_weekly_subscriber(site)
    pipeline.publish(site.app)
    pipeline.deliver(site.app)
    subscriber = site.app.store.subscribers.by_email("ada@subscriber.example")
    assert subscriber is not None
    digest = site.app.store.issues.digests_of(subscriber.row)[0]
    assert digest.sections[0].topic == DISCUSSED
    assert [section.topic for section in digest.sections[1:]] == ["robots", "agents"]
    assert len(set(digest.papers)) == len(digest.papers) == 8

    letter = message_from_bytes(site.relay.accepted[0].message, policy=default)
    text = letter.get_body(("plain",)).get_content()
    assert "Nov 11\u2009–\u200923, 2026" in text, "no letter has come since then"
    below = text[text.index("The one to read") :]
    assert below.index("Agents that everybody talks about") < below.index("Robots that people vote for")
    assert below.index("Robots that people vote for") < below.index("The old favourite among robots")
    assert "Also this week" in below
    assert "8\N{NO-BREAK SPACE}papers" in text
    assert below.count("Agents that everybody talks about") == 1


def test_a_site_can_leave_it_out(tmp_path: Path, database_url: str) -> None:
    told = {"base_url": "https://papers.example.org", "sender": "papers@example.org", "most_discussed": 0}
    site = Site(tmp_path, database_url, site=told)
    _morning_of_a_weekly_subscriber(site)
    pipeline.publish(site.app)
    subscriber = site.app.store.subscribers.by_email("ada@subscriber.example")
    assert subscriber is not None
    digest = site.app.store.issues.digests_of(subscriber.row)[0]
    assert [section.topic for section in digest.sections] == ["robots", "agents"]
    site.app.close()
