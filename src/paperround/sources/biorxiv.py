"""bioRxiv and medRxiv by their details API: https://api.biorxiv.org/details/{server}/{from}/{to}/{cursor}/json.

Every revision is a separate row. Only version 1 is new.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from paperround.domain.errors import FormatError
from paperround.domain.models import ParsedSource, SourceState
from paperround.domain.text import clean
from paperround.network.http import Http, Pace
from paperround.sources.authors import author_facts
from paperround.sources.base import (
    BaseUrl,
    FetchResult,
    Name,
    Parser,
    SourceSettings,
    Window,
    joined,
    relabelled,
)
from paperround.sources.dates import day_of
from paperround.sources.entries import Entries, cut_short
from paperround.sources.markup import plain
from paperround.sources.reading import read_json

KIND = "biorxiv"
# No limit is published. The examples make one request per second.
_PACE = Pace("api.biorxiv.org", seconds=1.0)
_MAX_PAGES = 500
# Marks left by removed elements: O_ST_ABS…C_ST_ABS around a heading, O_FIG…C_FIG around a figure.
_HEADING = re.compile(r"O_ST_ABS(.{0,80}?)C_ST_ABS")
_BLOCK = re.compile(
    r"O_(?P<name>FIG|TBL|TEXTBOX|DISPLAY)(?:(?!O_(?P=name)).)*?C_(?P=name)"
    r"|O_LINKSMALLFIG\b[^>]*>|View larger version \([^()]*\):?"
    r"|org\.highwire\.dtl\.\S+"
)
_MARK = re.compile(r"[OC]_(?:ST_ABS|SCPLOW|SCPCAP|LI|OL|UL|QD|FLOATNO|TABLECAPTION|INLINEFIG|FD|EQN|FIG|TBL|TEXTBOX)")


class Biorxiv(SourceSettings):
    """New preprints of bioRxiv or medRxiv."""

    kind: Literal["biorxiv"] = "biorxiv"
    name: Name = KIND
    server: Literal["biorxiv", "medrxiv"] = "biorxiv"
    categories: Annotated[tuple[str, ...], Field(max_length=60)] = ()
    """Such as `neuroscience` or `cell biology`. If empty, all categories."""
    url: BaseUrl = "https://api.biorxiv.org"

    formats: ClassVar[Mapping[str, Parser]] = {}

    def fetch(self, http: Http, window: Window) -> FetchResult:
        """Fetch the first versions posted in the window, page by page."""
        until = min(window.until, http.now().date())
        pages, cursor = [], 0
        for number in range(1, _MAX_PAGES + 1):
            url = f"{self.url}/details/{self.server}/{min(window.since, until)}/{until}/{cursor}/json"
            response = http.get(url, service=self.name, pace=_PACE)
            response.expect_ok(self.name)
            page = _read(response.body, http.now().date(), f"{self.name}: page {number}")
            pages.append(page.parsed)
            cursor += page.rows
            if not page.rows or cursor >= page.total:
                break
        return self._fetch_result(joined(pages), whole=cursor >= page.total, window=window)

    def _fetch_result(self, parsed: ParsedSource, *, whole: bool, window: Window) -> FetchResult:
        categories = {_plain(name) for name in self.categories}
        chosen = tuple(
            listing
            for listing in parsed.listings
            if not categories or categories & {_plain(c) for c in listing.categories}
        )
        parsed = relabelled(ParsedSource(chosen, parsed.problems, parsed.day), self.name)
        if not whole or cut_short(parsed):
            return FetchResult(
                parsed, SourceState.STALE, "the pages end before the total; it is requested again next time"
            )
        if not chosen:
            return FetchResult(parsed, SourceState.QUIET, f"nothing new from {window.since} to {window.until}")
        return FetchResult(parsed, SourceState.FRESH)


@dataclass(frozen=True, slots=True)
class _Page:
    parsed: ParsedSource
    rows: int
    total: int


def parse(data: bytes, today: date) -> ParsedSource:
    """Return the first versions in an API response. Later versions are skipped."""
    return _read(data, today, f"{KIND}: this").parsed


def _read(data: bytes, today: date, what: str) -> _Page:
    document = read_json(data, "collection", KIND)
    rows, message = _envelope(document.value, what)
    total = None if document.broken else message.get("total")
    entries = Entries(today, source=KIND)
    for row in rows:
        _add(entries, row)
    if document.broken:
        entries.cut(f"{document.broken}; request it again")
    count = int(str(total)[:9]) if str(total).isdecimal() else len(rows)  # the API returns a string
    return _Page(entries.dated(), len(rows), count)


def _envelope(value: Any, what: str) -> tuple[list[Any], dict[str, Any]]:
    rows = value.get("collection") if isinstance(value, dict) else None
    messages = value.get("messages") if isinstance(value, dict) else None
    message = messages[0] if isinstance(messages, list) and messages and isinstance(messages[0], dict) else {}
    if not isinstance(rows, list):
        status = message.get("status", "no collection in it")
        raise FormatError(f"{what} is not a response of the details API ({status})")
    return rows, message


def _add(entries: Entries, row: Any) -> None:
    if not isinstance(row, dict):
        entries.reject("it is not an object")
        return
    version = str(row.get("version", "1"))
    if version != "1":
        entries.skip()
        return
    values = {name: value for name, value in row.items() if isinstance(value, str) and value not in ("", "NA")}
    day = day_of(values.get("date"))
    server = "medRxiv" if values.get("server", "").lower() == "medrxiv" else "bioRxiv"
    page = f"https://www.{server.lower()}.org/content/{values.get('doi')}v{version}"
    entries.add(
        {
            **author_facts([values.get("authors", "")], one_each=True),
            "title": _without_marks(plain(values.get("title", ""))),
            "abstract": _without_marks(plain(values.get("abstract", ""))),
            "day": day,
            "published": day,
            "version": 1,
            "doi": values.get("doi"),
            "url": page if "doi" in values else None,
            "pdf_url": f"{page}.full.pdf" if "doi" in values else None,
            "categories": [values["category"]] if "category" in values else [],
            "journal": server,
            "license": values.get("license"),
        }
    )


def _without_marks(text: str) -> str:
    """Remove what HighWire's conversion leaves in a text: figures and tables are removed, headings get a colon."""
    text = _HEADING.sub(_heading, _BLOCK.sub(" ", text))
    return clean(_MARK.sub(" ", text))


def _heading(match: re.Match[str]) -> str:
    words = match[1].strip(" :.")
    return f" {words}: " if words else " "


def _plain(category: str) -> str:
    return category.replace("_", " ").casefold().strip()


Biorxiv.formats = {KIND: parse}
