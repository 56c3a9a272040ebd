"""Build the card of a paper, and the note about a paper that does not count as sent with the letter. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from urllib import parse

from markupsafe import Markup

from paperround.domain.hosts import is_local
from paperround.domain.latex import as_html, marked, readable, unmarked
from paperround.domain.models import NoteKind, Paper, PaperNote, Site
from paperround.domain.text import terms
from paperround.rendering import reasons
from paperround.rendering.contribution import shorten_abstract
from paperround.rendering.excerpt import (
    breakable,
    cut_to_width,
    excerpt,
    is_wide,
    keep_together,
    right_to_left,
    tie_last_words,
)
from paperround.rendering.language import Language
from paperround.rendering.letter_view import BlockKind, Card, Link, Note
from paperround.rendering.topic_names import shorten_tag

_FIRST_AUTHORS = 3
_MIN_PRINTED = 5  # votes, comments or stars: "1 star" is uninformative
# The width of a row of the index and of what stands beside its title, in pixels of the layout: a title in 15 px has
# one line in a window of 640 pixels, also in Noto Sans, and two on a phone, where the topic is hidden.
_ROW, _VOTES_COLUMN, _NUMBER_COLUMN, _BEFORE_TOPIC = 528, 54, 22, 10
_TITLE_SIZE, _TOPIC_SIZE = 15, 14
# The widths of characters as parts of the font size: those of Arial or Noto Sans, whichever has the wider ones.
_WIDTHS = {
    char: width
    for width, chars in (
        (0.28, "ijl.,:;!'’ "),
        (0.36, "ftI()-[]|·"),
        (0.42, "r"),
        (0.52, "ckszvxyFJL"),
        (0.58, "aeTZ–?0123456789"),
        (0.62, "bdghnopquKPX"),
        (0.75, "DGHNU&"),
        (0.79, "wOQ"),
        (0.93, "mMW@%"),
        (1.0, "—…"),
    )
    for char in chars
}
_WIDTH, _CAPITAL_WIDTH = 0.6, 0.67  # of other characters
_DAYS_OF_WEEK = 7


def build_card(
    paper: Paper,
    why: Sequence[str],
    language: Language,
    budget: int,
    today: date,
    *,
    site: str = "",
    tag: str = "",
    min_badge: int = _MIN_PRINTED,
    votes_column: bool = False,
    number: int = 0,
) -> Card:
    """Return a paper's card, with a summary of at most `budget` characters (half of that for CJK text).

    `site` is the base address of the site, without a trailing slash, for the address of the picture. `tag` is the
    topic that the paper fits best. Votes, comments and stars below `min_badge` get no badge. `votes_column` says that
    the index has a column for votes, and thus room for less of the title. `number` is the number before the title; 0
    for none.
    """
    title = breakable(marked(paper.title))
    generated = paper.generated_summary(language.code)
    plain = readable(paper.title)
    summary = breakable(_summarize(marked(paper.abstract, paper.title), plain, marked(generated), budget))
    picture = paper.picture
    votes = paper.upvotes or 0
    return Card(
        id=paper.id,
        row=paper.row,
        title=unmarked(title),
        title_html=Markup(as_html(title)),  # noqa: S704 - as_html escapes
        short_title=shorten_title(plain, shorten_tag(tag), votes_column=votes_column, numbered=number > 0),
        tag=tag,
        byline_tag="" if tag and _is_by(tag, paper) else tag,
        direction="auto" if right_to_left(plain) else "ltr",
        url=_title_url(paper),
        authors=breakable(_join_authors(paper, language)),
        first_author=breakable(_first_author(paper, language)),
        organization=breakable(readable(paper.organization or "")),
        day=keep_together(language.short_date(paper.published or paper.day, today)),
        votes=votes,
        popular=is_popular(votes),
        comments=paper.comments or 0,
        stars=paper.stars or 0,
        badges=_badges(paper, language, min_badge),
        summary=unmarked(summary),
        summary_html=Markup(as_html(summary)),  # noqa: S704 - as_html escapes
        generated_summary=bool(generated),
        why=reasons.as_sentences(why, language),
        links=_links(paper, language),
        picture=f"{site}/pictures/{picture.name}.jpg" if picture else "",
        picture_width=picture.width if picture else 0,
        picture_height=picture.height if picture else 0,
        withdrawn=paper.withdrawn,
        from_arxiv=paper.arxiv_id is not None,
        number=number,
    )


def build_note(about: PaperNote, paper: Paper, language: Language, today: date) -> Note:
    """Return a letter's line about a paper that does not count as sent with it; `today` is the day of the letter."""
    return _build_note(about, paper.title, _title_url(paper), paper.arxiv_id is not None, language, today)


@lru_cache(maxsize=4096)
def _build_note(about: PaperNote, title: str, url: str, from_arxiv: bool, language: Language, today: date) -> Note:
    title = breakable(marked(title))
    return Note(
        kind=about.kind,
        news=keep_together(_describe_news(about, language, today)),
        title=unmarked(title),
        title_html=Markup(as_html(title)),  # noqa: S704 - as_html escapes
        url=url,
        row=about.paper if about.kind is NoteKind.CLOSE else 0,
        from_arxiv=from_arxiv,
    )


