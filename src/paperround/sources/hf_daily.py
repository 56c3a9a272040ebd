"""Hugging Face Daily Papers, by its public JSON API.

https://huggingface.co/api/daily_papers?date=… returns the papers of one day: 23 to 30 on weekdays, none on weekends.
The list of a day grows during the day and its votes for days after, so the last days are requested again each time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from paperround.domain.errors import SourceError
from paperround.domain.models import ParsedSource, Problem, SourceState
from paperround.network.http import Http, HttpResponse, Pace
from paperround.sources.authors import author_facts
from paperround.sources.base import (
    BaseUrl,
    Cron,
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
from paperround.sources.markup import words
from paperround.sources.reading import read_json

KIND = "hf-daily"
# 500 requests in five minutes without a token (https://huggingface.co/docs/hub/rate-limits).
_PACE = Pace("huggingface.co", seconds=0.6)
_MAX_PAGES = 20
_SATURDAY = 5
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


class HfDaily(SourceSettings):
    """The Daily Papers list."""

    kind: Literal["hf-daily"] = "hf-daily"
    name: Name = KIND
    schedule: Cron = "20 5,9,13,17,21 * * *"
    url: BaseUrl = "https://huggingface.co"
    again: Annotated[int, Field(ge=0, le=30)] = 3
    """The number of days before the window to request again, because papers are added late and votes grow."""
    few: Annotated[int, Field(ge=0, le=100)] = 8
    """A weekday with fewer papers than this is considered incomplete."""

    counts_votes: ClassVar[bool] = True
    formats: ClassVar[Mapping[str, Parser]] = {}

    def fetch(self, http: Http, window: Window) -> FetchResult:
        """Fetch each day of the window, the oldest first, with one request for each 100 papers."""
        # The API returns an error for a day that has not begun in UTC.
        until = min(window.until, http.now().date())
        since = min(window.since, until - timedelta(days=self.again))
        days = [since + timedelta(days=n) for n in range((until - since).days + 1)]
        fetched_days: list[_Day] = []
        for day in days:
            fetched_days.append(self._day(http, window, day, newest=day == until))
            if (
                error := fetched_days[-1].error
            ) and error.retryable:  # the service has problems: make no more requests
                fetched_days += [_Day(rest, error=error) for rest in days[len(fetched_days) :]]
                break
        if all(fetched.error for fetched in fetched_days):
            raise fetched_days[0].error or AssertionError
        return self._fetch_result(fetched_days, until)

    def _day(self, http: Http, window: Window, day: date, *, newest: bool) -> _Day:
        fetched = _Day(day)
        url = f"{self.url}/api/daily_papers?date={day}&limit=100"
        try:
            for _ in range(_MAX_PAGES):
                page = http.get(url, service=self.name, validators=window.validators, pace=_PACE)
                self._take(page, fetched, window, http.now().date(), newest=newest)
                url = page.next_page() or ""
                if not url or not page.body.strip(b"[] \n"):  # a page beyond the last is []
                    break
        except SourceError as error:
            fetched.error = error
        return fetched

    def _take(self, page: HttpResponse, fetched: _Day, window: Window, today: date, *, newest: bool) -> None:
        if page.unchanged:
            fetched.unchanged = True
            fetched.validators[page.url] = window.validators[page.url]
            return
        if page.status in (400, 404) and newest:
            return  # in the first minutes of a day the API does not have it yet
        if page.status != HTTPStatus.OK:
            raise SourceError(
                f"{self.name}: {fetched.day} gave HTTP {page.status} ({_message(page.body)}); "
                "check the address; the API may have changed",
                retryable=page.status >= HTTPStatus.INTERNAL_SERVER_ERROR,
            )
        parsed = _read(page.body, today, fetched.day)
        fetched.parsed = joined((fetched.parsed, parsed))
        if page.validator and not cut_short(parsed):
            fetched.validators[page.url] = page.validator

    def _fetch_result(self, fetched_days: list[_Day], until: date) -> FetchResult:
        state, note = self._state(fetched_days, until)
        if state is SourceState.STALE:  # request it without validators next time, or a 304 would count as complete
            fetched_days[-1].validators.clear()
        failed = tuple(Problem(str(fetched.day), str(fetched.error)) for fetched in fetched_days if fetched.error)
        parsed = joined([*(fetched.parsed for fetched in fetched_days), ParsedSource(problems=failed)])
        validators = {url: value for fetched in fetched_days for url, value in fetched.validators.items()}
        return FetchResult(relabelled(parsed, self.name), state, note, validators)

    def _state(self, fetched_days: list[_Day], until: date) -> tuple[SourceState, str]:
        broken = [str(fetched.day) for fetched in fetched_days if fetched.error or cut_short(fetched.parsed)]
        if broken:
            return SourceState.STALE, f"{', '.join(broken)} could not be read completely; requested again next time"
        newest, listed = fetched_days[-1], fetched_days[-1].parsed.day
        if listed and listed < until:
            return SourceState.STALE, f"asked for {until}, Hugging Face gave the list of {listed}"
        if all(fetched.unchanged for fetched in fetched_days):
            return SourceState.UNCHANGED, ""
        count = len(newest.parsed.listings)
        if until.weekday() < _SATURDAY and count < self.few and not newest.unchanged:
            many = "no paper" if not count else f"only {count}"
            return SourceState.STALE, f"{until} has {many} so far, weekdays have 23 to 30; requested again next time"
        # On a weekend, new votes on earlier days do not count.
        conclusive = (
            count if until.weekday() >= _SATURDAY else any(fetched.parsed.listings for fetched in fetched_days)
        )
        if not conclusive:
            return SourceState.QUIET, f"{until:%A}, {until}: Daily Papers has no weekend issues"
        return SourceState.FRESH, ""


@dataclass(slots=True)
class _Day:
    day: date
    parsed: ParsedSource = field(default_factory=ParsedSource)
    validators: dict[str, str] = field(default_factory=dict)
    unchanged: bool = False
    error: SourceError | None = None


def parse(data: bytes, today: date) -> ParsedSource:
    """Return the papers in an API response: a list of daily entries, of bare papers, or one paper, of any year's
    format.
    """
    return _read(data, today, today)


def _read(data: bytes, today: date, day_asked: date) -> ParsedSource:
    """Parse a response. Entries that do not state their day are listed on the requested day."""
    document = read_json(data, "", KIND)
    value = document.value
    if not isinstance(value, list) and not (isinstance(value, dict) and ("id" in value or "paper" in value)):
        raise SourceError(f"{KIND}: the API answers with an error ({_message(data)})", retryable=False)
    entries = Entries(today, source=KIND)
    for entry in value if isinstance(value, list) else [value]:
        _add(entries, entry, day_asked)
    if document.broken:
        entries.cut(f"{document.broken}; request the day again")
    return entries.dated()


def _add(entries: Entries, entry: object, day_asked: date) -> None:
    if not isinstance(entry, dict):
        entries.reject(f"it is {_kind_of(entry)} where an object should be")
        return
    paper = entry.get("paper", entry)
    if not isinstance(paper, dict):
        entries.reject(f'its "paper" is {_kind_of(paper)} where an object should be', entry.get("title"))
        return
    title = paper.get("title") or entry.get("title")
    if not isinstance(paper.get("id"), str):
        # As a number, 2503.02130 would lose its final zero and identify another paper.
        entries.reject("it has no id that is text, such as 2606.12730", title)
        return
    entries.add(
        {
            **author_facts(_names(paper.get("authors"))),
            **_links(entry, paper),
            "title": title,
            "abstract": paper.get("summary") or entry.get("summary") or "",
            "arxiv_id": paper["id"],
            "day": _listed_on(entry, paper) or day_asked,
            "published": day_of(paper.get("publishedAt")),
            "organization": _organization(paper.get("organization")) or _organization(entry.get("organization")),
            "summary": paper.get("ai_summary") or "",
            "keywords": paper.get("ai_keywords") or (),
            "upvotes": paper.get("upvotes"),
            "comments": entry.get("numComments"),
            "stars": paper.get("githubStars"),
            "withdrawn": bool(paper.get("withdrawnAt")),
        }
    )


def _listed_on(entry: Mapping[str, Any], paper: Mapping[str, Any]) -> date | None:
    """Return the day on the list: `submittedOnDailyAt`, or the outer `publishedAt` in responses of 2024, which lack
    it.

    Since 2026 the outer date is the arXiv date shifted by some hours, so it is only a fallback.
    """
    return day_of(paper.get("submittedOnDailyAt")) or (
        day_of(entry.get("publishedAt")) if entry is not paper else None
    )


def _links(entry: Mapping[str, Any], paper: Mapping[str, Any]) -> dict[str, object]:
    identifier, code = paper["id"], paper.get("githubRepo")
    if isinstance(code, str) and _REPOSITORY.fullmatch(code):
        code = f"https://github.com/{code}"
    project = paper.get("projectPage")
    return {
        "url": f"https://arxiv.org/abs/{identifier}",
        "pdf_url": f"https://arxiv.org/pdf/{identifier}",
        "discussion_url": f"https://huggingface.co/papers/{identifier}",
        "code_url": code,
        "project_url": project if project != code else None,
        "thumbnail_url": entry.get("thumbnail") or entry.get("thumbnailUrl") or paper.get("thumbnailUrl"),
    }


def _names(given: object) -> list[str]:
    """Return the authors' names. Hugging Face returns objects, mirrors return strings or one line."""
    people = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    visible = [person for person in people if not (isinstance(person, dict) and person.get("hidden"))]
    names = [person.get("name") if isinstance(person, dict) else person for person in visible]
    return [name for name in names if isinstance(name, str)]


def _organization(given: object) -> object:
    return (given.get("fullname") or given.get("name")) if isinstance(given, dict) else None


def _message(body: bytes) -> str:
    """Return the API's error message. Nothing else of a body may appear in logs and pages."""
    try:
        value = read_json(body[:100_000], "", KIND).value
    except SourceError:
        value = None
    message = value.get("error") or value.get("message") if isinstance(value, dict) else ""
    return words(message if isinstance(message, str) else "")


def _kind_of(value: object) -> str:
    names = {list: "a list", dict: "an object", str: "text", type(None): "null", bool: "true or false"}
    return names.get(type(value), "a number")


HfDaily.formats = {KIND: parse}
