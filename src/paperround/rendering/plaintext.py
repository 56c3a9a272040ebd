"""The text version of a letter: 72 columns, numbered papers, each with its links below it. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from paperround.domain.models import Site
from paperround.rendering.chart import Chart
from paperround.rendering.excerpt import cut_to_width
from paperround.rendering.language import Language
from paperround.rendering.letter_view import Block, BlockKind, Card, LetterView, Note, Notice

WIDTH = 72
_MIN_TITLE_LENGTH = 24  # characters, also beside a long topic
_BLANKS = re.compile(r"[ \t\n]+")
_NARROW = re.compile(r"[\t\n -~\u00a0-\u02ff\u2010-\u2027]*")  # each takes one column and does not combine
INDENT = "    "
# Scripts without spaces may break after any character, but a line must not begin with one of these.
_NOT_FIRST = "。、，．！？：；」』）】〉》”’…"


def columns(text: str) -> int:
    """Return the width of a text in terminal columns: CJK characters and emoji take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.combining(char) or char in "\u200b\u200d\ufe0f"
        else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )


def wrap(text: str, indent: str = "", width: int = WIDTH) -> list[str]:
    """Wrap text to lines of at most `width` columns; an address or another unbreakable word may exceed it."""
    if _NARROW.fullmatch(text):  # most texts: the fast way, since each letter's own sentences are wrapped anew
        return [indent + line for line in _narrow_lines(_single_spaced(text), width - len(indent))]
    lines: list[str] = []
    line, margin, used = "", columns(indent), 0
    for space, piece in _pieces(text.replace("\u200b", "")):
        taken = columns(piece)
        if line and margin + used + len(space) + taken > width:
            lines.append(indent + line)
            line, used = piece, taken
        else:
            before = space if line else ""
            line, used = line + before + piece, used + len(before) + taken
    return [*lines, indent + line] if line else lines


def _single_spaced(text: str) -> str:
    """Return the text with single spaces between its words."""
    if "  " in text or "\n" in text or "\t" in text:
        text = " ".join(_BLANKS.split(text))
    return text.strip()


def _narrow_lines(text: str, width: int) -> Iterator[str]:
    """Yield the lines of a text whose characters take one column each. A word that is too long has its own line."""
    start = 0
    while len(text) - start > width:
        end = text.rfind(" ", start, start + width + 1)
        if end < 0:
            end = text.find(" ", start)
        if end < 0:
            break
        yield text[start:end]
        start = end + 1
    if text:
        yield text[start:]


def block_text(block: Block, language: Language, feedback: str = "") -> str:
    """Return a block as text with its final line breaks, but without a paper's number.

    The number replaces the first indent, which is also left out. `feedback` is the address for the subscriber's
    feedback on a paper; if empty, its lines are omitted.
    """
    end = "\n" if block.tight else "\n\n"
    card = block.card
    if block.note:
        return "\n".join(_note_lines(block.note, language, feedback)) + end
    if card is None:
        about = [*wrap(block.about), ""] if block.about else []
        lines = [block.heading, "=" * min(columns(block.heading), WIDTH), *about]
        return "\n".join(lines) + end
    match block.kind:
        case BlockKind.ENTRY:
            lines = wrap(_entry(card, language), INDENT)
        case BlockKind.LINE:
            lines = [*wrap(card.title, INDENT), *_withdrawn(card, language), *_address(card)]
        case BlockKind.BRIEF:
            lines = [
                *wrap(card.title, INDENT),
                *_withdrawn(card, language),
                *_summary(card, language),
                *_address(card),
                *(_rate_line(card, language, feedback) if card.summary else ()),
            ]
        case BlockKind.LEAD:
            lines = [*_card_lines(card, language, _lead_labels(language)), *_rate_lines(card, language, feedback)]
        case _:
            lines = [*_card_lines(card, language, _card_labels(language)), *_rate_line(card, language, feedback)]
    return "\n".join(lines)[len(INDENT) :] + end


def _entry(card: Card, language: Language) -> str:
    """Return a row of the index, with as many words of the title as fit on its line."""
    facts = "".join(f" · {fact}" for fact in (card.short_tag, _votes(card, language)) if fact)
    room = max(WIDTH - len(INDENT) - columns(facts), _MIN_TITLE_LENGTH)
    return cut_to_width(card.title, room, columns) + facts


def _note_lines(note: Note, language: Language, feedback: str = "") -> Iterator[str]:
    yield from wrap(f"{note.news}: {note.title}" if note.news else note.title)
    if note.url:
        yield f"{INDENT}{note.url}"
    if note.row and feedback:
        yield f"{INDENT}+ {language.gettext('more')}: {feedback}?more={note.row}"


