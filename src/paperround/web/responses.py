"""The headers of public and private responses: caching, security policies, conditional requests and compression."""

from __future__ import annotations

import gzip
import hashlib
from datetime import UTC, datetime
from email.utils import format_datetime

from fastapi import Request, Response

from paperround.web.conditional import is_unmodified, takes_gzip

ANSWER_TO_FORM = "private, no-cache"
"""The caching of a page that answers a form. With `no-store` the browser could not show it again for "Back", and
would ask its visitor to send the form once more.
"""
PRIVATE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
}
"""Response headers for pages of one person."""
TOKEN_PATHS = ("/a/", "/c/", "/f/", "/feeds/", "/i/", "/p/", "/u/")
"""The beginnings of all paths that contain the token of one person."""
UNDER_TOKEN = {name: PRIVATE[name] for name in ("Cache-Control", "Referrer-Policy", "X-Robots-Tag")}
"""Response headers for everything under TOKEN_PATHS, also for files and errors."""
IN_LETTERS = {
    "Cross-Origin-Resource-Policy": "cross-origin",  # webmail shows emails on pages of other origins
    "Content-Security-Policy": "default-src 'none'",
}
"""Response headers for files that emails refer to."""
_MIN_COMPRESSED_BYTES = 1_000  # bytes


def respond(
    request: Request,
    body: bytes,
    media_type: str,
    *,
    status: int = 200,
    seconds: int = 60,
    modified: datetime | None = None,
) -> Response:
    """Return a public response that caches may keep for `seconds`.

    `modified` is the time of the last change (UTC), or None if unknown. Supports conditional requests (RFC 9110 13)
    and gzip.
    """
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:20]}"'
    headers = {"ETag": tag, "Cache-Control": f"public, max-age={seconds}", "Vary": "Accept-Encoding"}
    if modified:
        headers["Last-Modified"] = format_datetime(modified.astimezone(UTC), usegmt=True)
    if status == 200 and is_unmodified(request.headers, tag, modified):
        return Response(status_code=304, headers=headers)
    if len(body) >= _MIN_COMPRESSED_BYTES and takes_gzip(request.headers):
        body = gzip.compress(body, 5, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(body, status, headers, media_type)
