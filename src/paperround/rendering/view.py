"""The data for templates: a paper as a card, a digest as a letter, all in the subscriber's language. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from urllib import parse

from markupsafe import Markup

from paperround.domain.hosts import is_local
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
from paperround.domain.preferences import Preferences, QuietDays, is_own
from paperround.domain.reasons import ReasonKind, quote, read, unquoted
from paperround.domain.schedule import Cadence, span
from paperround.domain.text import clean, terms
from paperround.rendering import reasons
from paperround.rendering.chart import Chart
from paperround.rendering.contribution import shorten_abstract
from paperround.rendering.excerpt import breakable, cut, excerpt, right_to_left
from paperround.rendering.language import Language
from paperround.rendering.source_names import source_name

# The exact wording requested by https://info.arxiv.org/help/api/tou.html; it is not translated.
ARXIV_THANKS = "Thank you to arXiv for use of its open access interoperability."
_FIRST_AUTHORS = 3
_LEAST_WORTH_SAYING = 5  # votes, comments or stars: "1 star" says nothing
_SHORT_TAG = 20  # characters next to a title in the index
_OPEN, _CLOSED = ("“", "„"), ("”", "“")
_PARTS = re.compile(r"[,:;/]| (?:and|und|in|for|für|&|[–—-]) ")
"""What separates the parts of a topic's name."""
_ROW = 60  # characters of a title and its topic: one line of the index on a wide screen, two on a phone
_LEAD_TITLE = 36  # characters of each title in the first line
_WORDS_A_MINUTE = 220
_TITLES_IN_LEAD = 3
_MONDAY = 0
_DAYS_OF_WEEK = 7
_NAMED_TOPICS = 4
_LEAST_COMPARED = 3  # papers that the example of a reply names


@dataclass(frozen=True, slots=True)
class Link:
    """An address where a paper can be read or discussed, and its label."""

    label: str
    url: str


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
    comments: int
    stars: int
    badges: tuple[str, ...]
    """The numbers of votes, comments and stars in words; small numbers are omitted."""
    summary: str
    summary_html: Markup
    """The summary as HTML, with mathematics as elements."""
    made_summary: bool
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

    @property
    def short_tag(self) -> str:
        """The topic's name, shortened for the index: "Robotics" for "Robotics and planning"."""
        return short_tag(self.tag)

    @property
    def interest(self) -> str:
        """The subscriber's own interest that the paper fits best; empty for a topic, which has a name."""
        return self.tag if _is_interest(self.tag) else ""

    @property
    def popular(self) -> bool:
        """Whether the paper has enough votes to print their number."""
        return self.votes >= _LEAST_WORTH_SAYING


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
    blocks: tuple[Block, ...] = ()
    notice: Notice | None = None
    """The notice to print in place of blocks; None for digests."""
    chart: Chart | None = None
    """The chart of papers by topic and day, in weekly and monthly letters; otherwise None."""


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
    """Return a paper's card, with a summary of at most `budget` characters (half of that for CJK text).

    `site` is the base address of the site, without a trailing slash, for the address of the picture. `tag` is the
    topic that the paper fits best. Votes, comments and stars below `least` get no badge.
    """
    title = breakable(marked(paper.title))
    made = paper.made_summary(language.code)
    plain = readable(paper.title)
    summary = breakable(_summary(marked(paper.abstract), plain, marked(made), budget))
    shown = paper.picture
    return Card(
        id=paper.id,
        row=paper.row,
        title=unmarked(title),
        title_html=Markup(as_html(title)),  # noqa: S704 - as_html escapes
        short_title=short_title(plain, short_tag(tag)),
        tag=tag,
        byline_tag="" if tag and _is_by(tag, paper) else tag,
        direction="auto" if right_to_left(plain) else "ltr",
        url=paper.address or _abstract_page(paper),
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
        made_summary=bool(made),
        why=reasons.as_sentences(why, language),
        links=_links(paper, language),
        picture=f"{site}/pictures/{shown.name}.jpg" if shown else "",
        picture_width=shown.width if shown else 0,
        picture_height=shown.height if shown else 0,
        withdrawn=paper.withdrawn,
        from_arxiv=paper.arxiv_id is not None,
    )


