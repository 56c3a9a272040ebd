"""Commands that do a round, or one stage of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paperround.cli.framework import Command, command_group
from paperround.cli.shared import (
    STDIN,
    AsJson,
    exit_if,
    given_path,
    opened,
    progress_bars,
    read_day,
    read_pieces,
    read_size,
)
from paperround.domain.errors import UsageError
from paperround.domain.text import counted
from paperround.operator import console

if TYPE_CHECKING:
    from paperround.app import App
    from paperround.rounds.pipeline import IngestReport, Tally

root = command_group()


@root.command("round", cls=Command, epilog="paperround round")
def round_(as_json: AsJson = False) -> None:
    """Run one round now: ingest, publish, deliver.

    Ends when nothing more is due.
    """
    from paperround.rounds import pipeline

    with opened() as app, progress_bars(app):
        reports, tally = pipeline.run_round(app)
    for report in reports:
        _warn(report)
    _print_tally(tally, as_json=as_json)
    exit_if(_troubled(tally) or any(report.failed for report in reports))


@root.command(cls=Command, epilog="paperround ingest --file papers.jsonl --as jsonl")
def ingest(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Sources; all of them by default.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", parser=given_path, help="Read this file instead of the sources; - is stdin."),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option("--as", metavar="FORMAT", help="The format of the file; by default it is detected."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DAY", help="Ask for papers since this day (YYYY-MM-DD).")
    ] = None,
    unmailed: Annotated[
        bool, typer.Option("--archive", help="Only show these papers on pages and in search; do not mail them.")
    ] = False,
    mail_old: Annotated[
        bool, typer.Option("--mail-old", help="Also email papers in the file that are older than 30 days.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch new papers from the sources, or read them from a file."""
    from paperround.rounds import file_ingest, pipeline
    from paperround.sources import FORMATS

    if file is None and form is not None:
        raise UsageError("--as needs --file: it is the format of that file")
    if mail_old and (file is None or unmailed):
        raise UsageError("--mail-old needs --file, and cannot be given with --archive")
    if form is not None and form not in FORMATS:
        raise UsageError(f"there is no format {form!r}; there are: {', '.join(FORMATS)}")
    with opened() as app, progress_bars(app):
        if file is not None:
            size = None if str(file) == STDIN else read_size(file)
            report = file_ingest.ingest_file(
                app, read_pieces(file), form, file.name, unmailed=unmailed, mail_old=mail_old, size=size
            )
            reports = [report]
        else:
            reports = pipeline.ingest(app, names or (), read_day(since) if since else None, unmailed=unmailed)
    if as_json:
        console.as_json([_report_facts(report) for report in reports])
    else:
        console.table(
            ("source", "fetched", "new", "updated", "rejected", "state"),
            [(r.source, r.fetched, r.new, r.updated, r.rejected, r.state) for r in reports],
        )
        for report in reports:
            _warn(report)
    exit_if(any(report.failed for report in reports))


@root.command(cls=Command, epilog="paperround publish")
def publish(as_json: AsJson = False) -> None:
    """Compose a digest for every subscriber who is due.

    Sends nothing: `paperround deliver` does.
    """
    from paperround.rounds import pipeline

    with opened() as app, progress_bars(app):
        tally = pipeline.publish(app)
    _print_tally(tally, as_json=as_json)


@root.command(cls=Command, epilog="paperround deliver")
def deliver(as_json: AsJson = False) -> None:
    """Send the letters that are due."""
    from paperround.rounds import pipeline

    with opened() as app, progress_bars(app):
        tally = pipeline.deliver(app)
        waiting = _waiting(app)
    _print_tally(tally, as_json=as_json)
    if waiting and not tally.paused:
        console.warn(waiting)
    exit_if(_troubled(tally))


@root.command(cls=Command, epilog="paperround sweep")
def sweep(as_json: AsJson = False) -> None:
    """Clean up after crashes, and end pauses that are over.

    Releases the claims of programs that have ended, and matches papers that were not matched yet.
    """
    from paperround.rounds import pipeline

    with opened() as app:
        touched = pipeline.sweep(app)
    if as_json:
        console.as_json({"touched": touched})
    else:
        console.say(f"{counted(touched, 'row')} repaired")


def _waiting(app: App) -> str:
    """Return how many letters wait for a later attempt, and until when; empty if none."""
    from paperround.store.delivery_conditions import WAITING

    counts, due = app.store.delivery_reports.count(), app.store.deliveries.next_due()
    number = sum(counts.get(state, 0) for state in WAITING)
    letters = counted(number, "letter waits", "letters wait")
    return f"{letters}; the next attempt is due at {due:%Y-%m-%d %H:%M:%S} UTC" if due else ""


def _troubled(tally: Tally) -> bool:
    """Return whether the operator has to act: letters failed, or were deferred because of this site."""
    return bool(tally.letters["failed"] or tally.deferred_because_of_site or tally.paused)


def _print_tally(tally: Tally, *, as_json: bool) -> None:
    letters = {state: tally.letters[state] for state in ("sent", "deferred", "failed", "suppressed", "expired")}
    facts: dict[str, Any] = {"due": tally.due, "composed": tally.composed, "empty": tally.empty, **letters}
    if as_json:
        console.as_json({**facts, "seconds": round(sum(tally.stages.values()), 3)})
    else:
        console.table(tuple(facts), [tuple(facts.values())])
        took = ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in tally.stages.items())
        console.say(f"took {took}")
    if tally.deferred_because_of_site:
        what = "emails were deferred because of this site"
        console.warn(f"{tally.deferred_because_of_site} {what}; run: paperround doctor")
    if tally.paused:
        console.warn(f"the relay accepts no emails: {tally.paused}")


def _report_facts(report: IngestReport) -> dict[str, Any]:
    return {
        "source": report.source,
        "fetched": report.fetched,
        "new": report.new,
        "updated": report.updated,
        "rejected": report.rejected,
        "stale": report.stale,
        "too_old": report.too_old,
        "problems": [*([report.note] if report.failed else []), *map(str, report.problems)],
    }


def _warn(report: IngestReport) -> None:
    if report.failed or report.stale or report.note:
        note = report.note.removeprefix(f"{report.source}: ")
        console.warn(f"{report.source}: {report.state}: {note}")
    for problem in report.problems:
        console.warn(f"{report.source}: left out: {problem}")
