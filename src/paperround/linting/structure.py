"""Check the HTML document: head, headings, tables, images and tag nesting. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from lxml.etree import _Element

from paperround.domain.client_limits import GMAIL_STYLE
from paperround.domain.hosts import is_local
from paperround.linting.finding import LintFinding, Severity, first_few
from paperround.linting.mail import Mail
from paperround.linting.page import Declaration, declarations, hides, line, text_of

_TINY, _SMALL = 12.0, 14.0  # pixels of text
_WIDE = 600  # pixels
_PIXELS = re.compile(r"(\d+(?:\.\d+)?)(px|pt)")
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")


def document(mail: Mail) -> Iterator[LintFinding]:
    """Check doctype, language, title, charset, viewport and dark mode."""
    page = mail.page
    if page.root is None:
        yield LintFinding("no-html", Severity.ERROR, "there is no HTML part", "message", "add a text/html part")
        return
    root = page.all("html")[0]
    where = f"HTML line {line(root)}"
    metas = {str(meta.get("name", "")).lower(): str(meta.get("content", "")) for meta in page.all("meta")}
    charsets = [meta for meta in page.all("meta") if str(meta.get("charset", "")).lower() == "utf-8"
                or "charset=utf-8" in str(meta.get("content", "")).lower()]  # fmt: skip
    title = next((text_of(element) for element in page.all("title")), "")
    checks = (
        (page.source.lstrip().lower().startswith("<!doctype html"), "doctype", "begins without <!DOCTYPE html>",
         "add it; without it, Outlook.com and others use quirks mode"),
        (root.get("lang"), "lang", "<html> has no lang attribute",
         'write <html lang="en">; screen readers choose the voice by it'),
        (title, "title", "has no title", "put the subject into <title>"),
        (charsets, "charset", "declares no charset", 'write <meta charset="utf-8">'),
        ("width=device-width" in metas.get("viewport", ""), "viewport", "has no viewport",
         'write <meta name="viewport" content="width=device-width, initial-scale=1">; phones shrink the page'),
    )  # fmt: skip
    for fine, rule, what, remedy in checks:
        if not fine:
            yield LintFinding(rule, Severity.ERROR if rule == "doctype" else Severity.WARNING, what, where, remedy)
    dark = any("prefers-color-scheme" in block.media for block in page.blocks)
    if "dark" not in metas.get("color-scheme", "") or not dark:
        remedy = "add the color-scheme metas and an @media (prefers-color-scheme: dark) block"
        yield LintFinding("dark-mode", Severity.WARNING, "defines no dark colors", "HTML", remedy)


def well_formed(mail: Mail) -> Iterator[LintFinding]:
    """Check that tags are balanced and ids are unique.

    Google requires valid HTML, and an unclosed tag breaks the layout of everything after it.
    """
    for at, what in mail.page.tangles[:5]:
        remedy = "nest the elements correctly"
        yield LintFinding("tags", Severity.ERROR, what, f"HTML line {at}", remedy)
    counted = Counter(str(element.get("id")) for element in mail.page.all() if element.get("id"))
    doubled = [name for name, count in counted.items() if count > 1]
    if doubled:
        remedy = "use each id once"
        first = next(element for element in mail.page.all() if element.get("id") == doubled[0])
        where = f"HTML line {line(first)}"
        yield LintFinding("ids", Severity.WARNING, f"duplicate ids: {first_few(doubled)}", where, remedy)


def style_sheets(mail: Mail) -> Iterator[LintFinding]:
    """Check that style elements are in the head and at most 16 KB long, which is all that Gmail supports."""
    for sheet in mail.page.sheets:
        where, size = f"HTML line {sheet.line}", len(sheet.text.encode())
        if size > GMAIL_STYLE:
            what = f"a style element has {size:,} bytes; Gmail supports {GMAIL_STYLE:,}"
            yield LintFinding(
                "style-size", Severity.ERROR, what, where, "keep only media queries in it and inline the rest"
            )
        if not sheet.in_head:
            yield LintFinding("style-place", Severity.WARNING, "a style element is in the body", where,
                         "move it to the head; Gmail and Outlook ignore it elsewhere")  # fmt: skip


def headings(mail: Mail) -> Iterator[LintFinding]:
    """Check for one h1 and no skipped levels: screen reader users navigate by headings."""
    elements = mail.page.all(*HEADINGS)
    if mail.page.root is not None and [element.tag for element in elements].count("h1") != 1:
        count = [element.tag for element in elements].count("h1")
        yield LintFinding(
            "headings",
            Severity.WARNING,
            f"has {count} h1 elements",
            "HTML",
            "use exactly one h1, for the name of the email",
        )
    before = 0
    for element in elements:
        level = int(str(element.tag)[1])
        if level > before + 1:
            what = f"<{element.tag}> follows {f'<h{before}>' if before else 'no heading'}"
            yield LintFinding(
                "headings", Severity.WARNING, what, f"HTML line {line(element)}", "do not skip heading levels"
            )
        before = level


def tables(mail: Mail) -> Iterator[LintFinding]:
    """Check that layout tables are marked as such; otherwise screen readers read them as data tables."""
    mute = [element for element in mail.page.all("table") if element.get("role") not in ("presentation", "none")]
    bare = [table for table in mute if table.find(".//th") is None]
    if bare:
        what = f"{len(bare)} layout tables are not marked as layout"
        yield LintFinding("layout-tables", Severity.WARNING, what, f"HTML line {line(bare[0])}",
                     'add role="presentation" to each')  # fmt: skip


def pictures(mail: Mail) -> Iterator[LintFinding]:
    """Check that images have alternative text and dimensions, since many clients block images."""
    for picture in mail.page.all("img"):
        where = f"HTML line {line(picture)}"
        for severity, rule, what, remedy in _wrong_picture(picture, mail):
            yield LintFinding(rule, severity, f"an image {what}", where, remedy)


def _wrong_picture(picture: _Element, mail: Mail) -> Iterator[tuple[Severity, str, str, str]]:
    source, width = str(picture.get("src", "")), str(picture.get("width", ""))
    if picture.get("alt") is None:
        yield Severity.ERROR, "alt", "has no alt attribute", 'describe the image, or use alt="" if it is decorative'
    if not width:
        yield (
            Severity.WARNING,
            "width",
            "has no width attribute",
            "add one; Outlook shows the image in its original size otherwise",
        )
    if width in ("0", "1") or picture.get("height") in ("0", "1") or hides(str(picture.get("style", ""))):
        yield Severity.ERROR, "tracking", "is invisibly small, like a tracking pixel", "remove it"
    elif not source.startswith(("https://", "cid:")):
        # A local site has no certificate, and its emails reach no mailbox provider.
        trial = mail.on_trial and is_local(source)
        yield (
            Severity.NOTE if trial else Severity.ERROR,
            "picture-source",
            "comes from this machine" if trial else f"comes from {source[:40]!r}",
            "set site.base_url before you send real email"
            if trial
            else "serve it over https; Gmail blocks other sources",
        )


def sizes(mail: Mail) -> Iterator[LintFinding]:
    """Check that text is legible on a phone, and that nothing is wider than its screen."""
    small: dict[float, Declaration] = {}
    for declaration in mail.page.declared:
        pixels = _pixels(declaration.value) if declaration.name == "font-size" else None
        if pixels is not None and 1 < pixels < _SMALL:
            small.setdefault(pixels, declaration)
    for pixels, declaration in sorted(small.items()):
        severity = Severity.ERROR if pixels < _TINY else Severity.WARNING
        remedy = "use at least 14 px; iOS enlarges text below 13 px"
        yield LintFinding("small-text", severity, f"text of {pixels:g} px", f"HTML line {declaration.line}", remedy)
    for element in mail.page.all("table", "td", "div", "img"):
        if _wide(element):
            what = f"<{element.tag}> is {_wide(element)} px wide on every screen"
            remedy = 'use width="100%" with max-width, and a fixed table for Outlook in a conditional comment'
            yield LintFinding("fixed-width", Severity.WARNING, what, f"HTML line {line(element)}", remedy)


def _wide(element: _Element) -> int:
    """Return the fixed width of an element in pixels if it is wider than a phone, otherwise 0."""
    styles = {declaration.name: declaration.value for declaration in declarations(str(element.get("style", "")), 0)}
    attribute = str(element.get("width", ""))
    width = _pixels(styles.get("width", "")) or (float(attribute) if attribute.isdigit() else 0)
    flexible = "%" in styles.get("width", "") or "max-width" in styles
    return 0 if flexible or width < _WIDE else int(width)


def _pixels(value: str) -> float | None:
    match = _PIXELS.fullmatch(value.strip().lower())
    return float(match[1]) * (4 / 3 if match[2] == "pt" else 1) if match else None


RULES = (document, well_formed, style_sheets, headings, tables, pictures, sizes)