def _summary(abstract: str, title: str, made: str, budget: int) -> str:
    budget = budget // 2 if _is_dense(made or abstract) else budget
    return excerpt(made, budget) if made else shorten_abstract(abstract, title, budget)


def note(about: PaperNote, paper: Paper, language: Language, today: date) -> Note:
    """Return a letter's line about a paper that does not count as sent with it; `today` is the day of the letter."""
    return _note(about, paper.title, paper.address or _abstract_page(paper), language, today)


@lru_cache(maxsize=4096)
def _note(about: PaperNote, title: str, url: str, language: Language, today: date) -> Note:
    _ = language.gettext
    recent = 0 < (today - about.since).days < _DAYS_OF_WEEK
    since = language.weekday(about.since.weekday()) if recent else language.short_date(about.since, today)
    news = {
        NoteKind.SAVED: "",
        NoteKind.CLOSE: "",
        NoteKind.WITHDRAWN: _("Withdrawn by its authors"),
        NoteKind.CODE: _("Code released"),
        NoteKind.VERSION: _("Version %(number)s") % {"number": about.now},
        NoteKind.VOTES: _("▲ %(before)s → %(now)s since %(day)s")
        % {"before": language.number(about.before), "now": language.number(about.now), "day": since},
    }[about.kind]
    title = breakable(marked(title))
    html = Markup(as_html(title))  # noqa: S704 - as_html escapes
    row = about.paper if about.kind is NoteKind.CLOSE else 0
    return Note(about.kind, _unbroken(news), unmarked(title), html, url, row)


@lru_cache(maxsize=1024)
def finish(
    facts: DayFacts | None,
    contents: str,
    matched: int,
    language: Language,
    *,
    shown: int = 0,
    more: int = 0,
    left_out: int = 0,
    days: tuple[date, date] | None = None,
) -> str:
    """Return the last line: that this was all, how long it took to read, and what it was chosen from.

    `shown` is the number of papers in the letter, `more` that of those only online, `left_out` that of those that
    matched but that the subscriber excludes, and `days` the first and last day of the papers if the letter reaches
    back several days.
    """
    _ = language.gettext
    sentences = []
    if contents and more:
        sentences.append(
            _("Those were the best of %(all)s: %(inside)s.") % {"all": language.number(matched), "inside": contents}
        )
    elif contents:
        sentences.append(_("That was all: %(inside)s.") % {"inside": contents})
    if days:
        first, last = (_unbroken(language.short_date(one, days[1])) for one in days)
        sentence = (
            language.ngettext("It was announced on %(first)s.", "They were announced on %(first)s.", shown)
            if first == last
            else _("They were announced between %(first)s and %(last)s.")
        )
        # An abbreviated month may end with a full stop, as in German, and a sentence has one.
        sentences.append((sentence % {"first": first, "last": last}).replace("..", "."))
    return " ".join(part for part in (*sentences, day_facts(facts, matched + left_out, language)) if part)


def day_facts(facts: DayFacts | None, fit: int, language: Language) -> str:
    """Return how many papers the letter was chosen from, and whether all sources were complete; empty if unknown."""
    if facts is None:
        return ""
    _ = language.gettext
    sentences = []
    if facts.papers >= fit:
        numbers = {"papers": language.count("%(num)s new paper", "%(num)s new papers", facts.papers)}
        sentences.append(
            language.ngettext(
                "Of %(papers)s, %(fit)s matched your topics and interests.",
                "Of %(papers)s, %(fit)s matched your topics and interests.",
                fit,
            )
            % {**numbers, "fit": language.number(fit)}
        )
    if facts.late:
        names = language.list([source_name(name) for name in facts.late])
        sentences.append(
            _("Not complete yet: %(sources)s. What is missing comes in a later email.") % {"sources": names}
        )
    elif facts.complete:
        sentences.append(_("All sources were complete at %(time)s UTC.") % {"time": facts.complete})
    return " ".join(sentences)


def reaches_subscribers(site: Site) -> bool:
    """Return whether mail clients can load the site's pictures: over https, or from this machine."""
    return parse.urlsplit(site.base_url).scheme == "https" or is_local(site.base_url)


