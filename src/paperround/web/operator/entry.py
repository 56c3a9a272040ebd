"""The way in to the inbox and the preview: an address that `up` prints, with a token in it, as Jupyter does.

Nobody's network address says who they are: a proxy makes everybody look local. Who can read what `up` prints, can
run it. The token is for one start of the program; opening the address begins a session of twelve hours.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from paperround.web import session
from paperround.web.context import PRIVATE, RequestContext

_FIELD = "token"


class EntryMiddleware:
    """Turns the token in an address into a cookie, and the address into one without it."""

    def __init__(self, app: ASGIApp, *, context: RequestContext) -> None:
        self._app, self._context = app, context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET" and b"token=" in scope["query_string"]:
            request = Request(scope)
            if session.same(request.query_params.get(_FIELD, ""), self._context.entry_token):
                response = await run_in_threadpool(self._enter, request)
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _enter(self, request: Request) -> Response:
        rest = [(name, value) for name, value in parse_qsl(request.url.query) if name != _FIELD]
        query = f"?{urlencode(rest)}" if rest else ""
        # Its own path, so that no address leads to another site: `//evil.example` is one to a browser.
        path = "/" + request.url.path.lstrip("/")
        response = RedirectResponse(f"{self._context.home}{path}{query}", 303, headers=PRIVATE)
        self._context.begin_session(response, session.ENTRY_COOKIE, secure=request.url.scheme == "https")
        return response


def address(context: RequestContext, base: str, path: str) -> str:
    """The address of a page with the token in it, for whoever started the program."""
    return f"{base}{path}?{urlencode({_FIELD: context.entry_token})}"
