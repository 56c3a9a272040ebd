"""What templates print: a paper as a card, and a letter as blocks and finished sentences. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from markupsafe import Markup

from paperround.domain.models import Links, NoteKind
from paperround.rendering.chart import Chart
from paperround.rendering.topic_names import is_interest, shorten_tag


@dataclass(frozen=True, slots=True)
class Link:
    """An address where a paper can be read or discussed, and its label."""

    label: str
    url: str
    in_letters: bool = True
    """Whether letters print it: they omit the project page of a paper with a link to its code."""


@dataclass(frozen=True, slots=True)
class Card:
    """A paper as it is printed in a letter or on a page."""

    id: str
    row: int
    """The paper's number, which identifies it in feedback links."""
    title: str
    title_html: Markup
    """The title as HTML, with mathematics as elements."""
    short_title: str
    """As many words of the title as fit into a row of the index."""
    tag: str
    """The topic that the paper fits best; empty if unknown."""
    byline_tag: str
    """The same for a line with the authors and the organization; empty if the topic is one of them, whom a subscriber
    follows.
    """
    direction: str
    """`ltr`, or `auto` if the title runs from right to left."""
    url: str
    """The address that the title links to; empty if unknown."""
    authors: str
    first_author: str
    """The first author and the number of further authors."""
    organization: str
    day: str
    votes: int
    popular: bool
    """Whether the paper has enough votes to print their number."""
    comments: int
    stars: int
    badges: tuple[str, ...]
    """The numbers of votes, comments and stars in words; small numbers are omitted."""
    summary: str
    summary_html: Markup
    """The summary as HTML, with mathematics as elements."""
    generated_summary: bool
    """Whether the summary was not written by the authors."""
    why: tuple[str, ...]
    links: tuple[Link, ...]
    picture: str
    """The address of the thumbnail on the site itself; empty without a picture."""
    picture_width: int
    picture_height: int
    """Width and height are in pixels, 0 without a picture."""
    withdrawn: bool
    from_arxiv: bool
    number: int = 0
    """The number by which a reply names the paper; 0 if letters do not ask for replies."""

    @property
    def byline(self) -> tuple[str, ...]:
        """Authors, organization and day, as far as they are known."""
        return tuple(part for part in (self.authors, self.organization, self.day) if part)

    def further_links(self, labels: Collection[str]) -> tuple[Link, ...]:
        """Return the links with these labels that a letter prints: none to the page that the title links to."""
        return tuple(
            link
            for link in self.links
            if link.label in labels and link.in_letters and link.url.partition("#")[0] != self.url
        )

    @property
    def short_tag(self) -> str:
        """The topic's name, shortened for the index: "Robotics" for "Robotics and planning"."""
        return shorten_tag(self.tag)

    @property
    def interest(self) -> str:
        """The subscriber's own interest that the paper fits best; empty for a topic, which has a name."""
        return self.tag if is_interest(self.tag) else ""


class BlockKind(StrEnum):
    """The kinds of blocks in a letter."""

    HEADING = "heading"
    ENTRY = "entry"
    """A row of the index."""
    LEAD = "lead"
    """The paper to read first, with all its details."""
    CARD = "card"
    """A paper with its summary."""
    BRIEF = "brief"
    """A paper with its title and one sentence."""
    LINE = "line"
    """A paper with its title alone."""
    NOTE = "note"
    """A line about a paper that does not count as sent with the letter."""


@dataclass(frozen=True, slots=True)
class Note:
    """A line about a paper that the subscriber has received before or saved, or that was not chosen."""

    kind: NoteKind
    news: str
    """What is new about the paper; empty for a saved one and one that was not chosen."""
    title: str
    title_html: Markup
    url: str
    row: int = 0
    """The number of a paper that was not chosen, of which the subscriber may want more; 0 for others."""
    from_arxiv: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, a note, or a paper in one of the forms of `BlockKind`."""

    kind: BlockKind
    heading: str = ""
    about: str = ""
    """A sentence below the heading; empty if there is none."""
    card: Card | None = None
    note: Note | None = None
    votes: bool = False
    """Whether the index that this row belongs to has a column for votes."""
    tight: bool = False
    """Whether the next block follows without an empty line in text."""
    words: int = 0
    """The number of words that count toward the reading time."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of a notice, which may end with a list of lines, or with a URL a button and its label."""

    text: str
    url: str = ""
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """The subject and the paragraphs of a notice."""

    subject: str
    paragraphs: tuple[Paragraph, ...]


@dataclass(frozen=True, slots=True)
class LetterView:
    """A letter with finished sentences, so that a theme only arranges them."""

    subject: str
    lead: str
    """The first visible line, which mail clients show as the preview."""
    date: str
    tally: str
    """How many of the papers that matched are in the letter, such as `10 of 28`."""
    more: str
    """The label of the button to all papers online; empty if all are in the letter."""
    finish: str
    """The last line, with the reading time and the number of papers that the letter was chosen from."""
    reason: str
    thanks: str
    links: Links | None
    reply: str = ""
    """How to rate papers by a reply; empty if letters do not ask for replies."""
    controls: tuple[Link, ...] = ()
    """One-click changes of preferences: the label, and the suffix of the preferences address."""
    citable: bool = False
    """Whether the letter's page in the browser lists papers, and with them their citations."""
    blocks: tuple[Block, ...] = ()
    notice: Notice | None = None
    """The notice to print in place of blocks; None for digests."""
    chart: Chart | None = None
    """The chart of papers by topic and day, in weekly and monthly letters; otherwise None."""
