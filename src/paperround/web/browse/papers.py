"""The pages of the papers of a day, a week or a month, and of trending papers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Query, Request, Response

from paperround.domain.latex import readable
from paperround.domain.models import Paper, Topic
from paperround.matching.popularity import REMEMBERED_DAYS, momentum
from paperround.rendering.excerpt import excerpt
from paperround.rendering.language import Language
from paperround.web.browse import cards
from paperround.web.browse.cards import PaperCard
from paperround.web.browse.period_links import PageLink, PeriodLinks
from paperround.web.browse.periods import Period, View, read_day, read_view
from paperround.web.browse.source_notes import describe_late_sources, describe_quiet_days, late_sources
from paperround.web.context import ContextDep, WebContext
from paperround.web.parameters import checked_page, topic_named
from paperround.web.wording import translated_topic, translated_topics

router = APIRouter()
PAGE = 30  # papers
MAX_PAGES = 200
MAX_DESCRIPTION = 200  # characters that search engines and link previews show
_FEW_PAPERS = 12  # with fewer papers, the front page also shows the days before


@router.get("/")
def front(
    request: Request,
    context: ContextDep,
    day: Annotated[str, Query(alias="date")] = "",
    view: str = "",
    topic: str = "",
    page: int = 1,
) -> Response:
    """Show the papers of a day, a week or a month, most upvoted first."""
    language = context.languages.of_visitor(request)
    newest = context.app.store.papers.newest_day(context.today)
    period = Period(read_view(view), read_day(day) if day else newest or context.today)
    chosen = translated_topic(topic_named(context, topic), language) if topic else None
    papers = _papers_of(context, period, chosen, page)
    if page > 1 and not papers:
        raise HTTPException(404)
    is_whole_day = page == 1 and not (day or view or topic)
    links = PeriodLinks(context, language, period, topic, newest)
    is_future = period.first > context.today
    is_latest = newest is None or period.last >= newest
    return _day_page(
        request,
        context,
        language,
        here="/" if is_latest and period.view is View.DAY and not chosen else "",
        heading=period.title(language),
        under=_under(context, language, period, chosen),
        description=_description(papers[:PAGE], language),
        groups=[
            ("", _cards(context, papers[:PAGE], language)),
            *(_before(context, period, language) if is_whole_day and len(papers) < _FEW_PAPERS else []),
        ],
        canonical=links.canonical(),
        feed_query=f"?{urlencode({'date': day})}" if day else "",
        nothing=language.gettext("No papers were announced in this period.")
        if not is_future
        else language.gettext("This date is in the future. There are no papers yet."),
        **_links(links, page, len(papers)),
        **(_notes(context, language, newest) if is_latest and page == 1 and not is_future else {"first_page": False}),
    )


def _links(links: PeriodLinks, page: int, papers: int) -> dict[str, Any]:
    """Return the links of a page; `papers` is their number, and more than PAGE if another page follows."""
    return {
        "earlier": links.earlier(),
        "later": links.later(),
        "views": links.views(),
        "onward": [] if papers else links.nearest_days(),
        "back": links.page(page - 1) if page > 1 else "",
        "more": links.page(page + 1) if papers > PAGE else "",
    }


def _notes(context: WebContext, language: Language, newest: date | None) -> dict[str, str]:
    """Return the sentences about missing papers, for the first page of the latest papers."""
    late = late_sources(context.app)
    return {
        "note": describe_quiet_days(late, language, newest, context.today),
        "source_note": describe_late_sources(late, language),
    }


@router.get("/trending")
def trending(request: Request, context: ContextDep) -> Response:
    """Show the papers that gained the most votes and comments recently."""
    language = context.languages.of_visitor(request)
    today = context.today
    papers = trending_papers(context, today, PAGE)
    counted = context.app.settings.counts_votes
    fallback = [] if papers or counted else context.app.store.browsing.newest(today, PAGE)
    heading = language.gettext("Trending")
    return _day_page(
        request,
        context,
        language,
        here="/trending",
        heading=heading,
        under="" if fallback else language.gettext("Papers that are gaining votes and comments"),
        description=_description(papers, language),
        groups=[("", _cards(context, papers or fallback, language))],
        note=language.gettext(
            "No source of this site counts votes, so there are no trending papers. These are the latest papers."
        )
        if fallback
        else "",
        canonical="/trending",
        onward=[PageLink(f"{context.home}/", language.gettext("Today's papers"))],
        nothing=language.gettext("No paper has received a vote in the past month."),
    )


def _day_page(request: Request, context: WebContext, language: Language, **facts: Any) -> Response:
    """Return a page of papers. By default it is the only one: there is none to turn to, and nothing to note."""
    usual: dict[str, Any] = {"earlier": None, "later": None, "views": [], "back": "", "more": "", "first_page": True}
    usual |= {"note": "", "source_note": "", "feed_query": ""}
    topics = translated_topics(context.app.store.topics.public(), language)
    return context.pages.public(request, "day", language=language, topics=topics, **(usual | facts))


def trending_papers(context: WebContext, today: date, limit: int) -> list[Paper]:
    """Return the papers with the most momentum, computed from the stored votes and comments."""
    discussed = context.app.store.browsing.discussed_since(today - timedelta(days=REMEMBERED_DAYS))
    gained = (
        (momentum(talked_about.daily_counts, talked_about.announced, today), talked_about.paper)
        for talked_about in discussed
    )
    gaining = sorted(((gain, paper) for gain, paper in gained if gain), reverse=True)
    return context.app.store.browsing.in_order([paper for _, paper in gaining[:limit]])


def _papers_of(context: WebContext, period: Period, topic: Topic | None, page: int) -> list[Paper]:
    """Return the papers of a page, and one more if another page follows."""
    offset = PAGE * (checked_page(page, MAX_PAGES) - 1)
    row = topic.row if topic else None
    return context.app.store.browsing.on_days(period.first, period.last, PAGE + 1, offset, row)


def _cards(context: WebContext, papers: Sequence[Paper], language: Language) -> list[PaperCard]:
    topics = context.app.store.browsing.topics_of(paper.row for paper in papers)
    return cards.cards(papers, language, context.today, topics)


def _before(context: WebContext, period: Period, language: Language) -> list[tuple[str, list[PaperCard]]]:
    """Return the papers of the preceding days, by day, so that the front page of a quiet day is not empty."""
    earlier = context.app.store.browsing.newest(period.first - timedelta(days=1), _FEW_PAPERS)
    by_day = groupby(_cards(context, earlier, language), key=lambda card: card.day)
    return [(language.date(day), list(of_day)) for day, of_day in by_day]


def _under(context: WebContext, language: Language, period: Period, topic: Topic | None) -> str:
    """Return the line under the heading: the topic, and the number of its papers in the period."""
    total = context.app.store.browsing.count(period.first, period.last, topic.row if topic else None)
    number = language.count("%(num)s paper", "%(num)s papers", total) if total else ""
    return " · ".join(part for part in (topic.name if topic else "", number) if part)


def _description(papers: Sequence[Paper], language: Language) -> str:
    titles = "; ".join(readable(paper.title) for paper in papers[:4])
    return excerpt(titles, MAX_DESCRIPTION) or language.gettext("New research papers, every day.")
