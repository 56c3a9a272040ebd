"""Any feed: RSS 0.9 to 2.0, Atom, RSS 1.0 (RDF) and JSON Feed, of journals and of blogs.

Little in feeds is reliable. Dates may be missing, only a year or nonsense; such an entry is listed on the day on
which it was first seen, which `fetch` remembers. Identifiers (DOI, arXiv) are read only from where publishers put
them, never from running text about other papers, because a wrong one would merge two works. An entry is identified
by its guid or id before its link, because entries can share a link, and links change.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from html import unescape
from itertools import chain
from typing import Any, ClassVar, Literal
from urllib.parse import unquote, urlsplit

from paperround.domain import identifiers
from paperround.domain.errors import FormatError, SourceError
from paperround.domain.models import Listing, ParsedSource, SourceState
from paperround.domain.text import clean
from paperround.network.http import Http, HttpResponse
from paperround.sources import arxiv
from paperround.sources.authors import author_facts
from paperround.sources.base import FetchResult, Name, Parser, SourceSettings, Url, Window, relabelled
from paperround.sources.dates import day_of
from paperround.sources.entries import FIRST_YEAR, Entries, cut_short, plausible
from paperround.sources.links import web_link
from paperround.sources.markup import extract, plain, untex
from paperround.sources.reading import (
    describe,
    is_reasonable,
    narrow,
    read_json,
    without_bad_references,
    without_doctype,
)

KIND = "feed"
# In characters. A longer text is an article, of which only a short extract is shown.
_MAX_ABSTRACT_LENGTH, _EXTRACT_LENGTH = 4_000, 1_200
_MAX_REMEMBERED = 5_000
_MAX_TAGS = 20
_ENTRY_END = re.compile(rb"</(?:[\w.-]+:)?(?:item|entry)\s*>", re.IGNORECASE)
_ENTRY_START = re.compile(rb"<(?:[\w.-]+:)?(?:item|entry)[\s>]", re.IGNORECASE)
_HEAD_BYTES = 5_000  # bytes; comments and instructions may precede the root
_ROOT = re.compile(rb"<(?P<root>(?:[\w.-]+:)?(?P<name>rss|feed|RDF))[\s>]", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]{2,}")
_YEAR = re.compile(r"\d{4}", re.ASCII)
# The text around an abstract of nature.com or PubMed. What else has a DOI may be about another paper.
_DOI_IN_FRAME = re.compile(
    r"^[^;]{3,120}, Published online: [^;]{6,20}; doi:\s?(?P<nature>10\.\d{4,9}/\S+)"
    r"|\bPMID:\s?\d+ \|(?: PMC:\s?\w+ \|)? DOI:\s?(?P<pubmed>10\.\d{4,9}/\S+)$"
)
# At pubs.rsc.org ", Article" follows.
_DOI_LINE = re.compile(r"\W*doi\W*:\s*<?(10\.\d{4,9}/\S+?)>?(?:,\s[\w ]{1,40})?", re.IGNORECASE)
_LINE_END = re.compile(r"\n|</?(?:p|div|br|li|td)\b[^<>]*>", re.IGNORECASE)
_FIRST_LINES, _IN_FRONT = 10, 1_000  # lines and characters of a text that may have a line with its own DOI
_MAX_MADE_TITLE_LENGTH = 100  # characters
_SENTENCE = re.compile(r".{15,}?[.!?](?=\s)")
# Feeds of the American Physical Society and others begin the text with the authors.
_AUTHOR_LINE = re.compile(
    r"\A\s*(?:<[^<>]*>\s*)*authors?(?:\(s\))?:\s*(?:</?[a-z]+>\s*)?(?P<names>[^<\n]{2,5000}?)\s*(?:</?(?:p|br|div)\b[^<>]*>|\n|$)",
    re.IGNORECASE,
)
# Text that publishers add. nature.com: "Nature, Published online: 13 May 2026; doi:10.1038/…" before the abstract.
# PubMed: "Nature. 2026 May 13. doi: 10.1038/…. Online ahead of print. ABSTRACT" before it, "PMID:1 | DOI:10…" after.
_FRAME = re.compile(
    r"^[^;]{3,120}, Published online: [^;]{6,20}; doi:\S+\s*|^.{0,300}?\bABSTRACT\b[:.]?\s*|\s*\bPMID:\s?\d+.{0,120}$"
)
_FEED_LINK = re.compile(
    rb"<link\b(?=[^<>]*\btype=[\"']?application/(?:rss|atom|feed)\+(?:xml|json))[^<>]*\bhref=[\"']?([^\"'\s<>]+)",
    re.I,
)


class Feed(SourceSettings):
    """A feed, identified by its URL."""

    kind: Literal["feed"] = "feed"
    name: Name
    url: Url
    public_only: bool = False
    """Refuse addresses in the private network, for feeds whose URL a third party chose."""

    formats: ClassVar[Mapping[str, Parser]] = {}

    def fetch(self, http: Http, window: Window) -> FetchResult:
        """Fetch the new entries and those of the window's days.

        On the first fetch, entries that are not dated within the window are back stock: they go to pages and search,
        but not into letters.
        """
        response = http.get(self.url, service=self.name, validators=window.validators, public_only=self.public_only)
        if response.unchanged:
            return FetchResult(ParsedSource(), SourceState.UNCHANGED, validators=window.validators)
        response.expect_ok(self.name)
        return self._new_entries(response, window, http.now().date())

    def _new_entries(self, response: HttpResponse, window: Window, today: date) -> FetchResult:
        feed = _read(response.body, today, self.name, response.final_url, response.headers.get("content-type", ""))
        listed_before = _Seen.of(window.validators)
        new: list[Listing] = []
        stock: list[Listing] = []
        for listing in feed.parsed.listings:
            undated = _key(listing) in feed.undated
            if replaced := listed_before.place(listing, window.since, undated=undated):
                new.append(replaced)
            elif listed_before.first_time:
                stock.append(listing)
        parsed = relabelled(replace(feed.parsed, listings=tuple(new)), self.name)
        unmailed = relabelled(ParsedSource(tuple(stock)), self.name).listings
        if cut_short(parsed):
            note = "the feed is truncated; it is requested again next time"
            return FetchResult(parsed, SourceState.STALE, note, window.validators, unmailed)
        state = SourceState.FRESH if new else SourceState.QUIET
        note = "" if new else "nothing new" if feed.parsed.listings else "the feed has no entries"
        if stock:
            note = f"seen for the first time: {len(stock)} earlier entries are shown on the pages and not mailed"
        return FetchResult(parsed, state, note, {**response.remember(), **listed_before.to_keep()}, unmailed)


class _Seen:
    """The entries of the last response that had any, and the day on which each was first seen."""

    _KEY = "seen"

    def __init__(self, before: Mapping[str, date]) -> None:
        self._before, self._now = before, dict[str, date]()

    @classmethod
    def of(cls, validators: Mapping[str, str]) -> _Seen:
        pairs = (pair.partition(":") for pair in validators.get(cls._KEY, "").split())
        return cls({key: parsed for key, _, day in pairs if (parsed := day_of(day))})

    @property
    def first_time(self) -> bool:
        """Whether no earlier response had entries."""
        return not self._before

    def place(self, listing: Listing, since: date, *, undated: bool) -> Listing | None:
        """Return the listing with the day it belongs to, or None if it is not new."""
        key = _key(listing)
        # Up to version 0.1, entries were identified by their links alone.
        before = self._before.get(key) or self._before.get(_digest(listing.url or listing.title))
        day = before if undated and before else listing.day
        self._now[key] = before or listing.day
        late = bool(self._before) and before is None  # new, although dated before the window
        recent = day >= since and not (undated and self.first_time)
        if not (late or recent):
            return None
        return listing if day == listing.day else listing.model_copy(update={"day": day})

    def to_keep(self) -> dict[str, str]:
        """Return the string to store. It is empty if the feed never had entries."""
        days = self._now or self._before  # what comes after an empty response, as after a weekend, is not back stock
        return {self._KEY: " ".join(f"{key}:{day}" for key, day in list(days.items())[:_MAX_REMEMBERED])}


@dataclass(frozen=True, slots=True)
class _Item:
    """An entry of a feed."""

    facts: Mapping[str, object]
    day: date | None
    year: int | None = None
    """Set if the feed states only a year (jmlr.org)."""


@dataclass(frozen=True, slots=True)
class _Feed:
    parsed: ParsedSource
    undated: frozenset[str] = frozenset()
    """The keys of listings that are listed today because the feed has no usable date."""


def parse(data: bytes, today: date) -> ParsedSource:
    """Return the entries of a feed in any format. Entries without a usable date are listed today."""
    return _read(data, today, KIND).parsed


def _read(data: bytes, today: date, who: str, base: str = "", content_type: str = "") -> _Feed:
    data = narrow(data)
    if arxiv.speaks(data):  # feedparser would lose text after every "<"
        return _Feed(arxiv.parse(data, today))
    entries = Entries(today, source=KIND)
    if data[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        items, broken, day = _json_feed(data, who, base)
    else:
        items, broken, day = _xml_feed(data, who, base, content_type)
    undated = set()
    entry_list = list(items)
    shared = _shared_guids([item for item in entry_list if isinstance(item, _Item)])
    for item in entry_list:
        if isinstance(item, str):
            entries.reject(item)
            continue
        day_known, day_is_known = _filed(item, today)
        published = day_known if day_is_known and not item.year else None
        own = {} if item.facts["guid"] not in shared else {"guid": None}
        listing = entries.add({**item.facts, **own, "day": day_known, "published": published})
        if listing and not day_is_known:
            undated.add(_key(listing))
    if broken:
        entries.cut(f"{broken}; request it again")
    return _Feed(entries.parsed(day), frozenset(undated))


def _shared_guids(items: Iterable[_Item]) -> set[object]:
    """Return the guids that entries with different links have: they identify none of them."""
    links: dict[object, set[object]] = {}
    for item in items:
        links.setdefault(item.facts["guid"], set()).add(item.facts["url"])
    return {guid for guid, addresses in links.items() if len(addresses) > 1}


def _filed(item: _Item, today: date) -> tuple[date, bool]:
    """Return the day on which to list the entry, and whether the feed states it."""
    if item.year:
        past = FIRST_YEAR <= item.year < today.year
        return (date(item.year, 12, 31), True) if past else (today, False)
    return (item.day, True) if item.day and plausible(item.day, today) else (today, False)


def _key(listing: Listing) -> str:
    return _digest(listing.guid or listing.url or listing.title)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:12]


def _guid(base: str, given: str) -> str | None:
    """Return a short identifier of the entry. Its first half is the same for all entries of a feed."""
    return f"{_digest(base)}-{_digest(given)}" if given else None


# --- RSS and Atom ---------------------------------------------------------------------------------------------


def _xml_feed(data: bytes, who: str, base: str, content_type: str) -> tuple[Iterator[_Item | str], str, date | None]:
    data = without_doctype(data)
    if not _ROOT.search(data[:_HEAD_BYTES]):
        problem = f"{who}: this is not a feed (got {describe(data)})"
        if match := _FEED_LINK.search(data[:200_000]):
            address = web_link(match[1].decode("utf-8", "replace"), base)[:300]
            raise SourceError(f"{problem}; the page names its feed: {address}", retryable=True)
        raise FormatError(problem)
    if not is_reasonable(data):
        raise SourceError(
            f"{who}: tags are nested thousands deep or are huge, so this feed cannot be read", retryable=False
        )
    import feedparser  # noqa: PLC0415 - slow to load; most commands read no feed

    data, broken = _whole(without_bad_references(data))
    try:
        document = feedparser.parse(
            io.BytesIO(data),  # feedparser would try plain bytes as a file name
            sanitize_html=False,
            resolve_relative_uris=False,
            response_headers={"content-location": base, "content-type": content_type},
        )
    except Exception as error:  # noqa: BLE001 - an error in feedparser must affect only this source
        raise SourceError(f"{who}: the feed cannot be read ({error!r}); tell its publisher", retryable=True) from None
    frame = _Frame.of(document, base)
    return (_from_entry(entry, frame) for entry in document.entries), broken, _written_day(document.feed)


@dataclass(frozen=True, slots=True)
class _Frame:
    """The facts that a feed states once for all entries."""

    title: str
    base: str
    """The base of relative links."""
    authors: tuple[str, ...] = ()
    plain_titles: bool = False
    """Whether titles are plain text unless marked as HTML (RFC 4287 section 3.1). In RSS they may be either."""

    @classmethod
    def of(cls, document: Any, base: str) -> _Frame:
        feed, atom = document.feed, str(document.get("version", "")).startswith("atom")
        # RFC 4287 section 4.2.1: an entry without authors has the feed's.
        names = tuple(_text(person, "name") for person in _parts(feed, "authors")) if atom else ()
        return cls(plain(_text(feed, "title")), base or web_link(_text(feed, "link")), names, atom)


def _whole(data: bytes) -> tuple[bytes, str]:
    """Close a truncated document after its last complete entry, because feedparser would accept half of the next
    one.

    Returns the document, and the problem or an empty string.
    """
    root = _ROOT.search(data[:_HEAD_BYTES])
    if not root or re.search(rb"</" + re.escape(root["root"]) + rb"\s*>", data[-2_000:]):
        return data, ""
    first = _ENTRY_START.search(data)
    *_, end = (first.start() if first else len(data)), *(match.end() for match in _ENTRY_END.finditer(data))
    channel = b"</channel>" if root["name"].lower() == b"rss" else b""
    return data[:end] + channel + b"</" + root["root"] + b">", "the feed is truncated"


def _from_entry(entry: Any, frame: _Frame) -> _Item:
    links = [{name: _text(link, name) for name in ("rel", "type", "href")} for link in _parts(entry, "links")]
    for link in links:
        link["href"] = web_link(link["href"], frame.base)
    markup = " ".join(_text(part, "value") for part in _parts(entry, "content")[:1])
    content = plain(markup)
    # Not the related ones: a comment on a paper is not that paper (RFC 4287 section 4.2.7.2).
    own = [link["href"] for link in links if link["rel"] in ("alternate", "canonical")]
    url = web_link(_text(entry, "link") or _text(entry, "id"), frame.base)
    dedicated = [_text(entry, name) for name in ("prism_doi", "dc_identifier", "id", "prism_url")]
    names, text = _authors(entry, frame)
    summary = plain(text)
    abstract = _abstract(summary, content)
    facts: dict[str, object] = {
        **author_facts(names),
        **_identifiers([url, *own], dedicated, markup or text),
        "title": _title(entry, frame) or _made_title(abstract, url),
        "abstract": abstract,
        "guid": _guid(frame.base, _text(entry, "id")),
        "url": url,
        "pdf_url": next((link["href"] for link in links if link["type"] == "application/pdf"), None),
        "categories": [plain(_text(tag, "term")) for tag in _parts(entry, "tags")[:_MAX_TAGS]],
        "journal": plain(_text(entry, "prism_publicationname")) or _source(entry) or frame.title or None,
        "license": plain(_text(entry, "rights")) or None,
        "thumbnail_url": _thumbnail(entry, links),
    }
    raw = next((_text(entry, name) for name in ("published", "updated") if name in entry), "").strip()
    return _Item(facts, _written_day(entry), int(raw) if _YEAR.fullmatch(raw) else None)


def _title(entry: Any, frame: _Frame) -> str:
    title = _text(entry, "title")
    detail = entry.get("title_detail")
    if frame.plain_titles and hasattr(detail, "get") and detail.get("type") == "text/plain":
        return untex(clean(unescape(title)))
    return untex(plain(title))


def _made_title(text: str, url: str) -> str:
    """Make a title for an entry without one, from its first sentence or the end of its URL.

    Returns an empty string if neither has one: the end of a URL needs a word, unlike `/posts/42`.
    """
    if text:
        sentence = _SENTENCE.match(text)
        return extract(sentence[0] if sentence else text, _MAX_MADE_TITLE_LENGTH)
    try:
        last = unquote(urlsplit(url).path).rstrip("/").rpartition("/")[2]
    except ValueError:
        return ""
    words = clean(re.sub(r"[-_+]+", " ", last.rpartition(".")[0] or last))
    return words if _WORD.search(words) else ""


def _authors(entry: Any, frame: _Frame) -> tuple[list[str], str]:
    """Return the author lines of an entry, and its summary without an author line."""
    summary = _text(entry, "summary")
    people = _parts(entry, "authors")
    names = [_text(person, "name") for person in people]
    if len(people) == 1 and "@" in _text(entry, "author"):  # feedparser truncates names next to some addresses
        names = [_text(entry, "author")]
    if any(names):
        return names, summary
    if match := _AUTHOR_LINE.match(summary):
        return [match["names"]], summary[match.end() :]
    source = entry.get("source")
    inherited = [_text(person, "name") for person in _parts(source, "authors")] if hasattr(source, "get") else []
    return inherited or list(frame.authors), summary


def _parts(entry: Any, name: str) -> list[Any]:
    """Return the list that feedparser collects under a name. It is text if the feed has an element of that name
    (`<authors>`).
    """
    parts = entry.get(name, [])
    return [part for part in parts if hasattr(part, "get")] if isinstance(parts, list) else []


def _source(entry: Any) -> str:
    """Return the journal in dc:source, unless that is a whole citation (nature.com)."""
    text = plain(_text(entry, "dc_source"))
    return "" if ";" in text else text


def _thumbnail(entry: Any, links: list[dict[str, str]]) -> str | None:
    shown = [_text(image, "url") for image in _parts(entry, "media_thumbnail")]
    shown += [link["href"] for link in links if link["rel"] == "enclosure" and link["type"].startswith("image/")]
    return next((url for url in shown if url), None)


def _written_day(dates: Any) -> date | None:
    """Return the first date of an entry that can be parsed. feedparser's own date parser guesses."""
    written = (_text(dates, name) for name in ("published", "updated", "created") if name in dates)
    return next((day for day in map(day_of, written) if day), None)


