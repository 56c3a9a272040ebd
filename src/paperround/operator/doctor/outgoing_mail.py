"""Checks of what emails are sent with: the site's addresses, the relays, and the letters themselves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from paperround.app import App
from paperround.delivery import FileTransport, InboxTransport, MaildirTransport, SmtpTransport
from paperround.delivery.smtp_connection import refusal
from paperround.domain.clock import format_moment
from paperround.domain.hosts import is_local
from paperround.domain.models import NoticeKind, Stage
from paperround.domain.preferences import DEFAULTS
from paperround.operator.doctor.findings import CheckState, Finding
from paperround.operator.preview import PreviewRequest, build
from paperround.process.resources import templates
from paperround.rendering import theme as themes
from paperround.rounds.letters import LetterBuilder

FOLDER_TRANSPORTS = (InboxTransport, MaildirTransport, FileTransport)
"""The transports that store letters in a folder."""

_RELAY_REMEDIES = {
    Stage.CONNECT: "check transport.host, transport.port and transport.tls",
    Stage.TLS: "check transport.port, transport.tls (none for a relay on this machine) and transport.ca_file",
    Stage.AUTH: "check transport.username and transport.password",
}


def check_site(app: App) -> Iterator[Finding]:
    """Check the addresses that emails and pages name."""
    site, later = app.settings.site, isinstance(app.settings.transport, InboxTransport)
    error = CheckState.WARNING if later else CheckState.ERROR
    sender = site.facts().sender
    if is_local(site.base_url) or not site.base_url.startswith("https://"):
        what = f"site.base_url is {site.base_url}: subscribers cannot unsubscribe; set your https address"
        yield Finding("base_url", error, what, later=later)
    if sender.endswith(".example"):
        what = f"site.sender is {sender}: relays reject this address; use an address at your own domain"
        yield Finding("sender", error, what, later=later)
    if not site.postal_address:
        what = "site.postal_address is empty: many countries require it in every email (CAN-SPAM)"
        yield Finding("postal address", CheckState.WARNING, what, later=later)


def check_mail(app: App) -> Iterator[Finding]:
    """Try the relays, or check the folder that emails go to."""
    settings = app.settings
    if not isinstance(settings.transport, SmtpTransport):
        yield Finding("mail", CheckState.OK, f"emails are delivered by: {settings.transport.kind}")
        if isinstance(settings.transport, FOLDER_TRANSPORTS):
            yield from _folder(settings.transport.directory)
        if isinstance(settings.transport, InboxTransport):
            what = "emails stay in the built-in inbox; set transport.kind and your relay (docs/operate.md)"
            yield Finding("relay", CheckState.WARNING, what, later=True)
        return
    answers = [(relay, refusal(relay)) for relay in (settings.transport, *settings.transport.relays)]
    for relay, problem in answers:
        shown = f"relay {relay.host}:{relay.at_port}"
        if problem:
            remedy = _RELAY_REMEDIES.get(problem.stage, "check the relay's settings")
            stops = all(refused for _, refused in answers)  # otherwise the other relays take the letters
            yield Finding(shown, CheckState.ERROR, f"{problem}; {remedy}", stops=stops)
        else:
            what = "connection and login succeed" if relay.username else "the connection succeeds"
            yield Finding(shown, CheckState.OK, what)
    if settings.dkim is None:
        what = "no DKIM key is configured; make sure that the relay signs: Gmail and Yahoo refuse unsigned bulk mail"
        yield Finding("DKIM", CheckState.WARNING, what, "paperround dkim keygen")
    if not settings.bounces.domain:
        what = "bounces.domain is not set: bounces cannot be assigned to subscribers"
        yield Finding("bounces", CheckState.WARNING, what)


def _folder(directory: Path) -> Iterator[Finding]:
    """Report a folder for emails that does not exist and cannot be created, or that cannot be written to."""
    path = directory.resolve()
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        what = f"emails cannot be stored in {path}: this account cannot write to {existing}; change its owner"
        yield Finding("mail", CheckState.ERROR, f"{what}, or set transport.directory", stops=True)


def check_letters(app: App) -> Iterator[Finding]:
    """Lay out and sign one letter for each theme and language in use, and one notice; and try the other themes that
    subscribers could choose.
    """
    used = app.store.overview.styles()
    wanted = [PreviewRequest(theme=theme, language=language) for theme, language in used] or [PreviewRequest()]
    for request in [*wanted, replace(wanted[0], notice=NoticeKind.CONFIRM)]:
        named = ", ".join(filter(None, (request.notice or "digest", request.theme, request.language)))
        if problem := _broken(app, request):
            yield Finding(f"email ({named})", CheckState.ERROR, f"cannot be made: {problem}", stops=True)
        else:
            what = "renders without errors and is signed" if app.settings.dkim else "renders without errors"
            yield Finding(f"email ({named})", CheckState.OK, what)
    for name in sorted(set(themes.offered(templates())) - {name for name, _ in used}):
        if problem := _mistake_in(app, name, DEFAULTS.language):
            what = f"subscribers can choose it, and no letter can be made: {problem}"
            yield Finding(f"theme ({name})", CheckState.ERROR, what)
    signs = app.settings.dkim.domain.lower() if app.settings.dkim else ""
    sender = app.site.domain.lower()
    if signs and not _same_organization(signs, sender):
        what = f"dkim.domain is {signs}, the sender's is {sender}: DMARC requires the same domain or a subdomain"
        yield Finding("dkim", CheckState.ERROR, what)


def _broken(app: App, request: PreviewRequest) -> str:
    """Return why a letter cannot be made; empty if it can.

    A theme that is broken now counts, even while its last working version is still used.
    """
    if request.theme and request.language and (problem := _mistake_in(app, request.theme, request.language)):
        return problem
    try:
        build(app, request)
    except Exception as error:  # noqa: BLE001 - any error would prevent letters from being sent
        return str(error) or type(error).__name__
    return ""


def _mistake_in(app: App, theme: str, language: str) -> str:
    """Return why the files of a theme cannot be used; empty if they can."""
    try:
        app.shared(LetterBuilder).check(theme, language)
    except Exception as error:  # noqa: BLE001 - templates can raise anything
        return str(error) or type(error).__name__
    return ""


def _same_organization(one: str, other: str) -> bool:
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


def check_sending(app: App) -> Iterator[Finding]:
    """Report that delivery is paused."""
    now = app.clock()
    relay = app.store.relay.state(now.date())
    if pause_end := relay.pause_end(now):
        what = f"delivery is paused until {format_moment(pause_end)}: {relay.reason}"
        remedy = "once the cause is fixed, run: paperround deliveries resume"
        yield Finding("sending", CheckState.ERROR, f"{what}; {remedy}", stops=True)
