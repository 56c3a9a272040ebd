"""The size of an email, part by part, compared with the size at which Gmail clips it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree
from lxml.etree import _Element

from paperround.domain.client_limits import GMAIL_CLIPS
from paperround.linting.mail import Mail
from paperround.linting.page import HtmlDocument, text_of
from paperround.linting.structure import HEADINGS


@dataclass(frozen=True, slots=True)
class SectionSize:
    """The size of a section of the HTML in bytes, and the number of its entries."""

    name: str
    bytes: int
    entries: int = 0


@dataclass(frozen=True, slots=True)
class SizeBreakdown:
    """The sizes of a message in bytes. For HTML they count the decoded HTML, not its transfer encoding."""

    message: int
    header: int
    text: int
    html: int
    head: int
    style: int
    """The size of the style elements, which are part of `head`."""
    inline: int
    """The size of the style attributes of all elements."""
    words: int
    """The size of the visible text."""
    sections: tuple[SectionSize, ...]
    """The size of each h2 with its content up to the next one."""
    around: int
    """The size of the body outside its sections: masthead, greeting and footer."""
    limit: int = GMAIL_CLIPS

    @property
    def share(self) -> float:
        """The size of the HTML relative to Gmail's limit; from 1 on, Gmail clips it."""
        return self.html / self.limit


def measure(mail: Mail) -> SizeBreakdown:
    """Measure a message and return the sizes of its parts."""
    page = mail.page
    html = len(mail.html.encode())
    head = sum(_bytes(element) for element in page.all("head"))
    sections = _sections(page)
    return SizeBreakdown(
        message=len(mail.raw),
        header=sum(len(text) + 2 for field in mail.fields for text in field.lines),
        text=len(mail.text.encode()),
        html=html,
        head=head,
        style=sum(len(sheet.text.encode()) for sheet in page.sheets),
        inline=sum(len(str(element.get("style")).encode()) for element in page.all() if element.get("style")),
        words=len(page.words.encode()),
        sections=sections,
        around=max(0, html - head - sum(section.bytes for section in sections)),
    )


def _sections(page: HtmlDocument) -> tuple[SectionSize, ...]:
    sections: list[SectionSize] = []
    for heading in page.all(*HEADINGS):
        if heading.tag == "h2":
            sections.append(SectionSize(text_of(heading), _bytes(_own(heading))))
        elif sections and heading.tag == "h3":
            last = sections.pop()
            sections.append(SectionSize(last.name, last.bytes + _bytes(_own(heading)), last.entries + 1))
    return tuple(sections)


def _own(heading: _Element) -> _Element:
    """Return the largest element with this heading and no other: the card of a paper, or the title of a section."""
    element = heading
    while (parent := element.getparent()) is not None and len(list(parent.iter(*HEADINGS))) == 1:
        element = parent
    return element


def _bytes(element: _Element) -> int:
    return len(etree.tostring(element, method="html", encoding="utf-8", with_tail=False))
