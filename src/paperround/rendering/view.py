"""What a template sees: a paper as a card, a digest as a letter, all in the subscriber's language. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from urllib.parse import quote, urlsplit

from markupsafe import Markup

from paperround.domain.latex import as_html, marked, readable, unmarked
from paperround.domain.models import (
    DISCUSSED,
    DayFacts,
    Links,
    NoteKind,
    Paper,
    PaperNote,
    Pick,
    Section,
    Site,
    Subscriber,
)
from paperround.domain.schedule import Cadence, span
from paperround.domain.text import clean
from paperround.rendering import reasons
from paperround.rendering.chart import Chart
from paperround.rendering.excerpt import breakable, cut, excerpt, right_to_left
from paperround.rendering.language import Language
from paperround.rendering.source_names import source_name

# Asked for, word for word, by https://info.arxiv.org/help/api/tou.html; it is not translated.
ARXIV_THANKS = "Thank you to arXiv for use of its open access interoperability."
_FIRST_AUTHORS = 3
_LEAST_WORTH_SAYING = 5  # votes, comments, stars: "1 star" says nothing
_SHORT_TAG = 16  # characters beside a title in the index
_SHORT_TITLE = 46  # characters: one line of an index on a phone
_NAMED_BEFORE_COLON = 4  # characters: shorter names before a colon say too little alone
_WORDS_A_MINUTE = 220
_TITLES_IN_LEAD = 3
_MONDAY = 0
_DAYS_OF_WEEK = 7
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
    title_html: Markup
    """The same with mathematics as elements, for HTML."""
    short_title: str
    """What stands before the title's colon, or as much of the title as one line of an index holds."""
    tag: str
    """The topic that it fits best, or empty."""
    direction: str
    """`ltr`, or `auto` where the title runs from right to left."""
    url: str
    """Where the title leads; empty where nothing is known."""
    authors: str
    first_author: str
    """The first author, and how many more there are."""
    organization: str
    day: str
    votes: int
    comments: int
    stars: int
    badges: tuple[str, ...]
    """Votes, comments and stars in words, where there are enough of them to say something."""
    summary: str
    summary_html: Markup
    """The same with mathematics as elements, for HTML."""
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

    @property
    def short_tag(self) -> str:
        """As much of its topic's name as an index has room for."""
        return cut(self.tag, _SHORT_TAG)

    @property
    def popular(self) -> bool:
        """Whether it has votes enough to print their number."""
        return self.votes >= _LEAST_WORTH_SAYING


class BlockKind(StrEnum):
    """The parts that a letter is made of, from top to bottom."""

    HEADING = "heading"
    ENTRY = "entry"
    """A row of the index."""
    LEAD = "lead"
    """The paper to read first, with everything that is known of it."""
    CARD = "card"
    """A paper with its summary."""
    BRIEF = "brief"
    """A paper as its title and one sentence."""
    LINE = "line"
    """A paper as its title alone."""
    NOTE = "note"
    """A line about a paper that is not new."""


@dataclass(frozen=True, slots=True)
class Note:
    """A line about a paper that the subscriber has had before, or has saved."""

    kind: NoteKind
    told: str
    """What is new about it; empty for a saved one."""
    title: str
    title_html: Markup
    url: str


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, or a paper in one of the forms of BlockKind."""

    kind: BlockKind
    heading: str = ""
    card: Card | None = None
    note: Note | None = None
    votes: bool = False
    """Whether the index that a row is of has a column for votes."""
    tight: bool = False
    """Whether the next block follows without an empty line in text."""
    words: int = 0
    """The words that it takes time to read."""


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
    tally: str
    """How many of the papers that matched are in the letter: `10 of 28`."""
    more: str
    """The label of the button to all of them online; empty where all are here."""
    finish: str
    """The line that says that this was all, and how long it took to read."""
    reason: str
    thanks: str
    links: Links | None
    controls: tuple[Link, ...] = ()
    """Changes that one click leads to: the label, and what follows the address of the preferences."""
    blocks: tuple[Block, ...] = ()
    notice: Notice | None = None
    """What a notice says, in place of blocks."""
    chart: Chart | None = None
    """The span's papers by topic and day, in weekly and monthly letters."""


