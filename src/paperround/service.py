"""`paperround up`: scheduler, pages and built-in inbox in one process."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import uvicorn

from paperround import console, site
from paperround.delivery.inbox import InboxTransport
from paperround.errors import WrongUse
from paperround.scheduler import Rounds
from paperround.web import create

if TYPE_CHECKING:
    from paperround.app import App


def run(app: App, host: str, port: int) -> None:
    """Serve until told to stop; the first time, load the seeds and deliver a first round."""
    with _listening(host, port) as listening:  # before anything else: a taken port must not cost a round
        rounds = Rounds(app)
        app.nudge = rounds.soon
        if site.load_seeds(app):
            papers, readers = app.store.papers.count(), sum(app.store.subscribers.count().values())
            console.out.print(f"loaded {papers} papers and {readers} readers from the seeds")
            rounds.round()
            sent = app.store.deliveries.count().get("sent", 0)
            console.out.print(f"first round: {sent} letters delivered")
        rounds.start()
        _announce(app, host, port)
        try:
            config = uvicorn.Config(create(app), log_level="warning", access_log=False, server_header=False)
            uvicorn.Server(config).run(sockets=[listening])
        finally:
            rounds.stop()


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise WrongUse(
            f"port {port} on {host} cannot be had ({error.strerror}); choose another with --port"
        ) from None
    # asyncio sets it for sockets that it makes itself. Without it each page takes 44 ms: its header and its body are
    # two writes, and the second waits for the visitor's delayed ACK. Accepted connections inherit it.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _announce(app: App, host: str, port: int) -> None:
    shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::1", "::") else host  # noqa: S104 - compared, not bound
    console.out.print(f"\npaperround is up\n  papers  http://{shown}:{port}/", markup=False)
    if isinstance(app.settings.transport, InboxTransport):
        what = "every letter lands here until an SMTP relay is configured"
        console.out.print(f"  inbox   http://{shown}:{port}/inbox   {what}", markup=False)
    console.out.print("stop it with Ctrl+C", markup=False)
