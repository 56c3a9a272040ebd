"""The promises of docs/design.md, kept over whole rounds on a real database."""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from email import message_from_bytes, policy
from functools import partial
from pathlib import Path

import pytest

from paperround.domain.models import Listing, Stage, SubscriberState
from paperround.domain.schedule import Cadence
from paperround.rounds import pipeline, topic_matching
from paperround.rounds.day_facts import DayFactsReader
from paperround.sources.feed import Feed
from paperround.subscribers import membership
from support.answers import World
from support.papers import listing
from support.site import MORNING, Clock, Running, Site
from support.threads import at_once

HOUR = timedelta(hours=1)


@pytest.fixture
def site(site: Site) -> Site:
    site.topic("robots")
    site.topic("agents")
    return site


def letters(site: Site) -> list[tuple[str, str]]:
    """Who got what: recipient and the letter's text."""
    got = []
    for letter in site.relay.letters:
        message = message_from_bytes(letter.message, policy=policy.default)
        body = message.get_body(("plain",))
        assert body is not None
        got.append((letter.recipient, body.get_content()))
    return got


def a_round(site: Site, now: datetime | None = None) -> pipeline.Tally:
    if now:
        site.clock.now = now
    return pipeline.publish_and_deliver(site.app)


def test_a_subscriber_gets_the_papers_on_their_topics_at_their_hour(site: Site) -> None:
    site.subscriber("ada@example.org", "robots", at="07:00")
    site.papers(listing(1, "robots"), listing(2, "agents"))
    assert a_round(site, MORNING + timedelta(minutes=59)).due == 0
    tally = a_round(site, MORNING + HOUR)
    assert (tally.due, tally.composed, tally.letters["sent"]) == (1, 1, 1)
    [(recipient, text)] = letters(site)
    assert recipient == "ada@example.org"
    assert "part 1" in text
    assert "part 2" not in text


