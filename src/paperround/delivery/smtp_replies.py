"""The replies of a relay, from the octets that it sends (RFC 5321 4.2)."""

from __future__ import annotations

from paperround.domain.text import clean

_MAX_REPLY = 1 << 16  # octets
_MAX_TEXT = 500  # characters kept of a relay's reply
# How the last line of a reply begins, with its code. This takes a quarter of the time of a regular expression.
_LAST_LINES = {b"%d%b" % (code, mark): code for code in range(200, 600) for mark in (b" ", b"\r", b"")}


class ReplyParser:
    """Divides what a relay sends into replies, however it arrives."""

    def __init__(self) -> None:
        self._unfinished = self._text = b""
        """What came after the last line end, and the text of the lines so far of a reply of several lines."""
        self.nonsense: bytes | None = None
        """What the relay sent instead of a reply; None if it sent only replies. Nothing behind it is parsed."""

    def parse(self, octets: bytes) -> list[tuple[int, bytes]]:
        """Return the codes and texts of the replies that end in these octets, which follow those of the last call."""
        replies, text = [], self._text
        *lines, self._unfinished = (self._unfinished + octets).split(b"\n")
        for line in lines:
            if code := _LAST_LINES.get(line[:4]):
                replies.append((code, text + line[4:]))
                text = b""
            elif line[3:4] == b"-" and line[:3] in _LAST_LINES:
                text += line[4:] + b" "
            else:
                self.nonsense = line
                break
        self._text = text
        if len(text) + len(self._unfinished) > _MAX_REPLY:
            self.nonsense = text + self._unfinished
        return replies


def readable(octets: bytes | str) -> str:
    """Return a relay's text on one line, limited in length."""
    text = (octets.decode("utf-8", "replace") if isinstance(octets, bytes) else octets).rstrip()
    return (text if text.isprintable() else clean(text))[:_MAX_TEXT]
