"""Placeholders in finished HTML and text for values of one subscriber, escaped as premailer would. Pure.

A fragment is stored as text and as quoted-printable, so that a letter can be joined from encoded parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from operator import attrgetter
from urllib.parse import quote

from lxml import etree

from paperround.domain import quoted_printable
from paperround.domain.errors import ConfigurationError
from paperround.domain.models import Links

_KEPT_VALUES = 4096
_MARK = "5c1f0a7e"  # distinguishes a placeholder from text that an operator may have written
_PLACEHOLDER = re.compile(rf"placeholder-([a-z]+)-{_MARK}")
# Text that libxml2 writes unchanged; other text is passed through it.
_PLAIN = re.compile(r"[\w .,;:!?…–—·()/=-]*")
# The characters that RFC 3986 allows; a quotation mark in an attribute would change the quotes around it.
_IN_ADDRESSES = "/:?#[]@!$&()*+,;=%~"
_PLAIN_ADDRESSES = re.compile(r"[A-Za-z0-9_.~/:?#\[\]@!$&()*+,;=%-]*")


ADDRESSES = tuple(field.name for field in fields(Links))
"""The placeholders for a subscriber's links."""
_values = attrgetter(*ADDRESSES)


def placeholder(name: str) -> str:
    """Return the placeholder that stands for a subscriber's own value."""
    return f"placeholder-{name}-{_MARK}"


def plain_addresses(links: Links) -> Links:
    """Percent-encode the addresses where they contain other characters than RFC 3986 allows."""
    if _PLAIN_ADDRESSES.fullmatch("".join(_values(links))):  # nearly always
        return links
    return Links(*(quote(url, safe=_IN_ADDRESSES) for url in _values(links)))


def addresses(links: Links) -> dict[str, str]:
    """Return the addresses by placeholder."""
    return dict(zip(ADDRESSES, _values(links), strict=True))


@dataclass(frozen=True, slots=True)
class Fragment:
    """HTML or text split at its placeholders; there is one literal more than placeholders."""

    literals: tuple[str, ...]
    placeholders: tuple[str, ...]
    encoded: tuple[bytes, ...]
    """The literals as quoted-printable."""
    size: int
    """The size of the literals, in bytes of UTF-8."""
    only: str
    """The name of all its placeholders, as in a card with feedback links; empty if they differ or there are none."""

    @classmethod
    def of(cls, html: str, file: str, indent: int = 0) -> Fragment:
        """Split text at its placeholders.

        `indent` is the number of columns that other text occupies at the beginning of the first line. Raise
        ConfigurationError for a sentence inside a tag, where only addresses are allowed.
        """
        parts = _PLACEHOLDER.split(html)
        literals, names = tuple(parts[::2]), tuple(parts[1::2])
        before = ""
        for literal, name in zip(literals, names, strict=False):
            before += literal
            if name not in ADDRESSES and before.rfind("<") > before.rfind(">"):
                raise ConfigurationError(
                    f"{file}: letter.{name} stands inside the tag {before[before.rfind('<') :]!r}; it differs "
                    "from subscriber to subscriber, and inside a tag only letter.links can stand"
                )
        first, *others = literals
        encoded = (quoted_printable.encode_piece(first, indent), *map(quoted_printable.encode_piece, others))
        size = len(html.encode()) - sum(len(placeholder(name)) for name in names)
        return cls(literals, names, encoded, size, names[0] if len(set(names)) == 1 else "")

    def filled(self, values: Mapping[str, str]) -> str:
        """Return the fragment with these values, escaped by `escaped` for HTML, in place of its placeholders."""
        if not self.placeholders:
            return self.literals[0]
        out = [self.literals[0]]
        for name, literal in zip(self.placeholders, self.literals[1:], strict=True):
            out += values[name], literal
        return "".join(out)

    def encoded_with(self, values: Mapping[str, bytes]) -> bytes:
        """Return the fragment as quoted-printable, with these encoded values in place of its placeholders."""
        if self.only:
            return values[self.only].join(self.encoded)
        pieces = [b""] * (len(self.encoded) + len(self.placeholders))
        pieces[::2], pieces[1::2] = self.encoded, [values[name] for name in self.placeholders]
        return b"".join(pieces)


def encode_pieces(fragments: Iterable[Fragment], values: Mapping[str, bytes]) -> list[bytes]:
    """Return the pieces of a part as quoted-printable, with these encoded values in place of their placeholders."""
    pieces = [one.encoded_with(values) if one.placeholders else one.encoded[0] for one in fragments]
    return quoted_printable.without_last_break(pieces)


@lru_cache(maxsize=_KEPT_VALUES)
def escaped(value: str) -> str:
    """Escape text exactly as libxml2 writes it into a document."""
    plain = value.isascii() and value.isprintable() and not ("&" in value or "<" in value or ">" in value)
    if plain or _PLAIN.fullmatch(value):
        return value
    element = etree.Element("b")
    element.text = value
    return (
        str(etree.tostring(element, method="html", encoding="utf-8"), "utf-8")
        .removeprefix("<b>")
        .removesuffix("</b>")
    )
