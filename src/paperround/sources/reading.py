"""Bytes from strangers as JSON values and XML elements: bounded, without entities, salvaged where cut. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.entities import html5
from typing import Any

from lxml import etree

from paperround.errors import SourceError

_CHUNK = 1 << 16
_ARRAY = re.compile(r"\s*[\[,]\s*")
# XML 1.0 2.2: no C0 controls but tab, line feed and carriage return. One of them would end the whole document.
_CONTROLS = bytes(sorted(set(range(32)) - {9, 10, 13}))
_REFERENCE = re.compile(rb"&(?:#x(?P<hex>[0-9A-Fa-f]+)|#(?P<dec>[0-9]+)|(?P<name>[A-Za-z][A-Za-z0-9]*));")
_XML_NAMES = frozenset((b"amp", b"lt", b"gt", b"quot", b"apos"))
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<", b"\0\0")  # UTF-16 and UTF-32, with and without a mark


@dataclass(frozen=True, slots=True)
class Json:
    """A JSON document: its value, or what could be saved of its array where it breaks off."""

    value: Any
    """Of a broken document: only the entries of the array that was asked for, complete ones."""
    broken: str = ""
    """Where and why it breaks off; empty for a whole document."""


def read_json(data: bytes, array: str, who: str) -> Json:
    """The document's value; `array` is the key of its list of entries, empty where the list is the document.

    A document that breaks off gives the entries that came whole. SourceError for what never was JSON.
    """
    text = data.decode("utf-8-sig", "surrogateescape")
    try:
        return Json(_DECODER.decode(text))
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
    entries = list(_whole_entries(text, array))
    if not entries:
        raise SourceError(
            f"{who}: this is not JSON (got {describe(data)}); is it the right address or file?", again=True
        )
    return Json(entries, f"the JSON breaks off after entry {len(entries)} ({reason})")


class Xml:
    """An XML document as a stream of the elements with some local names, each given when it is complete.

    Iterate first; then `root` (None for what never was XML) and `broken` tell about the whole. Entities are neither
    declared, loaded nor expanded, nothing is fetched, and libxml2's bounds on depth and growth hold (CWE-611,
    CWE-776).
    """

    def __init__(self, data: bytes, *names: str) -> None:
        self.root: Any = None
        self.broken = ""
        self._data, self._names = mended(data), names

    def __iter__(self) -> Iterator[Any]:
        parser = etree.XMLPullParser(
            events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
        )
        for start in range(0, len(self._data), _CHUNK):
            self._feed(parser, self._data[start : start + _CHUNK])
            yield from self._complete(parser)
            if self.broken:
                return
        self._feed(parser, None)

    def _feed(self, parser: Any, chunk: bytes | None) -> None:
        try:
            if chunk is None:
                parser.close()
            else:
                parser.feed(chunk)
        except etree.XMLSyntaxError as error:
            self.broken = str(error.msg)

    def _complete(self, parser: Any) -> Iterator[Any]:
        for event, element in parser.read_events():
            if event == "start":
                self.root = element if self.root is None else self.root
            elif local_name(element) in self._names:
                yield element
                element.clear(keep_tail=False)  # a feed of 50 MB stays a few MB in memory


def local_name(element: Any) -> str:
    """The element's name without its namespace; comments, instructions and None have none."""
    tag = getattr(element, "tag", None)
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def mended(data: bytes) -> bytes:
    """The document without what would end it in the middle: controls, broken UTF-8, references to no character."""
    if data.startswith(_WIDE):
        return data
    data = data.translate(None, _CONTROLS)
    if _is_utf8(data):
        data = data.decode("utf-8-sig", "replace").encode()
    return _REFERENCE.sub(_reference, data)


def describe(data: bytes) -> str:
    """A guess at what these bytes are, for error messages: "got HTML"."""
    head = data[:2000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        return "nothing"
    if head.startswith(b"<!doctype html") or b"<html" in head:
        return "HTML"
    if head.startswith(b"<"):
        return "XML"
    if head.startswith((b"{", b"[")):
        return "JSON"
    if b"\0" in head or head.startswith((b"\x1f\x8b", b"pk\x03", b"%pdf")):
        return "something binary"
    return "plain text"


def _is_utf8(data: bytes) -> bool:
    declared = re.match(rb"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([\w.-]+)", data[:200].removeprefix(b"\xef\xbb\xbf"))
    return declared is None or declared[1].lower() in (b"utf-8", b"utf8")


def _reference(found: re.Match[bytes]) -> bytes:
    if name := found["name"]:
        # HTML's names are unknown to XML, and an unknown one is fatal (XML 1.0 4.1).
        character = "" if name in _XML_NAMES else html5.get(f"{name.decode()};", "")
        return "".join(f"&#{ord(c)};" for c in character).encode() or found[0]
    digits = found["hex"] or found["dec"]
    code = int(digits, 16 if found["hex"] else 10) if len(digits) < 8 else 0
    allowed = code in (9, 10, 13) or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code < 0x110000
    return found[0] if allowed else b""


def _small_int(digits: str) -> int | float:
    # int() refuses over 4,300 digits, which would cost the entries behind it too.
    return int(digits) if len(digits) < 20 else float(digits)


def _whole_entries(text: str, array: str) -> Iterator[Any]:
    opening = re.search(rf'"{re.escape(array)}"\s*:\s*(?=\[)', text) if array else re.match(r"\s*(?=\[)", text)
    at = opening.end() if opening else len(text)
    while sign := _ARRAY.match(text, at):
        try:
            value, at = _DECODER.raw_decode(text, sign.end())
        except (ValueError, RecursionError):
            return
        yield value


_DECODER = json.JSONDecoder(parse_int=_small_int)
