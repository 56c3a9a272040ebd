"""Style sheets, scripts, fonts and icons."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response

from paperround.web.context import ContextDep
from paperround.web.responses import respond

router = APIRouter()


@router.get("/static/{name}")
def static(request: Request, context: ContextDep, name: str) -> Response:
    """Return a static file. Its address contains a hash of the content, so caches may keep it for a year."""
    file = context.static.by_name.get(name)
    if file is None:
        raise HTTPException(404)
    return respond(request, file.content, file.media_type, seconds=31_536_000)


@router.get("/favicon.ico")
def favicon(request: Request, context: ContextDep) -> Response:
    """Return the icon at the address that browsers request by default."""
    return static(request, context, "icon.svg")
