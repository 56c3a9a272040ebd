"""What a template sees: a paper as a card, a digest as a letter, all in the subscriber's language. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote, urlsplit

from paperround.domain.latex import readable
from paperround.domain.models import DISCUSSED, Links, Paper, Section, Site, Subscriber
from paperround.domain.schedule import Cadence, span
from paperround.domain.text import clean
from paperround.rendering import reasons
from paperround.rendering.chart import Chart
from paperround.rendering.excerpt import breakable, excerpt, right_to_left
from paperround.rendering.language import Language

# Asked for, word for word, by https://info.arxiv.org/help/api/tou.html; it is not translated.
ARXIV_THANKS = "Thank you to arXiv for use of its open access interoperability."
_FIRST_AUTHORS = 3
_NAMED_TOPICS = 4
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Link:
    """Where a paper can be read or discussed, and what the place is called."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Card:
    """A paper as it is printed."""

    id: str
    row: int
    """The paper's number, by which feedback names it."""
    title: str
    direction: str
    """`ltr`, or `auto` where the title runs from right to left."""
    url: str
    """Where the title leads; empty where nothing is known."""
    authors: str
    organization: str
    day: str
    votes: int
    comments: int
    stars: int
    badges: tuple[str, ...]
    """Votes, comments and stars that there are, in words."""
    summary: str
    made_summary: bool
    """Whether the summary was made by somebody else than the authors."""
    why: tuple[str, ...]
    links: tuple[Link, ...]
    picture: str
    """The address of its thumbnail on the site itself, or empty."""
    picture_width: int
    picture_height: int
    """Both in pixels, 0 without a picture."""
    withdrawn: bool
    from_arxiv: bool

    @property
    def byline(self) -> tuple[str, ...]:
        """Authors, organisation and day, as far as they are known."""
        return tuple(part for part in (self.authors, self.organization, self.day) if part)


@dataclass(frozen=True, slots=True)
class LetterSection:
    """A topic's section of a letter."""

    name: str
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of a notice, or with a URL the label of a button."""

    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a notice says."""

    subject: str
    paragraphs: tuple[Paragraph, ...]


@dataclass(frozen=True, slots=True)
class LetterView:
    """A letter: all sentences are finished, so that a theme only arranges them."""

    subject: str
    lead: str
    """The first visible line, which mail clients show as the preview."""
    date: str
    more: str
    """How many papers there are online beyond these; empty where there are none."""
    reason: str
    thanks: str
    links: Links | None
    sections: tuple[LetterSection, ...] = ()
    notice: Notice | None = None
    """What a notice says, in place of sections."""
    chart: Chart | None = None
    """The span's papers by topic and day, in weekly and monthly letters."""


