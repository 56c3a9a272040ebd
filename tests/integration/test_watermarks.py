"""From which day on a source is asked: since its last good answer, and never further back than a month."""

# ruff: noqa: ARG002 - a source for a test has the arguments of what it stands for

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from paperround.domain.models import ParsedSource
from paperround.network.http import Http
from paperround.rounds import pipeline
from paperround.sources import FetchResult, SourceState, Window
from paperround.sources.hf_daily import HfDaily
from paperround.store.sources import SourceRecord
from support.answers import Reply, World
from support.site import Site

MONDAY = datetime(2026, 11, 2, 20, tzinfo=UTC)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.app.settings = made.app.settings.model_copy(update={"sources": (HfDaily(name="hf"),)})
    yield made
    made.app.close()


def _day(request: httpx.Request) -> str:
    return re.findall(r"date=([\d-]+)", str(request.url))[0]


def _full(request: httpx.Request) -> httpx.Response:
    """Twenty-five papers on every weekday, none on others."""
    day = date.fromisoformat(_day(request))
    papers = [
        {"paper": {"id": f"{day:%y%m}.{day:%d}{n:03}", "title": f"Paper {n} about {day}",
                   "submittedOnDailyAt": f"{day}T00:00:00.000Z"}}
        for n in range(25 if day.weekday() < 5 else 0)
    ]  # fmt: skip
    return httpx.Response(200, content=json.dumps(papers).encode())


def _empty(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, content=b"[]")


def _world(site: Site, now: datetime, answer: Reply) -> World:
    """A moment, and a web that gives one answer from then on."""
    site.clock.now = now
    world = World(now)
    world.put("https://", answer)
    site.app.__dict__["http"] = world.http()
    return world


def _ingest(site: Site, now: datetime, answer: Reply) -> tuple[str, list[str]]:
    """One ingest at a moment: the state of the answer, and the days that were asked for."""
    world = _world(site, now, answer)
    (report,) = pipeline.ingest(site.app)
    return report.state, [_day(request) for request in world.requests]


def test_a_stale_answer_does_not_move_the_watermark(site: Site) -> None:
    assert _ingest(site, MONDAY, _full)[0] == SourceState.FRESH
    watermark = site.app.store.sources.all()["hf"].succeeded_at
    for days in (7, 8, 9):
        state, asked = _ingest(site, MONDAY + timedelta(days=days), _empty)
        assert state == SourceState.STALE
        assert asked[0] <= "2026-11-02", "what a stale answer left out is asked for again"
    assert site.app.store.sources.all()["hf"].succeeded_at == watermark
    state, asked = _ingest(site, MONDAY + timedelta(days=10), _full)
    assert state == SourceState.FRESH
    assert asked[0] <= "2026-11-02"
    assert site.app.store.sources.all()["hf"].succeeded_at == MONDAY + timedelta(days=10)


def test_a_failure_does_not_move_the_watermark_either(site: Site) -> None:
    _ingest(site, MONDAY, _full)
    assert _ingest(site, MONDAY + timedelta(days=8), httpx.Response(500))[0] == "failed"
    assert site.app.store.sources.all()["hf"].succeeded_at == MONDAY


def test_after_a_long_outage_a_month_is_asked_for_and_no_more(site: Site) -> None:
    _ingest(site, MONDAY, _full)
    _, asked = _ingest(site, MONDAY + timedelta(days=90), _full)
    assert date.fromisoformat(asked[0]) == (MONDAY + timedelta(days=60)).date()


def test_a_clock_that_ran_ahead_leaves_no_gap(site: Site) -> None:
    _ingest(site, MONDAY + timedelta(days=400), _full)
    _, asked = _ingest(site, MONDAY, _full)
    assert asked
    assert asked[-1] == "2026-11-02"


def test_only_the_sources_that_are_named_are_asked(site: Site) -> None:
    both = (HfDaily(name="hf"), HfDaily(name="other"))
    site.app.settings = site.app.settings.model_copy(update={"sources": both})
    _world(site, MONDAY, _full)
    assert [report.source for report in pipeline.ingest(site.app, ["other"])] == ["other"]
    assert set(site.app.store.sources.all()) == {"other"}
    assert [report.source for report in pipeline.ingest(site.app)] == ["hf", "other"]


def test_an_ingest_since_a_day_asks_from_that_day_on_and_moves_the_watermark_if_it_leaves_no_gap(site: Site) -> None:
    _ingest(site, MONDAY, _full)
    for days, since, moved in ((8, date(2026, 11, 9), False), (9, date(2026, 10, 30), True)):
        world = _world(site, MONDAY + timedelta(days=days), _full)
        pipeline.ingest(site.app, since=since)
        assert _day(world.requests[0]) <= since.isoformat() <= _day(world.requests[-1])
        watermark = site.app.store.sources.all()["hf"].succeeded_at
        assert watermark == (site.clock.now if moved else MONDAY)


