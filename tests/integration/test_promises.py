"""Ways in which a promise could break that somebody thought of once: each stays mended."""

from __future__ import annotations

import secrets
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event
from structlog.testing import capture_logs

from paperround.domain.models import DeliveryState, Outcome, Stage, Subscriber, SubscriberState
from paperround.rounds import pipeline, topic_matching
from paperround.store import subscribers
from paperround.store.deliveries import Settlement
from paperround.store.subscriber_changes import SubscriberChange
from paperround.subscribers import membership
from support.databases import engine_of
from support.papers import listing
from support.site import MORNING, Site

HOUR = timedelta(hours=1)


@pytest.fixture
def site(site: Site) -> Site:
    site.topic("robots")
    return site


def a_round(site: Site, now: datetime) -> pipeline.Tally:
    site.clock.now = now
    tally = pipeline.publish(site.app)
    tally.letters = pipeline.deliver(site.app).letters
    return tally


def test_two_domains_that_fold_to_one_are_two_subscribers(site: Site) -> None:
    site.subscriber("ada@strasse.example", "robots")
    site.subscriber("ada@straße.example", "robots")
    assert len(list(site.app.store.subscribers.all())) == 2


def test_a_first_letter_on_a_day_that_has_one_waits_and_swallows_nothing(site: Site) -> None:
    site.subscriber("ada@example.org", "robots")
    site.papers(listing(1))
    a_round(site, MORNING + HOUR)
    site.papers(listing(2))
    site.subscriber("ada@example.org", "robots", first_now=True)
    a_round(site, MORNING + 2 * HOUR)
    assert len(site.relay.accepted) == 1
    assert a_round(site, MORNING + timedelta(days=1, hours=1)).composed == 1


def test_a_match_made_while_a_changed_topic_is_compared_anew_is_kept(site: Site, monkeypatch) -> None:
    site.subscriber("ada@example.org", "robots")
    site.papers(listing(1))
    matches_of = site.app.store.topics.matches_of

    def meanwhile(topic):
        monkeypatch.setattr(site.app.store.topics, "matches_of", matches_of)
        site.papers(listing(2))
        return matches_of(topic)

    monkeypatch.setattr(site.app.store.topics, "matches_of", meanwhile)
    site.topic("robots", "robots OR machines")
    assert a_round(site, MORNING + HOUR).composed == 1
    [delivery] = site.app.store.delivery_reports.find()
    assert len(delivery["paper_rows"]) == 2


def test_the_number_of_a_paper_that_is_gone_is_never_another_papers(site: Site) -> None:
    site.papers(listing(1, arxiv_id=None, authors=[], source="page", kind="page", url="https://example.org/1"))
    site.papers(listing(1, title="Robots under quite another title"), listing(1, version=2))
    site.papers(listing(2))
    rows = {paper.row for chunk in [site.app.store.papers.latest(10)] for paper in chunk}
    assert rows & {1, 2} != {1, 2}
    assert max(rows) == 3


def test_a_letter_that_was_taken_is_sent_though_a_sweep_has_put_it_back(site: Site) -> None:
    site.subscriber("ada@example.org", "robots")
    site.papers(listing(1))
    site.clock.now = MORNING + HOUR
    pipeline.publish(site.app)
    store, claim = site.app.store.deliveries, secrets.token_hex(8)
    [delivery] = store.claim(site.clock(), 10, claim, timedelta(seconds=60)).deliveries
    site.clock.now += timedelta(minutes=2)
    with capture_logs() as logs:
        assert pipeline.sweep(site.app) == 1
        assert pipeline.sweep(site.app) == 0
    [told] = [one for one in logs if "may arrive twice" in one["event"]]
    assert (told["log_level"], told["letters"]) == ("warning", 1)
    outcome = Outcome(delivery.row, Stage.FINAL, 250, "2.0.0", "ok")

    store.settle([Settlement(outcome, DeliveryState.SENT)], claim, site.clock())
    assert pipeline.deliver(site.app).letters["sent"] == 0
    assert site.app.store.delivery_reports.count() == {"sent": 1}


