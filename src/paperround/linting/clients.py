"""One table of the CSS and HTML that large mail clients do not support.

Which client supports what is read from `client_support.json`, which `tests/support/client_support.py` makes from the
data of caniemail.com. *Gmail* is its web page and its apps, *Outlook* is Outlook on Windows, which renders emails
with Word, and *Yahoo* is Yahoo Mail and AOL.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lxml.etree import _Element

from paperround.linting.finding import LintFinding, Severity
from paperround.linting.mail import Mail
from paperround.linting.page import Declaration, line

GMAIL, OUTLOOK, YAHOO = "Gmail", "Outlook", "Yahoo"
_ALL = (GMAIL, OUTLOOK, YAHOO)
_DATA = json.loads(Path(__file__).with_name("client_support.json").read_text("utf-8"))
UNSUPPORTED: dict[str, tuple[str, ...]] = {
    **{feature: tuple(clients) for feature, clients in _DATA["unsupported"].items()},
    # Parts of features, from the notes to the same data.
    "css-margin, auto": (OUTLOOK,),
    "css-margin, negative": (GMAIL, OUTLOOK),
    "css-padding, no cell": (OUTLOOK,),
    "css-width, blocks": (OUTLOOK,),
    "css-max-width, px": (OUTLOOK,),
    "css-rgb, spaces": _ALL,
    # `relative` alone is supported by Yahoo.
    "css-position": _ALL,
    # Elements that the data does not have; clients take out what they do not know.
    "html-details": _ALL,
    "html-template": _ALL,
}
"""By feature, as caniemail names it, the clients that do not support it."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A CSS feature that some clients do not support."""

    name: str
    pattern: re.Pattern[str]
    """The pattern searched for in `property: value`, in lower case and with one space."""
    clients: tuple[str, ...]
    severity: Severity
    remedy: str
    tags: tuple[str, ...] = ()
    """The elements on which the feature fails; empty for all elements."""


def _css(name: str, pattern: str, feature: str, severity: Severity, remedy: str, *tags: str) -> Feature:
    return Feature(name, re.compile(pattern), UNSUPPORTED[feature], severity, remedy, tags)


