"""`paperround up`: scheduler, pages and built-in inbox in one process."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from sqlalchemy import make_url

from paperround.app import App
from paperround.delivery.inbox import InboxTransport
from paperround.delivery.smtp import SmtpTransport
from paperround.domain.errors import WrongUse
from paperround.operator import console, seeds
from paperround.rounds.scheduler import Rounds
from paperround.web import connections, create
from paperround.web.context import RequestContext
from paperround.web.operator import entry

# Seconds for which a thread keeps Python to itself. A page changes threads several times; at the usual 0.005 each
# change costs that much while a round is composing: 12 ms for the front page (p99 230), and 5 ms (p99 80) with this.
_SWITCH_INTERVAL = 0.0005


def run(app: App, host: str, port: int) -> None:
    """Serve until told to stop; the first time, load the seeds and deliver a first round."""
    sys.setswitchinterval(_SWITCH_INTERVAL)
    with _listening(host, port) as listening:  # before anything else: a taken port must not cost a round
        rounds = Rounds(app)
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
        web = create(app)
        _announce(web.state.context, host, port)
        try:
            server = connections.server(web)
            web.state.stopping = lambda: server.should_exit
            server.run(sockets=[listening])
        finally:
            console.say("\nstopping: letters and requests that are under way are finished or put back")
            rounds.stop()
            console.say("paperround has stopped")


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
