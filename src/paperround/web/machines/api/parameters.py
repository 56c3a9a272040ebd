"""The query parameters that several operations have, and the refusal of all others."""

from __future__ import annotations

from typing import Annotated

from fastapi import HTTPException, Query, Request
from fastapi.routing import APIRoute

_MAX_RESULTS = 200
Limit = Annotated[int, Query(ge=1, le=_MAX_RESULTS)]
Offset = Annotated[int, Query(ge=0, le=1_000_000)]


def refuse_unknown_parameters(request: Request) -> None:
    """Raise HTTP 422 for an unknown query parameter, because a typo must not silently change what is returned."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    accepted = [field.alias for field in route.dependant.query_params]
    if unknown := [name for name in request.query_params if name not in accepted]:
        expected = f"this operation takes {', '.join(accepted)}" if accepted else "this operation takes none"
        raise HTTPException(422, f"unknown parameter {unknown[0][:40]!r}; {expected}")