def _text(part: Any, name: str) -> str:
    value = part.get(name)
    return value if isinstance(value, str) else ""


# --- JSON Feed (https://www.jsonfeed.org/version/1.1/) -----------------------------------------------------------


def _json_feed(data: bytes, who: str, base: str) -> tuple[Iterator[_Item | str], str, date | None]:
    document = read_json(data, "items", who)
    value = document.value
    items = value.get("items") if isinstance(value, dict) else None
    if not isinstance(items, list) or "jsonfeed.org" not in str(value.get("version")):
        raise FormatError(f"{who}: this is JSON, but no JSON Feed")
    base = base or _text(value, "feed_url") or _text(value, "home_page_url")
    frame = _Frame(clean(_text(value, "title")), base, tuple(_people(value)), plain_titles=True)
    return (_from_json(item, frame) for item in items), document.broken, None


def _from_json(item: Any, frame: _Frame) -> _Item | str:
    if not isinstance(item, dict):
        return "it is not an object"
    url = web_link(_text(item, "url") or _text(item, "external_url") or _text(item, "id"), frame.base)
    markup = _text(item, "content_html") or _text(item, "content_text")
    content = plain(_text(item, "content_html")) or clean(_text(item, "content_text"))
    abstract = _abstract(plain(_text(item, "summary")), content)
    tags = item.get("tags")
    facts: dict[str, object] = {
        **author_facts(_people(item) or frame.authors),
        **_identifiers([url], [_text(item, "id")], markup),
        "title": untex(clean(unescape(_text(item, "title")))) or _made_title(abstract, url),
        "abstract": abstract,
        "url": url,
        "guid": _guid(frame.base, str(item.get("id") or "")),
        "categories": tags[:_MAX_TAGS] if isinstance(tags, list) else [],
        "journal": frame.title or None,
        "thumbnail_url": _text(item, "image") or _text(item, "banner_image"),
    }
    return _Item(facts, day_of(item.get("date_published")) or day_of(item.get("date_modified")))


