"""The command that learns from the papers of a subscriber's library."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paperround.cli.shared import AsJson, Email, exit_if, given_path, opened, read_file
from paperround.domain.text import counted
from paperround.operator import console

if TYPE_CHECKING:
    from paperround.app import App
    from paperround.rounds.libraries import LibraryReport
    from paperround.sources.library import Library


def learn_from(
    email: Email,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", parser=given_path, help="BibTeX, RIS, CSL-JSON, or a list of identifiers."),
    ] = None,
    author: Annotated[str, typer.Option(metavar="NAME", help="This author's papers on this site.")] = "",
    orcid: Annotated[str, typer.Option(metavar="ID", help="The works of this ORCID record; fetched daily.")] = "",
    zotero: Annotated[
        bool, typer.Option("--zotero", help="A Zotero library, whose key is read from stdin; fetched daily.")
    ] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Forget earlier learning first.")] = False,
    as_json: AsJson = False,
) -> None:
    """Learn what a subscriber likes from papers that they have."""
    from dataclasses import asdict

    from paperround.rounds import libraries
    from paperround.subscribers import membership

    with opened() as app:
        row = membership.subscriber(app, email).row
        if forget:
            app.store.examples.forget(row)
        library = _library(app, file, author)
        report = libraries.learn_from(app, row, library)
        _link(app, row, orcid, zotero=zotero)
        libraries.look_up_titles(app)
        failures = [linked.problem for linked in app.store.examples.linked(row) if linked.problem]
        examples = app.store.examples.count(row)
    if library.encoding:
        console.warn(
            f"{file} is not in UTF-8 and was read as {library.encoding}; if names look wrong, save it as UTF-8"
        )
    problems = [*map(str, library.problems), *failures]
    if as_json:
        console.as_json({**asdict(report), "examples": examples, "problems": problems})
    else:
        _say_report(report, examples, problems)
    exit_if(problems)


def _library(app: App, file: Path | None, author: str) -> Library:
    """Return the papers in a file and those of an author on this site; both may be missing."""
    from dataclasses import replace

    from paperround.rounds.libraries import library_of_author
    from paperround.sources.library import Library, read_library

    library = read_library(read_file(file), str(file)) if file else Library()
    entries = library_of_author(app, author).entries if author else ()
    return replace(library, entries=(*library.entries, *entries))


def _link(app: App, row: int, orcid: str, *, zotero: bool) -> None:
    """Link the services that were named, and read them now. Raises UsageError for an invalid ORCID iD or key."""
    from paperround.domain.errors import UsageError
    from paperround.rounds import libraries

    try:
        if orcid:
            libraries.link_orcid(app, row, orcid)
        if zotero:
            libraries.link_zotero(app, row, sys.stdin.readline().strip())
    except ValueError as error:
        raise UsageError(str(error)) from None
    if orcid or zotero:
        libraries.sync_libraries(app, app.store.examples.linked(row))


def _say_report(report: LibraryReport, examples: int, problems: Sequence[str]) -> None:
    """Print how many papers were learned from, `examples` in all, and what went wrong."""
    liked = counted(report.liked, "paper is here and counts as an answer", "papers are here and count as answers")
    more = counted(report.learned, "more is", "more are")
    unknown = counted(len(report.unknown), "DOI is", "DOIs are")
    console.say(f"{liked}; {more} learned from, {examples} in all; {unknown} unknown here")
    for problem in problems:
        console.warn(problem)
