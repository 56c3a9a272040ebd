"""What every request and answer passes: header fields, HEAD, and bounds on what comes in. Plain ASGI, no threads."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paperround.throttle import Courtesy

MAX_BODY = 64 * 1024  # bytes: the largest form here is a page of preferences
MAX_ADMIN_BODY = 1024 * 1024
BODY_SECONDS = 20.0
"""For a request's whole body, however many pieces it comes in."""
_ADMIN_BODY_SECONDS = 60.0
MOST_AT_ONCE = 200
"""Requests that are worked on at once; each is whole by then, so that who sends slowly holds no place."""

_TOO_LARGE = "This is more than this page takes.\n"
_RETRY = {"Retry-After": "2"}
_LAST = {"Connection": "close"}
_HOST_FIELD = r"(?:[A-Za-z0-9._~-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{0,5})?"

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

    A round gives way (`courtesy`) from the time a request is whole until its answer begins.
    """

    def __init__(self, app: ASGIApp, *, https: bool, courtesy: Courtesy) -> None:
        self._app, self._courtesy = app, courtesy
        self._headers: Mapping[str, str] = {
            **HEADERS,
            **({"Strict-Transport-Security": "max-age=31536000"} if https else {}),
        }
        self._at_once = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        head = scope["method"] == "HEAD"
        with ExitStack() as waiting, ExitStack() as working:

            def is_whole() -> None:
                self._take_place(working)
                waiting.enter_context(self._courtesy.visitor())

            sender = _ResponseSender(send, self._headers, waiting, without_body=head)
            if refusal := await self._answer(scope, receive, sender, is_whole, head=head):
                await refusal(scope, receive, sender)

    def _take_place(self, working: ExitStack) -> None:
        if self._at_once >= MOST_AT_ONCE:
            raise _TooMany
        self._at_once += 1
        working.callback(self._leave_place)

    def _leave_place(self) -> None:
        self._at_once -= 1

    async def _answer(
        self, scope: Scope, receive: Receive, answer: _ResponseSender, is_whole: Callable[[], None], *, head: bool
    ) -> PlainTextResponse | None:
        """Let the application answer; a response of our own where it may not, and nothing has been said yet."""
        if head:  # every page answers HEAD as it would GET, also where a route names GET alone
            scope = {**scope, "method": "GET"}
        trusted = scope["path"].startswith(("/admin", "/api", "/hooks"))
        limit, seconds = (MAX_ADMIN_BODY, _ADMIN_BODY_SECONDS) if trusted else (MAX_BODY, BODY_SECONDS)
        if _declared(scope) > limit:
            return PlainTextResponse(_TOO_LARGE, 413)
        if not _is_host(_host(scope)):
            return PlainTextResponse("The Host field of this request names no host.\n", 400)
        refusal = None
        try:
            if scope["method"] == "GET" or not _has_body(scope):
                is_whole()
            await self._app(scope, _BoundedReceive(receive, limit, seconds, is_whole), answer)
        except _BodyTooLarge:
            refusal = PlainTextResponse(_TOO_LARGE, 413)
        except _BodyTooSlow:
            refusal = PlainTextResponse("The form did not arrive in time; send it again.\n", 408, _LAST)
        except _TooMany:
            refusal = PlainTextResponse("Too many requests at once; try again in a moment.\n", 503, _RETRY)
        return None if answer.begun else refusal


# These never leave this file. They are no `Exception`: of those FastAPI makes answers of its own on the way.
class _BodyTooLarge(BaseException):
    pass


class _BodyTooSlow(BaseException):
    pass


class _TooMany(BaseException):
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
    """Receives a body up to a size, within a time that is for all of it; tells when it is there whole."""

    def __init__(self, receive: Receive, limit: int, seconds: float, is_whole: Callable[[], None]) -> None:
        self._receive, self._left, self._is_whole = receive, limit, is_whole
        self._whole = False
        self._until = asyncio.get_running_loop().time() + seconds

    async def __call__(self) -> Message:
        if self._whole:  # what comes now is the client's leaving, and that may take its time
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise _BodyTooSlow from None
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self._left < 0:
                raise _BodyTooLarge
            if self._whole:
                self._is_whole()
        return message


def _has_body(scope: Scope) -> bool:
    return any(name in {b"content-length", b"transfer-encoding"} for name, _ in scope["headers"])


def _host(scope: Scope) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")


def _is_host(field: str) -> bool:
    """Whether a Host field is one (RFC 9110 7.2); an empty one is, as HTTP/1.0 has none."""
    return not field or re.fullmatch(_HOST_FIELD, field, re.ASCII) is not None


def _declared(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0