# --- both -------------------------------------------------------------------------------------------------------


def _people(value: Mapping[str, Any]) -> list[str]:
    """Return the authors of a JSON feed or item, in the form of either version, or as plain strings."""
    given = value.get("authors") or [value.get("author")]
    people = given if isinstance(given, list) else [given]
    names = [_text(person, "name") if isinstance(person, dict) else person for person in people]
    return [name for name in names if isinstance(name, str) and name.strip()]


def _identifiers(links: list[str], dedicated: list[str], markup: str) -> dict[str, object]:
    """Return DOI and arXiv identifier, from links to the paper itself and where publishers put them."""
    resolvers = [unquote(urlsplit(link).path) for link in links if _is_doi_link(link)]
    dois = filter(None, map(identifiers.doi, chain(dedicated, resolvers, _marked_dois(markup))))
    papers = [paper[0] for link in (*links, *dedicated) if (paper := identifiers.arxiv_id(link))]
    return {"doi": next(dois, None), "arxiv_id": papers[0] if papers else None}


def _marked_dois(markup: str) -> Iterator[str]:
    """Yield the DOIs that a text has for itself: in a known frame, or alone in one of its first lines."""
    if match := _DOI_IN_FRAME.search(plain(markup)):
        yield match["nature"] or match["pubmed"]
    lines = _LINE_END.split(markup[:_IN_FRONT])
    whole = lines if len(markup) <= _IN_FRONT else lines[:-1]
    for line in whole[:_FIRST_LINES]:
        if match := _DOI_LINE.fullmatch(plain(line)):
            yield match[1]


def _is_doi_link(link: str) -> bool:
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.netloc.endswith("doi.org") or "/doi/" in parts.path


def _abstract(summary: str, content: str) -> str:
    """Return the longer of the two if it is short enough for an abstract, otherwise the summary or an extract."""
    text = content if len(summary) <= len(content) <= _MAX_ABSTRACT_LENGTH else summary or content
    text = _FRAME.sub("", text)
    return text if len(text) <= _MAX_ABSTRACT_LENGTH else extract(text, _EXTRACT_LENGTH)


Feed.formats = {KIND: parse}
