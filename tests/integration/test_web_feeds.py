"""Feeds and sitemaps as other programs rely on them: pages, dates, schemas, conditional requests, OPTIONS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from lxml import etree

from support.pages import Pages
from support.papers import listing

_BASE = "https://papers.example.org"
_ATOM = "{http://www.w3.org/2005/Atom}"
# What RFC 4287 and RFC 5005 ask of the elements that a feed here has, and the sitemap protocol 0.9 of its files.
_ATOM_SCHEMA = """
<grammar xmlns="http://relaxng.org/ns/structure/1.0" ns="http://www.w3.org/2005/Atom"
         datatypeLibrary="http://www.w3.org/2001/XMLSchema-datatypes">
  <start><element name="feed"><attribute name="xml:lang"/><interleave>
    <ref name="identity"/>
    <zeroOrMore><ref name="link"/></zeroOrMore>
    <element name="generator"><text/></element>
    <zeroOrMore><element name="entry"><interleave>
      <ref name="identity"/>
      <oneOrMore><ref name="link"/></oneOrMore>
      <element name="published"><data type="dateTime"/></element>
      <oneOrMore><element name="author"><element name="name">
        <data type="token"><param name="minLength">1</param></data></element></element></oneOrMore>
      <zeroOrMore><element name="category"><attribute name="term"/></element></zeroOrMore>
      <element name="summary"><attribute name="type"><value>text</value></attribute><text/></element>
    </interleave></element></zeroOrMore>
  </interleave></element></start>
  <define name="identity"><interleave>
    <element name="id"><data type="anyURI"><param name="minLength">1</param></data></element>
    <element name="title"><text/></element>
    <element name="updated"><data type="dateTime"/></element>
  </interleave></define>
  <define name="link"><element name="link"><attribute name="href"><data type="anyURI"/></attribute>
    <attribute name="rel"><choice><value>self</value><value>alternate</value><value>related</value>
      <value>first</value><value>previous</value><value>next</value></choice></attribute>
    <optional><attribute name="type"/></optional></element></define>
</grammar>"""
_SITEMAP_SCHEMA = """
<grammar xmlns="http://relaxng.org/ns/structure/1.0" ns="http://www.sitemaps.org/schemas/sitemap/0.9"
         datatypeLibrary="http://www.w3.org/2001/XMLSchema-datatypes">
  <start><choice>
    <element name="sitemapindex"><oneOrMore><element name="sitemap"><ref name="place"/></element></oneOrMore>
    </element>
    <element name="urlset"><zeroOrMore><element name="url"><ref name="place"/></element></zeroOrMore></element>
  </choice></start>
  <define name="place"><element name="loc"><data type="anyURI"><param name="pattern">https://.+</param></data></element>
    <optional><element name="lastmod"><data type="date"/></element></optional></define>
