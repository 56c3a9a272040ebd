"""Match SMTP reply codes and enhanced status codes (RFC 3463) against the patterns in tables. Pure."""

from __future__ import annotations

import re

SERVICE_ENDS = 421
"""The relay ends the connection (RFC 5321 section 3.8)."""
ENHANCED = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?!\d|\.\d)")


def enhanced(text: str) -> str | None:
    """Return the enhanced status code at the beginning of a reply (RFC 2034), or None."""
    match = ENHANCED.match(text)
    return match[0] if match else None


def one_of(patterns: str) -> re.Pattern[str]:
    """Return a pattern that matches any of the codes. `x` stands for any digits; no codes match everything."""
    return re.compile("|".join(re.escape(p).replace("x", r"\d{1,3}") for p in patterns.split()) or ".*")