def tag(section: Section, pick: Pick, language: Language | None = None) -> str:
    """Return the topic that a digest's paper fits best; for the most discussed papers, take it from the reasons.

    With a language, an interest in the subscriber's own words is shortened and in quotation marks.
    """
    if section.topic != DISCUSSED:
        return _topic_name(section, language) if language else section.name
    name = next((one.found for one in read(pick.why) if one.kind is ReasonKind.ON), "")
    return reasons.topic_name(name, language) if language else unquoted(name) or name


def section_name(section: Section, cadence: Cadence, language: Language) -> str:
    """Return the heading of a section: its topic's name, or "Most discussed …"."""
    if section.topic != DISCUSSED:
        return _topic_name(section, language)
    if cadence is Cadence.MONTHLY:
        return language.gettext("Most discussed this month")
    return language.gettext("Most discussed this week")


def _topic_name(section: Section, language: Language) -> str:
    """Return the name of a section's topic; a subscriber's own query has none and is quoted."""
    return reasons.topic_name(quote(section.name) if is_own(section.topic) else section.name, language)


@lru_cache(maxsize=1024)
def dated(cadence: Cadence, day: date, language: Language) -> str:
    """Return the day of a letter, or the range of days that it covers."""
    days = span(cadence, day)
    return language.span(*days) if days else language.date(day)


def is_popular(paper: Paper) -> bool:
    """Return whether a paper has enough votes to print their number."""
    return (paper.upvotes or 0) >= _LEAST_WORTH_SAYING


def short_tag(tag: str) -> str:
    """Return a topic's name, shortened to its first part. An interest has no parts: it may be a query."""
    if len(tag) <= _SHORT_TAG:
        return tag
    if _is_interest(tag):
        return cut(tag, _SHORT_TAG) + tag[-1]
    return cut(_PARTS.split(tag, maxsplit=1)[0], _SHORT_TAG)


def _is_interest(tag: str) -> bool:
    return tag.startswith(_OPEN) and tag.endswith(_CLOSED)


