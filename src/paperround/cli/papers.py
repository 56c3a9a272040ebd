"""Commands for stored papers: search them, write them to a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from paperround.cli.framework import Command, command_group
from paperround.cli.shared import AsJson, exit_if, given_path, opened, progress_bars, write_lines
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


@group.command("similar", cls=Command, epilog="paperround papers similar 2511.07407")
def similar_papers(
    paper: Annotated[str, typer.Argument(metavar="PAPER", help="Its identifier here, its arXiv identifier or DOI.")],
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=100, help="At most so many.")] = 10,
    as_json: AsJson = False,
) -> None:
    """The papers most like a paper, by meaning where there is a model, otherwise by words."""
    from paperround.operator.queries import paper_row
    from paperround.rounds.similar import similar_papers as found_similar

    with opened() as app:
        one = app.store.papers.by_rows([paper_row(app, paper)]).popitem()[1]
        found = found_similar(app, one, limit)
    if as_json:
        console.as_json([{"id": other.id, "title": other.title} for other in found])
    else:
        console.table(("id", "title"), [(other.id, other.title) for other in found])


@group.command("embed", cls=Command, epilog="paperround papers embed")
def embed_papers(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Also papers whose vectors another model has made.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the vectors that papers wait for, now and not in the background.

    Vectors say what papers mean; they are made with the model of the setting meaning.
    """
    from paperround.domain.errors import WrongUse
    from paperround.rounds import pipeline
    from paperround.rounds.meaning import Meaning

    with opened() as app, progress_bars(app):
        meaning = app.shared(Meaning)
        if not meaning.on:
            raise WrongUse(
                "there is no model to make vectors with; pip install 'paperround[meaning]', or set [meaning]"
            )
        if rebuild:
            app.store.vectors.rebuild(meaning.encoder.name)
        made, waiting = 0, app.store.vectors.waiting_count()
        app.progress.begin("embedding", waiting)
        while some := pipeline.embed_papers(app, 1.0):
            made += some
            app.progress.advance(some)
        left = app.store.vectors.waiting_count()
    if as_json:
        console.as_json({"model": meaning.encoder.name, "embedded": made, "waiting": left})
    else:
        console.say(f"{made} vectors made with {meaning.encoder.name}, {left} papers wait")
    exit_if(left > 0)
