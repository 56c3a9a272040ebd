"""/readyz says whether the site can do its daily work, and tells the public nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from paperround.domain.errors import StoreError
from paperround.domain.models import SourceState
from paperround.operator import doctor
from paperround.rounds import pipeline
from paperround.store.engine import writing
from paperround.store.relay import HandedOver
from paperround.store.sources import SourceRecord
from support.databases import engine_of
from support.pages import Pages

_SOURCES = [{"name": name, "kind": "feed", "url": f"https://feeds.example.org/{name}"} for name in ("blog", "news")]


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    made = Pages(tmp_path, sources=_SOURCES)
    _fetched(made, SourceState.FRESH, SourceState.FAILED)
    yield made
    made.app.close()


def _fetched(pages: Pages, *states: SourceState) -> None:
    for source, state in zip(pages.app.settings.sources, states, strict=True):
        pages.app.store.sources.save(SourceRecord(source.name, state, "", pages.site.clock()))


def _checks(pages: Pages, *, ready: bool = False) -> dict[str, Any]:
    response = pages.client.get("/readyz")
    assert response.headers["cache-control"] == "no-store"
    answer = response.json()
    assert (response.status_code, answer["status"]) == ((200, "ok") if ready else (503, "not ready"))
    checks: dict[str, Any] = answer["checks"]
    assert list(checks) == ["database", "rounds", "sources", "relay"]
    return {name: state for name, state in checks.items() if state != "ok"}


def test_a_site_with_one_good_source_and_nothing_late_is_ready(pages: Pages) -> None:
    pages.subscriber(at="06:00")
    assert _checks(pages, ready=True) == {}


def test_without_a_good_source_the_site_is_not_ready(pages: Pages) -> None:
    _fetched(pages, SourceState.STALE, SourceState.FAILED)
    assert _checks(pages) == {"sources": "none is up to date: blog (stale), news (failed)"}


def test_sources_that_were_never_fetched_are_named(tmp_path: Path) -> None:
    pages = Pages(tmp_path, sources=_SOURCES)
    assert _checks(pages) == {"sources": "none is up to date: blog (never fetched), news (never fetched)"}
    pages.app.close()


def test_a_site_without_sources_reads_papers_from_files(tmp_path: Path) -> None:
    pages = Pages(tmp_path, sources=[])
    assert _checks(pages, ready=True) == {}
    pages.app.close()


def test_digests_and_emails_that_are_two_hours_late_are_reported(pages: Pages) -> None:
    pages.subscriber(at="06:00")
    due = pages.app.store.issues.next_digest_at()
    assert due is not None
    pages.site.clock.now = due + timedelta(hours=1, minutes=59)
    assert _checks(pages, ready=True) == {}
    pages.site.clock.now += timedelta(minutes=2)
    assert _checks(pages) == {"rounds": "digests have been due for over two hours"}
    pipeline.publish(pages.app)
    assert _checks(pages, ready=True) == {}
    pages.site.clock.now += timedelta(hours=2, minutes=1)
    assert _checks(pages) == {"rounds": "emails have been due for over two hours"}
    pipeline.deliver(pages.app)
    assert _checks(pages, ready=True) == {}


def test_a_daily_cap_that_is_reached_is_no_delay(tmp_path: Path) -> None:
    pages = Pages(tmp_path, sources=[], transport={"kind": "smtp", "host": "127.0.0.1", "port": 1, "per_day": 1})
    for name in ("ada", "ben"):
        pages.subscriber(f"{name}@x.example", first_now=True)
    pipeline.publish(pages.app)
    pages.site.clock.now += timedelta(hours=3)
    assert "rounds" in _checks(pages)
    with writing(engine_of(pages.app.store)) as db:
        HandedOver(engine_of(pages.app.store)).add(db, "a claim", pages.site.clock(), 1)
    assert _checks(pages, ready=True) == {}
    told = {found.check: found.what for found in doctor.examine(pages.app)}["queue"]
    assert told.endswith("the relay's daily limit is reached, so the rest is sent tomorrow")
    pages.app.close()


def test_a_paused_relay_is_reported_without_its_reply(pages: Pages) -> None:
    until = pages.site.clock() + timedelta(hours=1)
    pages.app.store.relay.pause(until, "550 ada@lovelace.example is blocked")
    assert _checks(pages) == {"relay": f"paused until {until:%Y-%m-%d %H:%M} UTC"}
    pages.site.clock.now = until
    assert _checks(pages, ready=True) == {}


def test_a_full_disk_is_reported(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(pages.site.folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2**20 - 1))
    assert _checks(pages) == {"database": "its disk is full"}


def test_a_database_that_does_not_respond_is_reported(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: object) -> None:
        raise StoreError("locked")

    monkeypatch.setattr(pages.app.store.site_values, "get", locked)
    assert _checks(pages) == {"database": "the database does not respond"}
