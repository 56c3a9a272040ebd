"""The lines above and below the papers of a letter: its first line, and what its footer offers. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache

from paperround.domain.models import Subscriber
from paperround.domain.schedule import Cadence
from paperround.domain.text import clean
from paperround.rendering.excerpt import breakable, cut
from paperround.rendering.language import Language
from paperround.rendering.letter_view import Link

# The exact wording requested by https://info.arxiv.org/help/api/tou.html; it is not translated.
_ARXIV_THANKS = "Thank you to arXiv for use of its open access interoperability."
_MAX_FIRST_TITLES = 3
_ROOM_FOR_TITLES = 120  # characters in the first line; mail clients show 50 to 140 of the line
_MIN_TITLE_LENGTH = 30  # characters; the beginning of a title in less room says too little
_BETWEEN = "\u00a0· "
_MONDAY = 0
_MIN_COMPARED = 3  # papers that the example of a reply names


def first_line(start: str, titles: Sequence[str]) -> str:
    """Return the letter's first line, which mail clients show as the preview beside the subject.

    After `start` it has as many of these titles as there is room for, of papers that the subject does not name. Only
    the last one may be cut. What separates them is no colon, because most titles have one.
    """
    parts, room = [_capitalize(start)], _ROOM_FOR_TITLES
    for title in titles[:_MAX_FIRST_TITLES]:
        if room >= min(len(title), _MIN_TITLE_LENGTH):
            parts.append(cut(title, room))
        room -= len(title) + len(_BETWEEN)
    return _BETWEEN.join(parts) if parts[1:] else f"{parts[0]}."


def greet(subscriber: Subscriber, line: str, day: date, language: Language) -> str:
    """Return the first line, on Mondays with a greeting by name if the name is known."""
    name = clean(subscriber.name)
    if not name or day.weekday() != _MONDAY:
        return line
    return language.gettext("Good morning, %(name)s. %(line)s") % {"name": breakable(name), "line": line}


@lru_cache(maxsize=1024)
def footer_links(cadence: Cadence, language: Language, *, saved: bool = False) -> tuple[Link, ...]:
    """Return the one-click changes in a letter's footer: the label, and the suffix of the preferences address.

    If `saved` is true, include a link to the reading list.
    """
    _ = language.gettext
    other = (
        Link(_("Daily instead"), "/change?to=daily")
        if cadence.covers_several_days
        else Link(_("Weekly instead"), "/change?to=weekly")
    )
    return (
        other,
        Link(_("Fewer papers"), "/change?to=fewer"),
        Link(_("Pause a week"), "/change?to=pause"),
        Link(_("Topics"), ""),
        *((Link(_("Reading list"), "/saved"),) if saved else ()),
    )


@lru_cache(maxsize=64)
def explain_replies(papers: int, language: Language) -> str:
    """Return how to rate papers by a reply; empty for a letter without papers."""
    _ = language.gettext
    if papers < _MIN_COMPARED:
        return _("Reply “more 1” or “less 1” to teach us your taste.") if papers else ""
    return _("Reply “more 2” or “less 3” to teach us your taste.")


def thank_sources(*, has_arxiv_papers: bool) -> str:
    """Return the acknowledgment that arXiv requests for its papers; empty if there are none."""
    return _ARXIV_THANKS if has_arxiv_papers else ""


def _capitalize(text: str) -> str:
    return text[:1].upper() + text[1:]
