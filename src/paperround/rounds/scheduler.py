"""Decides when things run. APScheduler holds times and never state: what is due stands in the database.

A tick that is missed, doubled or late changes the hour and nothing else, since each job asks what is due.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from apscheduler.job import Job
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

from paperround.app import App
from paperround.domain.errors import ConfigurationError, PaperroundError
from paperround.process import logs
from paperround.rounds import bounce_intake, pipeline, webhooks

if TYPE_CHECKING:
    from paperround.sources import Source

log = logs.logger()
# APScheduler's own default drops a run that starts over one second late; a machine that slept all night must
# still make its round in the morning, once (coalesce).
_LATE_IS_FINE = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}


class Rounds:
    """The jobs of the service on a background scheduler."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._scheduler = BackgroundScheduler(timezone=UTC, job_defaults=_LATE_IS_FINE)
        # Publishing and delivering follow one another; two at once would only wait for each other's locks.
        self._one_at_a_time = threading.Lock()
        self._asked = threading.Event()
        for source in app.settings.sources:
            self._add(f"ingest {source.name}", source.schedule, source.timezone, self._ingest(source.name))
        self._add("round", app.settings.rounds.publish, "UTC", self.round)
        self._add("sweep", app.settings.rounds.sweep, "UTC", self._sweep)
        self._add("embed", app.settings.rounds.sweep, "UTC", self._embed)
        if app.settings.webhooks:
            self._add("webhooks", "* * * * *", "UTC", self._webhooks)
        if app.settings.bounces.maildir or app.settings.bounces.imap:
            self._add("bounces", app.settings.bounces.schedule, "UTC", self._bounces)

    def start(self) -> None:
        """Start; begin with a sweep for what a former run left, and with the sources that it missed."""
        self._sweep()
        self._scheduler.add_job(_guarded("missed sources", self._ingest_missed), id="missed sources")
        self._scheduler.start()

    def stop(self) -> None:
        """Stop soon: letters in flight are finished, all others go back to the queue."""
        self._app.stopping.set()
        self._scheduler.shutdown(wait=True)

    def jobs(self) -> list[Job]:
        """Return the jobs and their next times."""
        return list(self._scheduler.get_jobs())

    def round(self) -> None:
        """Publish and deliver what is due."""
        with self._one_at_a_time:
            tally = pipeline.publish(self._app)
            sent = pipeline.deliver(self._app)
        if tally.due or sent.letters:
            log.info("round", due=tally.due, composed=tally.composed, empty=tally.empty, **sent.letters)

    def soon(self) -> None:
        """Run a round at once, for somebody who waits for a letter; of several requests, at most one waits."""
        if not self._asked.is_set():
            self._asked.set()
            self._scheduler.add_job(_guarded("round at once", self._answer))

    def _answer(self) -> None:
        self._asked.clear()
        self.round()

    def _ingest(self, name: str) -> Callable[[], None]:
        def job() -> None:
            for report in pipeline.ingest(self._app, [name]):
                tell = log.warning if report.failed or report.stale else log.info
                facts = {"fetched": report.fetched, "new": report.new, "state": report.state, "note": report.note}
                tell("ingest", source=name, **facts)

        return job

    def _ingest_missed(self) -> None:
        """Ask the sources that were due while nothing ran, or that were never asked."""
        now, known = self._app.clock(), self._app.store.sources.all()
        missed = [
            source.name
            for source in self._app.settings.sources
            if source.name not in known or _next_time(source, known[source.name].tried_at) <= now
        ]
        if not missed:
            return
        reports = pipeline.ingest(self._app, missed)
        if failed := {report.source: report.note for report in reports if report.failed}:
            log.warning("sources not reached; each is asked again at its next time", **failed)
        log.info("ingest", new={report.source: report.new for report in reports})

    def _sweep(self) -> None:
        if touched := pipeline.sweep(self._app):
            log.info("sweep", touched=touched)

    def _embed(self) -> None:
        if made := pipeline.embed_papers(self._app):
            log.info("embed", papers=made)

    def _bounces(self) -> None:
        if new := [one for one in bounce_intake.read_mailbox(self._app) if one.new]:
            log.info("bounces", new=len(new))

    def _webhooks(self) -> None:
        if told := webhooks.call_due(self._app):
            log.info("webhooks", told=told)

    def _add(self, name: str, cron: str, zone: str, job: Callable[[], None]) -> None:
        self._scheduler.add_job(_guarded(name, job), _trigger(name, cron, zone), id=name, name=name)


def _trigger(name: str, cron: str, zone: str) -> CronTrigger:
    try:
        return CronTrigger.from_crontab(cron, timezone=ZoneInfo(zone))
    except (ValueError, KeyError) as error:
        raise ConfigurationError(f"{name}: schedule {cron!r} in {zone!r}: {error}") from None


def _next_time(source: Source, after: datetime) -> datetime:
    due: datetime = _trigger(source.name, source.schedule, source.timezone).get_next_fire_time(None, after)
    return due


def _guarded(name: str, job: Callable[[], None]) -> Callable[[], None]:
    """Wrap a job so that its failure is logged and ends with this tick."""

    def guarded() -> None:
        try:
            job()
        except PaperroundError as error:
            log.error("job failed; it runs again at its next time", job=name, problem=str(error))
        except Exception:
            log.exception("job broke; it runs again at its next time", job=name)

    return guarded
