"""The list of all commands, their shared options, and the handling of failures."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from paperround import __version__
from paperround.cli import shared
from paperround.cli.framework import Panels, lazy_group
from paperround.domain.errors import PaperroundError, UsageError
from paperround.operator import console
from paperround.process import private_files

PANELS: Panels = {
    "A site": {
        "init": ("site", "Create a site: configuration, secret key and templates."),
        "up": ("site", "Run everything in one process."),
        "web": ("site", "Run only the web pages."),
        "scheduler": ("site", "Run only the schedule."),
        "worker": ("site", "Run tasks from the queue. You can start several workers."),
        "doctor": ("site", "Check the site for problems."),
        "stats": ("site", "Count papers, subscribers and letters."),
        "backup": ("site", "Copy the database, also while paperround is running."),
        "restore": ("site", "Replace the database with a backup."),
        "carry-over": ("site", "Take over who has left since the backup was made."),
        "copy": ("site", "Copy the database to an empty one."),
        "migrate": ("site", "Upgrade the database to this version of paperround."),
        "dkim": ("dkim", "The key that signs letters, and its DNS record."),
    },
    "Rounds": {
        "round": ("rounds", "Run one round now: ingest, publish, deliver."),
        "ingest": ("rounds", "Fetch new papers from the sources, or read them from a file."),
        "publish": ("rounds", "Compose a digest for every subscriber who is due."),
        "deliver": ("rounds", "Send the letters that are due."),
        "sweep": ("rounds", "Clean up after crashes, and end pauses that are over."),
    },
    "Papers and letters": {
        "search": ("papers", "Search the stored papers."),
        "papers": ("papers", "Export papers, find similar ones, compute vectors."),
        "preview": ("letters", "Write a letter to files, exactly as it would be sent."),
        "deliveries": ("deliveries", "List letters, retry failed ones, and end a pause."),
        "bounces": ("bounces", "Process delivery reports and complaints."),
    },
    "Topics and subscribers": {
        "topics": ("topics", "Manage topics, the saved queries that subscribers follow."),
        "subscribers": ("subscribers", "Manage subscribers and their preferences."),
        "tokens": ("tokens", "Manage the API tokens of other programs."),
    },
}

_MAKE_A_SITE = ("init", "up")

app = typer.Typer(
    cls=lazy_group("paperround.cli", PANELS),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Daily papers by email, self-hosted.",
)


def main() -> None:
    """Run the command line. Wrong use and wrong configuration print one line and exit with code 2."""
    private_files.restrict_process()
    try:
        app(prog_name="paperround")  # however it was started: click names `python -m …` otherwise
    except UsageError as error:
        console.fail(str(error))
        sys.exit(2)
    except OverflowError:
        console.fail("a number or a date is out of range")
        sys.exit(2)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        console.fail(f"{what}; check the path and its permissions")
        sys.exit(2)
    except PaperroundError as error:
        console.fail(str(error))
        sys.exit(1)


def _version(requested: bool) -> None:
    if requested:
        sys.stdout.write(f"paperround {__version__}\n")
        raise typer.Exit


@app.callback()
def _global(
    context: typer.Context,
    site: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", envvar="PAPERROUND_SITE_DIR", help="The folder of the site; by default the current one."
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="The configuration file.")] = None,
    now: Annotated[str | None, typer.Option(metavar="MOMENT", help="Act as if it were this time (ISO 8601).")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log every step, not only failures.")] = False,
    version: Annotated[  # noqa: ARG001 - its callback has done all
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    typed_in = Path.cwd() if site else None
    shared.options = shared.Options(
        typed_in / config if typed_in and config else config,
        shared.read_moment(now) if now else None,
        verbose,
        typed_in,
    )
    if site:
        _enter(site, make=context.invoked_subcommand in _MAKE_A_SITE)


def _enter(site: Path, *, make: bool) -> None:
    if make:
        site.mkdir(parents=True, exist_ok=True)
    if not site.is_dir():
        raise UsageError(f"no site here: {site} is not a folder; create one with: paperround init {site}")
    os.chdir(site)
