"""Runs the service's jobs as tasks of Procrastinate on PostgreSQL, with any number of workers on any machines.

A task contains only the name of a job: the database stores what is due, and the job asks for it. So a task may be
lost, run twice or run late, and a worker may crash at any time; the next tick submits the same task again.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import make_url

from paperround.domain.errors import ConfigurationError
from paperround.process import logs
from paperround.process.threads import BackgroundThread
from paperround.store import Store

if TYPE_CHECKING:
    from procrastinate import App as Procrastinate

log = logs.logger()
_TASK = "paperround"
_AGAIN_AFTER = 2.0  # seconds, while the database is unavailable


class TaskQueue:
    """The task queue in the site's database. Raises ConfigurationError if Procrastinate is not installed."""

    def __init__(self, url: str, store: Store, at_once: int) -> None:
        try:
            import procrastinate  # noqa: PLC0415 - only installed with the extra `procrastinate`
        except ImportError:
            raise ConfigurationError(
                'runner.kind = "procrastinate" needs its package; install paperround with its extra `procrastinate` '
                "(docs/operate.md)"
            ) from None
        self._library, self._at_once = procrastinate, at_once
        address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        # Without prepared statements, which a pooler may not know (see store/engine.py).
        self._address: dict[str, Any] = {"conninfo": address, "min_size": 1, "kwargs": {"prepare_threshold": None}}
        self._submitting = procrastinate.App(connector=procrastinate.SyncPsycopgConnector(**self._address))
        self._submitting.open()
        store.foreign_tables.install("procrastinate", importlib.metadata.version("procrastinate"), self._scripts)
        self._worker: BackgroundThread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: asyncio.Task[None] | None = None
        self._stopping = threading.Event()

    def submit(self, name: str) -> None:
        """Queue a job for any worker, unless a task for the same job is already waiting."""
        task = self._submitting.configure_task(_TASK, queueing_lock=name)
        try:
            task.defer(name=name)
        except self._library.exceptions.AlreadyEnqueued:
            pass
        except self._library.exceptions.ConnectorException as error:
            log.warning(
                "task not submitted; it is submitted again at its next scheduled time",
                job=name,
                problem=str(error.__cause__),
            )

    def work(self, run: Callable[[str], None]) -> None:
        """Start a worker in the background, which calls `run` with the name of each job."""
        self._worker = BackgroundThread(partial(self._work, run), "worker")
        self._worker.start()

    def close(self) -> None:
        """Finish the running tasks, start no more, and close the connections."""
        self._stopping.set()
        if self._loop and self._running:
            self._loop.call_soon_threadsafe(self._running.cancel)
        if self._worker:
            self._worker.join()
        self._submitting.close()

    def _work(self, run: Callable[[str], None]) -> None:
        while not self._stopping.is_set():
            try:
                asyncio.run(self._work_until_stopped(run))
            except (asyncio.CancelledError, KeyboardInterrupt):
                return
            except Exception as error:  # noqa: BLE001 - whatever ends a worker, start a new one
                log.warning("worker restarted", problem=str(error.__cause__ or error))
                self._stopping.wait(_AGAIN_AFTER)

    async def _work_until_stopped(self, run: Callable[[str], None]) -> None:
        tasks = self._library.App(connector=self._library.PsycopgConnector(**self._address))
        tasks.task(name=_TASK)(run)
        async with tasks.open_async():
            await _forget_those_of_dead_workers(tasks)
            working = tasks.run_worker_async(
                concurrency=self._at_once, delete_jobs="always", install_signal_handlers=False
            )
            self._loop, self._running = asyncio.get_running_loop(), asyncio.ensure_future(working)
            if self._stopping.is_set():  # close() was called meanwhile
                self._running.cancel()
            await self._running

    def _scripts(self, version: str | None) -> Iterator[str]:
        """Yield the SQL that upgrades Procrastinate's tables from a version, or creates them if `version` is None."""
        manager = self._submitting.schema_manager
        if version is None:
            yield manager.get_schema()
            return
        for file in sorted(Path(manager.get_migrations_path()).glob("*.sql")):
            if _numbers(file.name.split("_")[0]) > _numbers(version):
                yield file.read_text(encoding="utf-8")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3])


async def _forget_those_of_dead_workers(tasks: Procrastinate) -> None:
    """Delete tasks of workers that have died; the next task with the same name does their work."""
    from procrastinate.jobs import Status  # noqa: PLC0415 - as above

    for job in await tasks.job_manager.get_stalled_jobs():
        await tasks.job_manager.finish_job(job, Status.FAILED, delete_job=True)
