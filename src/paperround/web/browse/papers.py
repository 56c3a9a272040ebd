"""The public pages: the papers of a day, single papers, topics and trending papers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Request, Response
from markupsafe import Markup

from paperround.domain.latex import readable, readable_html
from paperround.domain.models import Listing, Paper, SourceState, Topic
from paperround.matching.popularity import REMEMBERED_DAYS, momentum
from paperround.operator.seeds import is_example
from paperround.rendering import reasons
from paperround.rendering.contribution import shorten_abstract
from paperround.rendering.excerpt import excerpt
from paperround.rendering.language import Language
from paperround.rendering.letter_view import Link
from paperround.rendering.source_names import source_name
from paperround.rounds.similar import similar_papers
from paperround.store.sources import SourceRecord
from paperround.store.topics import news_horizon
from paperround.web.browse import cards
from paperround.web.browse.cards import PaperCard
from paperround.web.browse.periods import Period, View, read_day, read_view
from paperround.web.context import ContextDep, WebContext, respond
from paperround.web.parameters import checked_page, topic_named
from paperround.web.wording import translated_topic, translated_topics

router = APIRouter()
PAGE = 30  # papers
_MOST_PAGES = 200
_FEW_PAPERS = 12  # with fewer papers, the front page also shows the days before
_DAYS_OF_VOTES = 7
_DESCRIPTION = 200  # characters that search engines and link previews show


@dataclass(frozen=True, slots=True)
class PageLink:
    """A link to another period or view."""

    href: str
    label: str
    current: bool = False


@router.get("/")
def front(
    request: Request, context: ContextDep, date: str = "", view: str = "", topic: str = "", page: int = 1
) -> Response:
    """Show the papers of a day, a week or a month, most upvoted first."""
    language = context.visitors_language(request)
    today = context.today
    newest = context.app.store.papers.newest_day(today)
    period = Period(read_view(view), read_day(date) if date else newest or today)
    chosen = translated_topic(topic_named(context, topic), language) if topic else None
    papers = _papers_of(context, period, chosen, page)
    if page > 1 and not papers:
        raise HTTPException(404)
    total = context.app.store.browsing.count(period.first, period.last, chosen.row if chosen else None)
    shown = papers[:PAGE]
    few = page == 1 and not (date or view or topic) and len(papers) < _FEW_PAPERS
    current = newest is None or period.last >= newest
    return _day_page(
        request,
        context,
        language,
        here="/" if current and period.view is View.DAY and not chosen else "",
        heading=period.title(language),
        under=_under(language, chosen, total),
        description=_description(shown, language),
        groups=[("", _cards(context, shown, language)), *(_before(context, period, language) if few else [])],
        canonical=_address(period, topic, newest),
        feed_query=f"?{urlencode({'date': date})}" if date else "",
        earlier=_earlier(context, period, topic, language),
        later=_later(context, period, topic, language, today),
        views=_views(context, period, topic, language),
        first_page=page == 1 and current,
        note=_no_news(context, language, newest) if current and page == 1 else "",
        source_note=_source_note(context, language) if current and page == 1 else "",
        onward=[] if papers else _onward(context, period, language),
        nothing=language.gettext("No papers were announced in this period."),
        back=_turned(context, period, topic, newest, page - 1) if page > 1 else "",
        more=_turned(context, period, topic, newest, page + 1) if len(papers) > PAGE else "",
    )


@router.get("/trending")
def trending(request: Request, context: ContextDep) -> Response:
    """Show the papers that gained the most votes and comments recently."""
    language = context.visitors_language(request)
    today = context.today
    papers = trending_papers(context, today, PAGE)
    heading = language.gettext("Trending")
    return _day_page(
        request,
        context,
        language,
        here="/trending",
        heading=heading,
        under=language.gettext("Papers that are gaining votes and comments"),
        description=_description(papers, language),
        groups=[("", _cards(context, papers, language))],
        canonical="/trending",
        onward=[PageLink(f"{context.home}/", language.gettext("Today's papers"))],
        nothing=language.gettext("No paper has received a vote in the past month."),
    )


def _day_page(request: Request, context: WebContext, language: Language, **facts: Any) -> Response:
    """Return a page of papers. By default it is the only one: there is none to turn to, and nothing to note."""
    usual: dict[str, Any] = {"earlier": None, "later": None, "views": [], "back": "", "more": "", "first_page": True}
    usual |= {"note": "", "source_note": "", "feed_query": ""}
    topics = translated_topics(context.app.store.topics.public(), language)
    return context.page(request, "day", language=language, topics=topics, **(usual | facts))


@router.get("/papers/{paper_id:path}")
def paper(request: Request, context: ContextDep, paper_id: str) -> Response:
    """Show one paper."""
    stored = context.app.store.papers.by_id(paper_id)
    if stored is None:
        raise HTTPException(404)
    language = context.visitors_language(request)
    made = stored.made_summary(language.code)
    abstract, summary = readable(stored.abstract), readable(made)
    return context.page(
        request,
        "paper",
        language=language,
        paper=stored,
        card=cards.card(stored, language, context.today),
        abstract=Markup(readable_html(stored.abstract)),  # noqa: S704 - readable_html escapes
        summary=Markup(readable_html(made)),  # noqa: S704 - readable_html escapes
        authors=[readable(name) for name in stored.authors],
        published=stored.published or stored.day,
        description=excerpt(summary, _DESCRIPTION)
        or shorten_abstract(abstract, readable(stored.title), _DESCRIPTION),
        topics=[
            (translated_topic(one, language), reasons.as_sentences(match.why, language))
            for one, match in context.app.store.topics.of_paper(stored.row)
            if not one.private
        ],
        growth=_growth(context, stored, language),
        example=is_example(stored),
        seen=_seen(context.app.store.papers.listings_of(stored.row)),
        versions=_versions(stored, language),
        similar=[cards.card(one, language, context.today) for one in similar_papers(context.app, stored)],
    )


@router.get("/topics")
def all_topics(request: Request, context: ContextDep) -> Response:
    """Show the public topics, each with its number of papers in the past week."""
    since = news_horizon(context.app.clock()).date()
    language = context.visitors_language(request)
    topics = [
        (translated_topic(topic, language), week)
        for topic, _followers, week in context.app.store.topics.public_counts(since)
    ]
    return context.page(request, "topics", language=language, here="/topics", topics=topics)


@router.get("/topics/{slug}")
def topic(request: Request, context: ContextDep, slug: str, page: int = 1) -> Response:
    """Show the papers of a topic, newest first."""
    language = context.visitors_language(request)
    chosen = topic_named(context, slug)
    matches = context.app.store.browsing.on_topic(chosen.row, PAGE + 1, PAGE * (checked_page(page, _MOST_PAGES) - 1))
    if page > 1 and not matches:
        raise HTTPException(404)
    days = [
        (day, [cards.card(paper, language, context.today, why=match.why) for paper, match in some])
        for day, some in groupby(matches[:PAGE], key=lambda pair: pair[0].day)
    ]
    here = f"{context.home}/topics/{slug}"
    return context.page(
        request,
        "topic",
        language=language,
        here="/topics",
        topic=translated_topic(chosen, language),
        week=_in_past_week(context, chosen),
        days=days,
        topics=[
            other for other in translated_topics(context.app.store.topics.public(), language) if other.slug != slug
        ],
        back=f"{here}?page={page - 1}" if page > 1 else "",
        more=f"{here}?page={page + 1}" if len(matches) > PAGE else "",
    )


@router.get("/static/{name}")
def static(request: Request, context: ContextDep, name: str) -> Response:
    """Return a static file. Its address contains a hash of the content, so caches may keep it for a year."""
    file = context.static.get(name)
    if file is None:
        raise HTTPException(404)
    return respond(request, file.content, file.media_type, seconds=31_536_000)


@router.get("/favicon.ico")
def favicon(request: Request, context: ContextDep) -> Response:
    """Return the icon at the address that browsers request by default."""
    return static(request, context, "icon.svg")


def trending_papers(context: WebContext, today: date, limit: int) -> list[Paper]:
    """Return the papers with the most momentum, computed from the stored votes and comments."""
    discussed = context.app.store.browsing.discussed_since(today - timedelta(days=REMEMBERED_DAYS))
    gained = ((momentum(one.daily_counts, one.announced, today), one.paper) for one in discussed)
    loud = sorted(((gain, paper) for gain, paper in gained if gain), reverse=True)
    return context.app.store.browsing.in_order([paper for _, paper in loud[:limit]])


def _papers_of(context: WebContext, period: Period, topic: Topic | None, page: int) -> list[Paper]:
    return context.app.store.browsing.on_days(
        period.first,
        period.last,
        PAGE + 1,
        PAGE * (checked_page(page, _MOST_PAGES) - 1),
        topic.row if topic else None,
    )


def _cards(context: WebContext, papers: Sequence[Paper], language: Language) -> list[PaperCard]:
    topics = context.app.store.browsing.topics_of(paper.row for paper in papers)
    return cards.cards(papers, language, context.today, topics)


def _before(context: WebContext, period: Period, language: Language) -> list[tuple[str, list[PaperCard]]]:
    """Return the papers of the preceding days, by day, so that the front page of a quiet day is not empty."""
    earlier = context.app.store.browsing.newest(period.first - timedelta(days=1), _FEW_PAPERS)
    by_day = groupby(_cards(context, earlier, language), key=lambda card: card.day)
    return [(language.date(day), list(some)) for day, some in by_day]


def _in_past_week(context: WebContext, topic: Topic) -> int:
    return context.app.store.browsing.count(news_horizon(context.app.clock()).date(), context.today, topic.row)


def _under(language: Language, topic: Topic | None, total: int) -> str:
    count = language.count("%(num)s paper", "%(num)s papers", total) if total else ""
    return " · ".join(part for part in (topic.name if topic else "", count) if part)


def _description(papers: Sequence[Paper], language: Language) -> str:
    titles = "; ".join(readable(paper.title) for paper in papers[:4])
    return excerpt(titles, _DESCRIPTION) or language.gettext("New research papers, every day.")


def _address(period: Period, topic: str, newest: date | None) -> str:
    """Return the canonical path of this page."""
    query = {"topic": topic} if topic else {}
    if period.view is not View.DAY:
        query["view"] = period.view.value
    if newest is None or not period.first <= newest <= period.last:
        query["date"] = period.first.isoformat()
    return f"/?{urlencode(query)}" if query else "/"


def _turned(context: WebContext, period: Period, topic: str, newest: date | None, page: int) -> str:
    address = _address(period, topic, newest)
    if page == 1:
        return f"{context.home}{address}"
    return f"{context.home}{address}{'&' if '?' in address else '?'}page={page}"


def _step(context: WebContext, period: Period, topic: str, label: str, *, current: bool = False) -> PageLink:
    query = {"date": period.day.isoformat()}
    if period.view is not View.DAY:
        query["view"] = period.view.value
    if topic:
        query["topic"] = topic
    return PageLink(f"{context.home}/?{urlencode(query)}", label, current)


def _earlier(context: WebContext, period: Period, topic: str, language: Language) -> PageLink | None:
    day = context.app.store.browsing.day_before(period.first)
    return _step(context, period.at(day), topic, period.at(day).short(language)) if day else None


def _later(context: WebContext, period: Period, topic: str, language: Language, today: date) -> PageLink | None:
    day = context.app.store.browsing.day_after(period.last, today)
    return _step(context, period.at(day), topic, period.at(day).short(language)) if day else None


def _views(context: WebContext, period: Period, topic: str, language: Language) -> list[PageLink]:
    names = {
        View.DAY: language.gettext("Day"),
        View.WEEK: language.gettext("Week"),
        View.MONTH: language.gettext("Month"),
    }
    return [
        _step(context, period.seen_as(view), topic, name, current=view is period.view) for view, name in names.items()
    ]


def _no_news(context: WebContext, language: Language, newest: date | None) -> str:
    """Return a sentence that says since when no papers were announced; empty if there are papers today."""
    if newest is None or newest >= context.today:
        return ""
    sentence = language.gettext("No papers have been announced since %(day)s. These are the latest.")
    return sentence % {"day": language.date(newest)}


def _onward(context: WebContext, period: Period, language: Language) -> list[PageLink]:
    """Return links from a period without papers to the nearest days with papers, each with the number of papers."""
    browsing = context.app.store.browsing
    days = browsing.day_before(period.first), browsing.day_after(period.last, context.today)
    links = []
    for day in (day for day in days if day):
        papers = language.count("%(num)s paper", "%(num)s papers", browsing.count(day, day))
        links.append(_step(context, Period(View.DAY, day), "", f"{language.weekday_date(day)} · {papers}"))
    return links


def _source_note(context: WebContext, language: Language) -> str:
    """Return a sentence that says which sources are late or do not respond; empty if all are fine."""
    records = context.app.store.sources.all()
    configured = (records.get(source.name) for source in context.app.settings.sources)
    troubled = [record for record in configured if record and record.state.is_late]
    if len(troubled) == 1:
        return _told_of(troubled[0], language)
    if not troubled:
        return ""
    names = language.list(dict.fromkeys(source_name(record.name) for record in troubled))
    return language.gettext("Some papers may be missing: %(sources)s are late or do not respond.") % {
        "sources": names
    }


def _told_of(record: SourceRecord, language: Language) -> str:
    facts = {"source": source_name(record.name)}
    if record.state is SourceState.FAILED:
        since = record.succeeded_at
        if since is None:
            return language.gettext("%(source)s has not responded yet, so its papers are missing.") % facts
        facts["day"] = language.date(since.date(), "long")
        return language.gettext("%(source)s has not responded since %(day)s. Some papers may be missing.") % facts
    if record.newest_day is None:
        return language.gettext("%(source)s is late today.") % facts
    facts["day"] = language.date(record.newest_day, "long")
    return language.gettext("%(source)s is late: its latest papers are from %(day)s.") % facts


def _seen(listings: Sequence[Listing]) -> list[tuple[date, list[str]]]:
    """Return the days on which sources announced the paper, latest first, with the sources of each day."""
    found: dict[date, list[str]] = {}
    for listing in sorted(listings, key=lambda one: (-one.day.toordinal(), one.source)):
        names = found.setdefault(listing.day, [])
        if (name := source_name(listing.source)) not in names:
            names.append(name)
    return list(found.items())


def _growth(context: WebContext, paper: Paper, language: Language) -> list[tuple[str, int]]:
    """Return the votes by the end of each of the last days on which they grew; empty if there are fewer than two
    such days.
    """
    counts = context.app.store.papers.daily_counts_of([paper.row]).get(paper.row, [])
    voted = [one for one in counts if one.upvotes][-_DAYS_OF_VOTES:]
    votes = [(language.short_date(one.day, context.today), one.upvotes) for one in voted]
    return votes if len(votes) > 1 else []


def _versions(paper: Paper, language: Language) -> list[Link]:
    """Return links to all versions on arXiv, latest first; empty if there is only one."""
    if not (paper.arxiv_id and paper.version and paper.version > 1):
        return []
    return [
        Link(
            language.gettext("Version %(number)s") % {"number": number},
            f"https://arxiv.org/abs/{paper.arxiv_id}v{number}",
        )
        for number in range(paper.version, 0, -1)
    ]
