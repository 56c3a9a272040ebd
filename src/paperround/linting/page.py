"""A letter's HTML as mail clients see it: elements with their styles, in light and in dark mode. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from html.parser import HTMLParser

from cssselect import GenericTranslator, SelectorError, parse
from lxml import html as lxml_html
from lxml.etree import ParserError, XPathError, _Element

from paperround.rendering.inline import without_comments

_DECLARATION = re.compile(r"([\w-]+)\s*:\s*((?:[^;\"'(]|\"[^\"]*\"|'[^']*'|\([^)]*\))+)")
_IMPORTANT = re.compile(r"\s*!\s*important\s*$", re.IGNORECASE)
_SHORTHANDS = {"background": ("background-color", "background-image")}
_UNSEEN = frozenset(("head", "style", "script", "title", "template", "noscript"))
VOID = frozenset((
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr",
))  # fmt: skip
# HTML allows these end tags to be omitted, and all parsers close the elements in the same way.
_CLOSES_ITSELF = frozenset((
    "p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "option", "optgroup", "colgroup", "html",
    "body", "head",
))  # fmt: skip
_CELLS = frozenset(("td", "th"))
_TABLE_PARTS = frozenset(("table", "thead", "tbody", "tfoot", "tr", "td", "th", "html", "body"))
_PARSER = lxml_html.HTMLParser(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Declaration:
    """A CSS declaration `property: value` and the line it is on."""

    name: str
    value: str
    important: bool
    line: int
    tag: str = ""
    """The element's name if the declaration is in a style attribute; otherwise empty."""


@dataclass(frozen=True, slots=True)
class StyleRule:
    """The declarations of one selector in a style sheet, with the condition of its media query."""

    media: str
    selector: str
    declarations: tuple[Declaration, ...]


@dataclass(frozen=True, slots=True)
class StyleSheet:
    """A style element, with the line of the element and whether it is in the head."""

    text: str
    line: int
    in_head: bool


Styles = Mapping[str, Declaration]


@dataclass(frozen=True)
class HtmlDocument:
    """A parsed HTML document; `root` is None if the source contains no HTML."""

    source: str
    root: _Element | None
    tangles: tuple[tuple[int, str], ...]
    """Mismatched tags: the line, and what is wrong."""

    def all(self, *tags: str) -> list[_Element]:
        """Return the elements with these names, or all elements if no name is given."""
        if self.root is None:
            return []
        return [element for element in self.root.iter(*tags) if isinstance(element.tag, str)]

    @cached_property
    def sheets(self) -> tuple[StyleSheet, ...]:
        """The document's style elements."""
        return tuple(
            StyleSheet(element.text or "", line(element), any(up.tag == "head" for up in element.iterancestors()))
            for element in self.all("style")
        )

    @cached_property
    def blocks(self) -> tuple[StyleRule, ...]:
        """The rules of all style sheets, in order."""
        return tuple(block for sheet in self.sheets for block in css_blocks(sheet.text, sheet.line))

    @cached_property
    def inline(self) -> tuple[tuple[_Element, tuple[Declaration, ...]], ...]:
        """The elements with a style attribute, and its declarations."""
        return tuple(
            (element, declarations(element.get("style", ""), line(element), str(element.tag)))
            for element in self.all()
            if element.get("style")
        )

    @cached_property
    def declared(self) -> tuple[Declaration, ...]:
        """Every declaration of the document, from attributes and style sheets."""
        attributes = tuple(declaration for _, declared in self.inline for declaration in declared)
        return attributes + tuple(declaration for block in self.blocks for declaration in block.declarations)

    def styles(self, scheme: str) -> dict[_Element, Styles]:
        """Return each element's styles in this color scheme (light or dark), from attributes and style sheets."""
        ranked: dict[_Element, dict[str, tuple[tuple[int, ...], Declaration]]] = defaultdict(dict)
        for place, block in enumerate(self.blocks):
            if not _applies(block.media, scheme):
                continue
            for element, weight in self._selected(block.selector):
                _cascade(ranked[element], block.declarations, (0, *weight, place))
        for element, declared in self.inline:
            _cascade(ranked[element], declared, (1, 0, 0, 0, 0))
        return {
            element: {name: declaration for name, (_, declaration) in by_name.items()}
            for element, by_name in ranked.items()
        }

    def _selected(self, selector: str) -> Iterator[tuple[_Element, tuple[int, int, int]]]:
        """Yield the elements that the selector matches, with its specificity; nothing for an unsupported selector."""
        try:
            selectors = [
                (_XPATH.selector_to_xpath(selector_parsed), selector_parsed.specificity())
                for selector_parsed in parse(selector)
                if not selector_parsed.pseudo_element
            ]
            for path, weight in selectors:
                for element in self.root.xpath(path) if self.root is not None else ():
                    yield element, weight
        except (SelectorError, XPathError, ValueError):  # ValueError: a control character
            return

    def visible(self) -> Iterator[tuple[_Element, str]]:
        """Yield each visible piece of text with the element that contains it."""
        if self.root is not None:
            yield from _texts(self.root)

    @cached_property
    def words(self) -> str:
        """All visible text, on one line."""
        return " ".join(" ".join(text for _, text in self.visible()).split())


_XPATH = GenericTranslator()


