"""Encode quoted-printable (RFC 2045 section 6.7), whole or in pieces that are joined later. Pure.

No line begins with a dot, so that SMTP has none to double (RFC 5321 section 4.5.2): looking for them in each letter
takes as long as handing it to the system.
"""

from __future__ import annotations

import binascii

_UNWANTED_BYTES = bytes(b for b in (*range(32), 127) if b not in b"\t\r\n")
_SOFT_BREAK = b"=\r\n"
_MAX_LINE_LENGTH = 76
_ROOM = _MAX_LINE_LENGTH - 1  # before the "=" of a soft line break


def encode(text: str) -> bytes:
    """Encode a text as quoted-printable: lines of at most 76 characters, CRLF, no control characters."""
    return _without_dots(_encoded(text))


def encode_piece(text: str, indent: int = 0) -> bytes:
    """Encode a piece that another piece will follow. It ends with a line break or a soft line break.

    `indent` is the number of columns already used on its first line.
    """
    if not indent and (lines := _plain_lines(text)):
        return lines
    encoded = _encoded(" " * indent + text) if text else b""
    if encoded and not encoded.endswith(b"\r\n"):
        encoded = _with_room(encoded) + _SOFT_BREAK
    return _without_dots(encoded[indent:])


def _encoded(text: str) -> bytes:
    raw = text.encode("utf-8", "replace").translate(None, _UNWANTED_BYTES)
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return binascii.b2a_qp(raw).replace(b"\n", b"\r\n")


def _plain_lines(text: str) -> bytes:
    """Return a piece that has no special character but "=", as a URL, in a fraction of the time; empty for others."""
    if not (text.isascii() and text.isprintable() and text) or text[0] == "." or text[-1] == " ":
        return b""
    rest, lines = text.replace("=", "=3D").encode(), []
    while len(rest) > _ROOM:
        # What stands for one character stays on one line.
        end = _ROOM if (begins := rest.rfind(b"=", _ROOM - 2, _ROOM)) < 0 else begins
        lines.append(rest[:end])
        rest = rest[end:]
    lines.append(rest)
    return _without_dots(_SOFT_BREAK.join(lines) + _SOFT_BREAK)


def _without_dots(encoded: bytes) -> bytes:
    """Encode each dot at the beginning of a line, on a line of its own since its line may be full."""
    while encoded.startswith(b".") or b"\n." in encoded:
        encoded = (b"\n" + encoded).replace(b"\n.", b"\n=2E" + _SOFT_BREAK)[1:]
    return encoded


def _with_room(encoded: bytes) -> bytes:
    """Make room for the "=" of a soft line break at the end of the last line."""
    if len(encoded) - (encoded.rfind(b"\n") + 1) < _MAX_LINE_LENGTH:
        return encoded
    last = 3 if encoded[-3:-2] == b"=" else 1  # bytes of its last character
    return encoded[:-last] + _SOFT_BREAK + encoded[-last:]


def without_soft_break(piece: bytes) -> bytes:
    """Return a part or its last piece without the soft line break at its end, which nothing follows."""
    return piece.removesuffix(_SOFT_BREAK)
