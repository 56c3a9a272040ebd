"""Turn links as feeds write them into URLs that work. Pure."""

from __future__ import annotations

import re
from urllib.parse import quote, urljoin, urlsplit

from paperround.domain.text import clean

_HOST_ALONE = re.compile(r"www\.[\w-]+\.", re.IGNORECASE)
_TO_ENCODE = re.compile(r'[\s"<>\\^`{|}]')


def web_link(text: str, base: str = "") -> str:
    """Return the absolute URL of a link relative to `base`, or the link itself if it cannot be resolved.

    Spaces are encoded, the scheme is in lower case, and `//host/…` and `www.host/…` become https URLs without a
    base.
    """
    link = _TO_ENCODE.sub(lambda match: quote(match[0]), clean(text))
    if not link:
        return ""
    if _HOST_ALONE.match(link):
        link = f"//{link}"
    if link.startswith("//") and not base:
        base = "https:"
    try:
        link = urljoin(base, link)
        scheme = urlsplit(link).scheme
    except ValueError:  # "http://[x": a bracket without an IPv6 address
        return link
    return scheme + link[len(scheme) :]