def card(paper: Paper, why: Sequence[str], language: Language, budget: int, today: date, *, site: str = "") -> Card:
    """The paper's card, its summary within `budget` characters (half of them in Chinese, Japanese or Korean).

    `site` is where the site's pictures are: its base address, without a trailing slash.
    """
    title = readable(paper.title)
    summary = readable(paper.summary or paper.abstract)
    shown = paper.picture
    return Card(
        id=paper.id,
        row=paper.row,
        title=breakable(title),
        direction="auto" if right_to_left(title) else "ltr",
        url=paper.url or _abstract_page(paper),
        authors=breakable(_authors(paper, language)),
        organization=breakable(readable(paper.organization or "")),
        day=_unbroken(language.short_date(paper.published or paper.day, today)),
        votes=paper.upvotes or 0,
        comments=paper.comments or 0,
        stars=paper.stars or 0,
        badges=_badges(paper, language),
        summary=breakable(excerpt(summary, budget // 2 if _is_dense(summary) else budget)),
        made_summary=bool(paper.summary),
        why=reasons.told(why, language),
        links=_links(paper, language),
        picture=f"{site}/pictures/{shown.name}.jpg" if shown else "",
        picture_width=shown.width if shown else 0,
        picture_height=shown.height if shown else 0,
        withdrawn=paper.withdrawn,
        from_arxiv=paper.arxiv_id is not None,
    )


def reaches_subscribers(site: Site) -> bool:
    """Whether mail programs show pictures of this site: those of https; on a trial's own machine also of http."""
    address = urlsplit(site.base_url)
    return address.scheme == "https" or address.hostname in _THIS_MACHINE


def section_name(section: Section, cadence: Cadence, language: Language) -> str:
    """What stands above a section: its topic's name, or what it is."""
    if section.topic != DISCUSSED:
        return section.name
    if cadence is Cadence.MONTHLY:
        return language.gettext("Most discussed this month")
    return language.gettext("Most discussed this week")


def dated(cadence: Cadence, day: date, language: Language) -> str:
    """The day that a letter is of, or the days that it tells of."""
    told = span(cadence, day)
    return language.span(*told) if told else language.date(day)


def inside(papers: int, topics: int, more: int, language: Language) -> str:
    """`9 papers on 3 topics; 4 more online`."""
    if not papers:
        return more_online(more, language) or language.gettext("no new papers")
    told = language.gettext("%(papers)s on %(topics)s") % {
        "papers": language.count("%(num)s paper", "%(num)s papers", papers),
        "topics": language.count("%(num)s topic", "%(num)s topics", topics),
    }
    return f"{told}; {more_online(more, language)}" if more else told


def more_online(more: int, language: Language) -> str:
    """`4 more online`, or nothing."""
    return language.count("%(num)s more online", "%(num)s more online", more) if more else ""


def and_more(others: int, language: Language) -> str:
    """` and 8 more`, for the subject, or nothing."""
    return " " + language.count("and %(num)s more", "and %(num)s more", others) if others else ""


def lead(subscriber: Subscriber, told: str, language: Language) -> str:
    """The letter's first line: the greeting, by name where it is known, and what is inside."""
    _, name = language.gettext, clean(subscriber.name)
    sentence = {
        Cadence.WEEKLY: _("your digest for this week: %(inside)s."),
        Cadence.MONTHLY: _("your digest for this month: %(inside)s."),
    }.get(subscriber.schedule.cadence, _("your digest for today: %(inside)s."))
    told = sentence % {"inside": told}
    if not name:
        return told[:1].upper() + told[1:]
    return breakable(_("Hello %(name)s, %(told)s") % {"name": name, "told": told})


def reason(subscriber: Subscriber, topics: Sequence[str], language: Language) -> str:
    """Why this subscriber gets this letter, and how often."""
    _ = language.gettext
    if not topics:
        return _("You receive this email because you subscribed to it.")
    named = list(topics) if len(topics) <= _NAMED_TOPICS else list(topics[: _NAMED_TOPICS - 1])
    if left := len(topics) - len(named):
        named.append(language.count("%(num)s more topic", "%(num)s more topics", left))
    sentence = {
        Cadence.DAILY: _("You receive this email every day because you follow %(topics)s."),
        Cadence.WEEKDAYS: _("You receive this email on weekdays because you follow %(topics)s."),
        Cadence.WEEKLY: _("You receive this email once a week because you follow %(topics)s."),
        Cadence.MONTHLY: _("You receive this email once a month because you follow %(topics)s."),
        Cadence.OFF: _("You receive this email because you follow %(topics)s."),
    }[subscriber.schedule.cadence]
    return sentence % {"topics": language.list(named)}


def promise(subscriber: Subscriber, language: Language) -> str:
    """How often and when letters will come; nothing where none will."""
    _, schedule = language.gettext, subscriber.schedule
    sentence = {
        Cadence.DAILY: _("You will receive one email every day at %(time)s (%(zone)s)."),
        Cadence.WEEKDAYS: _("You will receive one email every weekday at %(time)s (%(zone)s)."),
        Cadence.WEEKLY: _("You will receive one email a week, on %(weekday)s at %(time)s (%(zone)s)."),
        Cadence.MONTHLY: _("You will receive one email a month, on day %(monthday)s at %(time)s (%(zone)s)."),
        Cadence.OFF: "",
    }[schedule.cadence]
    return sentence % {
        "time": language.time(schedule.at),
        "zone": schedule.timezone.replace("_", " "),
        "weekday": language.weekday(schedule.weekday),
        "monthday": schedule.monthday,
    }


def _authors(paper: Paper, language: Language) -> str:
    names = [readable(name) for name in paper.authors]
    if not names:
        return language.count("%(num)s author", "%(num)s authors", paper.author_count) if paper.author_count else ""
    if len(names) <= _FIRST_AUTHORS + 1:
        return ", ".join(names)
    left = language.number(len(names) - _FIRST_AUTHORS - 1)
    return f"{', '.join(names[:_FIRST_AUTHORS])}, …, {names[-1]}\u00a0+{left}"


def _badges(paper: Paper, language: Language) -> tuple[str, ...]:
    votes, comments, stars = paper.upvotes or 0, paper.comments or 0, paper.stars or 0
    told = (
        votes and language.count("%(num)s vote", "%(num)s votes", votes),
        comments and language.count("%(num)s comment", "%(num)s comments", comments),
        stars and language.count("%(num)s star", "%(num)s stars", stars),
    )
    return tuple(_unbroken(count) for count in told if count)


def _is_dense(text: str) -> bool:
    """Whether most of it is in a script that says in one wide character what others say in two or three."""
    start = text[:80]
    return 2 * sum(unicodedata.east_asian_width(char) in "WF" for char in start) > len(start)


def _unbroken(text: str) -> str:
    """A count and its word, a month and its day: together on one line."""
    return text.replace(" ", "\u00a0")


def _abstract_page(paper: Paper) -> str:
    if paper.arxiv_id:
        return f"https://arxiv.org/abs/{paper.arxiv_id}"
    return f"https://doi.org/{quote(paper.doi, safe='/.()-_:;')}" if paper.doi else ""


def _links(paper: Paper, language: Language) -> tuple[Link, ...]:
    _ = language.gettext
    pdf = paper.pdf_url or (f"https://arxiv.org/pdf/{paper.arxiv_id}" if paper.arxiv_id else None)
    known = (
        ("arXiv" if paper.arxiv_id else _("Abstract"), _abstract_page(paper) or paper.url),
        ("PDF", pdf),
        (_("Code"), paper.code_url),
        (_("Project"), paper.project_url),
        (_("Discussion"), paper.discussion_url),
    )
    by_address: dict[str, str] = {}
    for label, url in known:
        if url:
            by_address.setdefault(url, label)
    return tuple(Link(label, url) for url, label in by_address.items())
