"""The letter for people who read text: 72 columns, numbered, each paper's links below it. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

from paperround.domain.models import Site
from paperround.rendering.chart import Chart
from paperround.rendering.language import Language
from paperround.rendering.view import Card, LetterView, Notice

WIDTH = 72
INDENT = "    "
# Scripts without spaces between words may be broken after any character; these must not begin a line.
_NOT_FIRST = "。、，．！？：；」』）】〉》”’…"


def columns(text: str) -> int:
    """How many columns of a terminal the text takes: CJK characters and emoji take two, marks none."""
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.combining(char) or char in "\u200b\u200d\ufe0f"
        else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )


def wrap(text: str, indent: str = "", width: int = WIDTH) -> list[str]:
    """The text in lines of at most `width` columns; an address or another unbreakable word may stand out."""
    if len(text) + len(indent) <= width and text.isascii():  # most do, and most calls are for one letter alone
        return [indent + " ".join(words)] if (words := text.split()) else []
    lines: list[str] = []
    line = ""
    for space, piece in _pieces(text.replace("\u200b", "")):
        if line and columns(indent + line + space + piece) > width:
            lines.append(indent + line)
            line = piece
        else:
            line += (space if line else "") + piece
    return [*lines, indent + line] if line else lines


def card_text(card: Card, language: Language, feedback: str = "") -> str:
    """A paper, without its number: the first line begins where the number goes.

    `feedback` is the address where the subscriber says whether they want more like it; empty for no such lines.
    """
    lines = wrap(card.title, INDENT)
    if card.withdrawn:
        lines += wrap(language.gettext("Withdrawn by its authors."), INDENT)
    lines += wrap(" · ".join((*card.byline, *card.badges)), INDENT)
    if card.summary:
        lines += ["", *wrap(card.summary, INDENT)]
    if card.why or card.links or card.url or feedback:
        lines.append("")
    if card.why:
        lines += wrap(language.gettext("Why: %(why)s") % {"why": "; ".join(card.why)}, INDENT)
    lines += [f"{INDENT}{label}: {url}" for label, url in _addresses(card, language, feedback)]
    return "\n".join(lines)


def letter_text(
    letter: LetterView, sections: Sequence[tuple[str, Sequence[str]]], site: Site, language: Language
) -> str:
    """The whole letter; `sections` holds each topic's name and its cards as `card_text` made them."""
    parts, number = [opening(letter, site)], 0
    for name, cards in sections:
        parts.append(heading(name))
        for text in cards:
            number += 1
            parts.append(f"{numbered(number)}{text[len(INDENT) :]}")
    if letter.chart:
        parts.append(chart_text(letter.chart))
    return "\n\n".join([*parts, closing(letter, site, language)])


def opening(letter: LetterView, site: Site) -> str:
    """What stands above the papers."""
    return "\n".join((site.name, letter.date, "", *wrap(letter.lead)))


def heading(name: str) -> str:
    """A section's name, underlined."""
    return f"{name}\n{'=' * min(columns(name), WIDTH)}"


def numbered(number: int) -> str:
    """What stands before a paper in place of its indent."""
    return f"{number:>2}. "


def chart_text(chart: Chart) -> str:
    """The chart in words."""
    counted = (f"{one.name}: {one.papers}" for one in chart.legend)
    return "\n".join((chart.title, *(line for one in counted for line in wrap(one, INDENT))))


def closing(letter: LetterView, site: Site, language: Language) -> str:
    """What stands below the papers, up to the last line's end."""
    return "\n\n".join(_closing(letter, site, language)) + "\n"


def notice_text(letter: LetterView, notice: Notice, site: Site, language: Language) -> str:
    """A notice: its paragraphs, each button as a label and an address."""
    parts = [site.name]
    for paragraph in notice.paragraphs:
        lines = [f"{paragraph.text}:", paragraph.url] if paragraph.url else wrap(paragraph.text)
        parts.append("\n".join(lines))
    return "\n\n".join([*parts, closing(letter, site, language)])


@lru_cache(maxsize=1024)
def _paragraph(text: str) -> str:
    return "\n".join(wrap(text))


def _closing(letter: LetterView, site: Site, language: Language) -> Iterator[str]:
    _ = language.gettext
    if letter.more and letter.links:
        yield f"{letter.more}:\n{letter.links.online}"
    yield "-" * WIDTH
    if letter.reason:
        yield _paragraph(letter.reason)
    if letter.links:
        ways = (
            (_("View in browser"), letter.links.online),
            (_("Preferences"), letter.links.preferences),
            (_("Unsubscribe"), letter.links.unsubscribe),
        )
        yield "\n".join(f"{label}: {url}" for label, url in ways if url)
    yield "\n".join(_paragraph(text) for text in (site.name, site.postal_address, letter.thanks) if text.strip())


def _addresses(card: Card, language: Language, feedback: str) -> Iterator[tuple[str, str]]:
    _ = language.gettext
    if card.url and card.url not in {link.url for link in card.links}:
        yield _("Page"), card.url
    for link in card.links:
        yield link.label, link.url
    if feedback:
        yield _("More like this"), f"{feedback}?more={card.row}"
        yield _("Less like this"), f"{feedback}?less={card.row}"


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """What may begin a line, each with the space before it: words, and single characters of wide scripts."""
    for word in text.split():
        space, start = " ", 0
        if word.isascii():
            yield space, word
            continue
        for at in range(1, len(word)):
            if _breaks(word[at - 1], word[at]):
                yield space, word[start:at]
                space, start = "", at
        yield space, word[start:]


def _breaks(left: str, right: str) -> bool:
    if left.isascii() or right.isascii() or right in _NOT_FIRST:
        return False
    return (
        unicodedata.east_asian_width(left) in "WF"
        and unicodedata.east_asian_width(right) in "WF"
        and not unicodedata.combining(right)
    )
