"""Returned mail taken apart, however broken it is. Pure; nothing raises, and size and depth are bounded.

Reports come folded, in eight bits, without closing boundaries, with parts inside parts. `email.parser` reads the
blocks of a delivery-status part as messages and loses what does not look like one; here bytes stay bytes.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

_MAX_SIZE = 2 * 2**20  # bytes looked at
_MAX_FIELD, _MAX_TEXT = 2_000, 20_000  # characters
_MAX_DEPTH, _MAX_PARTS = 6, 60
_QUOTING = {
    "message/rfc822",
    "message/global",
    "text/rfc822-headers",
    "message/global-headers",
    "message/rfc822-headers",
}
_BOUNDARY = re.compile(r"boundary\s*=\s*(?:\"([^\"]{1,200})\"|([^\s;\"]{1,200}))", re.IGNORECASE)
# Where the plain texts of qmail, Exim, Gmail and others begin to quote the letter itself.
_QUOTE_BEGINS = re.compile(
    rb"^[ \t]*--[^\n]*(?:copy of|original|below this line|returned message|forwarded)[^\n]*$",
    re.MULTILINE | re.IGNORECASE,
)

Fields = list[tuple[str, str]]


@dataclass(frozen=True)
class Part:
    """A part of a mail: its fields and its body, transfer encoding undone, lines ended by LF."""

    fields: Fields
    body: bytes

    @cached_property
    def type(self) -> str:
        """The media type, in lower case."""
        return (self.first("content-type") or "text/plain").partition(";")[0].strip().lower()

    def all(self, name: str) -> list[str]:
        """The values of a field."""
        return [value for its_name, value in self.fields if its_name == name]

    def first(self, name: str) -> str | None:
        """The first value of a field."""
        return next(iter(self.all(name)), None)

    @cached_property
    def own_text(self) -> str:
        """The text without the letter that it quotes."""
        return readable(_QUOTE_BEGINS.split(self.body, maxsplit=1)[0][:_MAX_TEXT])

    def quoted(self, name: str) -> list[str]:
        """The values of a field of the letter that this part quotes."""
        return [value for its_name, value in self._quoted_fields if its_name == name]

    @cached_property
    def _quoted_fields(self) -> Fields:
        if self.type in _QUOTING:
            return fields_of(self.body)
        pieces = _QUOTE_BEGINS.split(self.body, maxsplit=1) if self.type == "text/plain" else []
        return fields_of(pieces[1]) if len(pieces) == 2 else []


def read_parts(raw: bytes) -> list[Part]:
    """The mail itself and then its parts, as deep as they go but for letters that are quoted whole."""
    found: list[Part] = []
    for part in _walk(raw[:_MAX_SIZE].replace(b"\r\n", b"\n"), 0):
        found.append(part)
        if len(found) == _MAX_PARTS:
            break
    return found


def fields_of(block: bytes) -> Fields:
    """The fields of a header block up to its empty line, folds undone, names in lower case."""
    head = re.split(rb"\n[ \t]*\n", block.replace(b"\r\n", b"\n").lstrip(b"\n"), maxsplit=1)[0]
    lines = re.split(r"\n(?![ \t])", readable(head))
    pairs = (line.partition(":") for line in lines)
    return [(name.strip().lower(), " ".join(value.split())[:_MAX_FIELD]) for name, colon, value in pairs if colon]


def readable(octets: bytes) -> str:
    """The text of bytes whose charset nobody told."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def _walk(raw: bytes, depth: int) -> Iterator[Part]:
    head, _, body = (b"\n" + raw).partition(b"\n\n")
    fields = fields_of(head)
    encodings = [value for name, value in fields if name == "content-transfer-encoding"]
    part = Part(fields, _decoded(encodings, body))
    yield part
    boundary = _BOUNDARY.search(part.first("content-type") or "")
    if part.type.startswith("multipart/") and boundary and depth < _MAX_DEPTH:
        for piece in _pieces(body, boundary[1] or boundary[2]):
            yield from _walk(piece, depth + 1)


def _pieces(body: bytes, delimiter: str) -> Iterator[bytes]:
    """What stands between the boundaries; the last may be missing."""
    line = re.compile(rb"(?:^|\n)--" + re.escape(delimiter.encode()) + rb"(--)?[ \t]*(?=\n|$)")
    start: int | None = None
    for found in line.finditer(body):
        if start is not None:
            yield body[start : found.start()]
        if found[1]:  # the closing one
            return
        start = found.end() + 1
    if start is not None:
        yield body[start:]


def _decoded(encodings: list[str], body: bytes) -> bytes:
    match encodings[:1]:
        case [encoding] if encoding.lower() == "quoted-printable":
            return binascii.a2b_qp(body)
        case [encoding] if encoding.lower() == "base64":
            try:
                return binascii.a2b_base64(body).replace(b"\r\n", b"\n")
            except binascii.Error:
                return body
        case _:
            return body
