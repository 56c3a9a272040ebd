"""The matches of a query while it is typed, for the scripts of the forms."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from paperround.domain.latex import readable
from paperround.rendering.language import Language
from paperround.rounds.query_preview import PastWeek, preview_query
from paperround.web.context import ContextDep, WebContext
from paperround.web.subscribers.token_links import subscriber_of
from paperround.web.urls import page_of

router = APIRouter()
_MAX_QUERY_LENGTH = 2_000  # characters


@router.get("/try")
def try_query(request: Request, context: ContextDep, q: str = "") -> Response:
    """Return the matches of a query in the past week as JSON, for the live preview of the form."""
    return _answer(request, context, q, context.languages.of_visitor(request), PastWeek(context.app))


@router.get("/p/{token}/try")
def try_own_query(request: Request, context: ContextDep, token: str, q: str = "") -> Response:
    """Return the same as a subscriber gets it: by their feedback and breadth, without what they leave out."""
    subscriber = subscriber_of(context, token)
    preferences, feedback = subscriber.preferences, context.app.store.feedback.ratings(subscriber.row)
    week = PastWeek(context.app, feedback, preferences.breadth, preferences.leave_out)
    return _answer(request, context, q, context.languages.of_subscriber(request, subscriber), week)


def _answer(request: Request, context: WebContext, query: str, language: Language, week: PastWeek) -> Response:
    context.count_trials(request, 1)
    if not query.strip():
        return JSONResponse({"message": "", "papers": []}, headers={"Cache-Control": "no-store"})
    preview = preview_query(context.app, query[:_MAX_QUERY_LENGTH], language, week)
    papers = [
        {"title": readable(paper.title), "href": context.home + page_of(paper.id), "why": "; ".join(why)}
        for paper, why in preview.papers
    ]
    return JSONResponse(
        {"message": preview.error or preview.summary, "wrong": bool(preview.error), "papers": papers},
        headers={"Cache-Control": "no-store"},
    )