def short_title(title: str, topic: str) -> str:
    """Return as many words of a title as fit into a row of the index with the name of a topic."""
    room = _ROW - len(topic)
    return breakable(cut(title, room // 2 if _is_dense(title) else room))


def words(kind: BlockKind, card: Card) -> int:
    """Return the number of words to read for a paper of this kind; 0 in the index, which repeats what is below it."""
    if kind is BlockKind.ENTRY:
        return 0
    title = len(card.title.split())
    return title if kind is BlockKind.LINE else title + len(card.summary.split())


def minutes(blocks: Iterable[Block]) -> int:
    """Return the reading time of the blocks in minutes, at least one."""
    return max(1, round(sum([block.words for block in blocks]) / _WORDS_A_MINUTE))


@lru_cache(maxsize=1024)
def masthead_date(cadence: Cadence, day: date, language: Language) -> str:
    """Return the day or range of days in the short form for the masthead."""
    days = span(cadence, day)
    return language.span(*days) if days else _unbroken(language.weekday_date(day))


@lru_cache(maxsize=1024)
def contents(papers: int, topics: int, more: int, language: Language) -> str:
    """Return a summary of the content, such as `9 papers on 3 topics; 4 more online`."""
    if not papers:
        return more_online(more, language) or language.gettext("no new papers")
    summary = language.gettext("%(papers)s on %(topics)s") % {
        "papers": language.count("%(num)s paper", "%(num)s papers", papers),
        "topics": language.count("%(num)s topic", "%(num)s topics", topics),
    }
    return f"{summary}; {more_online(more, language)}" if more else summary


def quiet(saved: int, left_out: int, language: Language) -> str:
    """Return a summary of the content of a letter without papers, with those that the subscriber excludes."""
    if saved:
        return language.count("%(num)s saved paper", "%(num)s saved papers", saved)
    if left_out:
        return language.gettext("No new papers other than those you leave out")
    return language.gettext("No new papers on your topics")


def more_online(more: int, language: Language) -> str:
    """Return `4 more online`; empty for 0."""
    return language.count("%(num)s more online", "%(num)s more online", more) if more else ""


@lru_cache(maxsize=1024)
def and_more(others: int, language: Language) -> str:
    """Return ` · 8 more` for the subject; empty for 0."""
    return " · " + language.count("%(num)s more", "%(num)s more", others) if others else ""


def preheader(cards: Sequence[Card], subject: str, start: str) -> str:
    """Return the letter's first line, which mail clients show as the preview beside the subject.

    After `start` it has the beginnings of the titles of the next papers that the subject does not name.
    """
    named = subject.split(" · ")
    others = [card for card in cards[1:] if card.title.replace("\u200b", "") not in named]
    titles = [cut(card.short_title, _LEAD_TITLE) for card in others[:_TITLES_IN_LEAD]]
    if not titles:
        return f"{_capitalized(start)}."
    return f"{_capitalized(start)}: " + "\u00a0· ".join(titles)


def greeted(subscriber: Subscriber, line: str, day: date, language: Language) -> str:
    """Return the first line, on Mondays with a greeting by name if the name is known."""
    name = clean(subscriber.name)
    if not name or day.weekday() != _MONDAY:
        return line
    return language.gettext("Good morning, %(name)s. %(line)s") % {"name": breakable(name), "line": line}


@lru_cache(maxsize=1024)
def contents_with_minutes(papers: int, time: int, language: Language) -> str:
    """Return the number of papers and the reading time, such as `10 papers, 3 minutes`."""
    return language.gettext("%(papers)s, %(time)s") % {
        "papers": _unbroken(language.count("%(num)s paper", "%(num)s papers", papers)),
        "time": _unbroken(language.count("%(num)s minute", "%(num)s minutes", time)),
    }


@lru_cache(maxsize=1024)
def tally(shown: int, more: int, language: Language) -> str:
    """Return `10 of 28`, or `10 papers` if all are shown."""
    if not shown and not more:
        return language.gettext("nothing new")
    if not more:
        return _unbroken(language.count("%(num)s paper", "%(num)s papers", shown))
    numbers = {"shown": language.number(shown), "all": language.number(shown + more)}
    return _unbroken(language.gettext("%(shown)s of %(all)s") % numbers)


@lru_cache(maxsize=1024)
def all_online(papers: int, more: int, language: Language) -> str:
    """Return the label of the button to all papers online; empty if all are in the letter."""
    return language.count("Read all %(num)s online", "Read all %(num)s online", papers + more) if more else ""


@lru_cache(maxsize=1024)
def controls(cadence: Cadence, language: Language, *, saved: bool = False) -> tuple[Link, ...]:
    """Return the one-click changes in a letter's footer: the label, and the suffix of the preferences address.

    If `saved` is true, include a link to the reading list.
    """
    _ = language.gettext
    other = (
        Link(_("Daily instead"), "/change?to=daily")
        if cadence.covers_several_days
        else Link(_("Weekly instead"), "/change?to=weekly")
    )
    return (
        other,
        Link(_("Fewer papers"), "/change?to=fewer"),
        Link(_("Pause a week"), "/change?to=pause"),
        Link(_("Topics"), ""),
        *((Link(_("Reading list"), "/saved"),) if saved else ()),
    )


@lru_cache(maxsize=64)
def how_to_reply(papers: int, language: Language) -> str:
    """Return how to rate papers by a reply; empty for a letter without papers."""
    _ = language.gettext
    if papers < _LEAST_COMPARED:
        return _("Reply “more 1” or “less 1” to teach us your taste.") if papers else ""
    return _("Reply “more 2” or “less 3” to teach us your taste.")


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


def thanks(papers: Iterable[Paper]) -> str:
    """Return the acknowledgment that arXiv requests for its papers; empty if there are none."""
    return ARXIV_THANKS if any(paper.arxiv_id is not None for paper in papers) else ""


@lru_cache(maxsize=4096)
def reason(cadence: Cadence, topics: tuple[str, ...], language: Language, left_out: int = 0) -> str:
    """Return why subscribers of these topics get this letter, how often, and how many papers they left out."""
    return " ".join(filter(None, (_because(cadence, topics, language), told_left_out(left_out, language))))


def told_left_out(number: int, language: Language) -> str:
    """Return how many papers were left out at the subscriber's request; empty for 0."""
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
    match cadence:
        case Cadence.DAILY:
            sentence = _("You receive this email every day because you follow %(topics)s.")
        case Cadence.WEEKDAYS:
            sentence = _("You receive this email on weekdays because you follow %(topics)s.")
        case Cadence.WEEKLY:
            sentence = _("You receive this email once a week because you follow %(topics)s.")
        case Cadence.MONTHLY:
            sentence = _("You receive this email once a month because you follow %(topics)s.")
        case _:  # off: a preview for somebody who gets no letters
            sentence = _("You receive this email because you follow %(topics)s.")
    return sentence % {"topics": language.list(named)}


def promise(preferences: Preferences, language: Language) -> str:
    """Return a sentence that says how often and when emails will come."""
    _, schedule = language.gettext, preferences.schedule
    only_with_papers = preferences.quiet_days is QuietDays.SILENT
    match schedule.cadence:
        case Cadence.DAILY if only_with_papers:
            sentence = _(
                "You will receive at most one email a day, at %(time)s (%(zone)s), "
                "and only on days with papers for you."
            )
        case Cadence.DAILY:
            sentence = _("You will receive one email every day at %(time)s (%(zone)s).")
        case Cadence.WEEKDAYS if only_with_papers:
            sentence = _(
                "You will receive at most one email every weekday, at %(time)s (%(zone)s), "
                "and only if there are papers for you."
            )
        case Cadence.WEEKDAYS:
            sentence = _("You will receive one email every weekday at %(time)s (%(zone)s).")
        case Cadence.WEEKLY if only_with_papers:
            sentence = _(
                "You will receive at most one email a week, on %(weekday)s at %(time)s (%(zone)s), "
                "and only if there are papers for you."
            )
        case Cadence.WEEKLY:
            sentence = _("You will receive one email a week, on %(weekday)s at %(time)s (%(zone)s).")
        case Cadence.MONTHLY if only_with_papers:
            sentence = _(
                "You will receive at most one email a month, on day %(monthday)s at %(time)s (%(zone)s), "
                "and only if there are papers for you."
            )
        case Cadence.MONTHLY:
            sentence = _("You will receive one email a month, on day %(monthday)s at %(time)s (%(zone)s).")
        case _:  # off
            sentence = _("You will receive no emails until you change the frequency.")
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
    return f"{', '.join(names[:_FIRST_AUTHORS])}, …, {names[-1]}"


def _is_by(name: str, paper: Paper) -> bool:
    """Return whether a name is that of an author or of the organization of a paper, however it is spelled."""
    wanted = set(terms(name))
    return any(set(terms(readable(one))) == wanted for one in (*paper.authors, paper.organization or "") if one)


def _first_author(paper: Paper, language: Language) -> str:
    if not paper.authors:
        return _authors(paper, language)
    others = max(len(paper.authors), paper.author_count or 0) - 1
    return readable(paper.authors[0]) + (f"\u00a0+{language.number(others)}" if others else "")


def _badges(paper: Paper, language: Language, least: int) -> tuple[str, ...]:
    votes, comments, stars = paper.upvotes or 0, paper.comments or 0, paper.stars or 0
    votes, comments, stars = (count if count >= least else 0 for count in (votes, comments, stars))
    labels = (
        votes and language.count("%(num)s vote", "%(num)s votes", votes),
        comments and language.count("%(num)s comment", "%(num)s comments", comments),
        stars and language.count("%(num)s star", "%(num)s stars", stars),
    )
    return tuple(_unbroken(count) for count in labels if count)


def _is_dense(text: str) -> bool:
    """Return whether text is mostly in wide characters (CJK), each of which says as much as two or three others."""
    start = text[:80]
    return 2 * sum(unicodedata.east_asian_width(char) in "WF" for char in start) > len(start)


def _unbroken(text: str) -> str:
    """Replace spaces with no-break spaces, to keep a count with its word or a month with its day."""
    return text.replace(" ", "\u00a0")


def _abstract_page(paper: Paper) -> str:
    if paper.arxiv_id:
        return f"https://arxiv.org/abs/{paper.arxiv_id}"
    return f"https://doi.org/{parse.quote(paper.doi, safe='/.()-_:;')}" if paper.doi else ""


def _links(paper: Paper, language: Language) -> tuple[Link, ...]:
    _ = language.gettext
    pdf = paper.pdf_url or (f"https://arxiv.org/pdf/{paper.arxiv_id}" if paper.arxiv_id else None)
    known = (
        ("arXiv" if paper.arxiv_id else _("Abstract"), _abstract_page(paper) or paper.address),
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