def test_an_archive_moves_no_watermark_and_none_of_its_papers_is_mailed(site: Site) -> None:
    site.topic("paper", "title:paper")
    site.subscriber("ada@example.org", "paper")
    _world(site, MONDAY, _full)
    [report] = pipeline.ingest(site.app, unmailed=True)
    assert report.new
    assert site.app.store.sources.all()["hf"].succeeded_at is None
    site.clock.now += timedelta(days=1)
    assert pipeline.publish(site.app).composed == 0


def test_a_source_is_given_what_it_said_last_time_to_ask_whether_anything_changed(site: Site) -> None:
    windows: list[Window] = []

    class Remembers(HfDaily):
        def fetch(self, http: Http, window: Window) -> FetchResult:
            windows.append(window)
            return FetchResult(ParsedSource([]), SourceState.UNCHANGED, validators={"etag": f'"{len(windows)}"'})

    site.app.settings = site.app.settings.model_copy(update={"sources": (Remembers(name="hf"),)})
    for _ in range(3):
        pipeline.ingest(site.app)
    assert [window.validators for window in windows] == [{}, {"etag": '"1"'}, {"etag": '"2"'}]


def test_a_source_that_breaks_is_reported_with_what_broke_and_stops_no_other(site: Site) -> None:
    class Breaks(HfDaily):
        def fetch(self, http: Http, window: Window) -> FetchResult:
            raise RecursionError("too deep")

    sources = (Breaks(name="odd"), HfDaily(name="hf"))
    site.app.settings = site.app.settings.model_copy(update={"sources": sources})
    _world(site, MONDAY, _full)
    odd, good = pipeline.ingest(site.app)
    assert (odd.state, odd.note, odd.failed) == (
        "failed", "odd: RecursionError: too deep; please report this", True
    )  # fmt: skip
    assert good.state == SourceState.FRESH
    assert site.app.store.sources.all()["odd"].succeeded_at is None


def test_an_answer_whose_papers_are_all_known_is_unchanged(site: Site) -> None:
    assert _ingest(site, MONDAY, _full)[0] == SourceState.FRESH
    assert _ingest(site, MONDAY, _full)[0] == SourceState.UNCHANGED


def test_the_record_of_a_source_says_when_it_last_had_new_papers_and_of_which_day(site: Site) -> None:
    def record() -> SourceRecord:
        return site.app.store.sources.all()["hf"]

    assert _ingest(site, MONDAY, httpx.Response(500))[0] == "failed"
    assert (record().state, record().tried_at, record().new_at, record().newest_day) == ("failed", MONDAY, None, None)
    assert "500" in record().note
    _ingest(site, MONDAY + timedelta(hours=1), _full)
    assert (record().new_at, record().newest_day) == (MONDAY + timedelta(hours=1), MONDAY.date())
    assert _ingest(site, MONDAY + timedelta(hours=2), _full)[0] == SourceState.UNCHANGED
    _ingest(site, MONDAY + timedelta(hours=3), httpx.Response(500))
    assert (record().new_at, record().newest_day) == (MONDAY + timedelta(hours=1), MONDAY.date())
    _ingest(site, MONDAY + timedelta(days=1), _full)
    assert (record().new_at, record().newest_day) == (MONDAY + timedelta(days=1), date(2026, 11, 3))


def test_papers_are_counted_over_all_groups_in_which_they_are_stored(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "_LISTINGS_AT_ONCE", 10)
    site.app.settings = site.app.settings.model_copy(update={"sources": (HfDaily(name="hf", again=0),)})

    def world(votes: int) -> Reply:
        return lambda request: httpx.Response(
            200, content=json.dumps([one | {"numComments": votes} for one in _full(request).json()]).encode()
        )

    _world(site, MONDAY, world(1))
    (report,) = pipeline.ingest(site.app, since=MONDAY.date())
    assert (report.fetched, report.new, report.updated) == (25, 25, 0)
    _world(site, MONDAY, world(2))
    (report,) = pipeline.ingest(site.app, since=MONDAY.date())
    assert (report.fetched, report.new, report.updated) == (25, 0, 25)


def test_an_ingest_for_the_archive_is_on_the_pages_and_in_no_letter(site: Site) -> None:
    site.topic("papers", "title:paper")
    site.subscriber("ada@example.org", "papers")
    _world(site, MONDAY, _full)
    pipeline.ingest(site.app, unmailed=True)
    site.clock.now = MONDAY + timedelta(days=1)
    assert pipeline.publish(site.app).composed == 0
    assert site.app.store.papers.by_id("2611.02001")


def test_entries_that_cannot_be_used_are_reported_with_the_reason(site: Site) -> None:
    _world(site, MONDAY, httpx.Response(200, content=b'[{"paper": {"id": "2611.02001"}}, {"paper": {}}]'))
    (report,) = pipeline.ingest(site.app)
    assert report.rejected >= 2
    assert all(problem.what for problem in report.problems)
