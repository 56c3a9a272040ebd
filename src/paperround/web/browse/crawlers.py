"""What search engines ask for: robots.txt and sitemaps (https://www.sitemaps.org/protocol.html)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from lxml import etree

from paperround.web.context import ContextDep
from paperround.web.responses import TOKEN_PATHS, respond
from paperround.web.urls import page_of

router = APIRouter()
_IN_SITEMAP = 1_000  # papers in a file; the protocol allows 50,000, but those would take seconds to build
_SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
_PRIVATE_PATHS = (
    *TOKEN_PATHS,
    *("/admin", "/inbox", "/preview", "/api/", "/try", "/metrics"),
    "/export.jsonl",  # public, but too large for crawlers
)


@router.get("/robots.txt")
def robots(request: Request, context: ContextDep) -> Response:
    """Return robots.txt, which allows crawlers to read papers but not personal pages."""
    forbidden = "".join(f"Disallow: {context.home}{path}\n" for path in _PRIVATE_PATHS)
    text = f"User-agent: *\n{forbidden}\nSitemap: {context.site.base_url}/sitemap.xml\n"
    return respond(request, text.encode(), "text/plain; charset=utf-8", seconds=86_400)


@router.get("/sitemap.xml")
def sitemap(request: Request, context: ContextDep) -> Response:
    """Return the sitemap index."""
    parts = context.app.store.browsing.last_row() // _IN_SITEMAP + 1
    root = etree.Element("sitemapindex", nsmap={None: _SITEMAP})
    for name in ("topics", *map(str, range(parts))):
        _loc(root, "sitemap", f"{context.site.base_url}/sitemap/{name}.xml")
    return _xml(request, root)


@router.get("/sitemap/{name}.xml")
def sitemap_part(request: Request, context: ContextDep, name: str) -> Response:
    """Return a sitemap: the topics, or a range of the papers."""
    base = context.site.base_url
    root = etree.Element("urlset", nsmap={None: _SITEMAP})
    if name == "topics":
        slugs = [f"/topics/{topic.slug}" for topic in context.app.store.topics.public()]
        trending = ["/trending"] if context.app.settings.counts_votes else []
        for path in ("/", *trending, "/topics", "/subscribe", *slugs):
            _loc(root, "url", base + path)
        return _xml(request, root)
    if not name.isascii() or not name.isdigit() or len(name) > 8:
        raise HTTPException(404)
    first = int(name) * _IN_SITEMAP
    for row, paper_id, day in context.app.store.browsing.ids_from(first, _IN_SITEMAP):
        if row < first + _IN_SITEMAP:
            url = _loc(root, "url", base + page_of(paper_id))
            etree.SubElement(url, "lastmod").text = day.isoformat()
    return _xml(request, root)


def _loc(root: Any, kind: str, address: str) -> Any:
    entry = etree.SubElement(root, kind)
    etree.SubElement(entry, "loc").text = address
    return entry


def _xml(request: Request, root: Any) -> Response:
    body = etree.tostring(root, encoding="utf-8", xml_declaration=True)
    return respond(request, body, "application/xml; charset=utf-8", seconds=3_600)
