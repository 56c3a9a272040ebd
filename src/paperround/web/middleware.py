"""The HTTP middleware: security headers, HEAD requests, and limits on request bodies. Plain ASGI."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paperround.process.throttle import Throttle
from paperround.web.responses import TOKEN_PATHS, UNDER_TOKEN

_UPLOADS = "/library"  # where a subscriber sends a file with references
_TOO_LARGE = "The request body is too large.\n"
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
    # Do not tell other sites where a visitor comes from; same-origin keeps the Origin field of our own forms.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def default_headers(path: str) -> Mapping[str, str]:
    """Return the headers of a response for this path, unless the response has its own."""
    return {**HEADERS, **UNDER_TOKEN} if path.startswith(TOKEN_PATHS) else HEADERS


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Limits on requests. Those of the operator, of programs and with files may be larger and slower."""

    body_bytes: int = 64 * 1024  # the largest form is the preferences
    large_body_bytes: int = 1024 * 1024
    body_seconds: float = 20.0
    """The time for the whole request body."""
    large_body_seconds: float = 60.0
    concurrent: int = 200
    """The maximum of concurrent requests. A request counts once it has arrived completely, so slow clients take no
    slot.
    """

    def of_body(self, path: str) -> tuple[int, float]:
        """Return the maximum of bytes of a request body, and of seconds until it has arrived."""
        if path.startswith(("/admin", "/api", "/hooks")) or path.endswith(_UPLOADS):
            return self.large_body_bytes, self.large_body_seconds
        return self.body_bytes, self.body_seconds


class HttpMiddleware:
    """Adds security headers to every response, answers HEAD requests, and limits request bodies and concurrency.

    `https` means that the site is served over HTTPS only, and enables HSTS. A round slows down (`throttle`) from the
    moment a request has arrived completely until its response begins.
    """

    def __init__(
        self, app: ASGIApp, *, https: bool, throttle: Throttle, limits: RequestLimits = RequestLimits()
    ) -> None:
        self._app, self._throttle, self._limits = app, throttle, limits
        self._transport_headers = {"Strict-Transport-Security": "max-age=31536000"} if https else {}
        self._at_once = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        head = scope["method"] == "HEAD"
        with ExitStack() as waiting, ExitStack() as working:

            def is_whole() -> None:
                self._take_place(working)
                waiting.enter_context(self._throttle.count_request())

            headers = {**default_headers(scope["path"]), **self._transport_headers}
            sender = _ResponseSender(send, headers, waiting, without_body=head)
            if refusal := await self._answer(scope, receive, sender, is_whole, head=head):
                await refusal(scope, receive, sender)

    def _take_place(self, working: ExitStack) -> None:
        if self._at_once >= self._limits.concurrent:
            raise _TooMany
        self._at_once += 1
        working.callback(self._leave_place)

    def _leave_place(self) -> None:
        self._at_once -= 1

    async def _answer(
        self, scope: Scope, receive: Receive, answer: _ResponseSender, is_whole: Callable[[], None], *, head: bool
    ) -> PlainTextResponse | None:
        """Pass the request to the application. Returns an error response if it is refused before any output, else
        None.
        """
        if head:  # answer HEAD like GET, also for routes that declare only GET
            scope = {**scope, "method": "GET"}
        limit, seconds = self._limits.of_body(scope["path"])
        if _declared(scope) > limit:
            return PlainTextResponse(_TOO_LARGE, 413)
        if _is_framed_twice(scope):
            return PlainTextResponse("Send Content-Length or Transfer-Encoding, not both.\n", 400, _LAST)
        if not _is_host(_host(scope)):
            return PlainTextResponse("The Host header is not a valid host name.\n", 400)
        refusal = None
        try:
            if scope["method"] == "GET" or not _has_body(scope):
                is_whole()
            await self._app(scope, _BoundedReceive(receive, limit, seconds, is_whole), answer)
        except _BodyTooLarge:
            refusal = PlainTextResponse(_TOO_LARGE, 413)
        except _BodyTooSlow:
            refusal = PlainTextResponse("The request body did not arrive in time. Send it again.\n", 408, _LAST)
        except _TooMany:
            refusal = PlainTextResponse("Too many concurrent requests. Try again in a moment.\n", 503, _RETRY)
        return None if answer.begun else refusal


# These never leave this file. They do not derive from `Exception`, because FastAPI turns those into responses.
class _BodyTooLarge(BaseException):
    pass


class _BodyTooSlow(BaseException):
    pass


class _TooMany(BaseException):
    pass


class _ResponseSender:
    """Sends the response with default headers, and ends the throttling of the round when the response begins."""

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
    """Receives a request body with a limit on its size and total time, and reports when it has arrived completely."""

    def __init__(self, receive: Receive, limit: int, seconds: float, is_whole: Callable[[], None]) -> None:
        self._receive, self._left, self._is_whole = receive, limit, is_whole
        self._whole = False
        self._until = asyncio.get_running_loop().time() + seconds

    async def __call__(self) -> Message:
        if self._whole:  # only the disconnect can follow, and it has no time limit
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


def _is_framed_twice(scope: Scope) -> bool:
    """Return whether a request has two body lengths, so that a proxy may use the other one (RFC 9112 6.1)."""
    return {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}


def _host(scope: Scope) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")


def _is_host(field: str) -> bool:
    """Return whether a Host field is valid (RFC 9110 7.2). An empty one is, because HTTP/1.0 does not require the
    field.
    """
    return not field or re.fullmatch(_HOST_FIELD, field, re.ASCII) is not None


def _declared(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0
