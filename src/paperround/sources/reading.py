"""Parse untrusted bytes as JSON or XML: bounded, without entities, recovering what precedes a truncation. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.entities import html5
from typing import Any

from paperround.domain.errors import FormatError

_CHUNK = 1 << 16
_ARRAY = re.compile(r"\s*[\[,]\s*")
# XML 1.0 section 2.2 allows no C0 controls except tab, line feed and carriage return. Others stop the parser.
_CONTROLS = bytes(sorted(set(range(32)) - {9, 10, 13}))
_REFERENCE = re.compile(
    rb"&(?:amp;(?=#))?(?:#x(?P<hex>[0-9A-Fa-f]+)|#(?P<dec>[0-9]+)|(?P<name>[A-Za-z][A-Za-z0-9]*));"
)
_BARE = re.compile(rb"&(?!#?\w+;)")  # as in AT&T; a fatal error for an XML parser
_CDATA = re.compile(rb"(<!\[CDATA\[.*?\]\]>)", re.DOTALL)
_XML_NAMES = frozenset((b"amp", b"lt", b"gt", b"quot", b"apos"))
_WIDE = (  # first bytes in wide encodings, with and without a byte order mark; UTF-32 first, as it begins like UTF-16
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"<\0\0\0", "utf-32-le"),
    (b"\0\0\0<", "utf-32-be"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_SHIFTING = re.compile(
    rb"\s*<\?xml[^>]*?encoding\s*=\s*[\"'](?P<name>iso-2022-(?:jp(?:-[123])?|kr))[\"']", re.IGNORECASE
)
_MARK = re.compile(rb"(?P<skip><!\[CDATA\[|<!--)|<(?P<close>/?)[A-Za-z][^<>]*>")
_MAX_DEPTH, _MAX_TAG_BYTES = 2_000, 8_192  # tags, bytes


@dataclass(frozen=True, slots=True)
class Json:
    """A JSON document: its value, or the complete entries of its array if it is truncated."""

    value: Any
    """If truncated: the complete entries of the requested array, and the keys before it."""
    broken: str = ""
    """Where and why it is truncated; empty for a complete document."""


def read_json(data: bytes, array: str, who: str) -> Json:
    """Parse a document. `array` is the key of its list of entries, empty if the list is the document.

    If the document is truncated, returns its complete entries. Raises FormatError if it is not JSON.
    """
    text = data.decode("utf-8-sig", "surrogateescape")
    try:
        return Json(_DECODER.decode(text))
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
    opening = re.search(rf'"{re.escape(array)}"\s*:\s*(?=\[)', text) if array else re.match(r"\s*(?=\[)", text)
    entries = list(_whole_entries(text, opening.end())) if opening else []
    if not opening or not entries:
        raise FormatError(f"{who}: this is not JSON (got {_other_than_json(data)})")
    value = {**_head(text[: opening.end()]), array: entries} if array else entries
    return Json(value, f"the JSON is truncated after entry {len(entries)} ({reason})")


class Xml:
    """Iterates over the elements with certain local names in an XML document, each when it is complete.

    Iterate first; then `root` (None if it is not XML) and `broken` describe the whole document. Entities are not
    declared, loaded or expanded, nothing is fetched, and libxml2's limits on depth and growth apply (CWE-611,
    CWE-776).
    """

    def __init__(self, data: bytes, *names: str) -> None:
        self.root: Any = None
        self.broken = ""
        self._data, self._names = mended(data), names

    def __iter__(self) -> Iterator[Any]:
        from lxml import etree  # noqa: PLC0415 - slow to load; most commands read no XML

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
        from lxml import etree  # noqa: PLC0415 - as above

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
                element.clear(keep_tail=False)  # so that a feed of 50 MB takes only a few MB of memory


def local_name(element: Any) -> str:
    """Return the element's name without its namespace; empty for comments, instructions and None."""
    tag = getattr(element, "tag", None)
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def mended(data: bytes) -> bytes:
    """Convert a document to an ASCII-compatible encoding, without what would stop a parser.

    Removes or replaces control characters, broken UTF-8, references to invalid characters, and HTML's named
    references.
    """
    data = narrow(data).translate(None, _CONTROLS)
    if _is_utf8(data):
        data = data.decode("utf-8-sig", "replace").encode()
    return without_bad_references(data)


