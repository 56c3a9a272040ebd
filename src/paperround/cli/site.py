"""Commands for a site as a whole: make one, run it, check it, count, back up, migrate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paperround.cli import shared
from paperround.cli.framework import Command, command_group
from paperround.cli.shared import AsJson, exit_if, given_path, opened
from paperround.operator import console

root = command_group()


@root.command(cls=Command, epilog="paperround init papers")
def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the site.")] = Path(),
) -> None:
    """Make a new site: configuration, a secret key, templates.

    Files that are there already stay as they are.
    """
    from paperround.operator import site

    for made in site.create(directory):
        console.say(f"made {made}")


@root.command(cls=Command, epilog="paperround up --port 8080")
def up(
    port: Annotated[int, typer.Option(metavar="PORT", help="The port of the pages.")] = 8000,
    host: Annotated[str, typer.Option(metavar="HOST", help="The address to listen on.")] = "127.0.0.1",
) -> None:
    """Run everything in one process.

    The first time, load the seeds and deliver a first round.
    """
    from paperround import serve

    with opened(first_start=True, port=port) as app:
        serve.run(app, host, port)


@root.command(cls=Command, epilog="paperround web --port 8080")
def web(
    port: Annotated[int, typer.Option(metavar="PORT", help="The port of the pages.")] = 8000,
    host: Annotated[str, typer.Option(metavar="HOST", help="The address to listen on.")] = "127.0.0.1",
) -> None:
    """Run the pages alone.

    Sends at once what their visitors wait for, such as confirmations. `paperround scheduler` does all else.
    """
    from paperround import serve

    with opened(runs_on=True, port=port) as app:
        serve.run_web(app, host, port)


@root.command(cls=Command, epilog="paperround scheduler")
def scheduler() -> None:
    """Run the schedule alone.

    Its jobs run in this process, or on workers where `runner.kind` is "procrastinate".
    """
    from paperround import serve

    with opened(runs_on=True) as app:
        serve.run_scheduler(app)


@root.command(cls=Command, epilog="paperround worker")
def worker() -> None:
    """Run tasks from the queue, as many workers as you like.

    Needs PostgreSQL and `runner.kind` "procrastinate".
    """
    from paperround import serve

    with opened(runs_on=True) as app:
        serve.run_worker(app)


@root.command(cls=Command, epilog="paperround doctor")
def doctor(as_json: AsJson = False) -> None:
    """Look for what would stop the next round.

    Says what to do about it. Changes nothing, sends nothing.
    """
    from paperround.cli import examination
    from paperround.operator.doctor import CheckState, examine

    with opened() as app:
        findings = examine(app)
    if as_json:
        console.as_json([
            {"check": f.check, "verdict": f.verdict, "what": f.what, "later": f.later} for f in findings
        ])  # fmt: skip
    else:
        for line in examination.lines(findings):
            console.say(line)
    exit_if(any(finding.verdict is CheckState.ERROR for finding in findings))


@root.command(cls=Command, epilog="paperround stats --json")
def stats(as_json: AsJson = False) -> None:
    """How many papers, subscribers and letters there are.

    Also how the relay is, and when each source last had news.
    """
    from paperround.operator import queries

    with opened() as app:
        facts = queries.stats(app)
    if as_json:
        console.as_json(facts)
    else:
        flat = [(f"{name} {key}" if key else name, value) for name, part in facts.items()
                for key, value in (part.items() if isinstance(part, dict) else [("", part)])]  # fmt: skip
        console.table(("what", "value"), flat)


@root.command(cls=Command, epilog="paperround backup backup/paperround.db")
def backup(file: Annotated[Path, typer.Argument(metavar="FILE", parser=given_path, help="Where to.")]) -> None:
    """Write a copy of the database while everything runs."""
    with opened() as app:
        app.store.backup(file)
    console.say(f"{file}: {file.stat().st_size:,} bytes")


@root.command(cls=Command, epilog="paperround restore backup/paperround.db")
def restore(file: Annotated[Path, typer.Argument(metavar="FILE", parser=given_path, help="The backup.")]) -> None:
    """Put a backup in the place of the database.

    Stop `paperround up` first: it would go on with what it remembers. The database as it was is kept beside it.
    """
    with opened() as app:
        former = app.store.restore(file)
    console.say(f"restored {file}; the database as it was before is {former}")


@root.command(cls=Command, epilog="paperround migrate")
def migrate() -> None:
    """Bring the database to this program's version."""
    from paperround.operator import startup

    console.say(f"database is at version {startup.migrate(shared.options.config)}")
