"""Search, feeds, the API reference, robots.txt and sitemaps."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import unquote, urlencode

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from lxml import etree

from paperround.domain import identifiers
from paperround.domain.errors import QueryError, WrongUse
from paperround.domain.models import Paper
from paperround.domain.text import clean
from paperround.matching.search import SearchBounds
from paperround.matching.words import ends_with_field
from paperround.operator import queries
from paperround.operator.queries import SearchOrder
from paperround.rendering.language import Language
from paperround.rendering.source_names import source_name
from paperround.rounds.trial import describe_operators
from paperround.web.browse import cards, feeds
from paperround.web.browse.feeds import FeedDocument
from paperround.web.browse.papers import PAGE, topic_named
from paperround.web.browse.periods import read_day
from paperround.web.context import ContextDep, RequestContext, answer

router = APIRouter()
get = partial(router.get, response_model=None)
_IN_FEED = 100  # papers on a page of a feed
_MOST_FEED_PAGES = 100
_MOST_PAGES = 20
_LONGEST_QUERY = 1_000  # characters
_IN_SITEMAP = 1_000  # papers in a file; the protocol allows 50,000, but those would take seconds to build
_FULL_WIDTH = {0xFF01 + at: 0x21 + at for at in range(94)} | {0x3000: 0x20, 0x3001: 0x2C, 0x3002: 0x2E}
_DASH = re.compile(r"(?:(?<=\s)|^)[\u2010-\u2015\u2212\ufe63](?=\S)")  # a minus sign before a word excludes it
_QUOTE = re.compile("[\u201c-\u201f\u00ab\u00bb\u300c\u300d]")
_TRAILING = re.compile(r"(?<=\w)[.,;:!?]+\s*$")
_SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
_PRIVATE_PATHS = (
    *(
        "/c/",
        "/p/",
        "/u/",
        "/i/",
        "/f/",
        "/a/",
        "/feeds/",
        "/admin",
        "/inbox",
        "/preview",
        "/api/",
        "/try",
        "/metrics",
    ),
    "/export.jsonl",  # public, but too large for crawlers
)


@dataclass(frozen=True, slots=True)
class SearchForm:
    """The submitted search form. Dates are strings, as browsers send them."""

    q: str = ""
    sort: str = ""
    since: str = ""
    until: str = ""
    source: str = ""

    @property
    def filters(self) -> bool:
        """Whether the results are filtered by date or source."""
        return bool(self.since or self.until or self.source)

    @property
    def order(self) -> SearchOrder:
        """The sort order of the results. Raises WrongUse for an unknown order."""
        try:
            return SearchOrder(self.sort or SearchOrder.RELEVANCE)
        except ValueError:
            raise WrongUse(f"unknown order {self.sort[:40]!r}; use one of: {', '.join(SearchOrder)}") from None

    @property
    def bounds(self) -> SearchBounds:
        """The filters as search bounds. Raises WrongUse for an invalid date."""
        first = read_day(self.since) if self.since else date.min
        last = read_day(self.until) if self.until else date.max
        return SearchBounds(first, last, self.source)

    def address(self, page: int = 1, **changed: str) -> str:
        """Return the query string for a page of results, with some fields changed."""
        fields = {name: value for name, value in {**asdict(self), **changed}.items() if value}
        return urlencode({**fields, **({"page": str(page)} if page > 1 else {})})


@get("/search")
def search(
    request: Request,
    context: ContextDep,
    q: str = "",
    sort: str = "",
    since: str = "",
    until: str = "",
    source: str = "",
    page: int = 1,
) -> Response:
    """Show the results for a query or keywords, each with the reasons why it matches.

    An arXiv identifier, a DOI or an address of a known paper redirects to its page.
    """
    if not 1 <= page <= _MOST_PAGES:
        raise HTTPException(404)
    if paper := named_paper(context, q):
        return RedirectResponse(f"{context.home}{cards.page_of(paper.id)}", 302)
    form = SearchForm(q, sort, since, until, source)
    order, bounds = form.order, form.bounds
    language = context.visitors_language(request)
    wrong, result = "", queries.Search()
    try:
        if q:
            text = plain_query(q)[:_LONGEST_QUERY]
            result = queries.search(context.app, text, PAGE + 1, PAGE * (page - 1), bounds=bounds, order=order)
    except QueryError as error:
        wrong = error.told(language.gettext)
    if page > 1 and not result.found:
        raise HTTPException(404)
    here = f"{context.home}/search?"
    return context.page(
        request,
        "search",
        status=400 if wrong else 200,
        language=language,
        here="/search",
        form=form,
        q=q,
        wrong=wrong,
        mistake=result.mistake.told(language.gettext) if result.mistake else "",
        operators="" if result.total or result.mistake else describe_operators(plain_query(q), language),
        elsewhere=identifiers.page_address(result.identifier) if result.identifier else "",
        result=result,
        count=_describe_total(result, language),
        papers=[cards.card(one.paper, language, context.today, why=one.why) for one in result.found[:PAGE]],
        orders=_orders(language),
        sources=_sources(context),
        unfiltered=f"{here}{form.address(since='', until='', source='')}",
        feed_query=f"?{urlencode({'q': q})}",
        back=f"{here}{form.address(page - 1)}" if page > 1 else "",
        more=f"{here}{form.address(page + 1)}" if len(result.found) > PAGE and page < _MOST_PAGES else "",
        examples=_examples(language),
    )


def _describe_total(result: queries.Search, language: Language) -> str:
    """Return the number of results as a sentence, and whether others follow them."""
    if not result.total:
        return language.gettext("No paper matches. The nearest in meaning:")
    if result.total >= queries.MOST_COUNTED:
        return language.gettext("More than %(number)s papers") % {"number": language.number(result.total)}
    number = language.count("%(num)s paper", "%(num)s papers", result.total)
    if result.total < len(result.found):
        return language.gettext("%(papers)s, followed by the nearest in meaning:") % {"papers": number}
    return number


def _orders(language: Language) -> list[tuple[str, str]]:
    _ = language.gettext
    return [
        (SearchOrder.RELEVANCE.value, _("Best match")),
        (SearchOrder.NEWEST.value, _("Newest")),
        (SearchOrder.VOTES.value, _("Most votes")),
    ]


def _sources(context: RequestContext) -> list[tuple[str, str]]:
    """Return the sources of the site: the name that queries use, and the name to display."""
    return [(source.name, source_name(source.name)) for source in context.app.settings.sources]


def named_paper(context: RequestContext, text: str) -> Paper | None:
    """Return the paper that an arXiv identifier, a DOI or an address refers to; None for other text and unknown
    papers.
    """
    name = plain_query(text).strip("<>[]()")
    own = f"{context.site.base_url}/papers/"
    if name.startswith(own):
        return context.app.store.papers.by_id(unquote(name.removeprefix(own).split("?")[0]))
    known = identifiers.identifier_in(name)
    return context.app.store.papers.by_id(known) if known else None


def plain_query(text: str) -> str:
    """Convert full-width forms, dashes and quotation marks to the ASCII characters of the query syntax.

    Punctuation at the end, as in a pasted sentence, is removed, but not the colon of a field.
    """
    plain = _DASH.sub("-", _QUOTE.sub('"', text.translate(_FULL_WIDTH)))
    return (plain if ends_with_field(plain) else _TRAILING.sub("", plain)).strip()


def _examples(language: Language) -> list[tuple[str, str]]:
    _ = language.gettext
    return [
        ("robots that learn from video", _("in your own words: papers with the most of them come first")),
        ("robot* grasping", _("both words; * matches any ending")),
        ('"chain of thought"', _("this exact phrase")),
        ("diffusion OR flow -image", _("either of two words, but not a third")),
        ("title:benchmark org:stanford", _("a word in the title and in the organization")),
        ('author:"ada lovelace" cat:cs.RO', _("an author and an arXiv category")),
    ]


@get("/feed.xml")
def feed_xml(request: Request, context: ContextDep, date: str = "", page: int = 1) -> Response:
    """Return the newest papers, or those of a day, as Atom."""
    return _atom(request, _newest(context, date, "/feed.xml", page))


@get("/feed.json")
def feed_json(request: Request, context: ContextDep, date: str = "", page: int = 1) -> Response:
    """Return the newest papers, or those of a day, as JSON Feed."""
    return _json(request, _newest(context, date, "/feed.json", page))


@get("/topics/{slug}/feed.xml")
def topic_xml(request: Request, context: ContextDep, slug: str, page: int = 1) -> Response:
    """Return the newest papers of a topic as Atom."""
    return _atom(request, _on_topic(context, slug, "feed.xml", page))


@get("/topics/{slug}/feed.json")
def topic_json(request: Request, context: ContextDep, slug: str, page: int = 1) -> Response:
    """Return the newest papers of a topic as JSON Feed."""
    return _json(request, _on_topic(context, slug, "feed.json", page))


@get("/search/feed.xml")
def search_xml(request: Request, context: ContextDep, q: str = "") -> Response:
    """Return the newest papers that match a query as Atom."""
    return _atom(request, _found(context, q, "/search/feed.xml"))


@get("/search/feed.json")
def search_json(request: Request, context: ContextDep, q: str = "") -> Response:
    """Return the newest papers that match a query as JSON Feed."""
    return _json(request, _found(context, q, "/search/feed.json"))


@get("/docs")
def docs(request: Request, context: ContextDep) -> Response:
    """Show the API reference, rendered from the OpenAPI description without external resources."""
    api = next(route.app for route in request.app.routes if getattr(route, "path", "") == "/api")
    return context.page(request, "docs", spec=api.openapi())


@get("/robots.txt")
def robots(request: Request, context: ContextDep) -> Response:
    """Return robots.txt, which allows crawlers to read papers but not personal pages."""
    forbidden = "".join(f"Disallow: {context.home}{path}\n" for path in _PRIVATE_PATHS)
    text = f"User-agent: *\n{forbidden}\nSitemap: {context.site.base_url}/sitemap.xml\n"
    return answer(request, text.encode(), "text/plain; charset=utf-8", seconds=86_400)


@get("/sitemap.xml")
def sitemap(request: Request, context: ContextDep) -> Response:
    """Return the sitemap index."""
    parts = context.app.store.browsing.last_row() // _IN_SITEMAP + 1
    root = etree.Element("sitemapindex", nsmap={None: _SITEMAP})
    for name in ("topics", *map(str, range(parts))):
        _loc(root, "sitemap", f"{context.site.base_url}/sitemap/{name}.xml")
    return _xml(request, root)


@get("/sitemap/{name}.xml")
def sitemap_part(request: Request, context: ContextDep, name: str) -> Response:
    """Return a sitemap: the topics, or a range of the papers."""
    base = context.site.base_url
    root = etree.Element("urlset", nsmap={None: _SITEMAP})
    if name == "topics":
        slugs = [f"/topics/{topic.slug}" for topic in context.app.store.topics.public()]
        for path in ("/", "/trending", "/topics", "/subscribe", *slugs):
            _loc(root, "url", base + path)
        return _xml(request, root)
    if not name.isascii() or not name.isdigit() or len(name) > 8:
        raise HTTPException(404)
    first = int(name) * _IN_SITEMAP
    for row, paper_id, day in context.app.store.browsing.ids_from(first, _IN_SITEMAP):
        if row < first + _IN_SITEMAP:
            url = _loc(root, "url", base + cards.page_of(paper_id))
            etree.SubElement(url, "lastmod").text = day.isoformat()
    return _xml(request, root)


def _newest(context: RequestContext, day: str, path: str, page: int) -> FeedDocument:
    limit, offset = _feed_page(page)
    browsing = context.app.store.browsing
    if day:
        wanted = read_day(day)
        papers = browsing.on_days(wanted, wanted, limit, offset)
        query = {"date": day}
        title = f"{context.site.name}: {wanted}"
        return _feed(context, title, f"/?{urlencode(query)}", path, papers, query=query, page=page)
    papers = browsing.newest(context.today, limit, offset)
    return _feed(context, context.site.name, "/", path, papers, page=page)


def _on_topic(context: RequestContext, slug: str, name: str, page: int) -> FeedDocument:
    topic = topic_named(context, slug)
    papers = [paper for paper, _ in context.app.store.browsing.on_topic(topic.row, *_feed_page(page))]
    here = f"/topics/{slug}"
    return _feed(context, f"{context.site.name}: {topic.name}", here, f"{here}/{name}", papers, page=page)


def _found(context: RequestContext, q: str, path: str) -> FeedDocument:
    query, wanted = {"q": q}, plain_query(q)[:_LONGEST_QUERY]
    papers: list[Paper] = []
    if wanted:  # newest first: feeds list what is new, not what matches best
        papers = queries.newest_found(context.app, wanted, _IN_FEED)
    title = f"{context.site.name}: {clean(q)[:200]}"
    return _feed(context, title, f"/search?{urlencode(query)}", path, papers, query=query)


def _feed_page(page: int) -> tuple[int, int]:
    """Return the limit and offset of a feed page. The limit is one more than fits, to find out whether a next page
    exists.
    """
    if not 1 <= page <= _MOST_FEED_PAGES:
        raise HTTPException(404)
    return _IN_FEED + 1, _IN_FEED * (page - 1)


def _feed(
    context: RequestContext,
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
        next=at(page + 1) if len(papers) > _IN_FEED and page < _MOST_FEED_PAGES else "",
    )


def _atom(request: Request, feed: FeedDocument) -> Response:
    return _open(answer(request, feeds.atom(feed), feeds.ATOM_TYPE, seconds=600, modified=feed.updated))


def _json(request: Request, feed: FeedDocument) -> Response:
    return _open(answer(request, feeds.json_feed(feed), feeds.JSON_TYPE, seconds=600, modified=feed.updated))


def _open(response: Response) -> Response:
    """Allow cross-origin requests by feed readers that run in a browser on another site."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _loc(root: Any, kind: str, address: str) -> Any:
    entry = etree.SubElement(root, kind)
    etree.SubElement(entry, "loc").text = address
    return entry


def _xml(request: Request, root: Any) -> Response:
    body = etree.tostring(root, encoding="utf-8", xml_declaration=True)
    return answer(request, body, "application/xml; charset=utf-8", seconds=3_600)
