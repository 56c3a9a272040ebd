"""Decides when jobs run. APScheduler holds only times, never state: the database stores what is due.

A tick that is missed, repeated or late changes only the time of the work, since each job asks what is due.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from apscheduler.job import Job
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from paperround.app import App
from paperround.domain.errors import PaperroundError
from paperround.process import logs
from paperround.process.threads import BackgroundThread
from paperround.rounds import bounce_intake, libraries, pipeline, webhooks
from paperround.rounds.local_cron import LocalCronTrigger
from paperround.rounds.source_status import next_fetch

if TYPE_CHECKING:
    from paperround.sources import Source

log = logs.logger()
_LARGE_ROUND = 2_000  # subscribers or letters that one worker handles alone, in some seconds
# After this time, a program that was killed while ingesting no longer blocks others.
_MAX_INGEST = timedelta(minutes=30)
_TIME_CHECK_SECONDS = 30.0
# By default APScheduler drops a run that starts more than one second late. A machine that slept all night must still
# run its round in the morning, once (coalesce).
_JOB_DEFAULTS = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}


class Scheduler:
    """The service's jobs, on a background scheduler or for the workers of a task queue.

    `submit` takes the name of a due job, for a worker to `run`; without it the scheduler's own threads run jobs.
    """

    def __init__(self, app: App, submit: Callable[[str], None] | None = None) -> None:
        self._app, self._submit = app, submit
        self._scheduler = BackgroundScheduler(timezone=UTC, job_defaults=_JOB_DEFAULTS)
        # Rounds run one after another; two at once would only wait for each other's locks.
        self._one_at_a_time = threading.Lock()
        self._round_requested = threading.Event()
        self._checks = BackgroundThread(self._check_times, "times")
        self._work: dict[str, Callable[[], None]] = {}
        for source in app.settings.sources:
            self._add(f"ingest {source.name}", source.schedule, source.timezone, partial(self._ingest, source))
        self._add("round", app.settings.rounds.publish, "UTC", self.round)
        self._add("sweep", app.settings.rounds.sweep, "UTC", self._sweep)
        self._add("embed", app.settings.rounds.sweep, "UTC", self._compute_vectors)
        self._add("libraries", app.settings.rounds.sweep, "UTC", self._sync_libraries)
        if app.settings.webhooks:
            self._add("webhooks", "* * * * *", "UTC", self._call_webhooks)
        if app.settings.bounces.maildir or app.settings.bounces.imap:
            self._add("bounces", app.settings.bounces.schedule, "UTC", self._read_bounces)

    def start(self) -> None:
        """Start: sweep up what a former run left behind, ingest missed sources, then follow the schedule."""
        if self._submit:
            for name in ("sweep", *(f"ingest {source.name}" for source in self._missed())):
                self._submit(name)
        else:
            self._sweep()
            self._scheduler.add_job(_guarded("missed sources", self._ingest_missed), id="missed sources")
        self._compute_vectors_soon()
        self._scheduler.start()
        self._checks.start()

    def correct_job_times(self) -> int:
        """Correct the times of jobs that a clock that was ahead has set too late; return how many there were.

        APScheduler computes a job's next time when it has run. If the clock is put back afterwards, the job would
        wait until the clock has caught up.
        """
        corrected = 0
        for job in self._scheduler.get_jobs():
            planned = job.next_run_time
            now = datetime.now(UTC)  # after reading the planned time, which a run may change
            due = job.trigger.get_next_fire_time(None, now) if isinstance(job.trigger, LocalCronTrigger) else now
            if planned and due and planned > due:
                with contextlib.suppress(JobLookupError):  # it was to run once, and has
                    job.modify(next_run_time=due)
                    corrected += 1
        return corrected

    def _check_times(self) -> None:
        while not self._app.stopping.wait(_TIME_CHECK_SECONDS):
            if corrected := self.correct_job_times():
                log.warning("the clock was set back; next run times corrected", jobs=corrected)

    def start_without_schedule(self) -> None:
        """Start without scheduled jobs, only for `run_round_soon`: another program runs the schedule."""
        self._scheduler.remove_all_jobs()
        self._scheduler.start()
        self._checks.start()

    def stop(self) -> None:
        """Stop as soon as possible: letters under way are finished, the others go back to the queue."""
        self._app.stopping.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def jobs(self) -> list[Job]:
        """Return the scheduled jobs with their next times."""
        return list(self._scheduler.get_jobs())

    def run(self, name: str) -> None:
        """Run a job, which asks the database what is due; a failure is logged and not raised."""
        # A queue may contain jobs of an earlier configuration, such as removed sources; skip them.
        if work := self._work.get(name):
            _guarded(name, work)()

    def round(self) -> None:
        """Publish and deliver what is due; if that is a lot, submit another round so that a second worker helps."""
        if self._submit and self._is_large():
            self._submit("round")
        with self._one_at_a_time:
            tally = pipeline.publish_and_deliver(self._app)
        if tally.due or tally.letters:
            log.info("round", due=tally.due, composed=tally.composed, empty=tally.empty, **tally.letters)

    def _is_large(self) -> bool:
        store, now = self._app.store, self._app.clock()
        return max(store.issues.due_count(now), store.deliveries.due_count(now, _LARGE_ROUND + 1)) > _LARGE_ROUND

    def run_round_soon(self) -> None:
        """Run a round at once, for a subscriber who waits for a letter; at most one such round is queued."""
        if self._submit:
            self._submit("round")
        elif not self._round_requested.is_set():
            self._round_requested.set()
            self._scheduler.add_job(_guarded("round at once", self._run_requested_round))

    def _run_requested_round(self) -> None:
        self._round_requested.clear()
        self.round()

    def _ingest(self, source: Source) -> None:
        """Ingest a source, unless another program has done so since it was due, or is doing so."""
        now, turns, turn = self._app.clock(), self._app.store.service_turns, f"source {source.name}"
        if not self._is_due(source) or turns.claim(turn, now, now + _MAX_INGEST):
            return
        try:
            reports = pipeline.ingest(self._app, [source.name])
            for report in reports:
                tell = log.warning if report.failed or report.stale else log.info
                facts = {"fetched": report.fetched, "new": report.new, "state": report.state, "note": report.note}
                tell("ingest", source=source.name, **facts)
        finally:
            turns.release(turn, now)
        if any(report.new for report in reports):
            self._compute_vectors_soon()

    def _is_due(self, source: Source) -> bool:
        record = self._app.store.sources.all().get(source.name)
        now = self._app.clock()
        # A clock that was ahead may have written a time in the future.
        return record is None or record.tried_at > now or next_fetch(source, record.tried_at) <= now

    def _missed(self) -> list[Source]:
        """Return the sources that were due while nothing ran, or were never ingested."""
        return [source for source in self._app.settings.sources if self._is_due(source)]

    def _ingest_missed(self) -> None:
        for source in self._missed():
            self.run(f"ingest {source.name}")

    def _sweep(self) -> None:
        if repaired := pipeline.sweep(self._app):
            log.info("sweep", repaired=repaired)

    def _compute_vectors(self) -> None:
        if papers := pipeline.embed_papers(self._app):
            log.info("embed", papers=papers)

    def _compute_vectors_soon(self) -> None:
        """Compute missing vectors at once: until then, interests in plain words find papers by their words alone."""
        if self._submit:
            self._submit("embed")
        elif embed := self._scheduler.get_job("embed"):
            embed.modify(next_run_time=datetime.now(UTC))

    def _sync_libraries(self) -> None:
        libraries.read_due(self._app)

    def _read_bounces(self) -> None:
        if new := [report for report in bounce_intake.read_mailbox(self._app) if report.new]:
            log.info("bounces", new=len(new))

    def _call_webhooks(self) -> None:
        if called := webhooks.call_due(self._app):
            log.info("webhooks", called=called)

    def _add(self, name: str, cron: str, zone: str, work: Callable[[], None]) -> None:
        self._work[name] = work
        job = partial(self._submit, name) if self._submit else _guarded(name, work)
        self._scheduler.add_job(job, LocalCronTrigger(cron, zone), id=name, name=name)


def _guarded(name: str, job: Callable[[], None]) -> Callable[[], None]:
    """Wrap a job so that a failure is logged and not raised."""

    def guarded() -> None:
        try:
            job()
        except PaperroundError as error:
            log.error("job failed; it runs again at its next scheduled time", job=name, problem=str(error))
        except Exception:
            log.exception("unexpected error in a job; it runs again at its next scheduled time", job=name)

    return guarded
