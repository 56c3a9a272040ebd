"""Reply codes and enhanced status codes (RFC 3463) as the tables of `retry` and `bounces` write them. Pure."""

from __future__ import annotations

import re

ENHANCED = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?!\d|\.\d)")


def enhanced(text: str) -> str | None:
    """The enhanced status code that a reply begins with (RFC 2034)."""
    found = ENHANCED.match(text)
    return found[0] if found else None


def one_of(patterns: str) -> re.Pattern[str]:
    """What fits one of the codes: `x` stands for any digits, an empty table cell for everything."""
    return re.compile("|".join(re.escape(p).replace("x", r"\d{1,3}") for p in patterns.split()) or ".*")
