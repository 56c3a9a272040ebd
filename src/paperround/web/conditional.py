"""Conditional requests (RFC 9110 13): decide whether a client already has the current version of a resource. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

_TAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_ZERO_QUALITY = re.compile(r"q\s*=\s*0(?:\.0*)?")
# Apache's mod_deflate and some proxies append the coding to the tag when they compress a response.
_CODING = re.compile(r"[-;](?:gzip|br|deflate|zstd)$")


def is_unmodified(headers: Mapping[str, str], tag: str, modified: datetime | None = None) -> bool:
    """Return whether the client already has this version of a resource, so that the server can answer 304 Not
    Modified.

    `tag` is the entity tag in quotation marks; `modified` is the time of the last change (UTC), or None if unknown.
    If-None-Match takes precedence over If-Modified-Since (RFC 9110 13.2.2), and tags compare weakly (8.8.3.2).
    """
    tags = headers.get("if-none-match")
    if tags is not None:
        return tags.strip() == "*" or _opaque(tag) in map(_opaque, _tags(tags))
    since = headers.get("if-modified-since")
    if since is None or modified is None:
        return False
    try:
        seen_at = parsedate_to_datetime(since)
    except (ValueError, TypeError, OverflowError):
        return False  # RFC 9110 13.1.3: ignore a date that is not valid
    return seen_at.tzinfo is not None and modified.replace(microsecond=0) <= seen_at


def takes_gzip(headers: Mapping[str, str]) -> bool:
    """Return whether the client accepts a response in gzip (RFC 9110 12.5.3)."""
    for part in headers.get("accept-encoding", "").lower().split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() == "gzip":
            return not _ZERO_QUALITY.fullmatch(weight.strip())
    return False


def _tags(field: str) -> list[str]:
    return [match[0] for match in _TAG.finditer(field)]


def _opaque(tag: str) -> str:
    """Return the tag without the weakness prefix, the quotation marks and the coding that a proxy appended."""
    return _CODING.sub("", tag.removeprefix("W/").strip('"'))
