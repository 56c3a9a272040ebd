"""Quoted-printable (RFC 2045 6.7), also of pieces that are encoded apart and joined. Pure."""

from __future__ import annotations

import binascii
import re

_UNWANTED_BYTES = bytes(b for b in (*range(32), 127) if b not in b"\t\r\n")
_SOFT_BREAK = b"=\r\n"
_LONGEST_LINE = 76
_PLAIN = re.compile(
    r"[!-,\-/-<>-~](?:[ -<>-~]{0,73}[!-<>-~])?"
)  # stands for itself, and leaves room for a soft break


def encode(text: str) -> bytes:
    """The text as quoted-printable: lines of at most 76 characters, CRLF, no control characters."""
    raw = text.encode("utf-8", "replace").translate(None, _UNWANTED_BYTES)
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return binascii.b2a_qp(raw).replace(b"\n", b"\r\n")


def encode_piece(text: str, indent: int = 0) -> bytes:
    """The same for a piece behind which another one is joined: it ends with its line, or with a soft line break.

    `indent` is the number of columns that something else fills at the beginning of its first line.
    """
    if not indent and _PLAIN.fullmatch(text):  # addresses and short sentences: most of what is one letter's own
        return text.encode() + _SOFT_BREAK
    encoded = encode(" " * indent + text) if text else b""
    if encoded and not encoded.endswith(b"\r\n"):
        encoded = _with_room(encoded) + _SOFT_BREAK
    return encoded[indent:]


def _with_room(encoded: bytes) -> bytes:
    """The same with room for a soft line break's "=" in its last line."""
    if len(encoded) - (encoded.rfind(b"\n") + 1) < _LONGEST_LINE:
        return encoded
    last = 3 if encoded[-3:-2] == b"=" else 1  # bytes of its last character
    return encoded[:-last] + _SOFT_BREAK + encoded[-last:]


def join(pieces: list[bytes]) -> bytes:
    """The whole of these pieces; no soft line break stands at its end."""
    return b"".join(pieces).removesuffix(_SOFT_BREAK)
