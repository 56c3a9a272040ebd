"""A site that fetches nothing any more says so: nobody takes that for days without papers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from paperround.domain.models import SourceState
from paperround.operator import doctor, queries
from paperround.rounds.source_status import read_source_status
from paperround.store.sources import SourceRecord
from support.pages import ADMIN, ADMIN_SITE, Pages
from support.papers import listing

_ASKED = datetime(2026, 11, 20, 4, 30, tzinfo=UTC)  # a Friday
_EXPECTED = "not asked since 2026-11-20 04:30 UTC"


def _source(name: str, schedule: str = "30 5 * * *") -> dict[str, Any]:
    return {"name": name, "kind": "feed", "url": f"https://feeds.example.org/{name}", "schedule": schedule}


def _asked(pages: Pages, state: SourceState = SourceState.FRESH) -> None:
    for source in pages.app.settings.sources:
        pages.app.store.sources.save(SourceRecord(source.name, state, "", _ASKED, _ASKED, _ASKED))


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    made = Pages(tmp_path, sources=[_source("blog"), _source("news", "30 5 * * mon-fri")], site=ADMIN_SITE)
    made.site.papers(listing(0, day=_ASKED.date()))
    _asked(made)
    yield made
    made.app.close()


def _overdue(pages: Pages, now: datetime) -> set[str]:
    pages.site.clock.now = now
    return {status.name for status in read_source_status(pages.app) if status.is_overdue}


@pytest.mark.parametrize(
    ("schedule", "due"),
    [
        ("30 5 * * *", datetime(2026, 11, 21, 6, 0, tzinfo=UTC)),
        ("30 5 * * mon-fri", datetime(2026, 11, 23, 6, 0, tzinfo=UTC)),
        ("0 * * * *", _ASKED + timedelta(hours=12)),  # cron may ask less often
        ("0 7 * * sun", datetime(2026, 11, 29, 7, 30, tzinfo=UTC)),
    ],
)
def test_a_source_is_overdue_once_two_times_of_its_schedule_have_passed(
    schedule: str, due: datetime, tmp_path: Path
) -> None:
    made = Pages(tmp_path, sources=[_source("blog", schedule)])
    assert not _overdue(made, due)  # it was never asked, which is told apart
    _asked(made)
    assert not _overdue(made, due - timedelta(seconds=1))
    assert _overdue(made, due) == {"blog"}
    made.app.close()


@pytest.mark.parametrize("schedule", ["30 0,2,6 * * *", "20 5,9,13,17,21 * * *", "*/15 * * * *"])
def test_no_source_is_overdue_while_cron_fetches_papers_every_few_hours(schedule: str, tmp_path: Path) -> None:
    made = Pages(tmp_path, sources=[_source("blog", schedule)])
    asked = datetime(2026, 11, 20, 0, 20, tzinfo=UTC)
    made.app.store.sources.save(SourceRecord("blog", SourceState.FRESH, "", asked, asked, asked))
    assert not _overdue(made, asked + timedelta(hours=8))
    assert made.client.get("/readyz").status_code == 200
    made.app.close()


def test_operators_are_told_which_sources_nothing_asks(pages: Pages) -> None:
    pages.site.clock.now = datetime(2026, 11, 21, 6, 5, tzinfo=UTC)
    readyz = pages.client.get("/readyz")
    assert (readyz.status_code, readyz.json()["checks"]["sources"]) == (503, f"overdue: blog ({_EXPECTED})")
    pages.site.clock.now = datetime(2026, 11, 23, 6, 5, tzinfo=UTC)
    found = {finding.check: finding for finding in doctor.examine(pages.app)}["source news"]
    assert (found.verdict, found.command) == (doctor.CheckState.WARNING, "paperround ingest")
    assert found.what.startswith(_EXPECTED)
    stats = queries.stats(pages.app)["sources"]["news"]
    assert (stats["state"], stats["note"]) == ("overdue", _EXPECTED)
    assert _EXPECTED in pages.operator().get("/admin").text


def test_pages_say_that_sources_were_not_checked_and_not_that_nothing_was_announced(pages: Pages) -> None:
    pages.site.clock.now = _ASKED + timedelta(days=1, hours=1)
    assert "No papers have been announced since Friday, November 20, 2026." in pages.client.get("/").text
    pages.site.clock.now = datetime(2026, 11, 21, 6, 5, tzinfo=UTC)
    text = pages.client.get("/").text
    assert "blog has not been checked since November 20, 2026. Some papers may be missing." in text
    assert "The latest papers here are from Friday, November 20, 2026." in text
    assert "No papers have been announced" not in text
    pages.site.clock.now = datetime(2026, 11, 23, 6, 5, tzinfo=UTC)
    both = "blog and news have not been checked since November 20, 2026. Some papers may be missing."
    assert both in pages.client.get("/").text


def test_letters_name_the_sources_and_do_not_claim_that_there_were_no_papers(pages: Pages) -> None:
    pages.subscriber("ada@lovelace.example", "robots", at="06:00", quiet_days="line")
    pages.site.clock.now = datetime(2026, 11, 24, 6, 5, tzinfo=UTC)
    pages.letters()
    pages.site.clock.now += timedelta(days=1)
    (message,) = pages.letters()
    assert message["subject"].startswith("No new papers for you yet")
    text = " ".join(message.get_body(("plain",)).get_content().split())
    assert "No new papers have arrived yet. Some papers of blog and news are still missing;" in text
    assert "There were no new papers" not in text


def test_sources_that_are_no_longer_configured_are_shown_nowhere(pages: Pages) -> None:
    removed = SourceRecord("removed", SourceState.FAILED, "gone", _ASKED, _ASKED, _ASKED)
    pages.app.store.sources.save(removed)
    assert set(queries.stats(pages.app)["sources"]) == {"blog", "news"}
    assert "removed" not in pages.operator().get("/admin").text
    assert 'source="removed"' not in pages.client.get("/metrics", headers=ADMIN).text
