"""The matches of a query while it is typed, for the scripts of the forms."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from paperround.domain.latex import readable
from paperround.rounds.query_preview import preview_query
from paperround.web.context import ContextDep
from paperround.web.urls import page_of

router = APIRouter()
_MAX_QUERY_LENGTH = 2_000  # characters


@router.get("/try")
def try_query(request: Request, context: ContextDep, q: str = "") -> Response:
    """Return the matches of a query in the past week as JSON, for the live preview of the form."""
    context.count_trials(request, 1)
    language = context.languages.of_visitor(request)
    if not q.strip():
        return JSONResponse({"message": "", "papers": []}, headers={"Cache-Control": "no-store"})
    preview = preview_query(context.app, q[:_MAX_QUERY_LENGTH], language)
    papers = [
        {"title": readable(paper.title), "href": context.home + page_of(paper.id), "why": "; ".join(why)}
        for paper, why in preview.papers
    ]
    return JSONResponse(
        {"message": preview.error or preview.summary, "wrong": bool(preview.error), "papers": papers},
        headers={"Cache-Control": "no-store"},
    )
