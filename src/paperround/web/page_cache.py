"""Public pages, kept in this process for some seconds, until a paper, topic, picture or source changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from cachetools import LRUCache
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paperround.web.conditional import is_unmodified
from paperround.web.context import LANGUAGE_COOKIE, RequestContext

KEPT = timedelta(seconds=10)
"""For changes that another process makes; those of this process end it at once."""
_MOST_BYTES = 32 * 1024 * 1024
_LARGEST = 512 * 1024  # bytes of one page
# What a page without a body keeps of the whole one (RFC 9110 15.4.5).
_OF_UNMODIFIED = (b"etag", b"cache-control", b"vary", b"last-modified", b"expires", b"content-location")

Fields = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class CachedPage:
    """A response as it was sent, when, and of which version of the site's data."""

    fields: Fields
    body: bytes
    at: datetime
    version: int

    def response(self, request: Headers) -> tuple[int, Fields, bytes]:
        """Status, header fields and body for this request: 304 where the client has the page already."""
        tag = Headers(raw=self.fields).get("etag", "")
        if not is_unmodified(request, tag, _last_modified(self.fields)):
            return 200, self.fields, self.body
        return 304, [field for field in self.fields if field[0] in _OF_UNMODIFIED], b""


class PageCacheMiddleware:
    """Answers GET requests for public pages from memory.

    Kept is what says itself that everybody may keep it: a 200 with `Cache-Control: public` that sets no cookie, asked
    for without cookies but that of the language and without credentials. Each address, language and coding has its
    own.
    """

    def __init__(self, app: ASGIApp, *, context: RequestContext) -> None:
        self._app, self._context = app, context
        self.pages: LRUCache[tuple[object, ...], CachedPage] = LRUCache(
            _MOST_BYTES, getsizeof=lambda page: len(page.body) + 1024
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not (key := self._key(scope)):
            await self._app(scope, receive, send)
            return
        now, version = self._context.app.clock(), self._context.app.store.version
        found = self.pages.get(key)
        if found is None or found.version != version or not timedelta() <= now - found.at < KEPT:

            def keep(fields: Fields, body: bytes) -> None:
                if len(body) <= _LARGEST:
                    self.pages[key] = CachedPage(fields, body, now, version)

            await self._app(scope, receive, _Recorder(send, keep))
            return
        status, fields, body = found.response(Headers(scope=scope))
        await send({"type": "http.response.start", "status": status, "headers": list(fields)})
        await send({"type": "http.response.body", "body": body})

    def _key(self, scope: Scope) -> tuple[object, ...] | None:
        """What the page depends on; None for a request that may get an answer of its own."""
        request = Request(scope)
        if "authorization" in request.headers or request.cookies.keys() - {LANGUAGE_COOKIE}:
            return None
        language = self._context.visitors_language(request).code
        zipped = "gzip" in request.headers.get("accept-encoding", "")
        return scope["path"], scope["query_string"], language, zipped


class _Recorder:
    """Passes a response on, and tells `keep` of one that may be kept."""

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
            if not message.get("more_body"):  # our own pages are sent in one piece; others are not kept
                self._keep(self._fields, message["body"])
            self._fields = None
        await self._send(message)


def _last_modified(fields: Fields) -> datetime | None:
    value = Headers(raw=fields).get("last-modified")
    return parsedate_to_datetime(value) if value else None
