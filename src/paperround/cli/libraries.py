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
    """Print what became of the papers, how many that are not stored here are learned from in all (`examples`), and
    what went wrong.
    """
    here = counted(report.liked, "paper is stored here and counts", "papers are stored here and count")
    other = counted(report.learned, "other paper is", "other papers are")
    more = counted(report.waiting, "more is looked up by its identifier", "more are looked up by their identifiers")
    unknown = counted(len(report.unknown), "DOI is", "DOIs are")
    parts = [
        f"{here} as *more like this*" if report.liked else "",
        f"{other} learned from by title and abstract" if report.learned else "",
        f"{more} at arXiv" if report.waiting else "",
        f"{unknown} unknown here and left out: {', '.join(report.unknown)}" if report.unknown else "",
    ]
    found = "; ".join(filter(None, parts)) or "no paper to learn from was given"
    total = counted(examples, "paper that is not stored here is", "papers that are not stored here are")
    console.say(f"{found}. In all, {total} learned from" if examples > report.learned else found)
    for problem in problems:
        console.warn(problem)
