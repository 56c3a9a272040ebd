"""Thumbnails of papers. They are the same for everybody, never change, and do not track who views them."""

from __future__ import annotations

from functools import cache
from importlib import resources

from fastapi import APIRouter, HTTPException, Request, Response

from paperround.rendering import sample
from paperround.web.conditional import is_unmodified
from paperround.web.context import ContextDep
from paperround.web.responses import IN_LETTERS

router = APIRouter()
_HEADERS = {
    **IN_LETTERS,
    "Cache-Control": "public, max-age=31536000, immutable",  # the name is derived from the content
}


@router.get("/pictures/{name}.jpg")
def picture(request: Request, context: ContextDep, name: str) -> Response:
    """Return the thumbnail with this name as JPEG."""
    content = _made_up() if name == sample.PICTURE.name else context.app.store.pictures.content(name)
    if content is None:
        raise HTTPException(404)
    headers = {**_HEADERS, "ETag": f'"{name}"'}
    if is_unmodified(request.headers, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="image/jpeg")


@cache
def _made_up() -> bytes:
    """Return the thumbnail of the sample issue."""
    return (resources.files("paperround.rendering") / "sample.jpg").read_bytes()
