"""For the machines that watch over this one."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from paperround import __version__
from paperround.errors import StoreError
from paperround.web.desk import Here

router = APIRouter()
get = partial(router.get, response_model=None)


@get("/healthz")
def healthz(desk: Here) -> JSONResponse:
    """Whether pages can be served: the database answers."""
    facts = {"status": "ok", "version": __version__}
    status = 200
    try:
        desk.app.store.note("seeds")
    except StoreError:
        facts["status"], status = "the database does not answer", 503
    return JSONResponse(facts, status, headers={"Cache-Control": "no-store"})
