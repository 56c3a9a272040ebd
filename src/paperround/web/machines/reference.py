"""The API reference."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from paperround.web.context import ContextDep

router = APIRouter()


@router.get("/docs")
def docs(request: Request, context: ContextDep) -> Response:
    """Show the API reference, rendered from the OpenAPI description without external resources."""
    api = next(route.app for route in request.app.routes if getattr(route, "path", "") == "/api")
    return context.pages.public(request, "docs", spec=api.openapi())
