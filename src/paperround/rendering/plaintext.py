"""The letter for people who read text: 72 columns, numbered, each paper's links below it. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from paperround.domain.models import Site
from paperround.rendering.language import Language
from paperround.rendering.view import Card, LetterView, Notice

WIDTH = 72
_INDENT = "    "
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
    lines = wrap(card.title, _INDENT)
    if card.withdrawn:
        lines += wrap(language.gettext("Withdrawn by its authors."), _INDENT)
    lines += wrap(" · ".join((*card.byline, *card.badges)), _INDENT)
    if card.summary:
        lines += ["", *wrap(card.summary, _INDENT)]
    if card.why or card.links or card.url or feedback:
        lines.append("")
    if card.why:
        lines += wrap(language.gettext("Why: %(why)s") % {"why": "; ".join(card.why)}, _INDENT)
    lines += [f"{_INDENT}{label}: {url}" for label, url in _addresses(card, language, feedback)]
    return "\n".join(lines)


def letter_text(
    letter: LetterView, sections: Sequence[tuple[str, Sequence[str]]], site: Site, language: Language
) -> str:
    """The whole letter; `sections` holds each topic's name and its cards as `card_text` made them."""
    parts = ["\n".join((site.name, letter.date)), "\n".join(wrap(letter.lead))]
    number = 0
    for name, cards in sections:
        parts.append(f"{name}\n{'=' * min(columns(name), WIDTH)}")
        for text in cards:
            number += 1
            parts.append(f"{number:>2}. {text[len(_INDENT) :]}")
    if letter.chart:
        counted = (f"{one.name}: {one.papers}" for one in letter.chart.legend)
        parts.append("\n".join((letter.chart.title, *(line for one in counted for line in wrap(one, _INDENT)))))
    return "\n\n".join([*parts, *_closing(letter, site, language)]) + "\n"


def notice_text(letter: LetterView, notice: Notice, site: Site, language: Language) -> str:
    """A notice: its paragraphs, each button as a label and an address."""
    parts = [site.name]
    for paragraph in notice.paragraphs:
        lines = [f"{paragraph.text}:", paragraph.url] if paragraph.url else wrap(paragraph.text)
        parts.append("\n".join(lines))
    return "\n\n".join([*parts, *_closing(letter, site, language)]) + "\n"


def _closing(letter: LetterView, site: Site, language: Language) -> Iterator[str]:
    _ = language.gettext
    if letter.more and letter.links:
        yield f"{letter.more}:\n{letter.links.online}"
    yield "-" * WIDTH
    if letter.reason:
        yield "\n".join(wrap(letter.reason))
    if letter.links:
        ways = (
            (_("View in browser"), letter.links.online),
            (_("Preferences"), letter.links.preferences),
            (_("Unsubscribe"), letter.links.unsubscribe),
        )
        yield "\n".join(f"{label}: {url}" for label, url in ways if url)
    yield "\n".join(line for text in (site.name, site.postal_address, letter.thanks) for line in wrap(text))


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
