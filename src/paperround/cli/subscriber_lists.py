"""The commands that import and export lists of subscribers."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paperround.cli.shared import AsJson, exit_if, given_path, open_file, opened, recording, write_lines
from paperround.domain.text import counted
from paperround.operator import console

if TYPE_CHECKING:
    from paperround.subscribers.csv_import import ImportReport


def import_subscribers(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", parser=given_path, help="Separated by commas, semicolons, tabs or vertical bars."
        ),
    ],
    confirmed: Annotated[
        bool, typer.Option("--confirmed", help="They have agreed; do not send a confirmation email.")
    ] = False,
    first_now: Annotated[
        bool, typer.Option("--first-now", help="Send the first letters with the next round.")
    ] = False,
    topic: Annotated[list[str] | None, typer.Option(metavar="SLUG", help="Topic for rows that name none.")] = None,
    overwrite: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD",
            help="Change only this field of known subscribers; an empty cell resets it. Repeat for each field.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, without changing it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import subscribers from a CSV file."""
    from paperround.subscribers import csv_file, csv_import

    fields = [name.strip() for entry in overwrite or () for name in entry.split(",")]
    options = csv_import.ImportOptions(
        confirmed,
        topic or (),
        first_now,
        fields,
        dry_run,
        listed=dry_run or as_json,
        topics_remedy="give --topic for all rows",
    )
    with (
        opened() as app,
        open_file(file) as data,
        nullcontext() if dry_run else recording(app, "subscribers imported", "in progress") as record,
    ):
        report = csv_import.import_subscribers(app, csv_file.read(data), options)
        if record:
            record.subject = counted(report.imported, "row")
    if as_json:
        console.as_json(_report_facts(report, dry_run=dry_run))
    else:
        _say_report(report, file, dry_run=dry_run)
        _say_who_is_asked(report.counts, confirmed=confirmed)
    exit_if(report.problems)


def _report_facts(report: ImportReport, *, dry_run: bool) -> dict[str, object]:
    """Return what an import did, for JSON."""
    return {
        "imported": report.imported,
        "rejected": report.counts["skipped"],
        **report.counts,
        "dry_run": dry_run,
        "changes": [
            {"email": addition.email, "effect": addition.effect.value, "fields": list(addition.fields)}
            for addition in report.additions
            if not addition.is_unchanged
        ],
        "problems": list(map(str, report.problems)),
        "warnings": list(report.warnings),
    }


def _say_report(report: ImportReport, file: Path, *, dry_run: bool) -> None:
    """Print how many subscribers an import added and changed; on a dry run, also each of them."""
    summary = ", ".join(f"{number} {what}" for what, number in report.counts.items() if what != "asked")
    console.say(f"{'would be: ' if dry_run else ''}{summary}")
    changes = [addition for addition in report.additions if not addition.is_unchanged]
    for addition in changes if dry_run else ():
        fields = f": {', '.join(addition.fields)}" if addition.fields else ""
        console.say(f"  {addition.effect.value} {addition.email}{fields}")
    for note in report.notes:
        console.warn(f"{file}: {note}")


def _say_who_is_asked(counts: Mapping[str, int], *, confirmed: bool) -> None:
    if counts["asked"]:
        people = counted(counts["asked"], "person", "people")
        console.say(
            f"an email will ask {people} to confirm, with the next `paperround deliver` or round; they receive no "
            "letters until then. If they have agreed already, import with --confirmed"
        )
    elif counts["new"] and not confirmed:
        console.say("nobody was asked to confirm; `paperround subscribers add EMAIL` asks a pending subscriber")


def export_subscribers(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", parser=given_path, help="The file to write; by default stdout.")
    ] = None,
) -> None:
    """Export all subscribers as CSV, with their complete records."""
    from paperround.subscribers import csv_file

    with opened() as app:
        lines = csv_file.write(app.store.subscribers.by_address())
        if file is None:
            sys.stdout.writelines(lines)
        else:
            number = write_lines(file, lines) - 1  # without the heading
            console.say(f"{file}: {number:,} subscriber{'s' if number != 1 else ''}")
