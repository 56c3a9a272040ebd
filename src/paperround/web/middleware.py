"""What every request and answer passes: header fields, HEAD, and bounds on what comes in. Plain ASGI, no threads."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paperround.throttle import Courtesy

MAX_BODY = 64 * 1024  # bytes: the largest form here is a page of preferences
MAX_ADMIN_BODY = 1024 * 1024
_BODY_SECONDS = 20.0

CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Where a subscriber comes from is nobody's business; same-origin keeps the Origin field of our own forms.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class HttpMiddleware:
    """Wraps the application; `https` says that the site is reached by https alone.

    A round gives way (`courtesy`) from a request until its answer begins.
    """

    def __init__(self, app: ASGIApp, *, https: bool, courtesy: Courtesy) -> None:
        self._app, self._courtesy = app, courtesy
        self._headers: Mapping[str, str] = {
            **HEADERS,
            **({"Strict-Transport-Security": "max-age=31536000"} if https else {}),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        head = scope["method"] == "HEAD"
        with ExitStack() as waiting:
            waiting.enter_context(self._courtesy.visitor())
            await self._answer(
                scope, receive, _ResponseSender(send, self._headers, waiting, without_body=head), head=head
            )

    async def _answer(self, scope: Scope, receive: Receive, answer: _ResponseSender, *, head: bool) -> None:
        if head:  # every page answers HEAD as it would GET, also where a route names GET alone
            scope = {**scope, "method": "GET"}
        limit = MAX_ADMIN_BODY if scope["path"].startswith(("/admin", "/api", "/hooks")) else MAX_BODY
        if _declared(scope) > limit:
            await PlainTextResponse("This is more than this page takes.\n", 413)(scope, receive, answer)
            return
        try:
            await self._app(scope, _BoundedReceive(receive, limit), answer)
        except _BodyTooLarge:
            if not answer.begun:
                await PlainTextResponse("This is more than this page takes.\n", 413)(scope, receive, answer)
        except _BodyTooSlow:
            if not answer.begun:
                await PlainTextResponse("The form did not arrive in time; send it again.\n", 408)(
                    scope, receive, answer
                )


class _BodyTooLarge(Exception):  # noqa: N818 - never leaves this file
    pass


class _BodyTooSlow(Exception):  # noqa: N818 - never leaves this file
    pass


class _ResponseSender:
    """Sends what the application answers, with the header fields that it has not set itself; then none is waiting."""

    def __init__(self, send: Send, headers: Mapping[str, str], waiting: ExitStack, *, without_body: bool) -> None:
        self._send, self._headers, self._waiting, self._without_body = send, headers, waiting, without_body
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            self._waiting.close()
            fields = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                fields.setdefault(name, value)
        elif self._without_body and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)


class _BoundedReceive:
    """Receives a body up to a size and a time."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive, self._left, self._whole = receive, limit, False

    async def __call__(self) -> Message:
        if self._whole:  # what comes now is the client's leaving, and that may take its time
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), _BODY_SECONDS)
        except TimeoutError:
            raise _BodyTooSlow from None
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self._left < 0:
                raise _BodyTooLarge
        return message


def _declared(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0
