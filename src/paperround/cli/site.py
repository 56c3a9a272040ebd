"""Commands for a whole site: create, run, check, count, back up and migrate it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paperround.cli import shared
from paperround.cli.framework import Command, command_group
from paperround.cli.shared import AsJson, exit_if, given_path, opened, progress_bars
from paperround.operator import console

if TYPE_CHECKING:
    from paperround.store.carry_over import CarriedOver

root = command_group()
Port = Annotated[int, typer.Option(metavar="PORT", min=1, max=65535, help="The port of the pages.")]
Host = Annotated[str, typer.Option(metavar="HOST", help="The address to listen on.")]


@root.command(cls=Command, epilog="paperround init papers")
def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the site.")] = Path(),
) -> None:
    """Create a site: configuration, secret key and templates.

    Existing files are not changed.
    """
    from paperround.operator import site

    created = list(map(str, site.create(directory)))
    for path in created:
        console.say(f"created {path}")
    if created:
        enter = "" if directory.resolve() == Path.cwd() else f"`cd {directory}`, then "
        console.say(f"next: {enter}`paperround up` (with example papers), or `paperround ingest` (papers of today)")
    else:
        console.warn(f"{directory.resolve()} is already a site, and was not changed")


@root.command(cls=Command, epilog="paperround up --port 8080")
def up(port: Port = 8000, host: Host = "127.0.0.1") -> None:
    """Run everything in one process.

    The first start loads example papers and sends a first round to the inbox.
    """
    from paperround import serve

    with opened(first_start=True, port=port) as app:
        serve.run(app, host, port)


@root.command(cls=Command, epilog="paperround web --port 8080")
def web(port: Port = 8000, host: Host = "127.0.0.1") -> None:
    """Run only the web pages.

    Emails that visitors wait for, such as confirmations, are sent at once. `paperround scheduler` does the rest.
    """
    from paperround import serve

    with opened(runs_on=True, port=port) as app:
        serve.run_web(app, host, port)


@root.command(cls=Command, epilog="paperround scheduler")
def scheduler() -> None:
    """Run only the schedule.

    Its jobs run in this process, or on workers where `runner.kind` is "procrastinate".
    """
    from paperround import serve

    with opened(runs_on=True) as app:
        serve.run_scheduler(app)


@root.command(cls=Command, epilog="paperround worker")
def worker() -> None:
    """Run tasks from the queue. You can start several workers.

    Needs PostgreSQL and `runner.kind` "procrastinate".
    """
    from paperround import serve

    with opened(runs_on=True) as app:
        serve.run_worker(app)


@root.command(cls=Command, epilog="paperround doctor")
def doctor(as_json: AsJson = False) -> None:
    """Check the site for problems.

    Each problem comes with its remedy. Nothing is changed and nothing is sent.
    """
    from paperround.cli import examination
    from paperround.domain.errors import StoreError
    from paperround.operator.doctor import CheckState, examine, unusable

    try:
        with opened(examine=True) as app:
            findings = examine(app)
    except StoreError as error:
        findings = [unusable(error)]
    if as_json:
        console.as_json([
            {"check": f.check, "verdict": f.verdict, "what": f.sentence, "later": f.later, "stops": f.stops}
            for f in findings
        ])  # fmt: skip
    else:
        for line in examination.lines(findings):
            console.say(line)
    exit_if(any(finding.verdict is CheckState.ERROR for finding in findings))


_RELAY_LABELS = {
    "paused_until": "delivery paused until",
    "reason": "reason of the pause",
    "sent_today": "emails sent today",
}
"""What `stats` calls the facts about the relay."""


@root.command(cls=Command, epilog="paperround stats --json")
def stats(as_json: AsJson = False) -> None:
    """Count papers, subscribers and letters.

    Also shows the state of the relay and when each source last had new papers.
    """
    from paperround.operator import queries

    with opened() as app:
        facts = queries.stats(app)
    if as_json:
        console.as_json(facts)
    else:
        flat = [(_RELAY_LABELS.get(key, f"{name} {key}") if key else name, value) for name, part in facts.items()
                for key, value in (part.items() if isinstance(part, dict) else [("", part)])]  # fmt: skip
        console.table(("what", "value"), flat)


@root.command(cls=Command, epilog="paperround backup backup/paperround.db")
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", parser=given_path, help="The file to write.")],
) -> None:
    """Copy the database, also while paperround is running."""
    with opened() as app:
        app.store.backup(file)
    console.say(f"{file}: {file.stat().st_size:,} bytes")


@root.command(cls=Command, epilog="paperround restore backup/paperround.db")
def restore(file: Annotated[Path, typer.Argument(metavar="FILE", parser=given_path, help="The backup.")]) -> None:
    """Replace the database with a backup.

    Stop `paperround up` first; while another program has the database open, nothing is done. The current database is
    kept next to it under another name, and those who have left since the backup stay unsubscribed.
    """
    with opened() as app:
        former, carried = app.store.restore(file, app.clock())
    console.say(f"restored {file}; the previous database was saved as {former}")
    _report(carried, str(former))


@root.command(
    "carry-over", cls=Command, epilog="paperround carry-over postgresql+psycopg://paperround@localhost/before"
)
def carry_over(
    previous: Annotated[
        str, typer.Argument(metavar="DATABASE", help="The previous database: a SQLite file, or a URL.")
    ],
) -> None:
    """Take over who has left since the backup was made.

    Use it after a backup was restored by other means than `paperround restore`, such as pg_restore. Nobody is
    subscribed by it.
    """
    from paperround.operator import restoring
    from paperround.store import database_url

    url = previous if "://" in previous else f"sqlite:///{given_path(previous)}"
    with opened() as app:
        carried = restoring.carry_over(app, url)
    _report(carried, database_url.place(url))
    exit_if(bool(carried.problem or carried.unknown))


def _report(carried: CarriedOver, previous: str) -> None:
    from paperround.operator import restoring

    for line in restoring.summary(carried):
        console.say(line)
    if sentence := restoring.warning(carried, previous):
        console.warn(sentence)


@root.command(cls=Command, epilog="paperround copy postgresql+psycopg://paperround@localhost/paperround")
def copy(
    url: Annotated[str, typer.Argument(metavar="URL", help="The empty database, as in PAPERROUND_DATABASE_URL.")],
) -> None:
    """Copy the database to an empty one.

    The target can be another kind of database, such as PostgreSQL in place of SQLite.
    Stop `paperround up` first: later changes are not copied. Then set PAPERROUND_DATABASE_URL to the copy.
    """
    from paperround.operator.copying import copy_database

    with opened() as app, progress_bars(app):
        place = copy_database(app, url)
    console.say(f"copied the database to {place}; to use it, set PAPERROUND_DATABASE_URL")


@root.command(cls=Command, epilog="paperround migrate")
def migrate() -> None:
    """Upgrade the database to this version of paperround."""
    from paperround.operator import startup

    console.say(f"database is at version {startup.migrate(shared.options.config)}")