_E, _W, _N = Severity.ERROR, Severity.WARNING, Severity.NOTE
_BLOCKS = ("p", "div", "span", "a", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li")
_TABLES, _PIXELS, _SOLID = (
    "lay out with tables",
    "write px",
    "set a background-color too that the text stands out from",
)
_LEFT_OUT, _STILL, _HEX, _PNG = (
    "it is left out there",
    "it stands still there",
    "write #rrggbb",
    "send a PNG or a JPEG",
)
CSS = (
    _css("display: flex", r"^display: (?:inline-)?flex", "css-display-flex", _W, _TABLES),
    _css("display: grid", r"^display: (?:inline-)?grid", "css-display-grid", _W, _TABLES),
    _css("position", r"^position: (?:absolute|fixed|sticky|relative)", "css-position", _E, _TABLES),
    _css("float", r"^float: (?:left|right)", "css-float", _W, 'use align="left" on a table or image'),
    _css("gap", r"^(?:row-|column-)?gap:", "css-gap", _W, "use padding on table cells"),
    _css("margin: auto", r"^margin(?:-left|-right)?: (?:.*\s)?auto", "css-margin, auto", _W, 'write align="center"'),
    _css("negative margins", r"^margin[\w-]*: (?:.*\s)?-\d", "css-margin, negative", _W, "use padding instead"),
    _css("padding outside of table cells", r"^padding[\w-]*: (?!0(?:px)?(?: 0(?:px)?)*$)", "css-padding, no cell",
         _W, "put the padding on the table cell, or use margins", *_BLOCKS),
    _css("width on a block", r"^width: (?!auto|100%)", "css-width, blocks", _W,
         "set it on a table cell", "p", "div", "span"),
    _css("logical properties", r"^(?:margin|padding|border|inset)-(?:inline|block)", "css-margin-inline-block", _W,
         "use left, right, top or bottom"),
    _css("box-shadow", r"^box-shadow: (?!none)", "css-box-shadow", _N, "use a border, which all clients support"),
    _css("text-shadow", r"^text-shadow: (?!none)", "css-text-shadow", _N, _LEFT_OUT),
    _css("border-radius", r"^border-[\w-]*radius: (?!0)", "css-border-radius", _N, "expect square corners"),
    _css("background images", r"^background[\w-]*: .*url\(", "css-background-image", _W, _SOLID),
    _css("gradients", r"gradient\(", "css-linear-gradient", _W, _SOLID),
    _css("CSS variables", r"^--|var\(", "css-variables", _E, "write out the values"),
    _css("calc() and similar functions", r"\b(?:calc|clamp|min|max)\(", "css-unit-calc", _W, "use a fixed length"),
    _css("modern colors", r"(?:light-dark|color-mix|oklch|oklab|lab|lch|hwb)\(", "css-modern-color", _E, _HEX),
    _css("colors with spaces", r"(?:rgb|hsl)a?\([^),]*\s[^),]*\)", "css-rgb, spaces", _E,
         "use #rrggbb; Gmail drops the whole attribute otherwise"),
    _css("transparent colors", r"(?:rgb|hsl)a\(|#[0-9a-f]{8}\b", "css-rgba", _W, "use the resulting #rrggbb"),
    _css("opacity", r"^opacity:", "css-opacity", _N, "use a lighter color"),
    _css("object-fit", r"^object-(?:fit|position):", "css-object-fit", _W, "crop the image beforehand"),
    _css("aspect-ratio", r"^aspect-ratio:", "css-aspect-ratio", _W, "set the width and height of the image"),
    _css("transform", r"^transform:", "css-transform", _W, _LEFT_OUT),
    _css("animation", r"^(?:animation|transition)", "css-animation", _N, _STILL),
    _css("filters", r"^(?:backdrop-)?filter:|^mix-blend-mode:|^clip-path:", "css-filter", _W,
         "edit the image itself"),
    _css("rem", r"[\d.]rem\b", "css-unit-rem", _W, _PIXELS),
    _css("vw and vh", r"[\d.]v[wh]\b", "css-unit-vw", _W, _PIXELS),
)  # fmt: skip
_Entry = tuple[str, Severity, str]  # the feature in UNSUPPORTED, the severity, and the remedy
AT_RULES: dict[str, _Entry] = {
    "@import": ("css-at-import", _E, "put the rules into the style element"),
    "@font-face": ("css-at-font-face", _N, "add common fonts as a fallback"),
    "@supports": ("css-at-supports", _W, "use features that all clients support"),
    "@keyframes": ("css-at-keyframes", _N, _STILL),
}
TAGS: dict[str, _Entry] = {
    "picture": ("html-picture", _W, "use one <img> for all clients"),
    "details": ("html-details", _W, "show the text, or link to it"),
    "dialog": ("html-dialog", _W, "remove it; emails have no dialogs"),
    "template": ("html-template", _W, "remove it"),
}
PICTURES: dict[str, _Entry] = {
    ".svg": ("image-svg", _E, _PNG),
    ".webp": ("image-webp", _W, _PNG),
    ".avif": ("image-avif", _W, _PNG),
}


def unsupported(mail: Mail) -> Iterator[LintFinding]:
    """Report each unsupported feature once, with its number of occurrences and the clients."""
    for feature in CSS:
        matching = [declaration for declaration in mail.page.declared if _uses(declaration, feature)]
        if matching:
            yield _finding(
                feature.name, feature.clients, feature.severity, feature.remedy, matching[0].line, len(matching)
            )
    if (wide := _capped(mail)) is not None:
        remedy = "wrap it in a fixed-width table inside a conditional comment for Outlook: <!--[if mso]>"
        yield _finding("max-width", UNSUPPORTED["css-max-width, px"], _W, remedy, wide, 1)
    for name, (key, severity, remedy) in AT_RULES.items():
        for sheet in mail.page.sheets:
            if name in sheet.text.lower():
                at = sheet.line + sheet.text.lower().split(name)[0].count("\n")
                yield _finding(name, UNSUPPORTED[key], severity, remedy, at, sheet.text.lower().count(name))
    yield from _elements(mail)


def _elements(mail: Mail) -> Iterator[LintFinding]:
    for tag, (key, severity, remedy) in TAGS.items():
        if elements := mail.page.all(tag):
            yield _finding(f"<{tag}>", UNSUPPORTED[key], severity, remedy, line(elements[0]), len(elements))
    pictures = mail.page.all("img")
    if fitted := [picture for picture in pictures if picture.get("srcset")]:
        remedy = "use one image in src that works everywhere"
        yield _finding("srcset", UNSUPPORTED["html-srcset"], _N, remedy, line(fitted[0]), len(fitted))
    for ending, (key, severity, remedy) in PICTURES.items():
        if those := [picture for picture in pictures if _path(picture).endswith(ending)]:
            yield _finding(f"{ending} images", UNSUPPORTED[key], severity, remedy, line(those[0]), len(those))


def _uses(declaration: Declaration, feature: Feature) -> bool:
    if feature.tags and declaration.tag not in feature.tags:
        return False
    return feature.pattern.search(f"{declaration.name}: {declaration.value.lower()}") is not None


def _capped(mail: Mail) -> int | None:
    """Return the line of the first max-width without a fallback for Outlook, which ignores it; None if none."""
    if "<!--[if mso" in mail.html or "<!--[if (gte mso" in mail.html:
        return None
    return next(
        (
            declaration.line
            for declaration in mail.page.declared
            if declaration.name == "max-width" and "%" not in declaration.value
        ),
        None,
    )


def _path(picture: _Element) -> str:
    return str(picture.get("src", "")).partition("?")[0].lower()


def _finding(
    name: str, clients: tuple[str, ...], severity: Severity, remedy: str, at: int, count: int
) -> LintFinding:
    times = f", {count} times" if count > 1 else ""
    return LintFinding(
        "unsupported", severity, f"{name}{times}: not supported by {', '.join(clients)}", f"HTML line {at}", remedy
    )


RULES = (unsupported,)
