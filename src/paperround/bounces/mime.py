"""Parses returned mail, however malformed. Pure; nothing raises, and size and depth are limited.

Reports may be folded, 8-bit, nested, or lack closing boundaries. `email.parser` parses the blocks of a
delivery-status part as messages and drops what does not look like one; this module keeps all bytes.
"""

from __future__ import annotations

import binascii
import codecs
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

_MAX_SIZE = 2 * 2**20  # bytes examined
_MAX_FIELD, _MAX_TEXT = 2_000, 20_000  # characters
_MAX_DEPTH, _MAX_PARTS = 6, 60
_DELIVERED_TO = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to", "cc")
_QUOTING = {
    "message/rfc822",
    "message/global",
    "text/rfc822-headers",
    "message/global-headers",
    "message/rfc822-headers",
}
_BOUNDARY = re.compile(r"boundary\s*=\s*(?:\"([^\"]{1,200})\"|([^\s;\"]{1,200}))", re.IGNORECASE)
_CHARSET = re.compile(r"charset\s*=\s*\"?([\w.:-]{1,40})", re.IGNORECASE)
# Where a text for people begins to quote the letter: at a line that says so, or at the letter's header.
_QUOTE_BEGINS = re.compile(
    rb"^[ \t]*(?:"
    rb"[-=*#]{2}[^\n]{0,200}(?:copy of|original|below this line|returned message|forwarded|unsent message"
    rb"|message header)[^\n]*$"
    rb"|(?:below|attached|here|this|the following) is (?:a copy|the header)[^\n]*$"
    rb"|(?:the )?(?:original )?(?:message|mail)(?:'s)? headers?[^\n]{0,20} follows?[^\n]*$"
    rb"|original message[^\n]{0,20}:?[ \t]*$)"
    rb"|^(?=(?:received|return-path|message-id|dkim-signature|mime-version|x-[\w-]{1,40}):[ \t])",
    re.MULTILINE | re.IGNORECASE,
)
_UNSEEN_HTML = re.compile(r"<(style|script|head|title)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<(?![\w.+=-]{1,64}@)/?[a-z!][^<>]{0,2000}>", re.IGNORECASE)
_BY_A_SYSTEM = re.compile(rb"^from:[^\n]*(?:mailer-daemon|postmaster|mail delivery)", re.MULTILINE | re.IGNORECASE)
_REPORTING = re.compile(rb"^content-type:[ \t]*multipart/report\b", re.MULTILINE | re.IGNORECASE)

Fields = list[tuple[str, str]]


@dataclass(frozen=True)
class Part:
    """A part of a mail: its header fields and its body, with the transfer encoding decoded and lines ending in LF."""

    fields: Fields
    body: bytes

    @cached_property
    def type(self) -> str:
        """The media type in lower case."""
        return (self.first("content-type") or "text/plain").partition(";")[0].strip().lower()

    @property
    def is_text(self) -> bool:
        """Whether it is plain text."""
        return self.type in ("text/plain", "application/json")

    def all(self, name: str) -> list[str]:
        """Return all values of a field."""
        return [value for its_name, value in self.fields if its_name == name]

    def first(self, name: str) -> str | None:
        """Return the first value of a field, or None."""
        return next(iter(self.all(name)), None)

    @property
    def delivered_to(self) -> list[str]:
        """The values of the fields that say where the mail was delivered; what servers wrote comes first."""
        return [value for name in _DELIVERED_TO for value in self.all(name)]

    @cached_property
    def own_text(self) -> str:
        """The text before the quoted letter."""
        body = _QUOTE_BEGINS.split(self.body[: 4 * _MAX_TEXT], maxsplit=1)[0][:_MAX_TEXT]
        text = decoded(body, self.charset)
        return _plain(text) if self.type == "text/html" else text

    @property
    def charset(self) -> str | None:
        """The charset declared by the part, or None."""
        match = _CHARSET.search(self.first("content-type") or "")
        return match[1] if match else None

    def quoted(self, name: str) -> list[str]:
        """Return the values of a field of the letter that this part quotes."""
        return [value for its_name, value in self._quoted_fields if its_name == name]

    @cached_property
    def _quoted_fields(self) -> Fields:
        if self.type in _QUOTING:
            return fields_of(self.body)
        pieces = _QUOTE_BEGINS.split(self.body, maxsplit=1) if self.type == "text/plain" else []
        return fields_of(pieces[1]) if len(pieces) == 2 else []


def read_parts(raw: bytes) -> list[Part]:
    """Return the mail itself, then its parts at all levels, but not those of letters that are quoted whole."""
    parts: list[Part] = []
    for part in _walk(raw[:_MAX_SIZE].replace(b"\r\n", b"\n"), 0):
        parts.append(part)
        if len(parts) == _MAX_PARTS:
            break
    return parts


def fields_of(block: bytes) -> Fields:
    """Return the fields of a header block up to its empty line, unfolded, with names in lower case."""
    head = re.split(rb"\n[ \t]*\n", block.replace(b"\r\n", b"\n").lstrip(b"\n"), maxsplit=1)[0]
    lines = re.split(r"\n(?![ \t])", readable(head))
    pairs = (line.partition(":") for line in lines)
    return [(name.strip().lower(), " ".join(value.split())[:_MAX_FIELD]) for name, colon, value in pairs if colon]


def readable(octets: bytes) -> str:
    """Decode bytes of an unknown charset."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def decoded(octets: bytes, charset: str | None) -> str:
    """Decode bytes in a charset, which may be unknown, wrong or None."""
    if b"\x1b$" in octets:
        charset = "iso-2022-jp"
    try:
        if charset and codecs.lookup(charset)._is_text_encoding:
            return octets.decode(charset)
    except (LookupError, ValueError):
        pass
    return readable(octets)


def _plain(markup: str) -> str:
    """Return the text of HTML, roughly, to search for words in it."""
    return html.unescape(_TAG.sub(" ", _UNSEEN_HTML.sub(" ", markup)))


def _walk(raw: bytes, depth: int, *, within_report: bool = False) -> Iterator[Part]:
    head, _, body = (b"\n" + raw).partition(b"\n\n")
    fields = fields_of(head)
    encodings = [value for name, value in fields if name == "content-transfer-encoding"]
    part = Part(fields, _decoded(encodings, body))
    yield part
    boundary = _BOUNDARY.search(part.first("content-type") or "")
    if part.type.startswith("multipart/") and boundary and depth < _MAX_DEPTH:
        for piece in _pieces(body, boundary[1] or boundary[2]):
            yield from _walk(piece, depth + 1, within_report=within_report or part.type == "multipart/report")
    elif part.type in _QUOTING and not within_report and depth < _MAX_DEPTH and _is_a_report(part.body):
        yield from _walk(part.body.lstrip(b"\n"), depth + 1)


def _is_a_report(mail: bytes) -> bool:
    """Return whether a forwarded mail is a report and not the returned letter."""
    head = mail.lstrip(b"\n").partition(b"\n\n")[0][:20_000]
    return bool(_REPORTING.search(head) or _BY_A_SYSTEM.search(head))


def _pieces(body: bytes, delimiter: str) -> Iterator[bytes]:
    """Yield what is between the boundaries; the closing one may be missing."""
    line = re.compile(rb"(?:^|\n)--" + re.escape(delimiter.encode()) + rb"(--)?[ \t]*(?=\n|$)")
    start: int | None = None
    for boundary in line.finditer(body):
        if start is not None:
            yield body[start : boundary.start()]
        if boundary[1]:  # the closing boundary
            return
        start = boundary.end() + 1
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
