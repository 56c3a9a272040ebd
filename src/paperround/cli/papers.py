"""Commands for stored papers: search them, write them to a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from paperround.cli.framework import Command, command_group
from paperround.cli.shared import AsJson, given_path, opened, write_lines
from paperround.operator import console

root = command_group()
group = command_group("The stored papers as a whole.")


@root.command(cls=Command, epilog="paperround search 'title:agents OR \"tool use\"' --limit 5")
def search(
    query: Annotated[str, typer.Argument(help="What to look for.")],
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="At most so many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Search the stored papers.

    In the topics' query language or in plain words; the best first.
    """
    from paperround.operator import queries

    with opened() as app:
        result = queries.search(app, query, limit)
    if as_json:
        console.as_json([
            {
                "rank": rank,
                "id": one.paper.id,
                "title": one.paper.title,
                "score": one.score,
                "why": list(one.why),
                "parts": one.parts,
            }
            for rank, one in enumerate(result.found, 1)
        ])  # fmt: skip
        return
    for typed, meant in result.corrected:
        console.warn(f'showing results for "{meant}" instead of "{typed}"')
    rows = [(rank, one.paper.id, one.paper.title, "; ".join(one.why)) for rank, one in enumerate(result.found, 1)]
    console.table(("rank", "id", "title", "why"), rows)
    if not rows:
        console.warn("no paper found")


@group.command("export", cls=Command, epilog="paperround papers export papers.jsonl")
def export_papers(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", parser=given_path, help="Where to; stdout by default.")
    ] = None,
) -> None:
    """Write all papers as JSON lines, to a file or to stdout.

    `paperround ingest --file FILE --as jsonl` reads them.
    """
    from paperround.sources import jsonl

    with opened() as app:
        lines = jsonl.write(app.store.papers.all_listings())
        if file is None:
            sys.stdout.writelines(lines)
            return
        number = write_lines(file, lines)
    console.say(f"{file}: {number:,} listings")
