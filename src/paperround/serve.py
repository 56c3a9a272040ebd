"""The programs that run until stopped: `up`, and its parts `web`, `scheduler` and `worker`."""

from __future__ import annotations

import errno
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url

from paperround.app import App
from paperround.delivery.inbox import InboxTransport
from paperround.delivery.smtp import SmtpTransport
from paperround.domain.errors import UsageError
from paperround.operator import console, seeds, startup
from paperround.rounds.scheduler import Scheduler
from paperround.rounds.task_queue import TaskQueue
from paperround.web import connections, create
from paperround.web.context import WebContext
from paperround.web.operator import entry

# Seconds before a thread must release the GIL. A page request switches threads several times, and each switch takes
# up to this long while a round is composing letters. The front page takes 12 ms (p99 230) with the default of 0.005,
# and 5 ms (p99 80) with this value.
_SWITCH_INTERVAL = 0.0005


def run(app: App, host: str, port: int) -> None:
    """Serve until stopped. On the first run with the built-in inbox, load the seeds and deliver a first round."""
    with _listening(host, port) as listening, _scheduler(app) as (scheduler, queue):
        startup.note_port(app, port)
        app.request_round = scheduler.run_round_soon
        # The seeds' subscribers are fictional, so only the built-in inbox may receive letters for them.
        if isinstance(app.settings.transport, InboxTransport) and seeds.load_seeds(app):
            papers, subscribers = app.store.papers.count(), sum(app.store.subscribers.count().values())
            console.say(f"loaded {papers} papers and {subscribers} subscribers from the seeds")
            scheduler.round()
            sent = app.store.delivery_reports.count().get("sent", 0)
            console.say(f"first round: {sent} letters delivered")
        _describe(app)
        scheduler.start()
        if queue:
            queue.work(scheduler.run)
        _serve(app, listening, host, port)


def run_web(app: App, host: str, port: int) -> None:
    """Serve only the pages until stopped. Emails that visitors wait for are sent immediately."""
    with _listening(host, port) as listening, _scheduler(app) as (scheduler, _):
        startup.note_port(app, port)
        app.request_round = scheduler.run_round_soon
        scheduler.start_without_schedule()
        _serve(app, listening, host, port)


def run_scheduler(app: App) -> None:
    """Run the schedule until stopped. Its jobs run in this process or go to the workers of the task queue."""
    with _scheduler(app) as (scheduler, queue):
        scheduler.start()
        for job in scheduler.jobs():
            console.say(f"{job.next_run_time:%Y-%m-%d %H:%M} UTC  {job.id}{', for a worker' if queue else ''}")
        _wait()


def run_worker(app: App) -> None:
    """Run tasks from the queue until stopped. Raises UsageError if there is no queue."""
    if app.settings.runner.kind == "local":
        raise UsageError(
            'workers take their tasks from a queue, and runner.kind is "local": run `paperround scheduler`, which '
            "works alone, or set PAPERROUND_RUNNER__KIND=procrastinate"
        )
    with _scheduler(app) as (scheduler, queue):
        assert queue is not None
        queue.work(scheduler.run)
        console.say(f"working, {app.settings.runner.tasks_at_once} tasks at once")
        _wait()


@contextmanager
def _scheduler(app: App) -> Iterator[tuple[Scheduler, TaskQueue | None]]:
    """Provide the jobs, and the queue or None. On exit, work in progress is finished or put back."""
    sys.setswitchinterval(_SWITCH_INTERVAL)
    runner = app.settings.runner
    queue = (
        TaskQueue(app.settings.database_url, app.store, runner.tasks_at_once)
        if runner.kind == "procrastinate"
        else None
    )
    scheduler = Scheduler(app, queue.submit if queue else None)
    try:
        yield scheduler, queue
    finally:
        console.say("\nstopping: letters and requests in progress are finished or returned to the queue")
        scheduler.stop()
        if queue:
            queue.close()
        console.say("paperround has stopped")


def _serve(app: App, listening: socket.socket, host: str, port: int) -> None:
    web = create(app)
    _announce(web.state.context, host, port)
    server = connections.server(web)
    web.state.stopping = lambda: server.should_exit
    server.run(sockets=[listening])


def _wait() -> None:
    """Wait for SIGTERM or Ctrl+C, both of which raise an exception."""
    while True:
        time.sleep(3600)


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY on accepted connections only if the socket names the protocol, which
    # socket.create_server does not. Without TCP_NODELAY each page takes 44 ms, because header and body are two writes
    # and the second waits for a delayed ACK.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen()
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
            raise UsageError(
                f"{host} is not an address of this machine ({error.strerror}); choose another with --host"
            ) from None
        raise UsageError(
            f"port {port} on {host} is not available ({error.strerror}); choose another with --port"
        ) from None
    return listening


def _describe(app: App) -> None:
    """Print what this program will do: for whom, where letters go, and when the next one is due."""
    settings, subscribers = app.settings, app.store.subscribers.count()
    counted = ", ".join(f"{number:,} {state}" for state, number in subscribers.items()) or "none yet"
    due = app.store.issues.next_digest_at()
    sources = ", ".join(source.name for source in settings.sources) or "none"
    console.say(f"site         {settings.site.name} in {Path.cwd()}, {settings.site.base_url}")
    console.say(f"database     {make_url(settings.database_url).render_as_string()}")
    console.say(f"letters      {_where_letters_go(app)}")
    console.say(f"sources      {sources}")
    console.say(f"subscribers  {counted}")
    console.say(f"next letter  {f'{due:%Y-%m-%d %H:%M} UTC' if due else 'none is scheduled'}")
    token = "with your admin token" if settings.site.admin_token else "closed: set site.admin_token to open it"
    console.say(f"admin        {settings.site.base_url}/admin, {token}")


def _where_letters_go(app: App) -> str:
    transport = app.settings.transport
    if isinstance(transport, SmtpTransport):
        return f"leave through {transport.host}:{transport.at_port}"
    return f"stay on this machine: {transport.kind}"


def _announce(context: WebContext, host: str, port: int) -> None:
    shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::1", "::") else host  # noqa: S104 - compared, not bound
    base = f"http://{shown}:{port}"
    console.say(f"\npaperround is up\n  papers  {base}/")
    if isinstance(context.app.settings.transport, InboxTransport):
        console.say("\nUntil you configure an SMTP relay, all letters go to the built-in inbox:")
        console.say(f"  inbox   {entry.address(context, base, '/inbox')}")
    console.say("\nPreview letters before they are sent:")
    console.say(f"  preview {entry.address(context, base, '/preview')}")
    console.say("\nThe tokens in these addresses are valid for twelve hours; a restart creates new ones.")
    console.say("Press Ctrl+C to stop.")
