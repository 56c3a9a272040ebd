"""Rules for the document: what its head has to say, headings, tables, pictures, tags that fit. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from lxml.etree import _Element

from paperround.linting.finding import LintFinding, Severity, some
from paperround.linting.mail import Mail
from paperround.linting.page import Declaration, declarations, hides, line, text_of

_STYLE_LIMIT = 16_384  # bytes; Gmail drops a style element beyond it
_TINY, _SMALL = 12.0, 14.0  # pixels of text
_WIDE = 600  # pixels
_PIXELS = re.compile(r"(\d+(?:\.\d+)?)(px|pt)")
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")


def document(mail: Mail) -> Iterator[LintFinding]:
    """Doctype, language, title, charset, viewport, color schemes."""
    page = mail.page
    if page.root is None:
        yield LintFinding("no-html", Severity.ERROR, "there is no HTML part", "message", "add a text/html part")
        return
    root = page.all("html")[0]
    metas = {str(meta.get("name", "")).lower(): str(meta.get("content", "")) for meta in page.all("meta")}
    charsets = [meta for meta in page.all("meta") if str(meta.get("charset", "")).lower() == "utf-8"
                or "charset=utf-8" in str(meta.get("content", "")).lower()]  # fmt: skip
    title = next((text_of(element) for element in page.all("title")), "")
    checks = (
        (page.source.lstrip().lower().startswith("<!doctype html"), "doctype", "begins without <!DOCTYPE html>",
         "without it Outlook.com and others fall back to the layout of 1999"),
        (root.get("lang"), "lang", "<html> names no language",
         'write <html lang="en">: screen readers choose the voice by it'),
        (title, "title", "has no title", "put the subject into <title>: it names the letter in a browser"),
        (charsets, "charset", "names no charset", 'write <meta charset="utf-8">'),
        ("width=device-width" in metas.get("viewport", ""), "viewport", "has no viewport",
         'write <meta name="viewport" content="width=device-width, initial-scale=1">, or phones shrink it'),
    )  # fmt: skip
    for fine, rule, what, remedy in checks:
        if not fine:
            yield LintFinding(rule, Severity.ERROR if rule == "doctype" else Severity.WARNING, what, "HTML", remedy)
    dark = any("prefers-color-scheme" in block.media for block in page.blocks)
    if "dark" not in metas.get("color-scheme", "") or not dark:
        remedy = "add the color-scheme metas and an @media (prefers-color-scheme: dark) block, or clients guess"
        yield LintFinding("dark-mode", Severity.WARNING, "has no dark colors of its own", "HTML", remedy)


def well_formed(mail: Mail) -> Iterator[LintFinding]:
    """Google asks for HTML by the standard; a lost tag moves the rest of the letter."""
    for at, what in mail.page.tangles[:5]:
        remedy = "open and close each element where it belongs"
        yield LintFinding("tags", Severity.ERROR, what, f"HTML line {at}", remedy)
    counted = Counter(str(element.get("id")) for element in mail.page.all() if element.get("id"))
    doubled = [name for name, count in counted.items() if count > 1]
    if doubled:
        remedy = "an id stands once in a document"
        yield LintFinding("ids", Severity.WARNING, f"ids stand there twice: {some(doubled)}", "HTML", remedy)


def style_sheets(mail: Mail) -> Iterator[LintFinding]:
    """Gmail reads style elements of up to 16 KB, in the head."""
    for sheet in mail.page.sheets:
        where, size = f"HTML line {sheet.line}", len(sheet.text.encode())
        if size > _STYLE_LIMIT:
            what = f"a style element has {size:,} bytes; Gmail takes {_STYLE_LIMIT:,}"
            yield LintFinding("style-size", Severity.ERROR, what, where, "leave in it only what is for media queries")
        if not sheet.in_head:
            yield LintFinding("style-place", Severity.WARNING, "a style element stands in the body", where,
                         "move it to the head: Gmail and Outlook read it nowhere else")  # fmt: skip


def headings(mail: Mail) -> Iterator[LintFinding]:
    """One h1, and no level left out: people who listen move by headings."""
    found = mail.page.all(*_HEADINGS)
    if mail.page.root is not None and [element.tag for element in found].count("h1") != 1:
        count = [element.tag for element in found].count("h1")
        yield LintFinding("headings", Severity.WARNING, f"has {count} h1", "HTML", "give the letter one h1: its name")
    before = 0
    for element in found:
        level = int(str(element.tag)[1])
        if level > before + 1:
            what = f"<{element.tag}> comes after {f'<h{before}>' if before else 'no heading'}"
            yield LintFinding("headings", Severity.WARNING, what, f"HTML line {line(element)}", "leave no level out")
        before = level


def tables(mail: Mail) -> Iterator[LintFinding]:
    """Tables that only lay out say so; else they are read aloud as rows and columns."""
    mute = [element for element in mail.page.all("table") if element.get("role") not in ("presentation", "none")]
    bare = [table for table in mute if table.find(".//th") is None]
    if bare:
        what = f"{len(bare)} layout tables are read aloud as data"
        yield LintFinding("layout-tables", Severity.WARNING, what, f"HTML line {line(bare[0])}",
                     'write role="presentation" on each')  # fmt: skip


def pictures(mail: Mail) -> Iterator[LintFinding]:
    """Pictures are off for many, and slow for more."""
    for picture in mail.page.all("img"):
        where = f"HTML line {line(picture)}"
        for severity, rule, what, remedy in _wrong_picture(picture):
            yield LintFinding(rule, severity, f"a picture {what}", where, remedy)


def _wrong_picture(picture: _Element) -> Iterator[tuple[Severity, str, str, str]]:
    source, width = str(picture.get("src", "")), str(picture.get("width", ""))
    if picture.get("alt") is None:
        yield Severity.ERROR, "alt", "has no alt", 'say what it shows, or alt="" where it says nothing'
    if not width:
        yield Severity.WARNING, "width", "has no width", "Outlook shows it at its own size, however big"
    if width in ("0", "1") or picture.get("height") in ("0", "1") or hides(str(picture.get("style", ""))):
        yield Severity.ERROR, "tracking", "is too small to be seen", "take it out: subscribers are not to be tracked"
    elif not source.startswith(("https://", "cid:")):
        yield (
            Severity.ERROR,
            "picture-source",
            f"comes from {source[:40]!r}",
            "serve it by https; Gmail blocks others",
        )


def sizes(mail: Mail) -> Iterator[LintFinding]:
    """Text that can be read on a phone, and nothing that is wider than its screen."""
    small: dict[float, Declaration] = {}
    for one in mail.page.declared:
        pixels = _pixels(one.value) if one.name == "font-size" else None
        if pixels is not None and 1 < pixels < _SMALL:
            small.setdefault(pixels, one)
    for pixels, one in sorted(small.items()):
        severity = Severity.ERROR if pixels < _TINY else Severity.WARNING
        remedy = "14 px and more are read without glasses; iOS enlarges what is below 13"
        yield LintFinding("small-text", severity, f"text of {pixels:g} px", f"HTML line {one.line}", remedy)
    for element in mail.page.all("table", "td", "div", "img"):
        if _wide(element):
            what = f"<{element.tag}> is {_wide(element)} px wide, whatever the screen"
            remedy = 'width="100%" with max-width, and a table for Outlook in a conditional comment'
            yield LintFinding("fixed-width", Severity.WARNING, what, f"HTML line {line(element)}", remedy)


def _wide(element: _Element) -> int:
    """The element's fixed width where that is more than a phone has; 0 otherwise."""
    told = {one.name: one.value for one in declarations(str(element.get("style", "")), 0)}
    attribute = str(element.get("width", ""))
    width = _pixels(told.get("width", "")) or (float(attribute) if attribute.isdigit() else 0)
    flexible = "%" in told.get("width", "") or "max-width" in told
    return 0 if flexible or width < _WIDE else int(width)


def _pixels(value: str) -> float | None:
    found = _PIXELS.fullmatch(value.strip().lower())
    return float(found[1]) * (4 / 3 if found[2] == "pt" else 1) if found else None


RULES = (document, well_formed, style_sheets, headings, tables, pictures, sizes)
