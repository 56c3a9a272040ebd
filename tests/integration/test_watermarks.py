"""From which day on a source is asked: since its last good answer, and never further back than a month."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from paperround.rounds import pipeline
from paperround.sources import SourceState
from paperround.sources.hf_daily import HfDaily
from support.answers import World
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


def _ingest(site: Site, now: datetime, answer: object) -> tuple[str, list[str]]:
    """One ingest at a moment: the state of the answer, and the days that were asked for."""
    site.clock.now = now
    world = World(now)
    world.put("https://", answer)  # type: ignore[arg-type]
    site.app.__dict__["http"] = world.http()
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