def _card_lines(card: Card, language: Language, labels: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a paper with its summary, its address and its links with these labels."""
    _ = language.gettext
    yield from wrap(card.title, INDENT)
    yield from _withdrawn(card, language)
    yield from wrap(" · ".join(part for part in (card.byline_tag, *card.byline, *card.badges) if part), INDENT)
    yield from _summary(card, language)
    if card.why:
        yield from wrap(_("For you: %(why)s") % {"why": "; ".join(card.why)}, INDENT)
    yield from _address(card)
    for link in card.further_links(labels):
        yield f"{INDENT}{link.label}: {link.url}"


def _lead_labels(language: Language) -> Sequence[str]:
    """Return the labels of the links below the paper to read first."""
    _ = language.gettext
    return "PDF", _("Code"), _("Project"), _("Discussion")


def _card_labels(language: Language) -> Sequence[str]:
    """Return the labels of the links below any other paper."""
    _ = language.gettext
    return _("Code"), _("Project")


def _rate_lines(card: Card, language: Language, feedback: str) -> Iterator[str]:
    """Yield a line for each kind of feedback; none without the address `feedback`."""
    _ = language.gettext
    if feedback:
        yield f"{INDENT}{_('Save for the weekend')}: {feedback}?save={card.row}"
        yield f"{INDENT}{_('More like this')}: {feedback}?more={card.row}"
        yield f"{INDENT}{_('Less like this')}: {feedback}?less={card.row}"


def _rate_line(card: Card, language: Language, feedback: str) -> Iterator[str]:
    """Yield one line for feedback, since its page has buttons for more and for less."""
    _ = language.gettext
    if feedback:
        yield f"{INDENT}+ {_('more')}, – {_('less')}: {feedback}?more={card.row}"


def letter_text(letter: LetterView, blocks: Sequence[tuple[BlockKind, str]], site: Site, language: Language) -> str:
    """Return the whole letter; `blocks` holds each block's kind and its text from `block_text`."""
    numbers = numbering(kind for kind, _ in blocks)
    parts = [opening(letter, site), *(number + text for number, (_, text) in zip(numbers, blocks, strict=True))]
    if letter.chart:
        parts.append(chart_text(letter.chart))
    return "".join([*parts, closing(letter, site, language)])


def numbering(kinds: Iterable[BlockKind]) -> Iterator[str]:
    """Yield the text before each block: papers are numbered, separately in the index; headings and notes are not."""
    numbers = {True: 0, False: 0}
    for kind in kinds:
        if kind in (BlockKind.HEADING, BlockKind.NOTE):
            yield ""
        else:
            numbers[kind is BlockKind.ENTRY] += 1
            yield numbered(numbers[kind is BlockKind.ENTRY])


def opening(letter: LetterView, site: Site) -> str:
    """Return the text above the papers, followed by an empty line."""
    return "\n".join((site.name, f"{letter.date} · {letter.tally}", "", *wrap(letter.lead))) + "\n\n"


def numbered(number: int) -> str:
    """Return the number that replaces the first indent of a paper."""
    return f"{number:>2}. "


def chart_text(chart: Chart) -> str:
    """Return the chart in words, followed by an empty line."""
    counted = (f"{one.name}: {one.papers}" for one in chart.legend)
    return "\n".join((chart.title, *(line for one in counted for line in wrap(one, INDENT)))) + "\n\n"


def closing(letter: LetterView, site: Site, language: Language) -> str:
    """Return the text below the papers, with a final line break."""
    return "\n\n".join(_closing(letter, site, language)) + "\n"


def notice_text(letter: LetterView, notice: Notice, site: Site, language: Language) -> str:
    """Return a notice as text: its paragraphs, with each button as a label and an address."""
    parts = [site.name]
    for paragraph in notice.paragraphs:
        if paragraph.url:
            lines = [f"{paragraph.text}:", paragraph.url]
        else:
            lines = [*wrap(paragraph.text), *(one for line in paragraph.lines for one in wrap(line, INDENT))]
        parts.append("\n".join(lines))
    return "\n\n".join([*parts, closing(letter, site, language)])


def paragraph(text: str) -> str:
    """Return the text wrapped to lines."""
    return "\n".join(wrap(text))


def _closing(letter: LetterView, site: Site, language: Language) -> Iterator[str]:
    _ = language.gettext
    if letter.more and letter.links:
        yield f"{letter.more}:\n{letter.links.online}"
    if letter.finish:
        yield paragraph(letter.finish)
    if letter.reply:
        yield paragraph(letter.reply)
    yield "-" * WIDTH
    if letter.reason:
        yield paragraph(letter.reason)
    if letter.links:
        ways = (
            (_("View in browser"), "" if letter.more else letter.links.online),  # "Read all online" is the same page
            *((control.label, f"{letter.links.preferences}{control.url}") for control in letter.controls),
            (_("Cite"), f"{letter.links.online}#cite" if letter.citable and letter.links.online else ""),
            (_("Preferences"), "" if letter.controls else letter.links.preferences),
            (_("Unsubscribe"), letter.links.unsubscribe),
        )
        yield "\n".join(f"{label}: {url}" for label, url in ways if url)
    yield "\n".join(paragraph(text) for text in (site.name, site.postal_address, letter.thanks) if text.strip())


def _withdrawn(card: Card, language: Language) -> list[str]:
    return wrap(language.gettext("Withdrawn by its authors."), INDENT) if card.withdrawn else []


def _summary(card: Card, language: Language) -> list[str]:
    label = " " + language.gettext("(AI summary)") if card.generated_summary else ""
    return wrap(card.summary + label, INDENT) if card.summary else []


def _votes(card: Card, language: Language) -> str:
    return language.count("%(num)s vote", "%(num)s votes", card.votes) if card.popular else ""


def _address(card: Card) -> list[str]:
    """Return the line with a paper's only address, where its title leads; empty if it has none."""
    return [f"{INDENT}{card.url}"] if card.url else []


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """Yield the pieces at which a line may break, each with the space before it.

    A piece is a word, or a single character of a wide script.
    """
    for word in _BLANKS.split(text.strip()):  # does not split at no-break spaces
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
