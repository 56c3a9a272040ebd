"""Commands for bounces: delivery reports and complaints that came back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paperround.cli.framework import Command, command_group
from paperround.cli.shared import AsJson, ByEmail, given_path, opened
from paperround.domain.errors import UsageError
from paperround.operator import console

group = command_group("Process delivery reports and complaints.")


@group.command("read", cls=Command, epilog="paperround bounces read report.eml")
def read_bounces(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE", parser=given_path, help="Message files or mbox files.")
    ] = None,
    maildir: Annotated[
        Path | None, typer.Option(metavar="DIR", parser=given_path, help="A Maildir; only new messages are read.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read delivery reports and complaints.

    Without FILE or --maildir, they come from the mailbox in the settings.
    """
    from paperround.bounces import mailboxes
    from paperround.rounds import bounce_intake

    with opened() as app:
        mailbox = app.settings.bounces
        if not (files or maildir or mailbox.maildir or mailbox.imap):
            raise UsageError("give FILEs or --maildir DIR, or set bounces.imap or bounces.maildir in the settings")
        reports = bounce_intake.process_mails(app, mailboxes.files(files or []))
        reports += bounce_intake.process_mails(app, mailboxes.maildir(maildir)) if maildir else []
        reports += bounce_intake.read_mailbox(app) if not (files or maildir) else []
    if as_json:
        console.as_json([report.facts() for report in reports])
    else:
        columns = ("where", "kind", "status", "email", "new", "text")
        console.table(columns, [[getattr(report, name) for name in columns] for report in reports])


@group.command("list", cls=Command, epilog="paperround bounces list --limit 10")
def list_bounces(
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Show at most this many, latest first.")] = 50,
    email: ByEmail = "",
    as_json: AsJson = False,
) -> None:
    """List the reports that were read, the latest first."""
    with opened() as app:
        reports = app.store.bounces.report(limit, email=email)
    if as_json:
        console.as_json(reports)
    else:
        columns = ("at", "email", "kind", "status", "delivery", "text")
        console.table(columns, [[report[name] for name in columns] for report in reports])