def without_bad_references(data: bytes) -> bytes:
    """Replace `&nbsp;` and the like by numbers and remove `&#0;`, also where they are escaped twice.

    An ampersand that begins no reference, or one to an unknown name, is escaped.
    """
    pieces = _CDATA.split(data)
    pieces[::2] = [_BARE.sub(b"&amp;", _REFERENCE.sub(_reference, piece)) for piece in pieces[::2]]
    pieces[1::2] = [_REFERENCE.sub(_reference, piece) for piece in pieces[1::2]]
    return b"".join(pieces)


def without_doctype(data: bytes) -> bytes:
    """Remove the document type, because entities declared there could expand a thousandfold (CWE-776)."""
    start = data.find(b"<!DOCTYPE", 0, 5_000)
    opening, closing = data.find(b"[", start), data.find(b">", start)
    if start < 0 or closing < 0:
        return data
    if 0 <= opening < closing:
        end = re.compile(rb"\]\s*>").search(data, opening)
        return data[:start] + data[end.end() :] if end else data[:start]
    return data[:start] + data[closing + 1 :]


def is_reasonable(data: bytes) -> bool:
    """Return whether no tag is huge or nested thousands deep. A parser in Python takes quadratic time over those."""
    depth = position = 0
    while mark := _MARK.search(data, position):
        position = mark.end()
        if mark["skip"]:
            end = data.find(b"]]>" if mark["skip"] == b"<![CDATA[" else b"-->", position)
            if end < 0:
                return True
            position = end
        elif mark["close"]:
            depth = max(0, depth - 1)
        else:
            depth += not mark[0].endswith(b"/>")
        if depth > _MAX_DEPTH or len(mark[0]) > _MAX_TAG_BYTES:
            return False
    return True


def describe(data: bytes) -> str:
    """Return a guess at the kind of content, for error messages: "got HTML"."""
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


def _other_than_json(data: bytes) -> str:
    description = describe(data)
    if description != "JSON":
        return description
    first, _, _ = data.removeprefix(b"\xef\xbb\xbf").strip().partition(b"\n")
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return "broken JSON"
    return "JSON lines"


def _is_utf8(data: bytes) -> bool:
    declared = re.match(rb"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([\w.-]+)", data[:200].removeprefix(b"\xef\xbb\xbf"))
    return declared is None or declared[1].lower() in (b"utf-8", b"utf8")


def _reference(match: re.Match[bytes]) -> bytes:
    if name := match["name"]:
        # HTML's named references are unknown in XML and would be a fatal error (XML 1.0 section 4.1).
        if name in _XML_NAMES:
            return match[0]
        character = html5.get(f"{name.decode()};", "")
        return "".join(f"&#{ord(c)};" for c in character).encode() or b"&amp;" + match[0].removeprefix(b"&")
    digits = match["hex"] or match["dec"]
    code = int(digits, 16 if match["hex"] else 10) if len(digits) < 8 else 0
    allowed = code in (9, 10, 13) or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code < 0x110000
    return match[0] if allowed else b""


def _small_int(digits: str) -> int | float:
    # int() rejects more than 4,300 digits, which would also lose the following entries.
    return int(digits) if len(digits) < 20 else float(digits)


def _head(text: str) -> dict[str, Any]:
    """Return what precedes the array, if the array is one of the outermost keys."""
    try:
        value = _DECODER.decode(f"{text}[]}}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _whole_entries(text: str, at: int) -> Iterator[Any]:
    while sign := _ARRAY.match(text, at):
        try:
            value, at = _DECODER.raw_decode(text, sign.end())
        except (ValueError, RecursionError):
            return
        yield value


def narrow(data: bytes) -> bytes:
    """Convert encodings that are no superset of ASCII to UTF-8, without the XML declaration that names them: UTF-16,
    UTF-32, and ISO 2022, which writes text with the bytes of `<` and `&`.
    """
    encoding = next((name for mark, name in _WIDE if data.startswith(mark)), "")
    if not encoding and (declared := _SHIFTING.match(data)):
        encoding = declared["name"].decode()
    if not encoding:
        return data
    text = data.decode(encoding, "replace").removeprefix("\ufeff")
    return re.sub(r"\A\s*<\?xml[^>]*\?>", "", text).encode()


_DECODER = json.JSONDecoder(parse_int=_small_int)
