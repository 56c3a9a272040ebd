"""`paperround up`: scheduler, pages and built-in inbox in one process."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import structlog
import uvicorn

from paperround import console, pipeline, site
from paperround.delivery.inbox import InboxTransport
from paperround.errors import PaperroundError
from paperround.scheduler import Rounds
from paperround.web import create

if TYPE_CHECKING:
    from paperround.app import App

log = structlog.get_logger()


def run(app: App, host: str, port: int) -> None:
    """Serve until told to stop; the first time, load the seeds and deliver a first round."""
    rounds = Rounds(app)
    app.nudge = rounds.soon
    if site.load_seeds(app):
        papers, readers = app.store.papers.count(), sum(app.store.subscribers.count().values())
        console.out.print(f"loaded {papers} papers and {readers} readers from the seeds")
        rounds.round()
        sent = app.store.deliveries.count().get("sent", 0)
        console.out.print(f"first round: {sent} letters delivered")
        # The live sources may take minutes, or not be there at all; the pages need not wait for them.
        threading.Thread(target=_ask_sources, args=(app,), name="first ingest", daemon=True).start()
    rounds.start()
    _announce(app, host, port)
    try:
        uvicorn.run(create(app), host=host, port=port, log_level="warning", access_log=False, server_header=False)
    finally:
        rounds.stop()


def _ask_sources(app: App) -> None:
    try:
        reports = pipeline.ingest(app)
    except PaperroundError as error:
        log.warning("live sources could not be asked", problem=str(error))
        return
    failed = [report.source for report in reports if report.failed]
    if failed:
        log.warning("live sources not reached; the seeds are here, and the schedule asks again", sources=failed)
    for report in reports:
        if report.new:
            console.out.print(f"{report.source}: {report.new} new papers", markup=False)


def _announce(app: App, host: str, port: int) -> None:
    base = f"http://{'localhost' if host in ('127.0.0.1', '0.0.0.0', '::') else host}:{port}"  # noqa: S104 - compared, not bound
    console.out.print(f"\npaperround is up\n  papers  {base}/", markup=False)
    if isinstance(app.settings.transport, InboxTransport):
        console.out.print(
            f"  inbox   {base}/inbox   every letter lands here until an SMTP relay is configured",
            markup=False,
        )
    console.out.print("stop it with Ctrl+C", markup=False)
