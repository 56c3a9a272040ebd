"""Slots: places in finished HTML into which one reader's values go, escaped as premailer would. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

_MARK = "5c1f0a7e"  # only tells a slot from what an operator may have written
_SLOT = re.compile(rf"slot-([a-z]+)-{_MARK}")
# What libxml2 writes as it stands, in text and in attributes alike; the rest takes the way through it.
_PLAIN = re.compile(r"[\w .,;:!?…–—·()/=-]*")
_PLAIN_ADDRESS = re.compile(r"https?://[A-Za-z0-9._~:/?=-]*")


def slot(name: str) -> str:
    """What is printed in place of the reader's own value."""
    return f"slot-{name}-{_MARK}"


@dataclass(frozen=True, slots=True)
class Piece:
    """HTML between slots; behind each literal but the last a slot: its name, and whether in an attribute."""

    literals: tuple[str, ...]
    slots: tuple[tuple[str, bool], ...]

    @classmethod
    def of(cls, html: str) -> Piece:
        """The piece cut at its slots."""
        parts = _SLOT.split(html)
        literals, names = parts[::2], parts[1::2]
        inside = [literal.rfind("<") > literal.rfind(">") for literal in _prefixes(literals)]
        return cls(tuple(literals), tuple(zip(names, inside[: len(names)], strict=True)))

    def filled(self, values: Mapping[str, str]) -> str:
        """The piece with the values in their places."""
        if not self.slots:
            return self.literals[0]
        out = [self.literals[0]]
        for (name, attribute), literal in zip(self.slots, self.literals[1:], strict=True):
            out += escaped(values[name], attribute=attribute), literal
        return "".join(out)


def escaped(value: str, *, attribute: bool) -> str:
    """The value as libxml2 writes it into a document."""
    if _PLAIN.fullmatch(value) or _PLAIN_ADDRESS.fullmatch(value):
        return value
    element = etree.Element("a" if attribute else "b")
    if attribute:
        element.set("href" if value.startswith(("http://", "https://")) else "title", value)
        return _written(element).partition('="')[2].removesuffix('"></a>')
    element.text = value
    return _written(element).removeprefix("<b>").removesuffix("</b>")


def _written(element: etree._Element) -> str:
    return str(etree.tostring(element, method="html", encoding="utf-8"), "utf-8")


def _prefixes(literals: list[str]) -> list[str]:
    """For each literal, all the text before the slot behind it, from the last tag's start."""
    before, found = "", []
    for literal in literals:
        before = before[before.rfind("<") :] + literal if "<" in before else literal
        found.append(before)
    return found
