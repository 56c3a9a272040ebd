"""All commands by purpose, the options that they share, and how a failure ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from paperround import __version__
from paperround.cli import shared
from paperround.cli.framework import Panels, lazy_group
from paperround.domain.errors import PaperroundError, WrongUse
from paperround.operator import console
from paperround.process import private_files

PANELS: Panels = {
    "A site": {
        "init": ("site", "Make a new site: configuration, a secret key, templates."),
        "up": ("site", "Run everything in one process."),
        "web": ("site", "Run the pages alone."),
        "scheduler": ("site", "Run the schedule alone."),
        "worker": ("site", "Run tasks from the queue, as many workers as you like."),
        "doctor": ("site", "Look for what would stop the next round."),
        "stats": ("site", "How many papers, subscribers and letters there are."),
        "backup": ("site", "Write a copy of the database while everything runs."),
        "restore": ("site", "Put a backup in the place of the database."),
        "migrate": ("site", "Bring the database to this program's version."),
        "dkim": ("dkim", "The key that signs letters, and its DNS record."),
    },
    "Rounds": {
        "round": ("rounds", "One round now: ingest, publish, deliver."),
        "ingest": ("rounds", "Take in new papers, from the sources or from a file."),
        "publish": ("rounds", "Compose a digest for every subscriber who is due."),
        "deliver": ("rounds", "Send the letters that are due."),
        "sweep": ("rounds", "Repair what a crash or the passing of time left behind."),
    },
    "Papers and letters": {
        "search": ("papers", "Search the stored papers."),
        "papers": ("papers", "The stored papers as a whole."),
        "preview": ("letters", "Write a letter to files, exactly as it would be sent."),
        "deliveries": ("deliveries", "Every letter and what became of it."),
        "bounces": ("bounces", "Delivery reports and complaints that came back."),
    },
    "Topics and subscribers": {
        "topics": ("topics", "Named, saved queries that subscribers follow."),
        "subscribers": ("subscribers", "Who gets letters, about what, and when."),
        "tokens": ("tokens", "Tokens with which other programs use the API."),
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
    """Run the command line; wrong use and wrong configuration are one line and exit code 2."""
    private_files.restrict_process()
    try:
        app()
    except WrongUse as error:
        console.fail(str(error))
        sys.exit(2)
    except OverflowError:
        console.fail("a number or a date is out of all bounds")
        sys.exit(2)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        console.fail(f"{what}; is the path right and may it be written?")
        sys.exit(2)
    except PaperroundError as error:
        console.fail(str(error))
        sys.exit(1)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"paperround {__version__}\n")
        raise typer.Exit


@app.callback()
def _global(
    context: typer.Context,
    site: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", envvar="PAPERROUND_SITE_DIR", help="The site's folder, in place of the present one."
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="The configuration file.")] = None,
    now: Annotated[str | None, typer.Option(metavar="MOMENT", help="The clock, as ISO 8601, for replays.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what is done, not only what fails.")] = False,
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
        raise WrongUse(f"no site here: {site} is no folder; make one with: paperround init {site}")
    os.chdir(site)
