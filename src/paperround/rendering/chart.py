"""The small chart in weekly and monthly letters: papers by topic and day, as a picture with a legend. Pure.

The picture contains only numbers, so that it is the same in every language: the papers of each day and the day of
the month. The words are in the legend below it and in its alternative text.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from paperround.domain.models import Digest, TopicCounts
from paperround.domain.schedule import Cadence, Issue
from paperround.domain.text import clean
from paperround.rendering.language import Language

TOPICS = 6
WIDTH, HEIGHT = 560, 132
"""The displayed size in pixels, as wide as a letter's text.

The picture is twice as wide and high, for high-resolution screens.
"""
# Readable on white and on black, and distinguishable with color blindness by their order.
COLORS = ("#2b72c4", "#bf5716", "#24805a", "#9b4dba", "#827016", "#cc3f68")
_BASE = "#757575"  # its contrast on white and on black: 4.6 and 4.5 to 1
_LINE = 2
_ABOVE, _BELOW, _NUMBER = 34, 40, 24  # pixels of the picture: space for the numbers, and their size


@dataclass(frozen=True, slots=True)
class Entry:
    """One topic in the legend."""

    color: str
    name: str
    papers: str
    """The number of papers, in words."""


@dataclass(frozen=True, slots=True)
class Chart:
    """The chart as templates use it."""

    title: str
    url: str
    """The address of the picture; empty if letters have no pictures."""
    alt: str
    legend: tuple[Entry, ...]
    width: int = WIDTH
    height: int = HEIGHT


def chart(digest: Digest, counts: Sequence[TopicCounts], language: Language, site: str) -> Chart | None:
    """Return the chart of the digest's first topics that have counts, or None if there are none.

    `site` is the base address of the site, or empty for a chart without a picture. The address of the picture names
    the issue and the topics, but no subscriber.
    """
    if not counts:
        return None
    known = {one.slug: one for one in counts}
    first = [section.topic for section in digest.sections if section.topic in known][:TOPICS]
    shown = tuple(known[slug] for slug in sorted(set(first)))
    return _chart(digest.issue, shown, language, site) if shown else None


@lru_cache(maxsize=1024)
def _chart(issue: Issue, shown: tuple[TopicCounts, ...], language: Language, site: str) -> Chart:
    # Cached because subscribers with the same first topics get the same chart.
    _ = language.gettext
    title = _("This month by topic") if issue.cadence is Cadence.MONTHLY else _("This week by topic")
    totals = language.list([f"{_name(one, language)} {language.number(sum(one.papers))}" for one in shown])
    path = f"{issue.slug}/{'+'.join(one.slug for one in shown)}"
    return Chart(
        title=title,
        url=f"{site}/charts/{path}.png" if site else "",
        alt=_("Papers on each day, by topic: %(topics)s.") % {"topics": totals},
        legend=tuple(
            Entry(color, _name(one, language), language.count("%(num)s paper", "%(num)s papers", sum(one.papers)))
            for color, one in zip(COLORS, shown, strict=False)
        ),
    )


def _name(topic: TopicCounts, language: Language) -> str:
    return clean(language.own_words(topic.name))


def png(topics: Sequence[Sequence[int]], named: Sequence[date] = ()) -> bytes:
    """Draw the chart as a PNG with one column per day and one block per topic, the first topic at the bottom.

    `topics` has the numbers of papers by topic, then by day. If the days are `named`, each column has its day of the
    month below it and its number of papers above it.
    """
    picture = Image.new("P", (2 * WIDTH, 2 * HEIGHT), 0)
    picture.putpalette(_palette())
    pen = ImageDraw.Draw(picture)
    floor, ceiling = 2 * HEIGHT - _LINE - (_BELOW if named else 0), _ABOVE if named else 0
    days = list(zip(*topics, strict=True))
    highest = max((sum(day) for day in days), default=0) or 1
    step = 2 * WIDTH / max(len(days), 1)
    for at, day in enumerate(days):
        left, right = round(at * step + step / 8), round((at + 1) * step - step / 8) - 1
        done = 0
        for color, papers in enumerate(day, start=2):
            low, high = (floor - round((floor - ceiling) * part / highest) for part in (done, done + papers))
            if low > high:
                pen.rectangle((left, high, right, low - 1), fill=color)
            done += papers
        if named:
            middle = (left + right) / 2
            pen.text((middle, floor + _BELOW / 2 + _LINE), str(named[at].day), fill=1, font=_font(), anchor="mm")
            if done:
                top = floor - round((floor - ceiling) * done / highest)
                pen.text((middle, top - _NUMBER / 2 - 3), str(done), fill=1, font=_font(), anchor="mm")
    pen.rectangle((0, floor, 2 * WIDTH - 1, floor + _LINE - 1), fill=1)
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True, transparency=0)
    return out.getvalue()


@lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the font that is included in Pillow."""
    return ImageFont.load_default(_NUMBER)


def _palette() -> list[int]:
    """Return the palette: transparent, the base line, then the topics' colors."""
    return [value for color in ("#000000", _BASE, *COLORS) for value in bytes.fromhex(color[1:])]
