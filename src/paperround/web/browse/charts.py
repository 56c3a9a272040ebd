"""Stacked bar charts of daily numbers, as SVG without scripts, in light and dark colors. Pure.

A charting library is not worth it for 30 days in four colors; the SVG library that was tried installed an import hook
that Python 3.12 no longer supports.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from itertools import cycle
from math import ceil, log10
from typing import Any

from lxml import etree

_SVG = "http://www.w3.org/2000/svg"
_WIDTH, _HEIGHT = 680, 230
_LEFT, _TOP, _BOTTOM, _RIGHT = 48, 28, 24, 16  # pixels for the numbers, the legend and the dates
_BLUE, _RED, _YELLOW, _GRAY, _PURPLE, _GREEN = "#3f7f9f", "#b0563f", "#b8860b", "#7d7668", "#8a5faa", "#4f8f5f"
_COLORS = (_BLUE, _YELLOW, _PURPLE, _GREEN, _GRAY, "#99707f")
"""Of names without a color of their own."""
_COLOR_OF = {
    **{"joined": _GREEN, "left": _RED, "sent": _GREEN, "queued": _YELLOW, "sending": _BLUE, "deferred": "#99707f"},
    **{"failed": _RED, "expired": _PURPLE, "suppressed": _GRAY, "hard": _RED, "soft": _YELLOW, "complaint": _PURPLE},
}
"""What went well is green, what failed or was lost is red, on every chart."""
_STYLE = (
    "text { font: 11px system-ui, sans-serif; fill: #5c574d } line { stroke: #c9c1b1 } "
    "@media (prefers-color-scheme: dark) { text { fill: #b8b0a1 } line { stroke: #4b463d } }"
)
_DATES = 6  # labels along the bottom


def by_day(series: Mapping[str, Mapping[date, int]], last: date, days: int) -> bytes:
    """Draw a bar for each of the `days` days up to `last`. `series` holds the numbers by name and day."""
    shown = [last - timedelta(days=days - 1 - number) for number in range(days)]
    top = _round_up(max((sum(numbers.get(day, 0) for numbers in series.values()) for day in shown), default=0))
    root = etree.Element("svg", nsmap={None: _SVG}, viewBox=f"0 0 {_WIDTH} {_HEIGHT}", role="img")
    etree.SubElement(root, "style").text = _STYLE
    _scale(root, top)
    for number, day in enumerate(shown):
        _bar(root, series, day, number, days, top)
    _legend(root, list(series))
    return bytes(etree.tostring(root, encoding="utf-8"))


def _colors(names: Iterable[str]) -> list[str]:
    """Return a color for each name; the others are repeated after the sixth."""
    others = cycle(_COLORS)
    return [_COLOR_OF.get(name) or next(others) for name in names]


def _bar(root: Any, series: Mapping[str, Mapping[date, int]], day: date, number: int, days: int, top: int) -> None:
    step = (_WIDTH - _LEFT - _RIGHT) / days
    left, level = _LEFT + number * step, float(_HEIGHT - _BOTTOM)
    for color, (name, numbers) in zip(_colors(series), series.items(), strict=False):
        if value := numbers.get(day, 0):
            height = value / top * (_HEIGHT - _TOP - _BOTTOM)
            level -= height
            bar = _add(root, "rect", x=left + 1, y=level, width=step - 2, height=height, fill=color)
            etree.SubElement(bar, "title").text = f"{day}: {value:,} {name}"
    if (days - 1 - number) % max(1, days // _DATES) == 0:
        _text(root, left + step / 2, _HEIGHT - 8, f"{day.day} {day:%b}", anchor="middle")


def _scale(root: Any, top: int) -> None:
    for part in (0, 0.5, 1):
        level = _HEIGHT - _BOTTOM - part * (_HEIGHT - _TOP - _BOTTOM)
        _add(root, "line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=level, y2=level)
        if part != 0.5 or top % 2 == 0:
            _text(root, _LEFT - 6, level + 4, f"{int(top * part):,}", anchor="end")


def _legend(root: Any, names: list[str]) -> None:
    left = float(_LEFT)
    for color, name in zip(_colors(names), names, strict=False):
        _add(root, "rect", x=left, y=5, width=10, height=10, fill=color)
        _text(root, left + 14, 14, name)
        left += 26 + 7 * len(name)
    if not names:
        _text(root, left, 14, "no data yet")


def _round_up(number: int) -> int:
    """Return the upper end of the scale: 1, 2, 4, 6, 8, 10, 20, 40 …"""
    if number <= 1:
        return 1
    unit = int(10 ** int(log10(number)))
    leading = ceil(number / unit)
    return unit * (leading if leading == 1 else leading + leading % 2)


def _text(root: Any, x: float, y: float, text: str, anchor: str = "start") -> None:
    element = _add(root, "text", x=x, y=y)
    element.set("text-anchor", anchor)
    element.text = text


def _add(root: Any, name: str, **attributes: float | str) -> Any:
    texts = {key: value if isinstance(value, str) else f"{value:.1f}" for key, value in attributes.items()}
    return etree.SubElement(root, name, attrib=texts)
