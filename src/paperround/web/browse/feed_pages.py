"""The addresses of feeds: the newest papers, those of a topic, and those that a search finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Request, Response

from paperround.domain.models import Paper
from paperround.domain.text import clean
from paperround.rounds.search import newest_found
from paperround.web.browse import feeds
from paperround.web.browse.feeds import FeedDocument
from paperround.web.browse.periods import read_day
from paperround.web.context import ContextDep, WebContext
from paperround.web.parameters import MAX_SEARCH_LENGTH, checked_page, plain_query, topic_named
from paperround.web.responses import respond

router = APIRouter()
_IN_FEED = 100  # papers on a page of a feed
_MAX_FEED_PAGES = 100


@router.get("/feed.xml")
def feed_xml(request: Request, context: ContextDep, date: str = "", page: int = 1) -> Response:
    """Return the newest papers, or those of a day, as Atom."""
    return _atom(request, _newest(context, date, "/feed.xml", page))


@router.get("/feed.json")
def feed_json(request: Request, context: ContextDep, date: str = "", page: int = 1) -> Response:
    """Return the newest papers, or those of a day, as JSON Feed."""
    return _json(request, _newest(context, date, "/feed.json", page))


@router.get("/topics/{slug}/feed.xml")
def topic_xml(request: Request, context: ContextDep, slug: str, page: int = 1) -> Response:
    """Return the newest papers of a topic as Atom."""
    return _atom(request, _on_topic(context, slug, "feed.xml", page))


@router.get("/topics/{slug}/feed.json")
def topic_json(request: Request, context: ContextDep, slug: str, page: int = 1) -> Response:
    """Return the newest papers of a topic as JSON Feed."""
    return _json(request, _on_topic(context, slug, "feed.json", page))


@router.get("/search/feed.xml")
def search_xml(request: Request, context: ContextDep, q: str = "") -> Response:
    """Return the newest papers that match a query as Atom."""
    return _atom(request, _found_papers(request, context, q, "/search/feed.xml"))


@router.get("/search/feed.json")
def search_json(request: Request, context: ContextDep, q: str = "") -> Response:
    """Return the newest papers that match a query as JSON Feed."""
    return _json(request, _found_papers(request, context, q, "/search/feed.json"))


def _newest(context: WebContext, day: str, path: str, page: int) -> FeedDocument:
    limit, offset = _feed_page(page)
    browsing = context.app.store.browsing
    if day:
        announced = read_day(day)
        papers = browsing.on_days(announced, announced, limit, offset)
        query = {"date": day}
        title = f"{context.site.name}: {announced}"
        return _feed(context, title, f"/?{urlencode(query)}", path, papers, query=query, page=page)
    papers = browsing.newest(context.today, limit, offset)
    return _feed(context, context.site.name, "/", path, papers, page=page)


def _on_topic(context: WebContext, slug: str, name: str, page: int) -> FeedDocument:
    topic = topic_named(context, slug)
    papers = [paper for paper, _ in context.app.store.browsing.on_topic(topic.row, *_feed_page(page))]
    here = f"/topics/{slug}"
    return _feed(context, f"{context.site.name}: {topic.name}", here, f"{here}/{name}", papers, page=page)


def _found_papers(request: Request, context: WebContext, q: str, path: str) -> FeedDocument:
    query, text = {"q": q}, plain_query(q)[:MAX_SEARCH_LENGTH]
    papers: list[Paper] = []
    if text:  # newest first: feeds list what is new, not what matches best
        context.count_search(request)
        papers = newest_found(context.app, text, _IN_FEED)
    title = f"{context.site.name}: {clean(q)[:200]}"
    return _feed(context, title, f"/search?{urlencode(query)}", path, papers, query=query)


def _feed_page(page: int) -> tuple[int, int]:
    """Return the limit and offset of a feed page. The limit is one more than fits, to find out whether a next page
    exists.
    """
    return _IN_FEED + 1, _IN_FEED * (checked_page(page, _MAX_FEED_PAGES) - 1)


def _feed(
    context: WebContext,
    title: str,
    html: str,
    path: str,
    papers: Sequence[Paper],
    *,
    query: Mapping[str, str] | None = None,
    page: int = 1,
) -> FeedDocument:
    """Return a page of the feed at `path`. `html` is the path of the page that shows the same papers."""

    def at(number: int) -> str:
        pairs = {**(query or {}), **({"page": str(number)} if number > 1 else {})}
        return f"{path}?{urlencode(pairs)}" if pairs else path

    if page > 1 and not papers:
        raise HTTPException(404)
    # An empty feed changes at most once a day; otherwise every request would transfer it again.
    updated = datetime.combine(context.today, datetime.min.time(), context.app.clock().tzinfo) - timedelta(days=1)
    return FeedDocument(
        title,
        context.site.base_url,
        html,
        at(page),
        papers[:_IN_FEED],
        updated,
        first=at(1) if page > 1 else "",
        previous=at(page - 1) if page > 1 else "",
        next=at(page + 1) if len(papers) > _IN_FEED and page < _MAX_FEED_PAGES else "",
    )


def _atom(request: Request, feed: FeedDocument) -> Response:
    return _open(respond(request, feeds.atom(feed), feeds.ATOM_TYPE, seconds=600, modified=feed.updated))


def _json(request: Request, feed: FeedDocument) -> Response:
    return _open(respond(request, feeds.json_feed(feed), feeds.JSON_TYPE, seconds=600, modified=feed.updated))


def _open(response: Response) -> Response:
    """Allow cross-origin requests by feed readers that run in a browser on another site."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
