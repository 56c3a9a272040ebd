"""An in-memory cache of public pages. A page lives for some seconds, or until a paper, topic, picture or source
changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from cachetools import LRUCache
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paperround.web.conditional import is_unmodified, takes_gzip
from paperround.web.context import WebContext
from paperround.web.languages import LANGUAGE_COOKIE

KEPT = timedelta(seconds=10)
"""How long a page is cached. This bounds the delay of changes by other processes; changes by this process expire the
page immediately.
"""
_MAX_BYTES = 32 * 1024 * 1024
_MAX_PAGE_BYTES = 512 * 1024  # bytes of one page
# The header fields that a 304 response repeats (RFC 9110 15.4.5).
_OF_UNMODIFIED = (b"etag", b"cache-control", b"vary", b"last-modified", b"expires", b"content-location")

Fields = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class CachedPage:
    """A response as it was sent, with its time and the version of the site's data that it shows."""

    fields: Fields
    body: bytes
    at: datetime
    version: int

    def response(self, request: Headers) -> tuple[int, Fields, bytes]:
        """Return the status, header fields and body for this request: 304 if the client already has the page."""
        tag = Headers(raw=self.fields).get("etag", "")
        if not is_unmodified(request, tag, _last_modified(self.fields)):
            return 200, self.fields, self.body
        return 304, [field for field in self.fields if field[0] in _OF_UNMODIFIED], b""


class PageCacheMiddleware:
    """Answers GET requests for public pages from memory.

    A response is cached if it has status 200 and `Cache-Control: public` and sets no cookie, and if its request
    carried no credentials and no cookie except the language. Each combination of address, language and content
    coding is cached separately.
    """

    def __init__(self, app: ASGIApp, *, context: WebContext) -> None:
        self._app, self._context = app, context
        self.pages: LRUCache[tuple[object, ...], CachedPage] = LRUCache(
            _MAX_BYTES, getsizeof=lambda page: len(page.body) + 1024
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not (key := self._key(scope)):
            await self._app(scope, receive, send)
            return
        now, version = self._context.app.clock(), self._context.app.store.version
        page = self.pages.get(key)
        if page is None or page.version != version or not timedelta() <= now - page.at < KEPT:

            def keep(fields: Fields, body: bytes) -> None:
                if len(body) <= _MAX_PAGE_BYTES:
                    self.pages[key] = CachedPage(fields, body, now, version)

            await self._app(scope, receive, _Recorder(send, keep))
            return
        status, fields, body = page.response(Headers(scope=scope))
        await send({"type": "http.response.start", "status": status, "headers": list(fields)})
        await send({"type": "http.response.body", "body": body})

    def _key(self, scope: Scope) -> tuple[object, ...] | None:
        """Return the cache key of a request; None if its response may depend on credentials or cookies."""
        request = Request(scope)
        if "authorization" in request.headers or request.cookies.keys() - {LANGUAGE_COOKIE}:
            return None
        language = self._context.languages.of_visitor(request).code
        return scope["path"], scope["query_string"], language, takes_gzip(request.headers)


class _Recorder:
    """Passes a response on, and calls `keep` if the response may be cached."""

    def __init__(self, send: Send, keep: Callable[[Fields, bytes], None]) -> None:
        self._send, self._keep = send, keep
        self._fields: Fields | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=list(message["headers"]))
            public = headers.get("cache-control", "").startswith("public")
            if message["status"] == 200 and public and "set-cookie" not in headers:
                self._fields = headers.raw
        elif message["type"] == "http.response.body" and self._fields is not None:
            if not message.get("more_body"):  # our own pages are sent in one piece; others are not cached
                self._keep(self._fields, message["body"])
            self._fields = None
        await self._send(message)


def _last_modified(fields: Fields) -> datetime | None:
    value = Headers(raw=fields).get("last-modified")
    return parsedate_to_datetime(value) if value else None
