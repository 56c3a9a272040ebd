"""What the topics of papers are called in letters and on pages: in full, and shortened for a narrow column. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from paperround.domain.models import DISCUSSED, Pick, Section
from paperround.domain.preferences import is_own
from paperround.domain.reasons import ReasonKind, quote, read, unquoted
from paperround.domain.schedule import Cadence
from paperround.rendering.excerpt import cut
from paperround.rendering.language import Language

_MAX_INTEREST = 40  # characters of an interest in the subscriber's own words
_MAX_SHORT_TAG = 20  # characters beside a title in the index
_OPENING_QUOTES, _CLOSING_QUOTES = ("“", "„"), ("”", "“")  # of all languages
_SEPARATOR = re.compile(r"[,:;/]| (?:and|und|in|for|für|&|[–—-]) ")
"""What separates the parts of a topic's name."""
_LIKE_A_LIST = re.compile(r",| (?:and|or|und|oder|&) ")


def topic_name(name: str, language: Language) -> str:
    """Return a topic's name; the words of a subscriber's own interest are shortened and in quotation marks.

    A topic's name is translated if the language's catalog has a translation of it.
    """
    words = unquoted(name)
    if words is None:
        return language.own_words(name)
    return language.gettext("“%(words)s”") % {"words": cut(words, _MAX_INTEREST)}


def section_heading(section: Section, cadence: Cadence, language: Language) -> str:
    """Return the heading of a section: its topic's name, or "Most discussed …"."""
    if section.topic != DISCUSSED:
        return _section_topic(section, language)
    if cadence is Cadence.MONTHLY:
        return language.gettext("Most discussed this month")
    return language.gettext("Most discussed this week")


def topic_of_pick(section: Section, pick: Pick, language: Language | None = None) -> str:
    """Return the topic that a digest's paper fits best; for the most discussed papers, take it from the reasons.

    With a language, the name is translated, and an interest in the subscriber's own words is shortened and in
    quotation marks.
    """
    if section.topic != DISCUSSED:
        return _section_topic(section, language) if language else section.name
    name = next((reason.found for reason in read(pick.why) if reason.kind is ReasonKind.ON), "")
    return topic_name(name, language) if language else unquoted(name) or name


def _section_topic(section: Section, language: Language) -> str:
    """Return the name of a section's topic; a subscriber's own query has none and is quoted."""
    return topic_name(quote(section.name) if is_own(section.topic) else section.name, language)


def quote_names(names: Sequence[str], language: Language) -> list[str]:
    """Return names that `topic_name` returned for a list in a sentence.

    If one of them looks like a list itself, as "Robotics and planning" does, all are in quotation marks.
    """
    if not any(_LIKE_A_LIST.search(name) for name in names if not is_interest(name)):
        return list(names)
    marked = language.gettext("“%(words)s”")
    return [name if is_interest(name) else marked % {"words": name} for name in names]


def shorten_tag(tag: str) -> str:
    """Shorten a name to its first part: "Robotics" for "Robotics and planning".

    The words of an interest are cut, because they have no parts: they may be a query.
    """
    if len(tag) <= _MAX_SHORT_TAG:
        return tag
    if is_interest(tag):
        return cut(tag, _MAX_SHORT_TAG) + tag[-1]
    return cut(_SEPARATOR.split(tag, maxsplit=1)[0], _MAX_SHORT_TAG)


def is_interest(tag: str) -> bool:
    """Return whether a name that `topic_name` returned is an interest in the subscriber's own words."""
    return tag.startswith(_OPENING_QUOTES) and tag.endswith(_CLOSING_QUOTES)
