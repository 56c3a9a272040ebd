"""What every source has in common: its settings, what it is asked and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, ClassVar, Protocol
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from paperround.domain.models import Listing, Parsed

if TYPE_CHECKING:
    from paperround.network.http import Http

Parser = Callable[[bytes, date], Parsed]
"""Bytes and today in, listings and problems out; SourceError, and nothing else, where the whole is something else."""


class SourceState(StrEnum):
    """What an answer says about the source itself."""

    FRESH = "fresh"
    """It holds what it should."""
    QUIET = "quiet"
    """Valid and empty, on a day on which that is to be expected or that the source itself calls empty."""
    UNCHANGED = "unchanged"
    """The server says that nothing changed since the last answer (304)."""
    STALE = "stale"
    """Of an earlier day than it should be, cut off or half filled: worth asking again later the same day."""


@dataclass(frozen=True, slots=True)
class Window:
    """The days to ask for, in UTC and inclusive, and what the source wanted remembered from its last answer."""

    since: date
    until: date
    validators: Mapping[str, str] = field(default_factory=dict)
    """Opaque to everybody but the source: keep it as one JSON object, in the transaction that keeps the listings."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A source's answer."""

    parsed: Parsed
    state: SourceState
    note: str = ""
    """One sentence for people: why it is not fresh, or what was unusual."""
    validators: Mapping[str, str] = field(default_factory=dict)
    """To be handed back in the next window; replaces what was kept before."""
    back_stock: tuple[Listing, ...] = ()
    """What was there before the source was asked for the first time: for pages and search, not for letters."""


class Source(Protocol):
    """Somewhere that papers come from: a frozen model of its settings with one method."""

    @property
    def kind(self) -> str:
        """Which adapter reads it."""

    @property
    def name(self) -> str:
        """What the operator calls it; every listing carries it."""

    @property
    def schedule(self) -> str:
        """When it is asked: five cron fields, read in `timezone`."""

    @property
    def timezone(self) -> str:
        """An IANA zone."""

    def fetch(self, http: Http, window: Window) -> Fetched:
        """Ask the source for the window's days; SourceError when it gave nothing usable."""


def _cron(value: str) -> str:
    from apscheduler.triggers.cron import CronTrigger  # noqa: PLC0415 - slow to load, and only `up` keeps a schedule

    try:
        CronTrigger.from_crontab(value)
    except ValueError as error:
        raise ValueError(
            f'"{value}" is not a cron schedule ({error}); five fields are wanted, as in "15 6 * * mon-fri"'
        ) from None
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, KeyError):  # a path instead of a name; ZoneInfoNotFoundError
        raise ValueError(f'"{value}" is not an IANA time zone; write one such as "Europe/Berlin" or "UTC"') from None
    return value


def _web(value: str) -> str:
    if not value.startswith(("https://", "http://")):
        # Without the value: it may hold a password.
        raise ValueError("this is not a web address; it has to start with https:// or http://")
    return value


Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,59}$")]
Cron = Annotated[str, AfterValidator(_cron)]
Zone = Annotated[str, AfterValidator(_zone)]
Url = Annotated[str, AfterValidator(_web)]
BaseUrl = Annotated[Url, AfterValidator(lambda value: value.rstrip("/"))]
"""The beginning of addresses, to which paths are added; another one lets a test stand in for the real service."""


class SourceSettings(BaseModel):
    """The settings that all adapters share; each adds its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    formats: ClassVar[Mapping[str, Parser]] = {}
    """What this adapter reads from files: format name to parser, for `ingest --file --as`."""

    name: Name
    schedule: Cron = "30 5 * * *"
    timezone: Zone = "UTC"


def relabelled(parsed: Parsed, name: str) -> Parsed:
    """The same listings under the source's configured name."""
    listings = tuple(listing.model_copy(update={"source": name}) for listing in parsed.listings)
    return replace(parsed, listings=listings)


def joined(parts: Iterable[Parsed]) -> Parsed:
    """Several answers as one, of the latest day."""
    known = list(parts)
    return Parsed(
        tuple(listing for part in known for listing in part.listings),
        tuple(problem for part in known for problem in part.problems),
        max((part.day for part in known if part.day), default=None),
    )