</grammar>"""


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    made = Pages(tmp_path, site={"base_url": _BASE, "sender": "a@b.example"})
    yield made
    made.app.close()


def _path(address: str) -> str:
    assert address.startswith(_BASE)
    return address.removeprefix(_BASE)


def _validated(schema: str, content: bytes) -> etree._Element:
    root = etree.fromstring(content)
    grammar = etree.RelaxNG(etree.fromstring(schema))
    assert grammar.validate(root), grammar.error_log
    return root


@pytest.mark.parametrize(
    "path", ["/feed.xml", "/feed.xml?date=2026-11-20", "/topics/robots/feed.xml", "/search/feed.xml?q=agents"]
)
def test_atom_feeds_keep_to_the_schema(pages: Pages, path: str) -> None:
    root = _validated(_ATOM_SCHEMA, pages.client.get(path).content)
    assert root.findall(f"{_ATOM}entry")


def test_sitemaps_keep_to_the_schema(pages: Pages) -> None:
    index = _validated(_SITEMAP_SCHEMA, pages.client.get("/sitemap.xml").content)
    for place in index.itertext():
        _validated(_SITEMAP_SCHEMA, pages.client.get(_path(place)).content)


def test_json_feeds_have_what_version_1_1_asks_for(pages: Pages) -> None:
    found = pages.client.get("/feed.json").json()
    assert found["version"] == "https://jsonfeed.org/version/1.1"
    assert found["title"]
    for item in found["items"]:
        assert isinstance(item["id"], str)
        assert item["content_text"]
        assert item["date_published"].endswith("Z")
        assert all(set(author) <= {"name", "url", "avatar"} for author in item["authors"])


def test_a_paper_is_published_on_its_day(pages: Pages) -> None:
    pages.site.papers(listing(70, "robots", day=date(2026, 11, 17)))
    root = etree.fromstring(pages.client.get("/feed.xml?date=2026-11-17").content)
    assert root.findtext(f"{_ATOM}entry/{_ATOM}published") == "2026-11-17T00:00:00Z"
    (item,) = pages.client.get("/feed.json?date=2026-11-17").json()["items"]
    assert item["date_published"] == "2026-11-17T00:00:00Z"


def test_every_paper_of_a_day_is_in_its_feed(pages: Pages) -> None:
    """More papers than fit on a page of the feed: the pages together hold each of them once (RFC 5005, 3)."""
    pages.site.papers(*(listing(n, day=date(2026, 11, 17)) for n in range(100, 330)))
    found: list[str] = []
    address, previous = f"{_BASE}/feed.xml?date=2026-11-17", ""
    while address:
        root = _validated(_ATOM_SCHEMA, pages.client.get(_path(address)).content)
        links = {link.get("rel"): link.get("href", "") for link in root.findall(f"{_ATOM}link")}
        assert links["self"] == address
        assert links.get("previous", "") == previous
        found += [entry.findtext(f"{_ATOM}id", "") for entry in root.findall(f"{_ATOM}entry")]
        address, previous = links.get("next", ""), address
    assert len(found) == 230
    assert len(set(found)) == 230
    as_json = pages.client.get("/feed.json?date=2026-11-17").json()
    rest = pages.client.get(_path(as_json["next_url"])).json()
    assert len(as_json["items"]) + len(rest["items"]) == 200
    assert pages.client.get("/feed.xml?date=2026-11-17&page=4").status_code == 404
    assert pages.client.get("/feed.xml?page=0").status_code == 404


@pytest.mark.parametrize(
    "query", ["robots\x00", "robots\x0b", "robots\x1b[31m", "\ud800robots", "robots\ufffe", "\x00"]
)
@pytest.mark.parametrize("path", ["/search/feed.xml", "/search/feed.json", "/search"])
def test_control_characters_in_a_query_are_no_error(pages: Pages, path: str, query: str) -> None:
    address = f"{path}?{urlencode({'q': query}, errors='surrogatepass')}"
    response = pages.client.get(address)
    assert response.status_code in (200, 400)
    if path.endswith("xml") and response.status_code == 200:
        _validated(_ATOM_SCHEMA, response.content)


def test_an_unchanged_feed_is_not_sent_again(pages: Pages) -> None:
    whole = pages.client.get("/feed.xml")
    tag, changed = whole.headers["etag"], whole.headers["last-modified"]
    assert changed.endswith("GMT")
    strong = tag.removeprefix("W/")
    for fields in (
        {"If-None-Match": tag},
        {"If-None-Match": strong},
        {"If-None-Match": f'"another", {tag}'},
        {"If-None-Match": f'{strong[:-1]}-gzip"'},
        {"If-None-Match": "*"},
        {"If-Modified-Since": changed},
    ):
        again = pages.client.get("/feed.xml", headers=fields)
        assert (again.status_code, again.content) == (304, b""), fields
        assert again.headers["etag"] == tag
    assert pages.client.get("/feed.xml", headers={"If-None-Match": '"x"'}).status_code == 200
    stale = {"If-None-Match": '"x"', "If-Modified-Since": changed}
    assert pages.client.get("/feed.xml", headers=stale).status_code == 200


def test_feed_readers_in_a_browser_may_ask_first(pages: Pages) -> None:
    offered = pages.client.request("OPTIONS", "/feed.xml")
    assert offered.status_code == httpx.codes.NO_CONTENT
    assert {"GET", "HEAD", "OPTIONS"} <= set(offered.headers["allow"].split(", "))
    assert offered.headers["access-control-allow-origin"] == "*"
    assert "If-None-Match" in offered.headers["access-control-allow-headers"]
    page = pages.client.request("OPTIONS", "/subscribe")
    assert page.status_code == httpx.codes.NO_CONTENT
    assert "access-control-allow-origin" not in page.headers
    assert pages.client.request("OPTIONS", "/nothing").status_code == 404


def test_a_feed_is_json_whatever_the_papers_hold(pages: Pages) -> None:
    pages.site.papers(listing(71, title="Robots \u202e and \U0001f916 <b>", authors=["A \u0007 B"]))
    _validated(_ATOM_SCHEMA, pages.client.get("/feed.xml").content)
    assert json.loads(pages.client.get("/feed.json").content)["items"]