def test_whoever_leaves_while_a_change_is_on_its_way_has_left(site: Site) -> None:
    site.subscriber("ada@example.org", "robots")
    seen = membership.subscriber(site.app, "ada@example.org")
    membership.unsubscribe(site.app, seen)
    site.app.store.subscriber_changes.save(
        [SubscriberChange(seen.email, seen.preferences.as_patch(), seen.state)], site.clock()
    )
    membership.resume(site.app, seen)
    assert membership.subscriber(site.app, "ada@example.org").state is SubscriberState.UNSUBSCRIBED


def test_a_letter_after_an_outage_has_half_a_day_to_arrive(site: Site) -> None:
    site.subscriber("ada@example.org", "robots", at="07:00")
    site.papers(listing(1))
    site.clock.now = datetime(2026, 11, 26, 6, 55, tzinfo=UTC)  # off for three days, five minutes before the next
    pipeline.publish(site.app)
    site.relay.replies = [(Stage.RCPT, 451, "4.7.1 greylisted")]
    pipeline.deliver(site.app)
    site.clock.now += HOUR
    assert pipeline.deliver(site.app).letters["sent"] == 1


def test_two_works_under_one_title_without_any_identifier_stay_two_however_often_they_come(site: Site) -> None:
    twins = [
        listing(1, arxiv_id=None, url=None, authors=authors, source="feed", kind="feed")
        for authors in (["Ada One"], ["Ben Two"])
    ]
    for day in (20, 21, 21):
        site.papers(*(twin.model_copy(update={"day": date(2026, 11, day)}) for twin in twins))
    assert site.app.store.papers.count() == 2


def test_a_pause_ends_on_the_subscribers_own_day(site: Site) -> None:
    site.subscriber("ada@example.org", "robots", timezone="America/Los_Angeles")
    membership.pause(site.app, membership.subscriber(site.app, "ada@example.org"), date(2026, 11, 24))
    site.clock.now = datetime(2026, 11, 24, 1, tzinfo=UTC)  # still the 23rd there
    pipeline.sweep(site.app)
    assert membership.subscriber(site.app, "ada@example.org").state is SubscriberState.PAUSED
    site.clock.now = datetime(2026, 11, 24, 9, tzinfo=UTC)
    pipeline.sweep(site.app)
    assert membership.subscriber(site.app, "ada@example.org").state is SubscriberState.ACTIVE


def test_a_pause_that_is_prolonged_while_others_are_resumed_stands(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ada", "ben"):
        site.subscriber(f"{name}@example.org", "robots")
        membership.pause(site.app, membership.subscriber(site.app, f"{name}@example.org"), date(2026, 11, 24))
    ada, find = membership.subscriber(site.app, "ada@example.org"), subscribers._pauses_over
    looks = iter([lambda: membership.pause(site.app, ada, date(2026, 12, 24)), lambda: None])

    def find_and_meanwhile(db: Connection, *where: Any) -> list[Subscriber]:
        found = find(db, *where)
        next(looks)()
        return found

    monkeypatch.setattr(subscribers, "_pauses_over", find_and_meanwhile)
    site.clock.now = datetime(2026, 11, 24, 1, tzinfo=UTC)
    assert site.app.store.subscribers.resume_due(site.clock()) == 1
    ada, ben = (membership.subscriber(site.app, f"{name}@example.org") for name in ("ada", "ben"))
    assert (ada.state, ada.preferences.paused_until) == (SubscriberState.PAUSED, date(2026, 12, 24))
    assert (ben.state, ben.preferences.paused_until) == (SubscriberState.ACTIVE, None)
    assert ben.next_digest_at is not None
    assert ben.next_digest_at > site.clock()


def test_nothing_is_written_while_no_pause_ends(site: Site) -> None:
    site.subscriber("ada@example.org", "robots")
    began: list[Connection] = []
    event.listen(engine_of(site.app.store), "begin", began.append)
    assert site.app.store.subscribers.resume_due(site.clock()) == 0
    assert [connection.get_execution_options().get("writes", False) for connection in began] == [False]


def test_archived_papers_become_news_when_a_source_announces_the_same_work(site: Site) -> None:
    site.subscriber("ada@example.org", "robots")
    store = site.app.store.papers
    store.add([listing(1, arxiv_id=None, authors=[], source="page", kind="page")], site.clock(), unmailed=True)
    topic_matching.match_papers(site.app)
    site.papers(listing(1, title="Robots under quite another title"))
    site.papers(listing(1, version=2))
    assert a_round(site, MORNING + HOUR).composed == 1