def card(
    paper: Paper,
    why: Sequence[str],
    language: Language,
    budget: int,
    today: date,
    *,
    site: str = "",
    tag: str = "",
    least: int = _LEAST_WORTH_SAYING,
) -> Card:
    """The paper's card, its summary within `budget` characters (half of them in Chinese, Japanese or Korean).

    `site` is where the site's pictures are: its base address, without a trailing slash. `tag` is the topic that
    the paper fits best. Votes, comments and stars below `least` are not told.
    """
    title = breakable(marked(paper.title))
    summary = marked(paper.summary or paper.abstract)
    summary = breakable(excerpt(summary, budget // 2 if _is_dense(summary) else budget))
    plain = readable(paper.title)
    shown = paper.picture
    return Card(
        id=paper.id,
        row=paper.row,
        title=unmarked(title),
        title_html=Markup(as_html(title)),  # noqa: S704 - as_html escapes
        short_title=short_title(plain),
        tag=tag,
        direction="auto" if right_to_left(plain) else "ltr",
        url=paper.url or _abstract_page(paper),
        authors=breakable(_authors(paper, language)),
        first_author=breakable(_first_author(paper, language)),
        organization=breakable(readable(paper.organization or "")),
        day=_unbroken(language.short_date(paper.published or paper.day, today)),
        votes=paper.upvotes or 0,
        comments=paper.comments or 0,
        stars=paper.stars or 0,
        badges=_badges(paper, language, least),
        summary=unmarked(summary),
        summary_html=Markup(as_html(summary)),  # noqa: S704 - as_html escapes
        made_summary=bool(paper.summary),
        why=reasons.told(why, language),
        links=_links(paper, language),
        picture=f"{site}/pictures/{shown.name}.jpg" if shown else "",
        picture_width=shown.width if shown else 0,
        picture_height=shown.height if shown else 0,
        withdrawn=paper.withdrawn,
        from_arxiv=paper.arxiv_id is not None,
    )


def note(about: PaperNote, paper: Paper, language: Language, today: date) -> Note:
    """What a letter of this day says of a paper that is not new in it."""
    _ = language.gettext
    recent = 0 < (today - about.since).days < _DAYS_OF_WEEK
    since = language.weekday(about.since.weekday()) if recent else language.short_date(about.since, today)
    told = {
        NoteKind.SAVED: "",
        NoteKind.WITHDRAWN: _("Withdrawn by its authors"),
        NoteKind.CODE: _("Code released"),
        NoteKind.VERSION: _("Version %(number)s") % {"number": about.now},
        NoteKind.VOTES: _("▲ %(before)s → %(now)s since %(day)s")
        % {"before": language.number(about.before), "now": language.number(about.now), "day": since},
    }[about.kind]
    title = breakable(marked(paper.title))
    html = Markup(as_html(title))  # noqa: S704 - as_html escapes
    return Note(about.kind, _unbroken(told), unmarked(title), html, paper.url or _abstract_page(paper))


def finish(facts: DayFacts | None, reading: str, matched: int, language: Language) -> str:
    """The last line: that this was all, how long it took to read, and what it was chosen from."""
    all_of_it = language.gettext("That was all: %(inside)s.") % {"inside": reading} if reading else ""
    return " ".join(part for part in (all_of_it, day_facts(facts, matched, language)) if part)


def day_facts(facts: DayFacts | None, fit: int, language: Language) -> str:
    """From how many papers the letter was chosen, and whether the sources had answered; empty where it is unknown."""
    if facts is None:
        return ""
    _ = language.gettext
    told = []
    if facts.papers >= fit:
        numbers = {"papers": language.count("%(num)s new paper", "%(num)s new papers", facts.papers)}
        told.append(_("Of %(papers)s, %(fit)s matched your topics.") % {**numbers, "fit": language.number(fit)})
    if facts.late:
        names = language.list([source_name(name) for name in facts.late])
        told.append(_("Not complete yet: %(sources)s. What is missing comes in a later email.") % {"sources": names})
    elif facts.complete:
        told.append(_("All sources were complete at %(time)s UTC.") % {"time": facts.complete})
    return " ".join(told)


def reaches_subscribers(site: Site) -> bool:
    """Whether mail programs show pictures of this site: those of https; on a trial's own machine also of http."""
    address = urlsplit(site.base_url)
    return address.scheme == "https" or address.hostname in _THIS_MACHINE


def tag(section: Section, pick: Pick) -> str:
    """The topic that a paper of a digest fits best; of the most discussed papers their reasons tell it."""
    if section.topic != DISCUSSED:
        return section.name
    return next((reason.removeprefix("on ") for reason in pick.why if reason.startswith("on ")), "")


def section_name(section: Section, cadence: Cadence, language: Language) -> str:
    """What stands above a section: its topic's name, or what it is."""
    if section.topic != DISCUSSED:
        return section.name
    if cadence is Cadence.MONTHLY:
        return language.gettext("Most discussed this month")
    return language.gettext("Most discussed this week")


@lru_cache(maxsize=1024)
def dated(cadence: Cadence, day: date, language: Language) -> str:
    """The day that a letter is of, or the days that it tells of."""
    told = span(cadence, day)
    return language.span(*told) if told else language.date(day)


def is_popular(paper: Paper) -> bool:
    """Whether a paper has votes enough to print their number."""
    return (paper.upvotes or 0) >= _LEAST_WORTH_SAYING


def short_title(title: str) -> str:
    """What stands before the colon of a title, or as many of its words as one line of an index holds."""
    name, colon, _rest = title.partition(": ")
    told = name if colon and _NAMED_BEFORE_COLON <= len(name) <= _SHORT_TITLE else title
    return breakable(cut(told, _SHORT_TITLE))


def words(kind: BlockKind, card: Card) -> int:
    """How many words of a paper are to be read in this form; none in the index, which repeats what is below it."""
    if kind is BlockKind.ENTRY:
        return 0
    title = len(card.title.split())
    return title if kind is BlockKind.LINE else title + len(card.summary.split())


def minutes(blocks: Iterable[Block]) -> int:
    """How many minutes it takes to read what a letter says of its papers; at least one."""
    return max(1, round(sum([block.words for block in blocks]) / _WORDS_A_MINUTE))


@lru_cache(maxsize=1024)
def masthead_date(cadence: Cadence, day: date, language: Language) -> str:
    """The same in the short form that stands beside the site's name."""
    told = span(cadence, day)
    return language.span(*told) if told else _unbroken(language.weekday_date(day))


@lru_cache(maxsize=1024)
def inside(papers: int, topics: int, more: int, language: Language) -> str:
    """`9 papers on 3 topics; 4 more online`."""
    if not papers:
        return more_online(more, language) or language.gettext("no new papers")
    told = language.gettext("%(papers)s on %(topics)s") % {
        "papers": language.count("%(num)s paper", "%(num)s papers", papers),
        "topics": language.count("%(num)s topic", "%(num)s topics", topics),
    }
    return f"{told}; {more_online(more, language)}" if more else told


def quiet(saved: int, language: Language) -> str:
    """What there is in a letter without papers."""
    if saved:
        return language.count("%(num)s saved paper", "%(num)s saved papers", saved)
    return language.gettext("No new papers on your topics")


def more_online(more: int, language: Language) -> str:
    """`4 more online`, or nothing."""
    return language.count("%(num)s more online", "%(num)s more online", more) if more else ""


@lru_cache(maxsize=1024)
def and_more(others: int, language: Language) -> str:
    """` · 8 more`, for the subject, or nothing."""
    return " · " + language.count("%(num)s more", "%(num)s more", others) if others else ""


def lead(cards: Sequence[Card], told: str) -> str:
    """The letter's first line, which mail clients show beside the subject: titles for which that has no room."""
    titles = " · ".join(card.short_title for card in cards[1 : 1 + _TITLES_IN_LEAD])
    stop = "" if titles.endswith(("…", ".", "?", "!")) else "."
    return f"{titles}{stop} {_capitalized(told)}." if titles else f"{_capitalized(told)}."


def greeted(subscriber: Subscriber, line: str, day: date, language: Language) -> str:
    """The first line, on Mondays with a greeting by name where the name is known."""
    name = clean(subscriber.name)
    if not name or day.weekday() != _MONDAY:
        return line
    return breakable(language.gettext("Good morning, %(name)s. %(told)s") % {"name": name, "told": line})


@lru_cache(maxsize=1024)
def inside_minutes(papers: int, time: int, language: Language) -> str:
    """`10 papers, 3 minutes`."""
    return language.gettext("%(papers)s, %(time)s") % {
        "papers": language.count("%(num)s paper", "%(num)s papers", papers),
        "time": language.count("%(num)s minute", "%(num)s minutes", time),
    }


@lru_cache(maxsize=1024)
def tally(shown: int, more: int, language: Language) -> str:
    """`10 of 28`, or `10 papers` where all are shown."""
    if not shown and not more:
        return language.gettext("nothing new")
    if not more:
        return language.count("%(num)s paper", "%(num)s papers", shown)
    return language.gettext("%(shown)s of %(all)s") % {
        "shown": language.number(shown),
        "all": language.number(shown + more),
    }


@lru_cache(maxsize=1024)
def all_online(papers: int, more: int, language: Language) -> str:
    """The label of the button to every paper online; empty where all are in the letter."""
    return language.count("Read all %(num)s online", "Read all %(num)s online", papers + more) if more else ""


@lru_cache(maxsize=1024)
def controls(cadence: Cadence, language: Language, *, saved: bool = False) -> tuple[Link, ...]:
    """The changes that the foot of a letter offers: the label, and what follows the address of the preferences.

    With `saved` there is a link to the reading list too.
    """
    _ = language.gettext
    other = (
        Link(_("Daily instead"), "/change?to=daily")
        if cadence.tells_of_days
        else Link(_("Weekly instead"), "/change?to=weekly")
    )
    return (
        other,
        Link(_("Fewer papers"), "/change?to=fewer"),
        Link(_("Pause a week"), "/change?to=pause"),
        Link(_("Topics"), ""),
        *((Link(_("Reading list"), "/saved"),) if saved else ()),
    )


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


def thanks(cards: Sequence[Card]) -> str:
    """What arXiv asks letters with its papers to say; nothing in others."""
    return ARXIV_THANKS if any(card.from_arxiv for card in cards) else ""


@lru_cache(maxsize=4096)
def reason(cadence: Cadence, topics: tuple[str, ...], language: Language, left_out: int = 0) -> str:
    """Why subscribers of these topics get this letter, how often, and how many papers their own wishes left out."""
    return " ".join(filter(None, (_because(cadence, topics, language), told_left_out(left_out, language))))


def told_left_out(number: int, language: Language) -> str:
    """How many papers were left out as the subscriber asked; nothing for none."""
    return (
        language.count(
            "%(num)s paper was left out, as you asked.", "%(num)s papers were left out, as you asked.", number
        )
        if number
        else ""
    )


def _because(cadence: Cadence, topics: tuple[str, ...], language: Language) -> str:
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
    }[cadence]
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


def _first_author(paper: Paper, language: Language) -> str:
    if not paper.authors:
        return _authors(paper, language)
    others = max(len(paper.authors), paper.author_count or 0) - 1
    return readable(paper.authors[0]) + (f"\u00a0+{language.number(others)}" if others else "")


def _badges(paper: Paper, language: Language, least: int) -> tuple[str, ...]:
    votes, comments, stars = paper.upvotes or 0, paper.comments or 0, paper.stars or 0
    votes, comments, stars = (count if count >= least else 0 for count in (votes, comments, stars))
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
