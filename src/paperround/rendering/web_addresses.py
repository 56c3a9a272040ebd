"""Make the web addresses in a text links. Pure."""

from __future__ import annotations

import re

# In escaped HTML: an address ends at a space, an element, a quotation mark, a brace or an escaped "<" or ">".
_ADDRESS = re.compile(
    r"\bhttps?://(?:(?!&[lg]t;)[^\s<>\"'`{}|\\^\u200b“”‘’«»…。，、；：！？（）「」])++(?![…<])", re.IGNORECASE
)
_ENDING = ".,;:!?*"  # what belongs to the sentence rather than to the address
_MAX_LENGTH = 2_000  # characters
_BRACKETS = {")": "(", "]": "["}
_HOST = re.compile(r"https?://[\w-]+(?:\.[\w-]+)+", re.IGNORECASE)


def link_addresses(escaped: str) -> str:
    """Return escaped HTML with its http and https addresses as links, without the punctuation that follows them.

    An address that continues with an element, as mathematics, or that is cut off with "…" stays text.
    """
    return _ADDRESS.sub(_link, escaped)


def _link(found: re.Match[str]) -> str:
    address = found[0][: _end(found[0])] if len(found[0]) <= _MAX_LENGTH else ""
    if not _HOST.match(address):
        return found[0]
    return f'<a href="{address}" rel="nofollow noopener">{address}</a>{found[0][len(address) :]}'


def _end(address: str) -> int:
    """Return where an address ends: before its final punctuation, and before brackets that do not open in it."""
    end = len(address)
    while not address[:end].endswith("&amp;"):
        last = address[end - 1]
        opening = _BRACKETS.get(last)
        unopened = opening and address.count(last, 0, end) > address.count(opening, 0, end)
        if not unopened and last not in _ENDING:
            break
        end -= 1
    return end
