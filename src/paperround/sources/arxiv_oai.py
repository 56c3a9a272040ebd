"""arXiv by OAI-PMH, for bulk harvests and long gaps, when the query API responds with 429.

A record's datestamp is the day of its last change, not of its submission: old papers appear whenever their journal
reference changes. Reads the formats arXivRaw (the only one with the dates of versions), arXiv and oai_dc.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from paperround.domain import identifiers
from paperround.domain.errors import SourceError
from paperround.domain.models import Listing, ParsedSource, SourceState
from paperround.network.http import ARXIV, Http
from paperround.process.validation import matches
from paperround.sources import arxiv
from paperround.sources.arxiv import Texts, first, texts_of
from paperround.sources.arxiv_days import EASTERN, HOLIDAYS, last_batch
from paperround.sources.authors import author_names
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
from paperround.sources.dates import day_of
from paperround.sources.entries import Entries, cut_short
from paperround.sources.markup import words
from paperround.sources.reading import Xml, describe, local_name

KIND = "arxiv-oai"
_MAX_PAGES = 200  # of 3,500 records each; stops a harvest that never ends
_VERSION = re.compile(r"v(\d{1,3})")
# An identifier begins with the year and month of its announcement, until March 2007 after the archive's name.
_YEAR_MONTH = re.compile(r"(?:[a-z-]+/)?(\d\d)(\d\d)")


class ArxivOai(SourceSettings):
    """New papers in arXiv's OAI-PMH sets."""

    kind: Literal["arxiv-oai"] = "arxiv-oai"
    name: Name = KIND
    # Updated at about 22:30 Eastern time, Sunday to Thursday.
    schedule: Cron = "30 1 * * mon-fri"
    timezone: Zone = "America/New_York"
    sets: Annotated[
        tuple[Annotated[str, matches(r"[\w:.-]+", "the name of a set, such as cs:cs:AI")], ...],
        Field(min_length=1, max_length=30),
    ]
    """Such as `cs:cs:AI` or `physics:hep-th`."""
    new_within: Annotated[int, Field(ge=1, le=3650)] = 30
    """In days. A record whose first version and month of announcement are older is an old paper that was changed."""
    holidays: tuple[date, ...] = HOLIDAYS
    url: BaseUrl = "https://oaipmh.arxiv.org"

    formats: ClassVar[Mapping[str, Parser]] = {}

    def fetch(self, http: Http, window: Window) -> FetchResult:
        """Fetch the records of new papers that changed in the window, set by set."""
        today = http.now().date()
        parsed = joined(part for name in self.sets for part in self._harvest(http, window, name, today))
        within = timedelta(days=self.new_within)
        fresh = tuple(listing for listing in parsed.listings if is_new(listing, within))
        fresh_part = relabelled(ParsedSource(fresh, parsed.problems, parsed.day), self.name)
        due = last_batch(http.now().astimezone(EASTERN).date(), self.holidays)
        # The update runs on the evening before the date of the feed, which in UTC is already that date.
        if window.since < due and (parsed.day is None or parsed.day < due - timedelta(days=1)):
            return FetchResult(fresh_part, SourceState.STALE, f"nothing newer than {parsed.day}; {due} is due")
        if cut_short(fresh_part):
            return FetchResult(
                fresh_part, SourceState.STALE, "a response is truncated; it is requested again next time"
            )
        note = "" if fresh else f"no new papers in {', '.join(self.sets)} since {window.since}"
        return FetchResult(fresh_part, SourceState.FRESH if fresh else SourceState.QUIET, note)

    def _harvest(self, http: Http, window: Window, name: str, today: date) -> Iterator[ParsedSource]:
        query = {
            "verb": "ListRecords",
            "metadataPrefix": "arXivRaw",
            "set": name,
            "from": str(window.since - timedelta(days=1)),  # the datestamp's zone is not documented
        }
        for number in range(1, _MAX_PAGES + 1):
            response = http.get(f"{self.url}/oai", service=self.name, params=query, pace=ARXIV)
            response.expect_ok(self.name)
            parsed, token = _read(response.body, today, f"{self.name}: page {number}", response.content_type)
            yield parsed
            if not token:
                return
            query = {"verb": "ListRecords", "resumptionToken": token}
        raise SourceError(
            f"{self.name}: {name} does not end after {_MAX_PAGES} pages; ask for fewer days", retryable=False
        )


def parse(data: bytes, today: date) -> ParsedSource:
    """Return the records of a ListRecords or GetRecord response, each listed on the day of its datestamp."""
    return _read(data, today, f"{KIND}: this")[0]


