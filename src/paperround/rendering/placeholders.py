"""Slots: places in finished HTML into which one subscriber's values go, escaped as premailer would. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from urllib.parse import quote

from lxml import etree

from paperround.domain.errors import ConfigurationError
from paperround.domain.models import Links

_MARK = "5c1f0a7e"  # only tells a slot from what an operator may have written
_SLOT = re.compile(rf"slot-([a-z]+)-{_MARK}")
# What libxml2 writes as it stands; the rest takes the way through it.
_PLAIN = re.compile(r"[\w .,;:!?…–—·()/=-]*")
_ADDRESSES = frozenset(("online", "preferences", "unsubscribe", "feedback"))
# RFC 3986's characters; a quotation mark in an attribute would change the quotes around it.
_IN_ADDRESSES = "/:?#[]@!$&()*+,;=%~"


def slot(name: str) -> str:
    """What is printed in place of the subscriber's own value."""
    return f"slot-{name}-{_MARK}"


def plain_addresses(links: Links) -> Links:
    """The same addresses in the characters that addresses are made of."""
    return Links(*(quote(url, safe=_IN_ADDRESSES) for url in astuple(links)))


@dataclass(frozen=True, slots=True)
class Fragment:
    """HTML between slots: one literal more than there are slots."""

    literals: tuple[str, ...]
    slots: tuple[str, ...]

    @classmethod
    def of(cls, html: str, file: str) -> Fragment:
        """The piece cut at its slots; ConfigurationError for a sentence inside a tag, where only addresses can be."""
        parts = _SLOT.split(html)
        literals, names = tuple(parts[::2]), tuple(parts[1::2])
        before = ""
        for literal, name in zip(literals, names, strict=False):
            before += literal
            if name not in _ADDRESSES and before.rfind("<") > before.rfind(">"):
                raise ConfigurationError(
                    f"{file}: letter.{name} stands inside the tag {before[before.rfind('<') :]!r}; it differs "
                    "from subscriber to subscriber, and inside a tag only letter.links can stand"
                )
        return cls(literals, names)

    def filled(self, values: Mapping[str, str]) -> str:
        """The piece with the values, escaped by `escaped`, in their places."""
        if not self.slots:
            return self.literals[0]
        out = [self.literals[0]]
        for name, literal in zip(self.slots, self.literals[1:], strict=True):
            out += values[name], literal
        return "".join(out)


def escaped(value: str) -> str:
    """The text as libxml2 writes it into a document."""
    if _PLAIN.fullmatch(value):
        return value
    element = etree.Element("b")
    element.text = value
    return (
        str(etree.tostring(element, method="html", encoding="utf-8"), "utf-8")
        .removeprefix("<b>")
        .removesuffix("</b>")
    )
