"""What a clock that ran ahead has written stops nothing once the clock is right again."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from paperround.domain.models import NoteKind
from paperround.rounds import pipeline
from paperround.rounds.scheduler import Scheduler
from paperround.sources import SourceState
from paperround.store.alarms import AlarmKind
from paperround.store.examples import LinkedLibrary
from paperround.store.quotas import Quota
from paperround.store.sources import SourceRecord
from paperround.subscribers import confirmation, membership
from support.papers import listing
from support.site import MORNING, Site

_EMAIL = "ada@lovelace.example"
_AHEAD = timedelta(days=400)
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_HOOK = {
    "name": "crm",
    "url": "http://127.0.0.1:9/",
    "secret": f"whsec_{base64.b64encode(b'a key of 24 or more octets').decode()}",
    "events": ["subscribed"],
}


@pytest.fixture
def site(site: Site) -> Site:
    site.topic("robots")
    site.subscriber(_EMAIL, "robots")
    return site


def test_jobs_that_wait_for_a_clock_that_was_put_back_run_at_their_next_time(tmp_path: Path) -> None:
    source = {"name": "hf", "kind": "hf-daily", "schedule": "30 2 * * *"}
    site = Site(tmp_path, sources=[source])
    scheduler = Scheduler(site.app)
    scheduler._scheduler.start(paused=True)
    assert scheduler.correct_job_times() == 0
    scheduler._scheduler.add_job(print, id="at once", next_run_time=datetime.now(UTC) + _AHEAD)
    for job in scheduler.jobs():
        job.modify(next_run_time=datetime.now(UTC) + _AHEAD)
    assert scheduler.correct_job_times() == len(scheduler.jobs()) > 3
    times = {job.id: job.next_run_time for job in scheduler.jobs()}
    assert max(times.values()) <= datetime.now(UTC) + _DAY
    assert times["at once"] <= datetime.now(UTC)
    assert scheduler.correct_job_times() == 0
    scheduler.stop()
    site.app.close()


def test_a_source_that_was_asked_in_the_future_is_due(tmp_path: Path) -> None:
    site = Site(tmp_path, sources=[{"name": "hf", "kind": "hf-daily", "schedule": "30 2 * * *"}])
    sources, now = site.app.store.sources, site.clock()
    scheduler = Scheduler(site.app)
    sources.save(SourceRecord("hf", SourceState.FRESH, "", now + _AHEAD))
    assert [source.name for source in scheduler._missed()] == ["hf"]
    sources.save(SourceRecord("hf", SourceState.FRESH, "", now))
    assert scheduler._missed() == []
    site.app.close()


def test_nothing_is_deleted_by_a_clock_that_leaps_until_it_has_been_steady_for_a_day(site: Site) -> None:
    def letters_after_sweep() -> int:
        pipeline.sweep(site.app)
        return sum(site.app.store.delivery_reports.count().values())

    site.papers(listing(1))
    site.clock.now = MORNING + _HOUR
    pipeline.publish(site.app)
    pipeline.deliver(site.app)
    confirmation.ask_to_subscribe(site.app, "eve@post.example", {"topics": ("robots",)}, {})
    right = site.clock.now
    assert letters_after_sweep() == 2
    site.clock.now = right + 2 * _AHEAD
    assert [letters_after_sweep() for _ in range(2)] == [2, 2]
    for hours in range(0, 24, 5):
        site.clock.now = right + hours * _HOUR
        assert letters_after_sweep() == 2
    assert site.app.store.subscribers.by_email("eve@post.example"), "who has yet to confirm is not forgotten either"
    for days in range(1, 402, 10):
        site.clock.now = right + timedelta(days=days)
        left = letters_after_sweep()
    assert left == 0


def test_a_webhook_gets_the_events_that_wait_for_a_later_year(tmp_path: Path, database_url: str) -> None:
    site = Site(tmp_path, database_url, webhooks=[_HOOK])
    site.topic("robots")
    site.clock.now = MORNING + _AHEAD
    site.subscriber("ben@post.example", "robots")
    events = site.app.store.events
    assert len(events.claim("crm", site.clock(), 9, "then", _HOUR)) == 1
    site.clock.now = MORNING
    site.subscriber("eve@post.example", "robots")
    assert len(events.claim("crm", site.clock(), 9, "now", _HOUR)) == 2
    assert events.claim("crm", site.clock(), 9, "another", _HOUR) == [], "those of a claim of now"
    site.app.close()


def test_news_of_papers_goes_on(site: Site) -> None:
    site.papers(listing(1))
    site.clock.now = MORNING + _HOUR
    pipeline.publish(site.app)
    pipeline.deliver(site.app)
    site.clock.now += _AHEAD
    site.papers(listing(2))
    pipeline.publish(site.app)
    site.clock.now -= _AHEAD
    pipeline.sweep(site.app)
    site.clock.now += _DAY
    site.papers(listing(1, version=2), listing(3))
    pipeline.publish(site.app)
    row = membership.subscriber(site.app, _EMAIL).row
    latest = site.app.store.issues.digests_of(row)[0]
    assert [(note.kind, note.paper) for note in latest.notes] == [(NoteKind.VERSION, 1)]


def test_a_library_that_was_read_in_the_future_is_read_again(site: Site) -> None:
    examples, row = site.app.store.examples, membership.subscriber(site.app, _EMAIL).row
    examples.link(row, "orcid", "0000-0002-1825-0097", "")
    [library] = examples.linked(row)
    assert isinstance(library, LinkedLibrary)
    now = site.clock()
    for synced, due in ((now + _AHEAD, True), (now, False), (now - 2 * _DAY, True)):
        examples.synced(library, synced)
        assert bool(examples.due(now - _DAY, now, 9)) is due


def test_uses_that_were_counted_in_the_future_use_up_no_quota(site: Site) -> None:
    quotas, quota, now = site.app.store.quotas, Quota("login", 1, _DAY), site.clock()
    assert quotas.take([(quota, "key")], now + _AHEAD) is None
    assert quotas.count(quota, "key", now) == 0
    assert quotas.wait(quota, "key", now) == 0
    assert quotas.take([(quota, "key")], now) is None
    assert quotas.take([(quota, "key")], now) == quota


def test_a_link_that_was_sent_in_the_future_keeps_nobody_from_getting_another(site: Site) -> None:
    site.clock.now += _AHEAD
    assert confirmation.ask_for_link(site.app, _EMAIL)
    site.clock.now = MORNING
    assert confirmation.ask_for_link(site.app, _EMAIL)
    assert not confirmation.ask_for_link(site.app, _EMAIL)


def test_an_alarm_of_the_future_silences_none_of_today(site: Site) -> None:
    first_today = partial(site.app.store.alarms.first_today, AlarmKind.DOMAIN, "post.example")
    assert first_today(MORNING + _AHEAD)
    assert first_today(MORNING)
    assert not first_today(MORNING)


def test_an_alarm_of_today_leaves_those_of_yesterday(site: Site) -> None:
    alarms = site.app.store.alarms
    for day, domain in ((-2, "c"), (-1, "a"), (-1, "b"), (0, "b")):
        assert alarms.first_today(AlarmKind.POLICY, f"{domain}.example", MORNING + day * _DAY), "the first on its day"
    assert not alarms.first_today(AlarmKind.POLICY, "b.example", MORNING)
    assert alarms.latest(MORNING) == [(AlarmKind.POLICY, "a.example"), (AlarmKind.POLICY, "b.example")]


def test_a_digest_of_the_day_after_a_first_letter_is_right_without_loading_its_subscriber(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.papers(listing(1, "robots"))
    site.subscriber("first@x.example", "robots", first_now=True, at="23:00")
    pipeline.publish(site.app)
    due = membership.subscriber(site.app, "first@x.example").next_digest_at
    assert due is not None
    assert due > site.clock() + _DAY
    monkeypatch.setattr("paperround.store.subscribers.load_subscribers", None)
    assert site.app.store.subscribers.too_far(site.clock()) == 0
    monkeypatch.undo()
    site.clock.now -= 10 * _DAY
    assert site.app.store.subscribers.too_far(site.clock()) == 2