def read(source: str) -> HtmlDocument:
    """Parse an HTML document; `root` is None if the source contains no HTML."""
    try:
        root: _Element | None = lxml_html.document_fromstring(source.encode("utf-8", "replace"), parser=_PARSER)
    except ParserError:
        root = None
    return HtmlDocument(source, root, tuple(unbalanced(source)))


def unbalanced(source: str, *, strict: bool = False) -> list[tuple[int, str]]:
    """Return the tags without a counterpart, by line; `strict` includes those that HTML may omit."""
    balance = _TagBalance(strict=strict)
    balance.feed(source)
    return balance.result()


def line(element: _Element) -> int:
    """Return the line in which the element begins."""
    return int(element.sourceline or 1)


def text_of(element: _Element) -> str:
    """Return all text inside the element, on one line."""
    return " ".join("".join(str(piece) for piece in element.itertext()).split())


def hides(style: str) -> bool:
    """Return whether this style attribute hides its element."""
    styles = {declaration.name: declaration.value.lower() for declaration in declarations(style, 0)}
    return (
        styles.get("display") == "none"
        or styles.get("visibility") == "hidden"
        or "mso-hide" in styles
        or styles.get("opacity") in ("0", "0.0")
        or styles.get("font-size") in ("0", "0px", "1px")
        or (styles.get("max-height") in ("0", "0px") and styles.get("overflow") == "hidden")
    )


def declarations(text: str, at: int, tag: str = "") -> tuple[Declaration, ...]:
    """Parse the declarations of a style attribute or of the braces of a rule; `at` is the line of its beginning."""
    parsed = []
    for match in _DECLARATION.finditer(without_comments(text)):
        value = match[2].strip()
        bare = _IMPORTANT.sub("", value)
        parsed.append(
            Declaration(match[1].lower(), bare, bare != value, at + text.count("\n", 0, match.start()), tag)
        )
    return tuple(parsed)


def css_blocks(text: str, at: int = 1, media: str = "") -> Iterator[StyleRule]:
    """Yield the rules of a style sheet, those inside media queries with their condition; `at` is its first line."""
    text, start = without_comments(text), 0
    while (opening := text.find("{", start)) >= 0:
        closing = _closing(text, opening)
        prelude, body = text[start:opening].rpartition(";")[2].strip(), text[opening + 1 : closing]
        here = at + text.count("\n", 0, opening)
        if prelude.startswith("@"):
            if prelude.lower().startswith(("@media", "@supports")):
                yield from css_blocks(body, here, f"{media} {prelude}".strip().lower())
        else:
            yield StyleRule(media, prelude, declarations(body, here))
        start = closing + 1


def _closing(text: str, opening: int) -> int:
    depth = 0
    for at in range(opening, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at
    return len(text)


def _applies(media: str, scheme: str) -> bool:
    if "prefers-color-scheme" in media:
        return re.search(rf"prefers-color-scheme\s*:\s*{scheme}", media) is not None
    return not media or re.fullmatch(r"@media (?:only )?(?:all|screen)", media) is not None


def _cascade(
    ranked: dict[str, tuple[tuple[int, ...], Declaration]],
    declarations: tuple[Declaration, ...],
    weight: tuple[int, ...],
) -> None:
    """Apply declarations to an element, where they take precedence over earlier ones by the rules of the cascade."""
    for declaration in declarations:
        rank = (int(declaration.important), *weight)
        for name in _SHORTHANDS.get(declaration.name, (declaration.name,)):
            if name not in ranked or rank >= ranked[name][0]:
                ranked[name] = rank, declaration


def _texts(element: _Element) -> Iterator[tuple[_Element, str]]:
    if element.tag in _UNSEEN or hides(element.get("style", "")) or element.get("hidden") is not None:
        return
    if element.text and element.text.strip():
        yield element, element.text
    for child in element:
        if isinstance(child.tag, str):
            yield from _texts(child)
        if child.tail and child.tail.strip():
            yield element, child.tail


class _TagBalance(HTMLParser):
    """Finds end tags without a start tag, and tags that are never closed."""

    def __init__(self, *, strict: bool) -> None:
        super().__init__(convert_charrefs=True)
        self._lenient = frozenset[str]() if strict else _CLOSES_ITSELF
        self._open: list[tuple[str, int]] = []
        self._found: list[tuple[int, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag not in VOID:
            self._open.append((tag, self.getpos()[0]))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Ignore `<br/>`, which opens nothing."""

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if tag not in self._scope(tag):
            self._found.append((self.getpos()[0], f"</{tag}> closes nothing"))
            return
        while (last := self._open.pop())[0] != tag:
            self._unclosed(*last)

    def _scope(self, tag: str) -> Iterator[str]:
        """Yield the open elements that this end tag can close: in a table cell, only those inside the cell."""
        for opened, _ in reversed(self._open):
            yield opened
            if opened in _CELLS and tag not in _TABLE_PARTS:
                return

    def result(self) -> list[tuple[int, str]]:
        """Return the findings, sorted by line."""
        for tag, at in self._open:
            self._unclosed(tag, at)
        return sorted(self._found)

    def _unclosed(self, tag: str, at: int) -> None:
        if tag not in self._lenient:
            self._found.append((at, f"<{tag}> is never closed"))
