"""Links as feeds write them, made into addresses that open. Pure."""

from __future__ import annotations

import re
from urllib.parse import quote, urljoin, urlsplit

from paperround.domain.text import clean

_HOST_ALONE = re.compile(r"www\.[\w-]+\.", re.IGNORECASE)
_TO_ENCODE = re.compile(r'[\s"<>\\^`{|}]')


def web_link(text: str, base: str = "") -> str:
    """The address that a link means, seen from `base`; the link as it is where that cannot be told.

    Blanks are encoded, the scheme is lower-cased, and `//host/…` and `www.host/…` are of the web.
    """
    link = _TO_ENCODE.sub(lambda found: quote(found[0]), clean(text))
    if not link:
        return ""
    if _HOST_ALONE.match(link):
        link = f"//{link}"
    if link.startswith("//") and not base:
        base = "https:"
    try:
        link = urljoin(base, link)
        scheme = urlsplit(link).scheme
    except ValueError:  # "http://[x": a bracket that is no IPv6 address
        return link
    return scheme + link[len(scheme) :]
