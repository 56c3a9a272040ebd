"""The scheduler holds times and nothing else: late and missed ticks run once, a failing job runs again."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from paperround.app import App
from paperround.domain.errors import StoreError
from paperround.rounds import pipeline
from paperround.rounds.scheduler import Scheduler
from support.site import Site

pytestmark = pytest.mark.slow  # threads, and waits


def scheduler(tmp_path: Path, **settings) -> tuple[Scheduler, Site]:
    site = Site(tmp_path, **settings)
    return Scheduler(site.app), site


def test_every_source_has_a_job_in_its_own_zone_and_no_late_tick_is_dropped(tmp_path: Path) -> None:
    sources = [{"name": "hf", "kind": "hf-daily", "schedule": "30 2 * * *", "timezone": "America/New_York"}]
    made, site = scheduler(tmp_path, sources=sources)
    made._scheduler.start(paused=True)
    jobs = {job.id: job for job in made.jobs()}
    assert set(jobs) == {"ingest hf", "round", "sweep", "embed", "libraries"}
    for job in jobs.values():
        assert job.misfire_grace_time is None, "a machine that slept all night still makes its round"
        assert job.coalesce
        assert job.max_instances == 1
    zone = ZoneInfo("America/New_York")
    # 02:30 on 8 March 2026 does not exist there: it fires once that day, not never and not twice
    moment, fired = datetime(2026, 3, 7, 12, tzinfo=zone), []
    for _ in range(3):
        moment = jobs["ingest hf"].trigger.get_next_fire_time(moment, moment + timedelta(seconds=1))
        fired.append(moment.date().isoformat())
    assert fired == ["2026-03-08", "2026-03-09", "2026-03-10"]
    made.stop()
    site.app.close()


def test_a_mailbox_for_bounces_is_read_on_its_schedule(tmp_path: Path) -> None:
    made, site = scheduler(tmp_path, bounces={"maildir": str(tmp_path / "bounces")})
    assert "bounces" in {job.id for job in made.jobs()}
    site.app.close()


@pytest.mark.parametrize("error", [StoreError("disk full"), ZeroDivisionError()])
def test_a_job_that_fails_is_logged_and_runs_again(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def fail(app: App) -> None:
        calls.append(app)
        raise error

    monkeypatch.setattr(pipeline, "publish_and_deliver", fail)
    made, site = scheduler(tmp_path)
    with capture_logs() as logs:
        made.run("round")
        made.run("round")
    site.app.close()
    assert len(calls) == 2
    assert all("it runs again at its next scheduled time" in entry["event"] for entry in logs)
