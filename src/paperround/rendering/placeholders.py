"""Placeholders in finished HTML and text for values of one subscriber, escaped as premailer would. Pure.

A fragment is stored as text and as quoted-printable, so that a letter can be joined from encoded parts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from urllib.parse import quote

from lxml import etree

from paperround.domain import quoted_printable
from paperround.domain.errors import ConfigurationError
from paperround.domain.models import FEEDBACK_MARK, Links

_KEPT_VALUES = 4096
_MARK = "5c1f0a7e"  # distinguishes a placeholder from text that an operator may have written
_PLACEHOLDER = re.compile(rf"placeholder-([a-z]+)-{_MARK}")
# Text that libxml2 writes unchanged; other text is passed through it.
_PLAIN = re.compile("[^&<>\x00-\x1f\ud800-\udfff\ufffe\uffff]*")
# The characters that RFC 3986 allows; a quotation mark in an attribute would change the quotes around it.
_IN_ADDRESSES = "/:?#[]@!$&()*+,;=%~"
_PLAIN_ADDRESSES = re.compile(r"[A-Za-z0-9_.~/:?#\[\]@!$&()*+,;=%-]*")


ADDRESSES = Links._fields
"""The placeholders for a subscriber's links."""
NO_VALUES: Mapping[str, bytes] = {}
FEEDBACK = "feedback"


def placeholder(name: str) -> str:
    """Return the placeholder that stands for a subscriber's own value."""
    return f"placeholder-{name}-{_MARK}"


def plain_addresses(links: Links) -> Links:
    """Percent-encode the addresses where they contain other characters than RFC 3986 allows."""
    if _PLAIN_ADDRESSES.fullmatch("".join(links)):  # nearly always
        return links
    return Links(*(quote(url, safe=_IN_ADDRESSES) for url in links))


def addresses(links: Links) -> dict[str, str]:
    """Return the addresses by placeholder."""
    return dict(zip(ADDRESSES, links, strict=True))


@dataclass(frozen=True, slots=True)
class Fragment:
    """HTML or text split at its placeholders; there is one literal more than placeholders."""

    literals: tuple[str, ...]
    placeholders: tuple[str, ...]
    encoded: tuple[bytes, ...]
    """The literals as quoted-printable."""
    size: int
    """The size of the literals, in bytes of UTF-8."""
    marked: bytes | None
    """The fragment as quoted-printable with a mark for each feedback address, which nearly all blocks have as their
    only placeholders; None if it has others.
    """

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
        marked = FEEDBACK_MARK.join(encoded) if {*names} <= {FEEDBACK} else None
        return cls(literals, names, encoded, size, marked)

    def filled(self, values: Mapping[str, str]) -> str:
        """Return the fragment with these values, escaped by `escaped` for HTML, in place of its placeholders."""
        if not self.placeholders:
            return self.literals[0]
        out = [self.literals[0]]
        for name, literal in zip(self.placeholders, self.literals[1:], strict=True):
            out += values[name], literal
        return "".join(out)


@dataclass(frozen=True, slots=True)
class PartTemplate:
    """A part of a letter as quoted-printable, complete except for some values that its subscriber alone has."""

    pieces: list[bytes]
    """With a `FEEDBACK_MARK` for each feedback address in a paper or chart."""
    gaps: tuple[tuple[int, str], ...]
    """The places among the pieces that are to be filled, each with its placeholder."""

    @classmethod
    def of(
        cls, fragments: Sequence[Fragment], values: Mapping[str, bytes] = NO_VALUES, before: Sequence[bytes] = ()
    ) -> PartTemplate:
        """Join fragments, with these encoded values in place of their placeholders; the others become gaps.

        `before` has the encoded text before each fragment, if there is any.
        """
        marked = [fragment.marked or b"" for fragment in fragments]
        if all(marked):  # nearly always
            return cls([*chain.from_iterable(zip(before, marked, strict=True))] if before else marked, ())
        pieces, gaps = [], list[tuple[int, str]]()
        for text, fragment in zip(before or [b""] * len(fragments), fragments, strict=True):
            pieces.append(text)
            for literal, name in zip(fragment.encoded, fragment.placeholders, strict=False):
                pieces.append(literal)
                if name not in values:
                    gaps.append((len(pieces), name))
                pieces.append(values.get(name, b""))
            pieces.append(fragment.encoded[-1])
        return cls(pieces, tuple(gaps))

    @classmethod
    def joined(cls, parts: Sequence[PartTemplate], values: Mapping[str, bytes]) -> PartTemplate:
        """Join parts, with these encoded values in the gaps for them."""
        pieces, gaps = list[bytes](), list[tuple[int, str]]()
        for part in parts:
            begin = len(pieces)
            pieces += part.pieces
            for place, name in part.gaps:
                if (value := values.get(name)) is None:
                    gaps.append((begin + place, name))
                else:
                    pieces[begin + place] = value
        return cls(pieces, tuple(gaps))

    def ended(self) -> PartTemplate:
        """Return this part without the soft line break at its end, which nothing follows."""
        *pieces, last = self.pieces
        return PartTemplate([*pieces, quoted_printable.without_soft_break(last)], self.gaps)

    def filled(self, values: Mapping[str, bytes]) -> list[bytes]:
        """Return the pieces with these encoded values in the gaps."""
        pieces = self.pieces.copy()
        for place, name in self.gaps:
            pieces[place] = values[name]
        return pieces


def escaped(value: str) -> str:
    """Escape text exactly as libxml2 writes it into a document."""
    return value if _PLAIN.fullmatch(value) else _escaped_by_libxml2(value)


@lru_cache(maxsize=_KEPT_VALUES)
def _escaped_by_libxml2(value: str) -> str:
    element = etree.Element("b")
    element.text = value
    return (
        str(etree.tostring(element, method="html", encoding="utf-8"), "utf-8")
        .removeprefix("<b>")
        .removesuffix("</b>")
    )
