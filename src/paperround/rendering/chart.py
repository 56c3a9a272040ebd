"""The small chart of weekly and monthly letters: papers by topic and day, as a picture and as a legend. Pure.

The picture holds no text: what it says stands below it, and in its alternative text.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from paperround.domain.models import Digest, TopicCounts
from paperround.domain.schedule import Cadence
from paperround.domain.text import clean
from paperround.rendering.language import Language

TOPICS = 6
WIDTH, HEIGHT = 480, 96
"""As shown; the picture has twice as many pixels each way, for sharp screens."""
# As readable on white as on black, and told apart also by those who see no red or no green, by their order.
COLORS = ("#2b72c4", "#bf5716", "#24805a", "#9b4dba", "#827016", "#cc3f68")
_BASE = "#7d7d7d"
_LINE = 2


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


def png(topics: Sequence[Sequence[int]]) -> bytes:
    """The picture: a column a day, in it a block a topic, the first at the bottom; numbers are by topic, then day."""
    picture = Image.new("P", (2 * WIDTH, 2 * HEIGHT), 0)
    picture.putpalette(_palette())
    pen = ImageDraw.Draw(picture)
    floor = 2 * HEIGHT - _LINE
    days = list(zip(*topics, strict=True))
    highest = max((sum(day) for day in days), default=0) or 1
    step = 2 * WIDTH / max(len(days), 1)
    for at, day in enumerate(days):
        left, right = round(at * step + step / 8), round((at + 1) * step - step / 8) - 1
        done = 0
        for color, papers in enumerate(day, start=2):
            low, high = (floor - round(floor * part / highest) for part in (done, done + papers))
            if low > high:
                pen.rectangle((left, high, right, low - 1), fill=color)
            done += papers
    pen.rectangle((0, floor, 2 * WIDTH - 1, 2 * HEIGHT - 1), fill=1)
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True, transparency=0)
    return out.getvalue()


def _palette() -> list[int]:
    """Nothing, the line below, then the topics' colors."""
    return [value for color in ("#000000", _BASE, *COLORS) for value in bytes.fromhex(color[1:])]
