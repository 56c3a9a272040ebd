"""CSS colors: parsing, contrast and inversion. Pure."""

from __future__ import annotations

import re
from colorsys import hls_to_rgb

from cssutils.css.colors import COLORS  # type: ignore[import-untyped]

Color = tuple[float, float, float]
"""Red, green and blue, each from 0 to 1."""
WHITE: Color = (1.0, 1.0, 1.0)
BLACK: Color = (0.0, 0.0, 0.0)
_HEX = re.compile(r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})", re.IGNORECASE)
_FUNCTION = re.compile(r"(rgb|hsl)a?\(([^)]*)\)", re.IGNORECASE)
# CSS Filter Effects 1: invert(1) hue-rotate(180deg), as one matrix over the inverted color.
_HUE_TURNED = ((-0.574, 1.43, 0.144), (0.426, 0.43, 0.144), (0.426, 1.43, -0.856))


def color(text: str, behind: Color = WHITE) -> Color | None:
    """Parse a CSS color, blended over `behind` if it is transparent; None for an unknown color."""
    text = text.strip().lower()
    if _HEX.fullmatch(text):
        return _over(_hex(text[1:]), behind)
    if match := _FUNCTION.fullmatch(text):
        parts = _channels(match[1], re.split(r"[\s,/]+", match[2].strip()))
        return _over(parts, behind) if parts else None
    named = COLORS.get(text)
    if named is None:
        return None
    red, green, blue, alpha = named
    return _over((red / 255, green / 255, blue / 255, alpha), behind)


def contrast(one: Color, other: Color) -> float:
    """Return the contrast ratio of two colors by WCAG 2.2, from 1 to 21."""
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def luminance(color: Color) -> float:
    """Return the relative luminance by WCAG 2.2, from 0 to 1."""
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def inverted(color: Color) -> Color:
    """Invert the lightness and keep the hue, close to what Gmail's apps and Outlook do."""
    turned = tuple(1 - part for part in color)
    red, green, blue = (
        min(1.0, max(0.0, sum(factor * part for factor, part in zip(row, turned, strict=True))))
        for row in _HUE_TURNED
    )
    return red, green, blue


def written(color: Color) -> str:
    """Return the color as `#rrggbb`."""
    return "#" + "".join(f"{round(part * 255):02x}" for part in color)


def _hex(digits: str) -> tuple[float, float, float, float]:
    pairs = (
        [digit * 2 for digit in digits]
        if len(digits) < 6
        else [digits[at : at + 2] for at in range(0, len(digits), 2)]
    )
    red, green, blue, alpha = (int(pair, 16) / 255 for pair in [*pairs, "ff"][:4])
    return red, green, blue, alpha


def _channels(space: str, parts: list[str]) -> tuple[float, float, float, float] | None:
    try:
        alpha = _number(parts[3], 1) if len(parts) > 3 else 1.0
        if space == "rgb":
            return _number(parts[0], 255), _number(parts[1], 255), _number(parts[2], 255), alpha
        hue = float(parts[0].removesuffix("deg")) / 360 % 1
        return *hls_to_rgb(hue, _number(parts[2], 100), _number(parts[1], 100)), alpha
    except (ValueError, IndexError):
        return None


def _number(text: str, whole: float) -> float:
    value = float(text[:-1]) / 100 if text.endswith("%") else float(text) / whole
    return min(1.0, max(0.0, value))


def _over(color: tuple[float, float, float, float], behind: Color) -> Color:
    red, green, blue = (
        part * color[3] + below * (1 - color[3]) for part, below in zip(color[:3], behind, strict=True)
    )
    return red, green, blue