def _describe_news(about: PaperNote, language: Language, today: date) -> str:
    """Return what is new about a paper; empty for a saved one and one that was not chosen."""
    _ = language.gettext
    match about.kind:
        case NoteKind.WITHDRAWN:
            return _("Withdrawn by its authors")
        case NoteKind.CODE:
            return _("Code released")
        case NoteKind.VERSION:
            return _("Version %(number)s") % {"number": about.now}
        case NoteKind.VOTES:
            return _("▲ %(before)s → %(now)s since %(day)s") % {
                "before": language.number(about.before),
                "now": language.number(about.now),
                "day": _format_recent_day(about.since, language, today),
            }
        case _:
            return ""


def _format_recent_day(day: date, language: Language, today: date) -> str:
    """Return the weekday of a day in the past week, otherwise its date."""
    recent = 0 < (today - day).days < _DAYS_OF_WEEK
    return language.weekday(day.weekday()) if recent else language.short_date(day, today)


def is_popular(votes: int) -> bool:
    """Return whether a paper has enough votes to print their number."""
    return votes >= _MIN_PRINTED


def can_load_pictures(site: Site) -> bool:
    """Return whether mail clients can load the site's pictures: over https, or from this machine."""
    return parse.urlsplit(site.base_url).scheme == "https" or is_local(site.base_url)


def shorten_title(title: str, topic: str, *, votes_column: bool = False, numbered: bool = False) -> str:
    """Return as many words of a title as fit into a row of the index with what stands beside it."""
    room: float = _ROW - votes_column * _VOTES_COLUMN - numbered * _NUMBER_COLUMN
    if topic:
        room -= _BEFORE_TOPIC + _TOPIC_SIZE * _estimate_width(topic)
    return breakable(tie_last_words(cut_to_width(title, room / _TITLE_SIZE, _estimate_width)))


def _estimate_width(text: str) -> float:
    """Return about the width of a text in a font without serifs, as a multiple of its size."""
    return sum(map(_character_width, text))


@lru_cache(maxsize=4096)
def _character_width(char: str) -> float:
    if char in _WIDTHS:
        return _WIDTHS[char]
    if unicodedata.east_asian_width(char) in "WF":
        return 1.0
    if unicodedata.combining(char):
        return 0.0
    return _CAPITAL_WIDTH if char.isupper() else _WIDTH


def count_words(kind: BlockKind, card: Card) -> int:
    """Return the number of words to read for a paper of this kind; 0 in the index, which repeats what is below it."""
    if kind is BlockKind.ENTRY:
        return 0
    title = len(card.title.split())
    return title if kind is BlockKind.LINE else title + len(card.summary.split())


def _summarize(abstract: str, title: str, generated: str, budget: int) -> str:
    budget = budget // 2 if is_wide(generated or abstract) else budget
    return excerpt(generated, budget) if generated else shorten_abstract(abstract, title, budget)


def _join_authors(paper: Paper, language: Language) -> str:
    names = [readable(name) for name in paper.authors]
    if not names:
        return language.count("%(num)s author", "%(num)s authors", paper.author_count) if paper.author_count else ""
    if len(names) <= _FIRST_AUTHORS + 1:
        return ", ".join(names)
    return f"{', '.join(names[:_FIRST_AUTHORS])}, …, {names[-1]}"


def _first_author(paper: Paper, language: Language) -> str:
    if not paper.authors:
        return _join_authors(paper, language)
    others = max(len(paper.authors), paper.author_count or 0) - 1
    return readable(paper.authors[0]) + (f"\u00a0+{language.number(others)}" if others else "")


def _is_by(name: str, paper: Paper) -> bool:
    """Return whether a name is an author or the organization of a paper, ignoring word order and case."""
    words = set(terms(name))
    names = (*paper.authors, paper.organization or "")
    return any(set(terms(readable(other))) == words for other in names if other)


def _badges(paper: Paper, language: Language, min_badge: int) -> tuple[str, ...]:
    counts = (paper.upvotes or 0, paper.comments or 0, paper.stars or 0)
    votes, comments, stars = (count if count >= min_badge else 0 for count in counts)
    labels = (
        votes and language.count("%(num)s vote", "%(num)s votes", votes),
        comments and language.count("%(num)s comment", "%(num)s comments", comments),
        stars and language.count("%(num)s star", "%(num)s stars", stars),
    )
    return tuple(keep_together(label) for label in labels if label)


def _title_url(paper: Paper) -> str:
    return paper.address or _abstract_url(paper)


def _abstract_url(paper: Paper) -> str:
    if paper.arxiv_id:
        return f"https://arxiv.org/abs/{paper.arxiv_id}"
    return f"https://doi.org/{parse.quote(paper.doi, safe='/.()-_:;')}" if paper.doi else ""


def _links(paper: Paper, language: Language) -> tuple[Link, ...]:
    """Return the paper's links; an address that several labels share has the first one."""
    _ = language.gettext
    pdf = paper.pdf_url or (f"https://arxiv.org/pdf/{paper.arxiv_id}" if paper.arxiv_id else None)
    labeled = (
        ("arXiv" if paper.arxiv_id else _("Abstract"), _abstract_url(paper) or paper.address),
        ("PDF", pdf),
        (_("Code"), paper.code_url),
        (_("Project"), paper.project_url),
        (_("Discussion"), paper.discussion_url),
    )
    labels: dict[str, str] = {}
    for label, url in labeled:
        if url:
            labels.setdefault(url, label)
    coded = _("Code") in labels.values()
    return tuple(Link(label, url, not coded or label != _("Project")) for url, label in labels.items())
