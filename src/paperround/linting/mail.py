"""A parsed message: its raw header fields and its decoded bodies. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from functools import cached_property

from paperround.domain.hosts import is_local
from paperround.domain.models import RenderedLetter, Site
from paperround.linting.page import HtmlDocument, read

_FIELD = re.compile(rb"([!-9;-~]+):")  # RFC 5322 2.2: any printable character except the colon
_LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class HeaderField:
    """A header field: its name and its raw lines without line ends."""

    name: str
    lines: tuple[bytes, ...]

    @property
    def raw(self) -> bytes:
        """The value on one line, still encoded."""
        return b"".join(self.lines).partition(b":")[2].strip()

    @property
    def value(self) -> str:
        """The raw value as text, with non-ASCII bytes read as UTF-8."""
        return self.raw.decode("utf-8", "replace")

    @property
    def decoded(self) -> str:
        """The decoded value."""
        return decoded(self.value)


@dataclass(frozen=True, slots=True)
class BodyPart:
    """A leaf part of the message: its type, and its raw and decoded body."""

    kind: str
    encoding: str
    charset: str
    raw: bytes
    text: str | None
    """The decoded body; None if it does not decode."""


@dataclass(frozen=True)
class Mail:
    """A parsed message, with what it was rendered from and the site that sends it."""

    raw: bytes
    fields: tuple[HeaderField, ...]
    stray: tuple[bytes, ...]
    """Header lines that do not belong to any field."""
    has_body: bool
    message: Message
    parts: tuple[BodyPart, ...]
    rendered: RenderedLetter | None
    site: Site
    now: datetime | None

    def all(self, name: str) -> list[HeaderField]:
        """Return all fields with this name."""
        return [field for field in self.fields if field.name.lower() == name.lower()]

    def value(self, name: str) -> str:
        """Return the value of the first field with this name; empty if there is none."""
        return next((field.value for field in self.all(name)), "")

    @cached_property
    def is_bulk(self) -> bool:
        """Whether the message is bulk mail, which requires an unsubscribe link."""
        return bool(self.all("List-Id") or self.all("List-Unsubscribe-Post")) or self.value("Precedence") == "bulk"

    @cached_property
    def subject(self) -> str:
        """The decoded subject."""
        return decoded(self.value("Subject"))

    def body(self, kind: str) -> str:
        """Return the first body of this type with LF line ends; empty if there is none."""
        text = next((part.text for part in self.parts if part.kind == kind and part.text), "")
        return text.replace("\r\n", "\n")

    @cached_property
    def html(self) -> str:
        """The HTML body."""
        return self.body("text/html")

    @cached_property
    def text(self) -> str:
        """The text body."""
        return self.body("text/plain")

    @cached_property
    def page(self) -> HtmlDocument:
        """The parsed HTML body."""
        return read(self.html)

    @cached_property
    def on_trial(self) -> bool:
        """Whether the site is only local, so that its links point to this machine."""
        return is_local(self.site.base_url)


def opened(raw: bytes, rendered: RenderedLetter | None, site: Site, now: datetime | None = None) -> Mail:
    """Parse a message, which may be malformed in any way."""
    head, blank, _ = _split(raw)
    fields: list[list[bytes]] = []
    stray: list[bytes] = []
    for line in _LINE_END.split(head):
        if line[:1] in (b" ", b"\t") and fields and line.strip():
            fields[-1].append(line)
        elif _FIELD.match(line):
            fields.append([line])
        elif line:
            stray.append(line)
    message = message_from_bytes(raw, policy=policy.compat32)
    return Mail(
        raw=raw,
        fields=tuple(HeaderField(lines[0].partition(b":")[0].decode("ascii"), tuple(lines)) for lines in fields),
        stray=tuple(stray),
        has_body=blank,
        message=message,
        parts=tuple(_part(part) for part in message.walk() if not part.is_multipart()),
        rendered=rendered,
        site=site,
        now=now,
    )


def decoded(value: str) -> str:
    """Return the value of a header field with its encoded words decoded; unchanged if that fails."""
    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, ValueError, LookupError):
        return value


def _split(raw: bytes) -> tuple[bytes, bool, bytes]:
    match = re.search(rb"\r?\n\r?\n", raw)
    return (raw[: match.start()], True, raw[match.end() :]) if match else (raw, False, b"")


def _part(part: Message) -> BodyPart:
    charset = str(part.get_content_charset() or "")
    body = part.get_payload(decode=True)
    data = body if isinstance(body, bytes) else b""
    written = part.get_payload()
    try:
        text: str | None = data.decode(charset or "us-ascii")
    except (UnicodeDecodeError, LookupError):
        text = None
    return BodyPart(
        kind=part.get_content_type(),
        encoding=str(part.get("Content-Transfer-Encoding", "7bit")).strip().lower(),
        charset=charset,
        raw=str(written).encode("utf-8", "surrogateescape"),
        text=text,
    )