def test_a_new_feeds_back_stock_is_on_the_pages_and_in_no_letter(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.subscriber("ada@example.org", "robots")
    site.subscriber("bo@example.org", "robots", cadence="weekly")
    items = "".join(
        f"<item><title>{word} robots at work in mills</title><link>https://lab.example/news</link>"
        f"<guid>{word}</guid><pubDate>{day}</pubDate></item>"
        for word, day in (("New", "Sun, 22 Nov 2026 10:00:00 GMT"), ("Old", "3 March 2024"), ("Undated", "some day"))
    )
    body = f"<rss version='2.0'><channel><title>Lab</title>{items}</channel></rss>".encode()
    world = World(MORNING)
    world.put("lab.example", body)
    monkeypatch.setattr(site.app, "http", world.http())
    monkeypatch.setattr(
        site.app,
        "settings",
        site.app.settings.model_copy(update={"sources": (Feed(name="lab", url="https://lab.example/f"),)}),
    )
    (report,) = pipeline.ingest(site.app)
    assert (report.fetched, report.new, report.state) == (3, 3, "fresh")
    a_round(site, MORNING + HOUR)
    a_round(site, MORNING + timedelta(days=7, hours=1))
    assert {recipient for recipient, _ in letters(site)} == {"ada@example.org", "bo@example.org"}
    for _, text in letters(site):
        assert "New robots" in text
        assert "Old robots" not in text
        assert "Undated robots" not in text
    assert len(site.app.store.topics.recent_matches("robots", date(2024, 1, 1))) == 3


def test_a_subscriber_never_gets_the_same_paper_twice(site: Site) -> None:
    site.subscriber("ada@example.org", "robots", "agents")
    site.papers(listing(1, "robots"))
    a_round(site, MORNING + HOUR)
    # another version, another source, another topic: still the same work
    site.papers(
        listing(1, "robots", version=2, abstract="Now robots and agents.", day=date(2026, 11, 23)),
        listing(1, "robots", source="hf-daily", kind="hf-daily", upvotes=90, day=date(2026, 11, 23)),
    )
    tally = a_round(site, MORNING + timedelta(days=1, hours=1))
    assert (tally.due, tally.composed, tally.empty) == (1, 0, 1)
    assert len(letters(site)) == 1


def test_a_paper_that_turns_out_to_be_another_one_is_not_sent_again(site: Site) -> None:
    site.subscriber("ada@example.org", "robots")
    site.papers(
        listing(1, arxiv_id=None, doi=None, authors=[], source="page", kind="page", url="https://example.org/1")
    )
    a_round(site, MORNING + HOUR)
    site.papers(listing(1, title="Robots under quite another title at first"))
    site.papers(listing(1, version=2))  # and now its title tells that the two are one
    assert a_round(site, MORNING + timedelta(days=1, hours=1)).composed == 0
    assert len(letters(site)) == 1


def test_a_letter_goes_out_whose_papers_turned_out_to_be_one_after_it_was_composed(site: Site) -> None:
    site.subscriber("ada@example.org", "robots")
    site.papers(
        listing(1, arxiv_id=None, doi=None, authors=[], source="page", kind="page", url="https://example.org/1"),
        listing(1, title="Robots under quite another title at first"),
    )
    site.clock.now = MORNING + HOUR
    pipeline.publish(site.app)
    site.papers(listing(1, version=2))
    assert site.app.store.papers.count() == 1
    assert pipeline.deliver(site.app).letters == {"sent": 1}
    [(_, text)] = letters(site)
    assert "part 1" in text
    assert "quite another title" in text


def test_a_subscriber_erased_while_their_letter_is_on_its_way_takes_nobody_elses_with_them(site: Site) -> None:
    site.subscribers([f"subscriber{number}@example.org" for number in range(3)], "robots")
    site.papers(listing(1))
    site.clock.now = MORNING + HOUR
    pipeline.publish(site.app)
    send = site.relay.send

    def erase_first(letters, report) -> None:
        under_way = list(letters)
        membership.erase(site.app, membership.subscriber(site.app, "subscriber1@example.org"))
        send(iter(under_way), report)

    site.relay.send = erase_first
    pipeline.deliver(site.app)
    assert site.app.store.delivery_reports.count() == {"sent": 2}


def test_a_letter_that_waits_is_sent_though_its_paper_turns_out_to_be_another_one(site: Site) -> None:
    site.subscriber("ada@example.org", "robots")
    page = listing(1, arxiv_id=None, authors=[], source="page", kind="page", url="https://example.org/1")
    site.papers(page)
    site.clock.now = MORNING + HOUR
    pipeline.publish(site.app)
    # all in one answer of a source: a paper under another title, and then the news that it is the one of the page
    site.papers(listing(1, title="Robots under quite another title"), listing(1, version=2))
    assert site.app.store.papers.count() == 1
    assert pipeline.deliver(site.app).letters["sent"] == 1
    [delivery] = site.app.store.delivery_reports.find()
    named = site.app.store.papers.ids(delivery["paper_rows"])
    assert set(named) == set(delivery["paper_rows"])
    assert all(site.app.store.papers.by_id(name) for name in named.values())


def test_after_three_days_off_there_is_one_digest_that_holds_everything(site: Site) -> None:
    site.subscriber("ada@example.org", "robots")
    for number in range(1, 4):
        site.clock.now = MORNING + timedelta(days=number)
        site.papers(listing(number, day=date(2026, 11, 23 + number)))
    tally = a_round(site, MORNING + timedelta(days=3, hours=5))
    assert (tally.due, tally.composed) == (1, 1)
    [(_, text)] = letters(site)
    assert all(f"part {number}" in text for number in range(1, 4))
    subscriber = membership.subscriber(site.app, "ada@example.org")
    assert subscriber.next_digest_at == datetime(2026, 11, 27, 7, tzinfo=UTC)


def _others(first: int, last: int) -> list[Listing]:
    """Papers that match nothing."""
    return [listing(number, title=f"Else {number}", abstract="else") for number in range(first, last + 1)]


def _last_letter(site: Site) -> str:
    return " ".join(letters(site)[-1][1].split())


def test_each_letter_counts_the_papers_since_the_one_before_it(site: Site) -> None:
    site.subscriber("ada@example.org", "robots", cadence="weekly", weekday=4, first_now=True)
    site.papers(listing(1), *_others(2, 4))
    a_round(site)
    assert "Of 4 new papers, 1 matched your topics and interests." in _last_letter(site), "on Monday"
    site.clock.now += timedelta(days=2)
    site.papers(listing(5), *_others(6, 7))
    a_round(site, MORNING + timedelta(days=4, hours=2))
    assert "Of 3 new papers, 1 matched your topics and interests." in _last_letter(site), "on Friday"
    for week in (1, 2, 3):
        site.clock.now = MORNING + timedelta(days=4 + 7 * week)
        site.papers(listing(10 * week), *_others(10 * week + 1, 10 * week + 4))
    a_round(site, MORNING + timedelta(days=4 + 21, hours=2))
    assert len(letters(site)) == 3
    assert "That was all: 3 of 15 new papers matched your topics and interests." in _last_letter(site), (
        "after weeks without rounds"
    )


def test_what_a_letter_without_papers_counted_the_next_one_does_not_count(site: Site) -> None:
    site.subscriber("ada@example.org", "robots", quiet_days="line")
    site.papers(listing(1), *_others(2, 4))
    a_round(site, MORNING + HOUR)
    for day, others in ((1, _others(5, 6)), (2, _others(7, 11))):
        site.clock.now = MORNING + timedelta(days=day)
        site.papers(*others)
        a_round(site, MORNING + timedelta(days=day, hours=1))
    texts = [" ".join(text.split()) for _, text in letters(site)]
    assert "Of 4 new papers, 1 matched" in texts[0]
    assert "None of the 2 new papers matched" in texts[1]
    assert "None of the 5 new papers matched" in texts[2]


def test_a_later_hour_chosen_after_a_letter_hides_no_paper_from_the_count(site: Site) -> None:
    site.subscriber("ada@example.org", "robots", quiet_days="line")
    site.papers(listing(1), *_others(2, 4))
    a_round(site, MORNING + HOUR)
    membership.change(site.app, membership.subscriber(site.app, "ada@example.org"), {"at": clock_time(23)})
    site.clock.now = MORNING + timedelta(hours=10)
    site.papers(*_others(5, 14))
    a_round(site, MORNING + timedelta(days=1, hours=17, minutes=5))
    assert len(letters(site)) == 2
    assert "None of the 10 new papers matched" in _last_letter(site)


def test_papers_are_counted_with_few_queries_for_many_moments(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in (0, 3, 80):
        site.clock.now = MORNING + timedelta(days=day)
        site.papers(*_others(10 * day + 1, 10 * day + 4))
    papers, now = site.app.store.papers, MORNING + timedelta(days=80, hours=1)
    moments = [now - timedelta(days=days, minutes=minutes) for days in (0, 1, 20, 61, 79, 81) for minutes in (0, 9)]
    expected = [papers.count_since(moment) for moment in moments]
    queries: list[datetime] = []
    read = papers.moments_since
    monkeypatch.setattr(papers, "moments_since", lambda moment: queries.append(moment) or read(moment))
    reader = DayFactsReader(site.app, now)
    counts = [reader.facts(Cadence.DAILY, moment, now.timestamp()).papers for moment in moments]
    assert counts == expected
    assert {0, 4, 8, 12} >= set(counts)
    assert len(queries) <= 5
    everybody = [now - timedelta(minutes=minutes) for minutes in range(500)]
    queries.clear()
    reader = DayFactsReader(site.app, now)
    assert {reader.facts(Cadence.DAILY, moment, now.timestamp()).papers for moment in everybody} == {0, 4}
    assert len(queries) <= 10


def test_a_late_weekly_letter_is_headed_with_the_days_of_its_papers(site: Site) -> None:
    site.subscriber("ada@example.org", "robots", cadence="weekly", weekday=4)
    for number, day in ((1, 25), (2, 28)):
        site.clock.now = datetime(2026, 11, day, 5, tzinfo=UTC)
        site.papers(listing(number, day=date(2026, 11, day)))
    a_round(site, datetime(2026, 12, 1, 8, tzinfo=UTC))
    assert "Nov 20 – 28, 2026" in letters(site)[-1][1].replace("\u2009", " "), "it was due on November 27"
    a_round(site, datetime(2026, 12, 4, 8, tzinfo=UTC))
    site.papers(listing(3, day=date(2026, 12, 4)))
    a_round(site, datetime(2026, 12, 11, 8, tzinfo=UTC))
    assert "Dec 4 – 11, 2026" in letters(site)[-1][1].replace("\u2009", " "), "one in time"


def test_what_does_not_fit_is_counted_and_never_comes_later(site: Site) -> None:
    site.subscriber("ada@example.org", "robots", max_papers=3)
    site.papers(*(listing(number) for number in range(1, 11)))
    a_round(site, MORNING + HOUR)
    [(_, text)] = letters(site)
    assert "3\u00a0of\u00a010" in text
    assert a_round(site, MORNING + timedelta(days=1, hours=1)).composed == 0


def test_a_match_that_is_stored_late_comes_with_the_next_digest(site: Site) -> None:
    """The edition is closed over what is visible: a match committed after that is in none, and so in the next."""
    site.subscriber("ada@example.org", "robots")
    site.clock.now = MORNING + HOUR
    site.app.store.papers.add([listing(1)], site.clock())  # stored, its matching still under way
    assert a_round(site).composed == 0
    topic_matching.match_papers(site.app)
    assert a_round(site, MORNING + timedelta(days=1, hours=1)).composed == 1


def test_papers_that_a_crash_left_unmatched_are_matched_by_the_sweep(site: Site) -> None:
    site.subscriber("ada@example.org", "robots")
    site.app.store.papers.add([listing(1)], site.clock())
    pipeline.sweep(site.app)
    assert a_round(site, MORNING + HOUR).composed == 1


def test_running_a_round_again_sends_nothing_more(site: Site) -> None:
    site.subscriber("ada@example.org", "robots")
    site.papers(listing(1))
    a_round(site, MORNING + HOUR)
    tally = a_round(site)
    assert (tally.due, tally.letters["sent"]) == (0, 0)
    assert len(letters(site)) == 1


def test_a_clock_set_back_sends_nothing_again(site: Site) -> None:
    site.subscriber("ada@example.org", "robots")
    site.papers(listing(1), listing(2))
    a_round(site, MORNING + HOUR)
    a_round(site, MORNING - timedelta(days=2))
    a_round(site, MORNING + HOUR)
    assert len(letters(site)) == 1


@pytest.mark.parametrize("leave", [membership.unsubscribe, membership.pause, membership.erase])
def test_whoever_leaves_after_composing_gets_nothing(site: Site, leave) -> None:
    site.subscriber("ada@example.org", "robots")
    site.papers(listing(1))
    site.clock.now = MORNING + HOUR
    pipeline.publish(site.app)
    leave(site.app, membership.subscriber(site.app, "ada@example.org"))
    tally = pipeline.deliver(site.app)
    assert not letters(site)
    assert tally.letters["sent"] == 0


def test_a_suppressed_address_gets_nothing_and_import_does_not_change_that(site: Site) -> None:
    site.subscriber("ada@example.org", "robots")
    site.app.store.subscribers.suppress("Ada@Example.org", "hard bounce", site.clock())
    site.subscriber("ada@example.org", "robots")
    site.papers(listing(1))
    tally = a_round(site, MORNING + HOUR)
    assert not letters(site)
    assert tally.letters["suppressed"] == 1
    [delivery] = site.app.store.delivery_reports.find()
    assert delivery["reason"] == "the address is suppressed"


def test_a_new_subscriber_gets_the_past_week_and_nothing_older(site: Site) -> None:
    site.papers(listing(1))
    pipeline.publish(site.app)
    site.clock.now = MORNING + timedelta(days=8)
    site.papers(listing(2))
    pipeline.publish(site.app)
    site.clock.now = MORNING + timedelta(days=9)
    site.subscriber("ada@example.org", "robots")
    a_round(site, MORNING + timedelta(days=9, hours=2))
    [(_, text)] = letters(site)
    assert "part 2" in text
    assert "part 1" not in text


def test_a_new_topic_does_not_mail_last_years_papers(site: Site) -> None:
    site.subscriber("ada@example.org", "robots")
    site.papers(listing(1, "speech"), listing(2, "robots"))
    site.clock.now = MORNING + timedelta(days=30)
    site.topic("speech")
    site.subscriber("ada@example.org", "robots", "speech")
    a_round(site, MORNING + timedelta(days=30, hours=2))
    [(_, text)] = letters(site)
    assert "part 2" in text
    assert "part 1" not in text
    assert site.app.store.topics.counts()["speech"] == (1, 1)


def test_archived_papers_are_found_and_never_mailed(site: Site) -> None:
    site.subscriber("ada@example.org", "robots")
    site.app.store.papers.add([listing(1)], site.clock(), unmailed=True)
    topic_matching.match_papers(site.app)
    assert a_round(site, MORNING + HOUR).composed == 0
    assert site.app.store.topics.counts()["robots"] == (1, 1)


@pytest.mark.parametrize("matched", [True, False])
def test_an_archived_paper_becomes_news_when_another_source_announces_it(site: Site, matched: bool) -> None:
    site.subscriber("ada@example.org", "robots")
    store = site.app.store.papers
    old = {"source": "blog", "kind": "feed", "arxiv_id": None, "version": None}
    store.add([listing(1, **old, url="https://blog.example/1")], site.clock(), unmailed=True)
    store.add([listing(2, **old, url="https://blog.example/2")], site.clock(), unmailed=True)
    if matched:
        topic_matching.match_papers(site.app)
    # The blog lists its old entry again, with another address; arXiv announces the other one.
    site.papers(listing(2, **old, url="https://blog.example/two"), listing(1, day=MORNING.date()))
    a_round(site, MORNING + HOUR)
    [(_, text)] = letters(site)
    assert "part 1" in text
    assert "part 2" not in text
    assert a_round(site, MORNING + timedelta(days=1, hours=1)).composed == 0


def test_a_subscriber_with_other_topics_gets_other_papers(site: Site) -> None:
    site.subscriber("ada@example.org", "robots")
    site.subscriber("ben@example.org", "agents")
    site.papers(listing(1, "robots"), listing(2, "agents"))
    a_round(site, MORNING + HOUR)
    got = dict(letters(site))
    assert "part 1" in got["ada@example.org"]
    assert "part 2" in got["ben@example.org"]


def test_a_letter_that_goes_again_is_the_same_letter(site: Site) -> None:
    site.subscriber("ada@example.org", "robots")
    site.papers(listing(1))
    site.clock.now = MORNING + HOUR
    pipeline.publish(site.app)
    site.relay.replies.append((Stage.FINAL, 451, "4.3.0 later"))
    pipeline.deliver(site.app)
    site.papers(listing(1, source="hf-daily", kind="hf-daily", upvotes=500))  # the paper changes meanwhile
    site.clock.now += HOUR
    pipeline.deliver(site.app)
    first, second = (message_from_bytes(letter.message, policy=policy.default) for letter in site.relay.letters)
    assert first["Message-ID"] == second["Message-ID"]
    assert first.get_body(("html",)).get_content() == second.get_body(("html",)).get_content()


def test_four_programs_on_one_database_send_one_letter_each(tmp_path: Path, database_url: str) -> None:
    sites = [Site(tmp_path, database_url, Clock()) for _ in range(4)]
    sites[0].topic("robots")
    for number in range(60):
        sites[0].subscriber(f"subscriber{number}@example.org", "robots")
    sites[0].papers(*(listing(number) for number in range(5)))
    at_once([partial(a_round, site, MORNING + HOUR) for site in sites])
    for site in sites:
        pipeline.deliver(site.app)
    got = Counter(letter.recipient for site in sites for letter in site.relay.letters)
    assert got == {f"subscriber{number}@example.org": 1 for number in range(60)}
    for site in sites:
        site.app.close()


def test_a_paused_subscriber_wakes_up_by_themselves_and_has_missed_nothing(site: Site) -> None:
    site.subscriber("ada@example.org", "robots")
    membership.pause(site.app, membership.subscriber(site.app, "ada@example.org"), date(2026, 11, 26))
    site.papers(listing(1))
    assert a_round(site, MORNING + HOUR).due == 0
    site.clock.now = datetime(2026, 11, 26, 0, 5, tzinfo=UTC)
    pipeline.sweep(site.app)
    assert membership.subscriber(site.app, "ada@example.org").state is SubscriberState.ACTIVE
    assert a_round(site, datetime(2026, 11, 26, 7, 0, tzinfo=UTC)).composed == 1


def test_who_is_active_and_resumes_keeps_the_letter_that_is_due(site: Site) -> None:
    site.subscriber("ada@example.org", "robots")
    site.papers(listing(1))
    site.clock.now = MORNING + HOUR
    assert not membership.resume(site.app, membership.subscriber(site.app, "ada@example.org"))
    assert pipeline.publish(site.app).composed == 1


def test_a_letter_that_takes_longer_than_the_lease_is_not_given_to_another_program(
    tmp_path: Path, database_url: str
) -> None:
    site = Site(tmp_path, database_url, Running(MORNING + HOUR), delivery={"lease": 1})
    site.topic("robots")
    site.subscriber("ada@example.org", "robots", at="07:00")
    site.clock.now = MORNING + HOUR
    site.papers(listing(1))
    site.clock.now = MORNING + timedelta(days=1, hours=1)
    pipeline.publish(site.app)
    other = Site(tmp_path, database_url, site.clock, delivery={"lease": 1})
    begun = threading.Event()

    def slowly() -> None:
        begun.set()
        time.sleep(2.5)

    site.relay.before = slowly
    thread = threading.Thread(target=pipeline.deliver, args=(site.app,))
    thread.start()
    begun.wait()
    while thread.is_alive():
        pipeline.sweep(other.app)
        pipeline.deliver(other.app)
        time.sleep(0.2)
    assert len(site.relay.accepted) == 1
    assert not other.relay.letters
    site.app.close()
    other.app.close()


def test_a_program_that_stood_still_for_longer_than_its_lease_sends_no_more(tmp_path: Path) -> None:
    """As after SIGSTOP: a sweep elsewhere has put its letters back."""
    site = Site(tmp_path)
    site.topic("robots")
    site.subscribers([f"subscriber{number}@example.org" for number in range(40)], "robots")
    site.papers(listing(1))
    site.clock.now = MORNING + HOUR
    pipeline.publish(site.app)
    other = Site(tmp_path, clock=Clock(site.clock.now))

    def stands_still() -> None:
        if len(site.relay.letters) == 3:
            other.clock.now += timedelta(minutes=5)
            pipeline.sweep(other.app)
            pipeline.deliver(other.app)

    site.relay.before = stands_still
    pipeline.deliver(site.app)
    got = Counter(letter.recipient for letter in [*site.relay.accepted, *other.relay.accepted])
    assert len(got) == 40
    assert sum(got.values()) - 40 <= 16, "no more than were checked together"
    site.app.close()
    other.app.close()


def test_a_paper_that_was_only_counted_does_not_come_again_after_it_was_merged(site: Site) -> None:
    site.topic("robots")
    site.subscriber("ada@mail.example", "robots", max_papers=1)
    apart = {"source": "blog", "kind": "feed", "arxiv_id": None, "title": "Another study of robots", "abstract": ""}
    site.papers(listing(1, upvotes=50), listing(2), listing(3, doi="10.1000/robots.1", **apart))
    site.clock.now = MORNING + timedelta(hours=1)
    assert pipeline.publish(site.app).composed == 1
    [digest] = site.app.store.issues.digests_of(1)
    assert len(digest.more) == 2
    pipeline.deliver(site.app)
    # A listing that tells that papers 2 and 3 are one, and that it is about something else as well.
    site.papers(listing(2, doi="10.1000/robots.1", title="A careful study of robots and agents, part 2", version=2))
    site.topic("agents")
    site.subscriber("ada@mail.example", "robots", "agents")
    site.clock.now += timedelta(days=1)
    assert pipeline.publish(site.app).composed == 0
    held = [paper["id"] for paper in site.app.store.data_export.export_subscriber(1)["papers"]]
    assert len(held) == 3
    assert len(set(held)) == 2, "the merged paper stands for both that were counted"
