"""When things run: APScheduler holds times, never state. What is due stands in the database.

A tick that is missed, doubled or late changes nothing but the hour: each job asks what is due and does that.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

from paperround import pipeline, returns
from paperround.errors import ConfigurationError, PaperroundError

if TYPE_CHECKING:
    from paperround.app import App

log = structlog.get_logger()
# APScheduler's own default drops a run that starts over one second late; a machine that slept all night must
# still make its round in the morning, once (coalesce).
_LATE_IS_FINE = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}


class Rounds:
    """The service's jobs on a background scheduler."""

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
        if app.settings.bounces.maildir or app.settings.bounces.imap:
            self._add("bounces", app.settings.bounces.schedule, "UTC", self._bounces)

    def start(self) -> None:
        """Begin, with a sweep for what a former run left behind."""
        self._sweep()
        self._scheduler.start()

    def stop(self) -> None:
        """End after the job that is running."""
        self._scheduler.shutdown(wait=True)

    def round(self) -> None:
        """Publish and deliver what is due."""
        with self._one_at_a_time:
            tally = pipeline.publish(self._app)
            sent = pipeline.deliver(self._app)
        if tally.due or sent.letters:
            log.info("round", due=tally.due, composed=tally.composed, empty=tally.empty, **sent.letters)

    def soon(self) -> None:
        """A round at once, for somebody who waits for a letter; however many ask, one waits at a time."""
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

    def _sweep(self) -> None:
        if touched := pipeline.sweep(self._app):
            log.info("sweep", touched=touched)

    def _bounces(self) -> None:
        if new := [one for one in returns.read_mailbox(self._app) if one.new]:
            log.info("bounces", new=len(new))

    def _add(self, name: str, cron: str, zone: str, job: Callable[[], None]) -> None:
        try:
            trigger = CronTrigger.from_crontab(cron, timezone=ZoneInfo(zone))
        except (ValueError, KeyError) as error:
            raise ConfigurationError(f"{name}: schedule {cron!r} in {zone!r}: {error}") from None
        self._scheduler.add_job(_guarded(name, job), trigger, id=name, name=name)


def _guarded(name: str, job: Callable[[], None]) -> Callable[[], None]:
    """A job whose failure is logged and ends with this tick."""

    def guarded() -> None:
        try:
            job()
        except PaperroundError as error:
            log.error("job failed; it runs again at its next time", job=name, problem=str(error))
        except Exception:
            log.exception("job broke; it runs again at its next time", job=name)

    return guarded
