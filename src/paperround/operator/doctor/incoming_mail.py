"""Checks of the mail that comes back: bounces and replies."""

from __future__ import annotations

from collections.abc import Iterator

from paperround.app import App
from paperround.bounces.mailboxes import check_maildir, try_imap
from paperround.domain.errors import PaperroundError
from paperround.operator.doctor.findings import CheckState, Finding
from paperround.store.alarms import AlarmKind

_MAILBOX_SECONDS = 5.0  # for each response of the mailbox
_REPUTATION = "its reputation or content; check SPF, DKIM, DMARC, reverse DNS and blocklists"
_BOUNCE_ALARMS = {
    AlarmKind.DOMAIN: (
        "most letters to {} fail, so nobody there is suppressed; check that its server is up and accepts mail"
    ),
    AlarmKind.EVERYWHERE: "most letters to all domains fail ({}); check the relay and its DNS",
    AlarmKind.POLICY: f"{{}} is rejecting mail from this site because of {_REPUTATION}",
    AlarmKind.DEFERRED: f"{{}} is deferring mail from this site because of {_REPUTATION}",
}


def check_replies(app: App) -> Iterator[Finding]:
    """Check that replies which letters ask for are read."""
    bounces = app.settings.bounces
    if not app.settings.asks_for_replies:
        return
    if bounces.maildir or bounces.imap:
        yield Finding("replies", CheckState.OK, "letters ask for replies, and a mailbox for them is configured")
    else:
        what = "letters ask for replies, but no mailbox is read on schedule; set bounces.imap or bounces.maildir"
        yield Finding("replies", CheckState.WARNING, f"{what}, or turn bounces.replies off")


def check_mailbox(app: App) -> Iterator[Finding]:
    """Try the mailbox that bounces and replies are read from."""
    bounces = app.settings.bounces
    if bounces.maildir:
        try:
            check_maildir(bounces.maildir)
        except PaperroundError as error:
            yield Finding("mailbox", CheckState.WARNING, f"{error}; check bounces.maildir")
    if bounces.imap:
        try:
            try_imap(bounces.imap, _MAILBOX_SECONDS)
        except PaperroundError as error:
            yield Finding("mailbox", CheckState.WARNING, str(error))
        else:
            yield Finding("mailbox", CheckState.OK, f"{bounces.imap.host}: login and folder work")


def check_bounces(app: App) -> Iterator[Finding]:
    """Report what bounces say about the site, and a lost key of erased addresses."""
    if app.store.subscribers.is_address_key_lost():
        what = "erased addresses that complained are not recognized any more, because the secret key was changed"
        yield Finding("secret key", CheckState.WARNING, f"{what}; put the former key after it, separated by a comma")
    for kind, domain in app.store.alarms.latest(app.clock()):
        what = _BOUNCE_ALARMS[kind].format(domain)
        yield Finding("bounces", CheckState.WARNING, f"{what}; the replies: paperround bounces list")
