"""Feeds of papers: Atom (RFC 4287), paged by RFC 5005, and JSON Feed 1.1 (https://jsonfeed.org/version/1.1). Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from lxml import etree

from paperround.domain.latex import readable
from paperround.domain.models import Paper
from paperround.web.urls import page_of

_ATOM = "http://www.w3.org/2005/Atom"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
ATOM_TYPE, JSON_TYPE = "application/atom+xml; charset=utf-8", "application/feed+json; charset=utf-8"
# XML 1.0, 2.2: the characters that a document must not contain.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_AUTHORS = 100  # some papers have thousands; feed readers need only the first


@dataclass(frozen=True, slots=True)
class FeedDocument:
    """A feed: a list of papers with a title and an address."""

    title: str
    base: str
    """The site's address, without a trailing slash."""
    page: str
    """The path of the page that shows the same papers."""
    path: str
    """The feed's own path."""
    papers: Sequence[Paper]
    default_updated: datetime
    """The time of the last change of an empty feed (UTC); otherwise the newest paper determines it."""
    first: str = ""
    """The path of the first page of the feed; empty on that page itself."""
    previous: str = ""
    next: str = ""
    """The path of the page with older papers, and `previous` the one with newer papers; empty if there is none."""

    @property
    def updated(self) -> datetime:
        """The time when the feed last changed (UTC)."""
        return max((paper.first_seen for paper in self.papers), default=self.default_updated)


def atom(feed: FeedDocument) -> bytes:
    """Return the feed as Atom."""
    root = etree.Element("feed", nsmap={None: _ATOM}, attrib={_XML_LANG: "en"})
    _add(root, "id", feed.base + feed.path)
    _add(root, "title", feed.title)
    _add(root, "updated", _moment(feed.updated))
    _add(root, "link", rel="self", type="application/atom+xml", href=feed.base + feed.path)
    _add(root, "link", rel="alternate", type="text/html", href=feed.base + feed.page)
    for relation, path in (("first", feed.first), ("previous", feed.previous), ("next", feed.next)):
        if path:
            _add(root, "link", rel=relation, type="application/atom+xml", href=feed.base + path)
    _add(root, "generator", "paperround")
    for paper in feed.papers:
        _entry(etree.SubElement(root, "entry"), paper, feed)
    return bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True))


def json_feed(feed: FeedDocument) -> bytes:
    """Return the feed as JSON Feed."""
    facts: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": feed.base + feed.page,
        "feed_url": feed.base + feed.path,
        "items": [_item(paper, feed) for paper in feed.papers],
    }
    if feed.next:
        facts["next_url"] = feed.base + feed.next
    return json.dumps(facts, ensure_ascii=False, indent=1).encode()


def _published(paper: Paper) -> datetime:
    """Return the start of the day on which the paper was announced (UTC)."""
    return datetime.combine(paper.day, time.min, UTC)


def _entry(entry: Any, paper: Paper, feed: FeedDocument) -> None:
    _add(entry, "id", feed.base + page_of(paper.id))
    _add(entry, "title", readable(paper.title))
    _add(entry, "link", rel="alternate", type="text/html", href=feed.base + page_of(paper.id))
    if paper.address:
        _add(entry, "link", rel="related", href=paper.address)
    _add(entry, "published", _moment(_published(paper)))
    _add(entry, "updated", _moment(max(_published(paper), paper.first_seen)))
    # RFC 4287 4.1.2: an entry must have an author. Without known names, use the organization.
    for name in paper.authors[:_AUTHORS] or (paper.organization or "unknown",):
        _add(_add(entry, "author"), "name", readable(name))
    for category in paper.categories:
        _add(entry, "category", term=category)
    _add(entry, "summary", readable(paper.abstract or paper.summary, paper.title), type="text")


def _item(paper: Paper, feed: FeedDocument) -> dict[str, Any]:
    item: dict[str, Any] = {
        "id": feed.base + page_of(paper.id),
        "url": feed.base + page_of(paper.id),
        "title": readable(paper.title),
        "content_text": readable(paper.abstract or paper.summary, paper.title),
        "date_published": _moment(_published(paper)),
        "authors": [{"name": readable(name)} for name in paper.authors[:_AUTHORS]],
        "tags": list(paper.categories),
    }
    return {**item, **({"external_url": paper.address} if paper.address else {})}


def _add(parent: Any, name: str, text: str | None = None, **attributes: str) -> Any:
    element = etree.SubElement(
        parent, name, attrib={key: _NOT_XML.sub("", value) for key, value in attributes.items()}
    )
    element.text = None if text is None else _NOT_XML.sub("", text)
    return element


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
