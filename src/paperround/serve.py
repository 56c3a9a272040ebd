"""The programs that run until they are told to stop: `up`, and its parts `web`, `scheduler` and `worker`."""

from __future__ import annotations

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
from paperround.domain.errors import WrongUse
from paperround.operator import console, seeds
from paperround.rounds.scheduler import Rounds
from paperround.rounds.task_queue import TaskQueue
from paperround.web import connections, create
from paperround.web.context import RequestContext
from paperround.web.operator import entry

# Seconds for which a thread keeps Python to itself. A page changes threads several times; at the usual 0.005 each
# change costs that much while a round is composing: 12 ms for the front page (p99 230), and 5 ms (p99 80) with this.
_SWITCH_INTERVAL = 0.0005


def run(app: App, host: str, port: int) -> None:
    """Serve until told to stop; the first time, load the seeds and deliver a first round."""
    with _listening(host, port) as listening, _rounds(app) as (rounds, queue):
        app.nudge = rounds.soon
        # The seeds' subscribers are invented: only the built-in inbox may have letters for them.
        if isinstance(app.settings.transport, InboxTransport) and seeds.load_seeds(app):
            papers, subscribers = app.store.papers.count(), sum(app.store.subscribers.count().values())
            console.say(f"loaded {papers} papers and {subscribers} subscribers from the seeds")
            rounds.round()
            sent = app.store.deliveries.count().get("sent", 0)
            console.say(f"first round: {sent} letters delivered")
        _describe(app)
        rounds.start()
        if queue:
            queue.work(rounds.run)
        _serve(app, listening, host, port)


def run_web(app: App, host: str, port: int) -> None:
    """Serve the pages alone, and send at once what their visitors wait for, until told to stop."""
    with _listening(host, port) as listening, _rounds(app) as (rounds, _):
        app.nudge = rounds.soon
        rounds.answer_only()
        _serve(app, listening, host, port)


def run_scheduler(app: App) -> None:
    """Keep the schedule until told to stop: its jobs run here, or go to the workers of the task queue."""
    with _rounds(app) as (rounds, queue):
        rounds.start()
        for job in rounds.jobs():
            console.say(f"{job.next_run_time:%Y-%m-%d %H:%M} UTC  {job.id}{', for a worker' if queue else ''}")
        _wait()


def run_worker(app: App) -> None:
    """Run tasks from the queue until told to stop; WrongUse where there is no queue."""
    if app.settings.runner.kind == "local":
        raise WrongUse(
            'workers take their tasks from a queue, and runner.kind is "local": run `paperround scheduler`, which '
            "works alone, or set PAPERROUND_RUNNER__KIND=procrastinate"
        )
    with _rounds(app) as (rounds, queue):
        assert queue is not None
        queue.work(rounds.run)
        console.say(f"working, {app.settings.runner.tasks_at_once} tasks at once")
        _wait()


@contextmanager
def _rounds(app: App) -> Iterator[tuple[Rounds, TaskQueue | None]]:
    """The jobs, and the queue if there is one; at the end what is under way is put down."""
    sys.setswitchinterval(_SWITCH_INTERVAL)
    runner = app.settings.runner
    queue = (
        TaskQueue(app.settings.database_url, app.store, runner.tasks_at_once)
        if runner.kind == "procrastinate"
        else None
    )
    rounds = Rounds(app, queue.submit if queue else None)
    try:
        yield rounds, queue
    finally:
        console.say("\nstopping: letters and requests that are under way are finished or put back")
        rounds.stop()
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
    """Until SIGTERM or Ctrl+C, which both end it as an exception."""
    while True:
        time.sleep(3600)


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sets TCP_NODELAY on what it accepts; socket.create_server leaves it open.
    # Without it each page takes 44 ms: header and body are two writes, and the second waits for a delayed ACK.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise WrongUse(
            f"port {port} on {host} is not available ({error.strerror}); choose another with --port"
        ) from None
    return listening


def _describe(app: App) -> None:
    """What this program is about to do: for whom, where to, and when next."""
    settings, subscribers = app.settings, app.store.subscribers.count()
    counted = ", ".join(f"{number:,} {state}" for state, number in subscribers.items()) or "none yet"
    due = app.store.issues.next_digest_at()
    sources = ", ".join(source.name for source in settings.sources) or "none"
    console.say(f"site         {settings.site.name} in {Path.cwd()}, {settings.site.base_url}")
    console.say(f"database     {make_url(settings.database_url).render_as_string()}")
    console.say(f"letters      {_where_letters_go(app)}")
    console.say(f"sources      {sources}")
    console.say(f"subscribers  {counted}")
    console.say(f"next letter  {f'{due:%Y-%m-%d %H:%M} UTC' if due else 'nobody is waiting for one'}")
    token = "with your admin token" if settings.site.admin_token else "closed: set site.admin_token to open it"
    console.say(f"admin        {settings.site.base_url}/admin, {token}")


def _where_letters_go(app: App) -> str:
    transport = app.settings.transport
    if isinstance(transport, SmtpTransport):
        return f"leave through {transport.host}:{transport.at_port}"
    return f"stay on this machine: {transport.kind}"


def _announce(context: RequestContext, host: str, port: int) -> None:
    shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::1", "::") else host  # noqa: S104 - compared, not bound
    base = f"http://{shown}:{port}"
    console.say(f"\npaperround is up\n  papers  {base}/")
    if isinstance(context.app.settings.transport, InboxTransport):
        console.say("\nEvery letter lands in the inbox until an SMTP relay is configured:")
        console.say(f"  inbox   {entry.address(context, base, '/inbox')}")
    console.say("\nEvery letter before it goes:")
    console.say(f"  preview {entry.address(context, base, '/preview')}")
    console.say("\nThe tokens in these addresses open them for twelve hours; a restart makes new ones.")
    console.say("stop it with Ctrl+C")
