"""Check the contrast of text and background in light mode, in dark mode, and where a client inverts colors. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from lxml.etree import _Element

from paperround.linting.colors import BLACK, WHITE, Color, color, contrast, inverted, written
from paperround.linting.finding import LintFinding, Severity
from paperround.linting.mail import Mail
from paperround.linting.page import HtmlDocument, Styles, line

ENOUGH, ENOUGH_LARGE = 4.5, 3.0  # WCAG 2.2, 1.4.3 (AA)
ENOUGH_GRAPHICS = 3.0  # 1.4.11: signs without letters or digits, such as the squares of a legend
_WORDS = re.compile(r"\w")
_LARGE, _LARGE_BOLD = 24.0, 18.66  # pixels: 18 and 14 points
_CANVAS = {"light": (WHITE, BLACK), "dark": ((0.07, 0.07, 0.07), WHITE)}
_LINK = {"light": (0.0, 0.0, 0.933), "dark": (0.62, 0.62, 1.0)}
_BOLD_TAGS = frozenset(("b", "strong", "th", "h1", "h2", "h3", "h4", "h5", "h6"))
_SIZE = re.compile(r"(\d+(?:\.\d+)?)(px|pt|em|%)")
_URL = re.compile(r"url\(|gradient\(")


@dataclass(frozen=True, slots=True)
class TextStyle:
    """The style of an element's text; `behind` is the background color, or None on a background image."""

    text: Color
    behind: Color | None
    size: float = 16.0
    bold: bool = False
    line: int = 0
    """The line that sets the color of the text; 0 where none does."""

    @property
    def enough(self) -> float:
        """The contrast ratio required for text of this size."""
        return ENOUGH_LARGE if self.size >= _LARGE or (self.bold and self.size >= _LARGE_BOLD) else ENOUGH


def legibility(mail: Mail) -> Iterator[LintFinding]:
    """Report each pair of colors with too little contrast once for each color scheme."""
    for scheme in ("light", "dark"):
        looks = _looks(mail.page, scheme)
        yield from _weak(mail.page, looks, f"in {scheme} mode", Severity.ERROR)
        if scheme == "light":
            turned = {element: _inverted(look) for element, look in looks.items()}
            yield from _weak(mail.page, turned, "where a client inverts the colors", Severity.WARNING)


def _weak(
    page: HtmlDocument, looks: Mapping[_Element, TextStyle], when: str, severity: Severity
) -> Iterator[LintFinding]:
    reported: set[tuple[Color, Color]] = set()
    for element, text in page.visible():
        look = looks[element]
        if look.behind is None or (look.text, look.behind) in reported:
            continue
        ratio, enough = contrast(look.text, look.behind), look.enough if _WORDS.search(text) else ENOUGH_GRAPHICS
        if ratio < enough:
            reported.add((look.text, look.behind))
            colors = f"{written(look.text)} on {written(look.behind)}"
            what = f"{' '.join(text.split())[:40]!r} has too little contrast {when}: {colors}, {ratio:.1f} to 1"
            remedy = f"use a contrast of at least {enough:g} to 1 (WCAG 1.4.3)"
            yield LintFinding("contrast", severity, what, f"HTML line {look.line or line(element)}", remedy)


def _looks(page: HtmlDocument, scheme: str) -> dict[_Element, TextStyle]:
    """Return the text style of every element in this color scheme."""
    looks: dict[_Element, TextStyle] = {}
    if page.root is None:
        return looks
    styles = page.styles(scheme)
    honoured = scheme == "light" or any(
        meta.get("name") == "color-scheme" and "dark" in str(meta.get("content")) for meta in page.all("meta")
    )
    behind, text = _CANVAS[scheme if honoured else "light"]
    for element in page.all():
        parent = element.getparent()
        above = looks.get(parent, TextStyle(text, behind)) if parent is not None else TextStyle(text, behind)
        looks[element] = _look(element, styles.get(element, {}), above, scheme if honoured else "light")
    return looks


def _look(element: _Element, styles: Styles, above: TextStyle, scheme: str) -> TextStyle:
    """Return the style of an element, given its own styles and the style of its parent."""
    tag, values = str(element.tag), {name: declaration.value for name, declaration in styles.items()}
    size = _size(values.get("font-size", ""), above.size)
    weight = values.get("font-weight", "")
    bold = weight in ("bold", "bolder", "600", "700", "800", "900") if weight else above.bold or tag in _BOLD_TAGS
    behind = _behind(element, values, above.behind)
    color_value = values.get("color") or str(element.get("color", "")) or ""
    text = color(color_value, behind or WHITE) or (
        _LINK[scheme] if tag == "a" and element.get("href") else above.text
    )
    if color_value == "inherit":
        text = above.text
    at = styles["color"].line if "color" in styles and color_value != "inherit" else above.line
    return TextStyle(text, behind, size, bold, at)


def _behind(element: _Element, styles: Mapping[str, str], above: Color | None) -> Color | None:
    if _URL.search(styles.get("background-image", "")) or element.get("background"):
        return None
    background = styles.get("background-color") or str(element.get("bgcolor", ""))
    words = [background, *re.split(r"\s+(?![^(]*\))", background)]
    own = next((color_found for word in words if (color_found := color(word, above or WHITE)) is not None), None)
    return own if own is not None and background != "transparent" else above


def _size(value: str, above: float) -> float:
    match = _SIZE.fullmatch(value.strip().lower())
    if not match:
        return above
    number, unit = float(match[1]), match[2]
    return number * {"px": 1.0, "pt": 4 / 3, "em": above, "%": above / 100}[unit]


def _inverted(look: TextStyle) -> TextStyle:
    behind = inverted(look.behind) if look.behind is not None else None
    return replace(look, text=inverted(look.text), behind=behind)


RULES = (legibility,)
