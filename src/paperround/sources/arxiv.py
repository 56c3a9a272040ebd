"""arXiv: the daily Atom feed of rss.arxiv.org, and the query API for missed days.

The feed contains only the current announcement. If a day's feed was not fetched, its papers are fetched from the API
by submission time. arXiv builds a feed of several categories from one feed for each, and one of these can be a day
behind; that day is also fetched from the API. Both are Atom and differ in their entries. feedparser is not used,
because in arXiv's RSS it treats `$a<b$` as HTML and loses the text up to the next bracket.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from paperround.domain import identifiers
from paperround.domain.errors import SourceError
from paperround.domain.models import ParsedSource, SourceState
from paperround.network.http import ARXIV, Http
from paperround.process.validation import matches
from paperround.sources.arxiv_days import EASTERN, HOLIDAYS, batch_of, batches, last_batch, submitted_for
from paperround.sources.authors import author_facts
from paperround.sources.base import (
    BaseUrl,
    Cron,
    FetchResult,
    Name,
    Parser,
    SourceSettings,
    Window,
    Zone,
    joined,
    relabelled,
)
from paperround.sources.dates import day_of, moment
from paperround.sources.entries import Entries, cut_short
from paperround.sources.markup import untex, words
from paperround.sources.reading import Xml, describe, local_name

KIND = "arxiv"
Texts = dict[str, list[str]]
AnnounceType = Literal["new", "cross", "replace", "replace-cross"]
NEW_TO_READERS: tuple[AnnounceType, ...] = ("new", "cross")
_FEED_LIMIT = 2000  # https://info.arxiv.org/help/rss.html
_SPAN = timedelta(days=7)  # the API returns at most 30,000 results, and cs alone has 1,000 a day
_EMPTY_PAGES = 3
# A category such as cs.AI or hep-th; the API lists MSC and ACM classes (03F35; I.2.7) in the same element.
CATEGORY = re.compile(r"[a-z]+(?:-[a-z]+)*(?:\.[A-Za-z]+(?:-[a-z]+)*)?")
_DESCRIPTION = re.compile(r"\s*arXiv:\S+\s+Announce Type:\s*(?P<type>[\w-]+)\s*(?:Abstract:)?\s*")
_CODE = re.compile(r"https?://(?:www\.)?github\.com/[\w.-]+/[\w.-]*\w")
# A project's own page. Without a subdomain the hosts are the services themselves.
_PROJECT = re.compile(r"https?://[\w-]+\.(?:github|gitlab)\.io(?:/[\w./~#?=&%-]*[\w/])?", re.IGNORECASE)
_ESCAPED = re.compile(r"\\([_%#&~])(?:\{\})?")  # in addresses, which authors write as LaTeX
# Words before the address of the paper's own code, the most telling first.
_OWN_CODE = (
    re.compile(r"\b(?:codes?|codebase|implementations?|software|repository)\b", re.IGNORECASE),
    re.compile(r"\b(?:available|released?|open[- ]sourced?)\b", re.IGNORECASE),
)
_WORK = (
    r"(?:paper|article|submission|manuscript|preprint|(?:technical )?report|work|version|draft|note|thesis|document)"
)
_IS = r"(?:(?:has|have|had|was|is|being|now|been|already|hereby) )"
_GONE = r"(?:withdrawn|retracted)"
_BY_ITS_AUTHORS = rf"\b(?:the authors?|we|i) {_IS}*(?:withdrawn?|retract(?:ed)?) th(?:is|e) {_WORK}"
_ANOTHER_WITHDRAWN = re.compile(
    rf"\b(?:an?|another|earlier|former|old|original|other|previous|prior) {_WORK}(?: of (?:this|the|our) {_WORK})?"
    rf" {_IS}*{_GONE}\b[^.;]*",
    re.IGNORECASE,
)
# A comment is about the paper itself.
_WITHDRAWN = re.compile(
    rf"^\W*(?:v\d+ )?{_IS}*(?:temporarily )?withdrawn\b(?! from)"
    rf"|\bwithdrawn by (?:the )?(?:arxiv|authors?\b|submitter)"
    rf"|\b{_WORK} {_IS}*{_GONE}\b|[,;.] withdrawn\W*$|{_BY_ITS_AUTHORS}",
    re.IGNORECASE,
)
# An abstract may be about others that were withdrawn, so that it has to name this one.
_WITHDRAWN_IN_ABSTRACT = re.compile(
    rf"^\W*(?:temporarily )?withdrawn(?:\W*$|[.,;:]| (?:by|due|because|as|since|for)\b)"
    rf"|\bthis {_WORK} {_IS}+{_GONE}\b|^\W*(?:the|this)(?: present)? {_WORK} {_IS}+{_GONE}\b"
    rf"|^\W*(?:paper|article|submission|manuscript|preprint) {_IS}*{_GONE}\b|{_BY_ITS_AUTHORS}",
    re.IGNORECASE,
)


class Arxiv(SourceSettings):
    """New papers in arXiv categories."""

    kind: Literal["arxiv"] = "arxiv"
    name: Name = KIND
    # The feed is rebuilt at midnight, Eastern time. Fetch it twice more in case it is late.
    schedule: Cron = "30 0,2,6 * * *"
    timezone: Zone = "America/New_York"
    categories: Annotated[
        tuple[Annotated[str, matches(CATEGORY.pattern, "an arXiv category such as cs or cs.AI")], ...],
        Field(min_length=1, max_length=60),
    ]
    """Archives (`cs`) or categories (`cs.AI`)."""
    announce: tuple[AnnounceType, ...] = NEW_TO_READERS
    """The announce types to keep. `replace` adds new versions."""
    backfill: bool = True
    """Whether missed days are fetched from the API."""
    holidays: tuple[date, ...] = HOLIDAYS
    """Evenings without an announcement (https://info.arxiv.org/help/availability.html)."""
    page_size: Annotated[int, Field(ge=1, le=2000)] = 500
    feed_url: BaseUrl = "https://rss.arxiv.org"
    api_url: BaseUrl = "https://export.arxiv.org"

    formats: ClassVar[Mapping[str, Parser]] = {}

    def fetch(self, http: Http, window: Window) -> FetchResult:
        """Fetch the current announcement, and the missed batches of the window from the API."""
        memory = _Memory(window.validators, self.categories)
        today = http.now().astimezone(EASTERN).date()
        page = self._feed(http, memory, today)
        feed = page.parsed
        due = last_batch(today, self.holidays)
        behind = memory.behind(due) if feed.day and feed.day >= due else []
        missed = self._missed(window, memory, feed, due)
        try:
            filled, failed = self._filled(http, missed, today), ""
        except SourceError as error:
            filled, failed = ParsedSource(), str(error)
        else:
            behind = [name for name in behind if not _has_batch_of(filled, name, due)]
            memory.take(missed, {(name, due) for name in behind})
        parsed = ParsedSource(feed.listings + filled.listings, feed.problems + filled.problems, feed.day)
        state, note = self._state(page, due, behind, filled=bool(filled.listings))
        if failed:
            days = ", ".join(map(str, sorted({day for days in missed.values() for day in days})))
            state, note = SourceState.STALE, f"missed days ({days}) could not be fetched; {failed}"
        return FetchResult(relabelled(parsed, self.name), state, note, memory.to_keep())

    def _feed(self, http: Http, memory: _Memory, today: date) -> _ParsedPage:
        url = f"{self.feed_url}/atom/{'+'.join(self.categories)}"
        response = http.get(url, service=self.name, validators=memory.conditions, pace=ARXIV)
        if response.unchanged:
            return _ParsedPage(ParsedSource(day=memory.feed_day), unchanged=True)
        if response.status != HTTPStatus.BAD_REQUEST:  # a wrong category: the feed contains the message
            response.expect_ok(self.name)
        read = _read(response.body, today, self.announce, f"{self.name}: the feed", response.content_type)
        feed = read.parsed
        if cut_short(feed):
            return read
        memory.conditions = response.remember()
        day = memory.note_feed(read, self.categories)
        return replace(read, parsed=replace(feed, day=day))

    def _missed(
        self, window: Window, memory: _Memory, feed: ParsedSource, due: date
    ) -> dict[tuple[str, ...], list[date]]:
        """Return the batches that are neither in the feed nor were fetched before, by the categories that lack them.

        The batch that is due is included only if the feed has its date or a later one and contains nothing of it for
        a category. If the whole feed is late, it is fetched again instead.
        """
        if not self.backfill or cut_short(feed):
            return {}
        until = due if feed.day and feed.day >= due else due - timedelta(days=1)
        days = batches(window.since, until, self.holidays)
        missed: dict[tuple[date, ...], list[str]] = {}
        for name in self.categories:
            missed.setdefault(tuple(day for day in days if day not in memory.taken[name]), []).append(name)
        return {tuple(names): list(missing) for missing, names in missed.items() if missing}

    def _filled(self, http: Http, missed: Mapping[tuple[str, ...], list[date]], today: date) -> ParsedSource:
        """Fetch the papers of the missed days from the API."""
        parts = []
        for names, days in missed.items():
            for first, last in _spans(days):
                start, end = submitted_for(first, last, self.holidays)
                part = self._search(http, names, f"[{start:%Y%m%d%H%M} TO {end:%Y%m%d%H%M}]", today)
                on_days = tuple(listing for listing in part.listings if listing.day in days)
                parts.append(ParsedSource(on_days, part.problems))
        return joined(parts)

    def _search(self, http: Http, names: Sequence[str], submitted: str, today: date) -> ParsedSource:
        categories = " OR ".join(f"cat:{name}" if "." in name else f"cat:{name}*" for name in names)
        query: dict[str, str | int] = {
            "search_query": f"({categories}) AND submittedDate:{submitted}",
            "sortBy": "submittedDate",
            "sortOrder": "ascending",
            "max_results": self.page_size,
        }
        parts, start, number, empty = [], 0, 1, 0
        while True:
            page = self._fetch_page(http, {**query, "start": start}, today, number)
            parts.append(page.parsed)
            start += page.entries
            empty = 0 if page.entries else empty + 1
            if start >= page.total:
                return joined(parts)
            if empty == _EMPTY_PAGES:  # the API sometimes returns an empty page; retry
                raise SourceError(
                    f"{self.name}: page {number} stays empty, {start} of {page.total} came", retryable=True
                )
            number += bool(page.entries)

    def _fetch_page(self, http: Http, query: Mapping[str, str | int], today: date, number: int) -> _ParsedPage:
        response = http.get(f"{self.api_url}/api/query", service=self.name, params=query, pace=ARXIV)
        if response.status != HTTPStatus.BAD_REQUEST:
            response.expect_ok(self.name)
        what = f"{self.name}: page {number}"
        page = _read(response.body, today, (), what, response.content_type, self.holidays)
        if cut_short(page.parsed):
            raise SourceError(f"{self.name}: page {number} is truncated; the service may be down", retryable=True)
        return page

    def _state(self, page: _ParsedPage, due: date, behind: Sequence[str], *, filled: bool) -> tuple[SourceState, str]:
        feed = page.parsed
        if cut_short(feed):
            return SourceState.STALE, "the feed is truncated; it is requested again next time"
        if feed.day is None or feed.day < due:
            return (
                SourceState.STALE,
                f"the feed is of {feed.day}, that of {due} is due; it is requested again next time",
            )
        if behind:
            return (
                SourceState.STALE,
                f"{', '.join(behind)}: {due} is due, but the feed has an earlier day; requested again",
            )
        if page.entries >= _FEED_LIMIT:
            return SourceState.FRESH, "the feed has 2,000 entries, which is its limit: name fewer categories a source"
        if feed.listings:
            return SourceState.FRESH, ""
        if filled:
            return SourceState.FRESH, "the feed has nothing new, the papers are from the API"
        if page.unchanged:
            return SourceState.UNCHANGED, ""
        why = "no announcement is due" if feed.day > due else "neither feed nor API has papers"
        return SourceState.QUIET, f"{feed.day:%A}, {feed.day}: {why}"


class _Memory:
    """The state that is kept between fetches, stored as strings."""

    _FEED_DAY, _TAKEN, _LAST, _MAX_DAYS = "feed day", "batches taken", "last of ", 30

    def __init__(self, validators: Mapping[str, str], categories: Sequence[str]) -> None:
        self.conditions = {url: value for url, value in validators.items() if url.startswith("http")}
        self.feed_day = day_of(validators.get(self._FEED_DAY))
        # Version 0.1 kept one list for all categories.
        common = validators.get(self._TAKEN, "")
        self.taken = {
            name: {day for day in map(day_of, validators.get(f"{self._TAKEN} {name}", common).split()) if day}
            for name in categories
        }
        stored = {name: validators.get(f"{self._LAST}{name}", "").partition(" ") for name in categories}
        self.last = {
            name: (last_day, digest) for name, (day, _, digest) in stored.items() if (last_day := day_of(day))
        }
        """For each category, the date of its newest papers in the feed and a hash of their identifiers."""

    def note_feed(self, page: _ParsedPage, categories: Sequence[str]) -> date | None:
        """Record which batch of each category a complete feed contains, and return the date of the feed.

        Papers that were seen before under an earlier date keep that date, because a feed with only a new date
        contains no new papers.
        """
        batches = _batches_in(page, categories)
        for name, (_, digest) in batches.items():
            if name in self.last and self.last[name][1] == digest:
                batches[name] = self.last[name]
        day = max((day for day, _ in batches.values()), default=page.parsed.day)
        if page.parsed.listings and day:
            for name in categories:
                self.taken[name].add(batches[name][0] if name in batches else day)
        self.last |= batches
        self.feed_day = day
        return day

    def behind(self, due: date) -> list[str]:
        """Return the categories whose newest papers in the feed are older than the batch that is due."""
        return [name for name, (day, _) in self.last.items() if day < due and due not in self.taken[name]]

    def take(self, missed: Mapping[tuple[str, ...], list[date]], still_missing: Collection[tuple[str, date]]) -> None:
        """Record the batches that were requested from the API, except those that it does not have yet."""
        for names, days in missed.items():
            for name in names:
                self.taken[name].update(day for day in days if (name, day) not in still_missing)

    def to_keep(self) -> dict[str, str]:
        """Return the strings to store."""
        taken = {name: " ".join(map(str, sorted(days)[-self._MAX_DAYS :])) for name, days in self.taken.items()}
        return {
            **self.conditions,
            self._FEED_DAY: str(self.feed_day or ""),
            **{f"{self._TAKEN} {name}": days for name, days in taken.items()},
            **{f"{self._LAST}{name}": f"{day} {digest}" for name, (day, digest) in self.last.items()},
        }


@dataclass(frozen=True, slots=True)
class _Announced:
    """The essential facts of an entry in a daily feed."""

    paper: str
    day: date
    categories: tuple[str, ...]
    """The primary category comes first."""


def _batches_in(page: _ParsedPage, categories: Sequence[str]) -> dict[str, tuple[date, str]]:
    """Return the newest date of each category's own papers in a feed, and a hash of the papers of that date.

    Cross-lists also appear in the feeds of other categories, so they are considered only if a single category is
    requested.
    """
    papers: dict[str, dict[date, list[str]]] = {}
    for entry in page.announced:
        owners = [name for name in categories if _belongs(entry.categories[:1], name)]
        owners = owners or [name for name in categories if _belongs(entry.categories, name)]
        if len(owners) == 1:
            papers.setdefault(owners[0], {}).setdefault(entry.day, []).append(entry.paper)
    newest = {name: max(days) for name, days in papers.items()}
    return {name: (day, _digest(papers[name][day])) for name, day in newest.items()}


def _belongs(categories: Sequence[str], name: str) -> bool:
    """Return whether one of the categories is `name` or belongs to the archive `name`."""
    return any(category == name or ("." not in name and category.startswith(f"{name}.")) for category in categories)


def _has_batch_of(parsed: ParsedSource, name: str, day: date) -> bool:
    return any(listing.day == day and _belongs(listing.categories, name) for listing in parsed.listings)


def _digest(papers: Sequence[str]) -> str:
    return hashlib.sha256(" ".join(sorted(papers)).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class _ParsedPage:
    parsed: ParsedSource
    entries: int = 0
    total: int = 0
    """The total number of results in the API; 0 for a feed."""
    unchanged: bool = False
    announced: tuple[_Announced, ...] = ()
    """The entries of a daily feed."""


def parse(data: bytes, today: date) -> ParsedSource:
    """Return the new papers and cross-lists in a daily feed (Atom or RSS), or all papers in an API response."""
    return _read(data, today, NEW_TO_READERS, f"{KIND}: this").parsed


def speaks(data: bytes) -> bool:
    """Return whether a feed comes from arXiv."""
    return b"http://arxiv.org/schemas/atom" in data[:2000]


def _read(
    data: bytes,
    today: date,
    announce: Collection[str],
    what: str,
    content_type: str = "",
    holidays: Collection[date] = HOLIDAYS,
) -> _ParsedPage:
    """Parse a feed or an API response.

    `announce` selects the entries of a feed by announce type; if it is empty, all are kept.
    """
    entries = Entries(today, source=KIND)
    document = Xml(data, "entry", "item")
    days: Counter[date] = Counter()
    announced: list[_Announced] = []
    count = 0
    for element in document:
        count += 1
        texts = texts_of(element)
        if "/api/errors" in first(texts, "id"):
            raise SourceError(f"{what} is an error of the API: {words(first(texts, 'summary'))}", retryable=False)
        days.update(_announced(texts))
        announced += _in_short(texts)
        _add(entries, texts, announce, holidays)
    if local_name(document.root) not in ("feed", "rss"):
        got = content_type or describe(data)
        raise SourceError(f"{what} is not Atom (got {got}); the service may be down", retryable=True)
    if document.broken:
        entries.cut(f"the document is truncated ({document.broken}); request it again")
    channel = document.root.find("channel")
    head = texts_of(document.root if channel is None else channel)
    if first(head, "title").startswith("Feed error"):
        message = words(first(head, "subtitle", "description"))
        raise SourceError(f"{what} is an error: {message}; check the categories", retryable=False)
    built = moment(first(head, "updated", "pubdate"))
    day = days.most_common(1)[0][0] if days else built and built.astimezone(EASTERN).date()
    total = first(head, "totalresults")
    return _ParsedPage(
        entries.parsed(day), count, int(total[:9]) if total.isdecimal() else 0, announced=tuple(announced)
    )


def _in_short(texts: Texts) -> list[_Announced]:
    match = identifiers.arxiv_id(first(texts, "id", "guid"))
    categories = tuple(name for name in texts.get("category", ()) if CATEGORY.fullmatch(name))
    return [_Announced(match[0], day, categories) for day in _announced(texts) if match]


def texts_of(element: Any) -> Texts:
    """Return the texts of an element's children by local name. The text of a category is its term, of a link its
    URL.
    """
    texts: Texts = {}
    for child in element:
        name = local_name(child).lower()
        if not name:  # a comment
            continue
        if name == "author":
            text = "".join(part.text or "" for part in child if local_name(part) == "name")
        else:
            text = child.get("term") or child.get("href") or "".join(child.itertext())
        texts.setdefault(name, []).append(text.strip())
    return texts


def first(texts: Mapping[str, Sequence[str]], *names: str) -> str:
    """Return the first non-empty text under any of these names, or an empty string."""
    return next((text for name in names for text in texts.get(name, ()) if text), "")


def facts(
    identifier: tuple[str, int | None], texts: Texts, abstract: str, days: Mapping[str, object]
) -> dict[str, object]:
    """Map arXiv's fields to those of a listing. They have nearly the same names in feeds, API and OAI-PMH."""
    bare, version = identifier
    comment = first(texts, "comment", "comments")
    text = _ESCAPED.sub(r"\1", f"{comment} {abstract}")
    project = _PROJECT.search(text)
    categories = [*texts.get("primary_category", ()), *texts.get("category", ())]
    return {
        **days,
        **author_facts(texts.get("author") or [", ".join(texts.get("creator", ()))]),
        "title": untex(first(texts, "title")),
        "abstract": untex(abstract),
        "arxiv_id": bare,
        "version": version,
        "doi": first(texts, "doi"),
        "url": f"https://arxiv.org/abs/{bare}",
        "pdf_url": f"https://arxiv.org/pdf/{bare}",
        "code_url": _code_in(text),
        "project_url": project[0] if project else None,
        "categories": [name for name in categories if CATEGORY.fullmatch(name)],
        "journal": untex(first(texts, "journal_ref", "journal_reference", "journal-ref")) or None,
        "license": first(texts, "rights", "license") or None,
        "withdrawn": _is_withdrawn(comment, abstract),
    }


def _code_in(text: str) -> str | None:
    """Return the address of the first repository that is said to be the paper's own, or else of the first."""
    links: list[tuple[str, str]] = []
    at = 0
    for address in _CODE.finditer(text):
        links.append((text[at : address.start()], address[0]))
        at = address.end()
    own = (address for words in _OWN_CODE for before, address in links if words.search(before))
    return next(own, links[0][1] if links else None)


def _is_withdrawn(comment: str, abstract: str) -> bool:
    about_this = _ANOTHER_WITHDRAWN.sub("", comment)
    return bool(_WITHDRAWN.search(about_this) or _WITHDRAWN_IN_ABSTRACT.search(abstract[:300]))


def _add(entries: Entries, texts: Texts, announce: Collection[str], holidays: Collection[date]) -> None:
    text = first(texts, "summary", "description")
    about = _DESCRIPTION.match(text)
    kind = first(texts, "announce_type") or (about["type"] if about else "new")
    if announce and _is_daily(texts) and kind not in announce:
        entries.skip()
        return
    identifier = identifiers.arxiv_id(first(texts, "id", "guid")) or identifiers.arxiv_id(first(texts, "link"))
    if not identifier:
        entries.reject("it has no arXiv identifier", first(texts, "title"))
        return
    abstract = text[about.end() :] if about else text
    entries.add(facts(identifier, texts, abstract, _days(texts, entries.today, holidays)))


def _is_daily(texts: Texts) -> bool:
    return "announce_type" in texts or first(texts, "id", "guid").startswith("oai:")


def _announced(texts: Texts) -> list[date]:
    """Return the date of the feed that contains this entry; empty for an entry of the API."""
    at = moment(first(texts, "published", "pubdate")) if _is_daily(texts) else None
    return [at.date()] if at else []


def _days(texts: Texts, today: date, holidays: Collection[date]) -> dict[str, object]:
    if _is_daily(texts):  # the feed does not state the submission time
        return {"day": next(iter(_announced(texts)), today)}
    submitted = moment(first(texts, "published"))
    if submitted is None or submitted.tzinfo is None:
        return {"day": submitted.date() if submitted else today}
    feed = batch_of(submitted, holidays)
    return {"day": min(feed, max(today, submitted.date())), "published": submitted.date()}


def _spans(days: Sequence[date]) -> list[tuple[date, date]]:
    """Group days into runs of at most a week."""
    spans: list[tuple[date, date]] = []
    for day in days:
        if spans and day - spans[-1][0] < _SPAN and day - spans[-1][1] <= timedelta(days=3):
            spans[-1] = (spans[-1][0], day)
        else:
            spans.append((day, day))
    return spans


Arxiv.formats = {"arxiv-atom": parse}
