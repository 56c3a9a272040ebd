"""What all sources share: their settings, the request for a window of days, and the result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar, Protocol
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict

from paperround.domain.models import Listing, ParsedSource, SourceState
from paperround.process.validation import matches

if TYPE_CHECKING:
    from paperround.network.http import Http

_LEAP_DAYS_APART = timedelta(days=366 * 8)  # at most: 2100 has none
Parser = Callable[[bytes, date], ParsedSource]
"""Parses bytes, given today's date, into listings and problems. Raises only SourceError, if the format is wrong."""


@dataclass(frozen=True, slots=True)
class Window:
    """The days to request, in UTC and inclusive, and the validators from the last response."""

    since: date
    until: date
    validators: Mapping[str, str] = field(default_factory=dict)
    """Opaque to all but the source. Store it as one JSON object, in the transaction that stores the listings."""


@dataclass(frozen=True, slots=True)
class FetchResult:
    """The result of a fetch."""

    parsed: ParsedSource
    state: SourceState
    note: str = ""
    """One sentence for people: why it is not fresh, or what was unusual."""
    validators: Mapping[str, str] = field(default_factory=dict)
    """To be passed in the next window. They replace the stored ones."""
    unmailed: tuple[Listing, ...] = ()
    """Entries that existed before the first fetch. They appear on pages and in search, but not in letters."""


class Source(Protocol):
    """A source of papers: a frozen settings model with one method."""

    @property
    def kind(self) -> str:
        """The adapter that reads it."""

    @property
    def name(self) -> str:
        """The configured name. Every listing carries it."""

    @property
    def schedule(self) -> str:
        """When it is fetched: five cron fields, interpreted in `timezone`."""

    @property
    def timezone(self) -> str:
        """An IANA time zone."""

    def fetch(self, http: Http, window: Window) -> FetchResult:
        """Fetch the days of the window. Raises SourceError if the source returned nothing usable."""


def _cron(value: str) -> str:
    from apscheduler.triggers.cron import CronTrigger  # noqa: PLC0415 - slow to load, and only `up` keeps a schedule

    try:
        trigger = CronTrigger.from_crontab(value, timezone=UTC)
    except ValueError as error:
        message = f'"{value}" is not a cron schedule ({error}); five fields are expected, as in "15 6 * * mon-fri"'
        # pydantic cannot encode a message with lone surrogates.
        raise ValueError(message.encode("ascii", "backslashreplace").decode()) from None
    now = datetime.now(UTC)
    trigger.end_date = now + _LEAP_DAYS_APART
    if trigger.get_next_fire_time(None, now) is None:
        raise ValueError(f'"{value}" never comes, because its month has no such day')
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, KeyError):  # a path instead of a name; ZoneInfoNotFoundError
        raise ValueError(f'"{value}" is not an IANA time zone; write one such as "Europe/Berlin" or "UTC"') from None
    return value


def _web(value: str) -> str:
    if not value.startswith(("https://", "http://")):
        # Do not show the value: it may contain a password.
        raise ValueError("this is not a web address; it has to start with https:// or http://")
    return value


Name = Annotated[str, matches(r"[a-z0-9][a-z0-9._-]{0,59}", "a name in lower-case letters and digits, such as arxiv")]
Cron = Annotated[str, AfterValidator(_cron)]
Zone = Annotated[str, AfterValidator(_zone)]
Url = Annotated[str, AfterValidator(_web)]
BaseUrl = Annotated[Url, AfterValidator(lambda value: value.rstrip("/"))]
"""The prefix of URLs, without a trailing slash. Tests set it to a substitute for the real service."""


class SourceSettings(BaseModel):
    """The settings that all adapters share. Each adapter adds its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    formats: ClassVar[Mapping[str, Parser]] = {}
    """The file formats that this adapter reads: format name to parser, for `ingest --file --as`."""

    counts_votes: ClassVar[bool] = False
    """Whether its papers have votes or comments."""

    name: Name
    schedule: Cron = "30 5 * * *"
    timezone: Zone = "UTC"


def relabelled(parsed: ParsedSource, name: str) -> ParsedSource:
    """Return the listings with the configured name of the source."""
    listings = tuple(listing.model_copy(update={"source": name}) for listing in parsed.listings)
    return replace(parsed, listings=listings)


def joined(parts: Iterable[ParsedSource]) -> ParsedSource:
    """Combine several results. The day is the latest one."""
    batches = list(parts)
    return ParsedSource(
        tuple(listing for part in batches for listing in part.listings),
        tuple(problem for part in batches for problem in part.problems),
        max((part.day for part in batches if part.day), default=None),
    )
