"""The export of all papers as JSON lines, for other paperround sites and other programs. Streamed to bound memory
use.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from paperround.sources import jsonl
from paperround.web.context import ContextDep

router = APIRouter()
_LINES_AT_ONCE = 200  # about half a megabyte


@router.get("/export.jsonl")
def export(context: ContextDep) -> Response:
    """Return every listing of every paper, in the format that `paperround ingest --as jsonl` reads."""
    lines = jsonl.write(context.app.store.papers.all_listings())
    headers = {"Content-Disposition": 'attachment; filename="papers.jsonl"', "X-Robots-Tag": "noindex"}
    return StreamingResponse(_pieces(lines), headers=headers, media_type="application/jsonl; charset=utf-8")


def _pieces(lines: Iterator[str]) -> Iterator[str]:
    while piece := "".join(islice(lines, _LINES_AT_ONCE)):
        yield piece
