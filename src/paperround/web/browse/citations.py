"""Citations of papers as files for reference managers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from fastapi import APIRouter, HTTPException, Response

from paperround.domain.citations import bibtex, ris
from paperround.domain.models import Paper
from paperround.web.context import ContextDep

router = APIRouter()
_FORMATS: Mapping[str, tuple[Callable[[Sequence[Paper]], str], str]] = {
    "bib": (bibtex, "application/x-bibtex"),
    "ris": (ris, "application/x-research-info-systems"),
}


@router.get("/cite/{ending}/{paper_id:path}")
def cite(context: ContextDep, ending: str, paper_id: str) -> Response:
    """Return the citation of one paper as BibTeX (`bib`) or RIS (`ris`)."""
    paper = context.app.store.papers.by_id(paper_id)
    if paper is None:
        raise HTTPException(404)
    return citation_file([paper], ending, paper.id)


def citation_file(papers: Sequence[Paper], ending: str, name: str) -> Response:
    """Return the citations of papers as a file in this format. Raises HTTPException 404 for an unknown format."""
    if ending not in _FORMATS:
        raise HTTPException(404)
    write, media_type = _FORMATS[ending]
    safe = "".join(char if char.isalnum() and char.isascii() else "-" for char in name)
    headers = {"Content-Disposition": f'attachment; filename="{safe}.{ending}"', "X-Robots-Tag": "noindex"}
    return Response(write(papers), headers=headers, media_type=f"{media_type}; charset=utf-8")
