"""Access to the inbox and the preview through an address with a token that `up` prints, as Jupyter does.

Network addresses cannot identify the operator, because behind a proxy every visitor looks local. Whoever can read
the output of `up` can also run it. The token is valid until the program stops; opening the address begins a session
of twelve hours.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from paperround.web import session_cookies
from paperround.web.context import WebContext
from paperround.web.responses import PRIVATE

_FIELD = "token"


class EntryMiddleware:
    """Exchanges the token in an address for a session cookie, and redirects to the address without the token."""

    def __init__(self, app: ASGIApp, *, context: WebContext) -> None:
        self._app, self._context = app, context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET" and b"token=" in scope["query_string"]:
            request = Request(scope)
            if session_cookies.same(request.query_params.get(_FIELD, ""), self._context.entry_token):
                response = await run_in_threadpool(self._enter, request)
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _enter(self, request: Request) -> Response:
        rest = [(name, value) for name, value in parse_qsl(request.url.query) if name != _FIELD]
        query = f"?{urlencode(rest)}" if rest else ""
        # A single leading slash: a browser takes `//evil.example` for the address of another site.
        path = "/" + request.url.path.lstrip("/")
        response = RedirectResponse(f"{self._context.home}{path}{query}", 303, headers=PRIVATE)
        self._context.sessions.begin(response, session_cookies.ENTRY_COOKIE, secure=request.url.scheme == "https")
        return response


def address(context: WebContext, base: str, path: str) -> str:
    """Return the address of a page with the token in it, for whoever started the program."""
    return f"{base}{path}?{urlencode({_FIELD: context.entry_token})}"
