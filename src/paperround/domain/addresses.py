"""Addresses of papers without what feeds append to them. Pure."""

from __future__ import annotations

import re

# bioRxiv and Cell (rss), Wiley and Taylor & Francis (af=R), Elsevier (dgcid), and those that count visits anywhere.
_TRACKING = re.compile(r"rss=(?:1|true|yes)|af=R|(?:dgcid|fbclid|gclid|mc_cid|mc_eid|utm_\w+)=.*", re.IGNORECASE)


def without_tracking(url: str) -> str:
    """Return an address without the parameters that only say where its visitor came from."""
    page, _, rest = url.partition("?")
    query, mark, fragment = rest.partition("#")
    pairs = "&".join(pair for pair in query.split("&") if not _TRACKING.fullmatch(pair))
    return f"{page}?{pairs}{mark}{fragment}" if pairs else f"{page}{mark}{fragment}"