def _read(data: bytes, today: date, what: str, content_type: str = "") -> tuple[ParsedSource, str]:
    """Return the records and the token for the next page. The token is empty on the last page."""
    entries = Entries(today, source=arxiv.KIND)
    document = Xml(data, "record")
    for record in document:
        _add(entries, record)
    if local_name(document.root) != "OAI-PMH":
        got = content_type or describe(data)
        raise SourceError(f"{what} is not OAI-PMH (got {got}); the service may be down", retryable=True)
    if document.broken:
        entries.cut(f"the document is truncated ({document.broken}); request it again")
    token = ""
    for element in document.root.iter("{*}error", "{*}resumptionToken"):
        text = "".join(element.itertext()).strip()
        if local_name(element) == "resumptionToken":
            token = text
        elif element.get("code") != "noRecordsMatch":  # OAI-PMH 2.0 section 3.6: an empty list is an error
            again = element.get("code") == "badResumptionToken"
            raise SourceError(f"{what} is an error ({element.get('code')}): {words(text)}", retryable=again)
    return entries.dated(), token


def _add(entries: Entries, record: Any) -> None:
    header, body = record.find("{*}header"), record.find("{*}metadata/*")
    if header is not None and header.get("status") == "deleted":
        entries.skip()
        return
    head = texts_of(header) if header is not None else {}
    about = texts_of(body) if body is not None else {}
    identifier = identifiers.arxiv_id(first(head, "identifier") or first(about, "id"))
    if not identifier:
        entries.reject("it has no arXiv identifier", first(about, "title"))
        return
    read = _FORMATS.get(local_name(body).lower()) if body is not None else None
    if not read:
        entries.reject("its format is not arXiv, arXivRaw or oai_dc", identifier[0])
        return
    texts, submitted, version = read(_Record(body, about, head))
    days = {"day": day_of(first(head, "datestamp")), "published": _plausible(identifier[0], submitted)}
    entries.add(arxiv.facts((identifier[0], version), texts, first(texts, "abstract"), days))


@dataclass(frozen=True, slots=True)
class _Record:
    body: Any
    texts: Texts
    head: Texts


_Read = tuple[Texts, date | None, int | None]
"""The texts under the names used in feeds, the date of the first version, and the number of the latest version."""


def _arxiv(record: _Record) -> _Read:
    texts = record.texts
    parts = [texts_of(author) for author in record.body.iterfind("{*}authors/{*}author")]
    names = [" ".join(first(part, name) for name in ("forenames", "keyname", "suffix")) for part in parts]
    return {**texts, **_lists(texts, names)}, day_of(first(texts, "created")), None


def _raw(record: _Record) -> _Read:
    texts = record.texts
    versions = [(element.get("version", ""), texts_of(element)) for element in record.body.iterfind("{*}version")]
    numbers = [int(match[1]) for name, _ in versions if (match := _VERSION.fullmatch(name))]
    submitted = day_of(first(versions[0][1], "date")) if versions else None
    return {**texts, **_lists(texts, author_names([first(texts, "authors")]))}, submitted, max(numbers, default=None)


def _lists(texts: Texts, names: list[str]) -> Texts:
    return {"author": names, "category": first(texts, "categories").split()}


def _dublin_core(record: _Record) -> _Read:
    texts = record.texts
    spelled = texts.get("identifier", [])
    descriptions = texts.get("description", [])
    dates = [day for day in map(day_of, texts.get("date", [])) if day]
    renamed = {
        "author": author_names(texts.get("creator", []), one_each=True),
        "abstract": descriptions[:1],
        "comment": descriptions[1:],
        # Use the header's sets, which are codes. Subjects are names ("Mathematical Physics") and MSC classes.
        "category": [_category(name) for name in record.head.get("setspec", [])],
        "doi": [text for text in spelled if text.startswith("doi:")],
        "journal_ref": [text for text in spelled if not text.startswith(("http", "doi:"))],
    }
    return {**texts, **renamed}, min(dates, default=None), None


_FORMATS: Mapping[str, Callable[[_Record], _Read]] = {"arxiv": _arxiv, "arxivraw": _raw, "dc": _dublin_core}


def _category(set_spec: str) -> str:
    """Return the category of a set: `cs.AI` for cs:cs:AI, `hep-th` for physics:hep-th."""
    parts = set_spec.split(":")
    return ".".join(parts[1:]) if len(parts) > 1 else set_spec


def is_new(listing: Listing, within: timedelta) -> bool:
    """Return whether a paper was announced within this time before its last change, as far as its identifier and its
    first version tell.

    Moderation can hold a submission for months; the paper is announced in the month of its identifier.
    """
    earliest = [day for day in (listing.published, _announced_from(listing.arxiv_id or "")) if day]
    return bool(earliest) and listing.day - max(earliest) <= within


def _announced_from(bare: str) -> date | None:
    """Return the first day of the month in an identifier; None if it has none."""
    match = _YEAR_MONTH.match(bare)
    return date(int(match[1]) + (1900 if int(match[1]) > 90 else 2000), int(match[2]), 1) if match else None


def _plausible(bare: str, first: date | None) -> date | None:
    """Return the date of the first version if it fits the identifier, because `created` is sometimes that of the
    last version.

    The month in the identifier is that of the announcement, which moderation can delay for weeks after the
    submission.
    """
    month = _announced_from(bare)
    if not first or not month:
        return first
    months = (month.year - first.year) * 12 + month.month - first.month
    return first if 0 <= months <= 3 else None


ArxivOai.formats = {"arxiv-oai": parse}
