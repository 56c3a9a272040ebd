"""The small chart of weekly and monthly letters: papers by topic and day, as a picture and as a legend. Pure.

The picture holds numbers alone, so it is the same in every language: each day's papers and the day of the month. What
it says in words stands below it, and in its alternative text.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from paperround.domain.models import Digest, TopicCounts
from paperround.domain.schedule import Cadence
from paperround.domain.text import clean
from paperround.rendering.language import Language

TOPICS = 6
WIDTH, HEIGHT = 560, 132
"""As shown, as wide as a letter's text; the picture has twice as many pixels each way, for sharp screens."""
# As readable on white as on black, and told apart also by those who see no red or no green, by their order.
COLORS = ("#2b72c4", "#bf5716", "#24805a", "#9b4dba", "#827016", "#cc3f68")
_BASE = "#757575"  # read on white and on black: 4.6 and 4.5 to 1
_LINE = 2
_ABOVE, _BELOW, _NUMBER = 34, 40, 24  # pixels of the picture: room for the numbers, and their size


@dataclass(frozen=True, slots=True)
class Entry:
    """A topic in the legend."""

    color: str
    name: str
    papers: str
    """How many, in words."""


@dataclass(frozen=True, slots=True)
class Chart:
    """The chart as a template sees it."""

    title: str
    url: str
    """Where the picture is; empty where letters go without."""
    alt: str
    legend: tuple[Entry, ...]
    width: int = WIDTH
    height: int = HEIGHT


def chart(digest: Digest, counts: Sequence[TopicCounts], language: Language, site: str) -> Chart | None:
    """The chart of the first topics of this digest that are counted; None where there are none.

    `site` is its base address, or empty for no picture. The address tells the issue and topics, no subscriber.
    """
    known = {one.slug: one for one in counts}
    first = [section.topic for section in digest.sections if section.topic in known][:TOPICS]
    shown = [known[slug] for slug in sorted(set(first))]
    if not shown:
        return None
    _ = language.gettext
    title = _("This month by topic") if digest.cadence is Cadence.MONTHLY else _("This week by topic")
    told = language.list([f"{clean(one.name)} {language.number(sum(one.papers))}" for one in shown])
    path = f"{digest.cadence.value}-{digest.day}/{'+'.join(one.slug for one in shown)}"
    return Chart(
        title=title,
        url=f"{site}/charts/{path}.png" if site else "",
        alt=_("Papers on each day, by topic: %(topics)s.") % {"topics": told},
        legend=tuple(
            Entry(color, clean(one.name), language.count("%(num)s paper", "%(num)s papers", sum(one.papers)))
            for color, one in zip(COLORS, shown, strict=False)
        ),
    )


def png(topics: Sequence[Sequence[int]], named: Sequence[date] = ()) -> bytes:
    """The picture: a column a day, in it a block a topic, the first at the bottom; numbers are by topic, then day.

    With the days `named`, each column has its day of the month below it and its number of papers above it.
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
    """The font that Pillow brings with it."""
    return ImageFont.load_default(_NUMBER)


def _palette() -> list[int]:
    """Nothing, the line below, then the topics' colors."""
    return [value for color in ("#000000", _BASE, *COLORS) for value in bytes.fromhex(color[1:])]
