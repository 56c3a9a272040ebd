"""The card of a paper in a list on the pages, derived from the card in emails. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from paperround.domain.models import Paper, Topic
from paperround.rendering.card import build_card
from paperround.rendering.language import Language
from paperround.rendering.letter_view import Link
from paperround.rendering.web_addresses import link_addresses
from paperround.web.urls import page_of
from paperround.web.wording import translated_topics

_ABSTRACT = 420  # characters of an abstract in a list
_TOPICS_SHOWN = 4
_BREAK = "\u200b"  # emails need it in long words; browsers break long words on their own


@dataclass(frozen=True, slots=True)
class PaperCard:
    """A paper as a list on a page displays it."""

    id: str
    page: str
    """The path of the paper's page."""
    day: date
    """The day on which the paper was announced."""
    title: str
    title_html: Markup
    """The title as HTML with formatted mathematics."""
    direction: str
    authors: str
    first_author: str
    """The first author, and the number of further authors."""
    organization: str
    byline: tuple[str, ...]
    votes: int
    badges: tuple[str, ...]
    other_badges: tuple[str, ...]
    """The badges without the votes, which are displayed separately."""
    summary: str
    summary_html: Markup
    generated_summary: bool
    """Whether a machine wrote the summary."""
    why: tuple[str, ...]
    links: tuple[Link, ...]
    picture: str
    """The path of the thumbnail; empty if there is none."""
    picture_width: int
    picture_height: int
    withdrawn: bool
    topics: tuple[Topic, ...]

    @property
    def short_byline(self) -> tuple[str, ...]:
        """The first author and the organization, as far as they are known."""
        return tuple(part for part in (self.first_author, self.organization) if part)


def card(
    paper: Paper,
    language: Language,
    today: date,
    *,
    why: Sequence[str] = (),
    topics: Iterable[Topic] = (),
    budget: int = _ABSTRACT,
    links: bool = False,
) -> PaperCard:
    """Return the card of a paper. `budget` is the maximum length of the abstract in characters.

    With `links`, web addresses in the abstract are links; a card that is itself a link cannot have them.
    """
    built = build_card(paper, why, language, budget, today, min_badge=1)
    summary_html = _whole(built.summary_html)
    return PaperCard(
        id=paper.id,
        page=page_of(paper.id),
        day=paper.day,
        title=_whole(built.title),
        title_html=Markup(_whole(built.title_html)),  # noqa: S704 - it is escaped already
        direction=built.direction,
        authors=_whole(built.authors),
        first_author=_whole(built.first_author),
        organization=_whole(built.organization),
        byline=tuple(map(_whole, built.byline)),
        votes=built.votes,
        badges=built.badges,
        other_badges=built.badges[1:] if built.votes else built.badges,
        summary=_whole(built.summary),
        summary_html=Markup(link_addresses(summary_html) if links else summary_html),  # noqa: S704 - it is escaped already
        generated_summary=built.generated_summary,
        why=tuple(map(_whole, built.why)),
        links=built.links,
        picture=built.picture,
        picture_width=built.picture_width,
        picture_height=built.picture_height,
        withdrawn=built.withdrawn,
        topics=tuple(translated_topics(topics, language))[:_TOPICS_SHOWN],
    )


def cards(
    papers: Iterable[Paper], language: Language, today: date, topics: Mapping[int, Sequence[Topic]]
) -> list[PaperCard]:
    """Return the cards of a list of papers. `topics` holds the topics of each paper by its row."""
    return [card(paper, language, today, topics=topics.get(paper.row, ())) for paper in papers]


def _whole(text: str) -> str:
    return text.replace(_BREAK, "")
