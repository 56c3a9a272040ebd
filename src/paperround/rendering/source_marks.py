"""Marks in the HTML of a letter that say in which file and line of a template each tag and declaration was written.

Only the linter uses them: `environment(…, marked=True)` adds the marks, and `unmark` removes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape, unescape

from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

# A comment is passed over whole, as Outlook's conditional ones have tags inside; text alone may stand in a title.
_TAG = re.compile(r"<!--.*?-->|<!doctype|</(?:title|style)\b|(?P<tag></?[a-z])", re.DOTALL | re.IGNORECASE)
_DECLARATION = re.compile(
    r"(?P<name>[\w-]+)\s*:(?:\([^)]*\)|[^:;{}(])*?(?P<important>!\s*important)?\s*(?P<end>[;}])", re.IGNORECASE
)
_MARK = re.compile(r"<!--@(?P<where>[^>]*)-->|/\*@(?P<css>[^*]*)\*/")
_STYLE = re.compile(r'(?P<head>\sstyle=")(?P<css>[^"]*)"(?P<tail>[^<>]*>)', re.IGNORECASE)
_AT = "-at-"  # `-at-color: 12` says that `color` was set in line 12; premailer overrides both together
_SHEETS = ("style", "media")


@dataclass(frozen=True, slots=True)
class MarkedHtml:
    """HTML without its marks, and the source of each of its lines."""

    html: str
    sources: tuple[str, ...]
    """`FILE line NUMBER` for each line; empty where it is not known."""

    def source(self, line: int) -> str:
        """Return where a line of the HTML was written; lines count from 1."""
        return self.sources[line - 1] if 0 < line <= len(self.sources) else ""


class SourceMarks(Extension):
    """A Jinja2 extension that adds the marks to templates while they are parsed."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        """Yield the same tokens, with marks in the literal text."""
        before, sheet = ("", ""), ""
        for token in stream:
            if token.type == "name" and before == ("name", "block"):
                sheet = str(token.value) if token.value in _SHEETS else ""
            elif token.type == "name" and token.value == "endblock":
                sheet = ""
            elif token.type == "data":
                yield Token(token.lineno, "data", _marked(token.value, stream.name or "", token.lineno, sheet))
                continue
            before = token.type, str(token.value)
            yield token


def _marked(text: str, file: str, first: int, sheet: str) -> str:
    def line(at: int) -> int:
        return first + text.count("\n", 0, at)

    if sheet == "media":
        lines = text.split("\n")
        return "\n".join(f"/*@{file} line {first + at}*/{one}" for at, one in enumerate(lines))
    if sheet:
        return _DECLARATION.sub(lambda found: _with_line(found, line(found.start())), text)
    return _TAG.sub(lambda tag: f"<!--@{file} line {line(tag.start())}-->{tag[0]}" if tag["tag"] else tag[0], text)


def _with_line(found: re.Match[str], line: int) -> str:
    whole = found[0][: -len(found["end"])]
    return f"{whole}; {_AT}{found['name'].lower()}: {line} {found['important'] or ''}{found['end']}"


def unmark(html: str, sheet_file: str) -> MarkedHtml:
    """Remove the marks and put each marked tag, and each declaration in a style attribute, on a line of its own.

    `sheet_file` is the template that contains the style sheet.
    """
    sources, pieces, end = [""], list[str](), 0
    for mark in _MARK.finditer(html):
        _add(html[end : mark.start()], sheet_file, pieces, sources)
        if mark["css"] is None:
            pieces.append("\n")
            sources.append(mark["where"])
        else:
            sources[-1] = mark["css"]
        end = mark.end()
    _add(html[end:], sheet_file, pieces, sources)
    return MarkedHtml("".join(pieces), tuple(sources))


def _add(text: str, sheet_file: str, pieces: list[str], sources: list[str]) -> None:
    end = 0
    for styled in _STYLE.finditer(text):
        _plain(text[end : styled.start()], pieces, sources)
        end = styled.end()
        here, declared = sources[-1], _declarations(unescape(styled["css"]))
        # A line end in an attribute, written as an entity, counts for the declarations and not for the document.
        css = "".join(f"&#10;{escape(one)};" for one, _ in declared)
        pieces.append(f'{styled["head"]}{css}"{styled["tail"]}' + "\n" * len(declared))
        sources += [f"{sheet_file} line {line}" if line else here for _, line in declared]
    _plain(text[end:], pieces, sources)


def _plain(text: str, pieces: list[str], sources: list[str]) -> None:
    pieces.append(text)
    sources += [sources[-1]] * text.count("\n")


def _declarations(css: str) -> list[tuple[str, str]]:
    """Return each declaration of a style attribute with the line from its mark."""
    parts = [one.strip() for one in re.findall(r"(?:[^;\"'(]|\"[^\"]*\"|'[^']*'|\([^)]*\))+", css) if one.strip()]
    lines = {
        name.removeprefix(_AT).strip(): value.strip().partition(" ")[0].removesuffix("!important")
        for name, _, value in (one.partition(":") for one in parts)
        if name.startswith(_AT)
    }
    return [(one, lines.get(one.partition(":")[0].strip(), "")) for one in parts if not one.startswith(_AT)]
