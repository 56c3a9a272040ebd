"""Who reads what: every change of a subscriber's state goes through here, from wherever it was asked for.

pending ──confirm──▶ active ──pause──▶ paused ──resume──▶ active
                       └──unsubscribe──▶ unsubscribed ──(a fresh confirmation)──▶ active
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from email_validator import EmailNotValidError, validate_email

from paperround.errors import UnknownName, WrongUse
from paperround.models import Cadence, ReaderState, Schedule, Subscriber
from paperround.text import clean

if TYPE_CHECKING:
    from paperround.app import App

MOST_PAPERS = 100


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asked for, checked."""

    email: str
    topics: tuple[str, ...]
    schedule: Schedule
    name: str = ""
    max_papers: int = 10
    theme: str = "paper"
    language: str = "en"


def wish(
    app: App,
    email: str,
    topics: Sequence[str],
    *,
    name: str = "",
    cadence: str = "daily",
    at: str = "07:00",
    timezone: str = "UTC",
    max_papers: int | str = 10,
    theme: str = "paper",
    language: str = "en",
) -> Wish:
    """Check what somebody asked for; WrongUse names the field and the remedy."""
    return Wish(
        email=address(email),
        topics=known_topics(app, topics),
        schedule=Schedule(_cadence(cadence), _hour(at), _zone(timezone)),
        name=clean(name)[:200],
        max_papers=_max_papers(max_papers),
        theme=theme,
        language=language,
    )


def subscribe(
    app: App,
    wishes: Iterable[Wish],
    *,
    confirmed: bool,
    consent: Mapping[str, str] | None = None,
    first_at: datetime | None = None,
) -> None:
    """Add readers or change what they follow, all or none.

    `confirmed` says that their consent is known (an operator's word); else they are pending until they confirm.
    Nobody who unsubscribed becomes active by this, and a suppressed address stays so.
    """
    readers = [_reader(app, wanted, confirmed=confirmed) for wanted in wishes]
    app.store.subscribers.save(readers, app.clock(), consent, first_at=first_at)


def _reader(app: App, wanted: Wish, *, confirmed: bool) -> Subscriber:
    known = app.store.subscribers.by_email(wanted.email)
    state = ReaderState.ACTIVE if confirmed else ReaderState.PENDING
    if known and known.state is not ReaderState.PENDING:
        state = known.state
    return Subscriber(
        row=known.row if known else 0,
        email=wanted.email,
        state=state,
        schedule=wanted.schedule,
        name=wanted.name,
        max_papers=wanted.max_papers,
        theme=wanted.theme,
        language=wanted.language,
        topics=wanted.topics,
    )


def confirm(app: App, reader: Subscriber) -> None:
    """The owner of the address said yes: active from now on, and no longer suppressed."""
    app.store.subscribers.unsuppress(reader.email)
    app.store.subscribers.set_state(reader.row, ReaderState.ACTIVE, app.clock())


def unsubscribe(app: App, reader: Subscriber) -> bool:
    """Nothing more goes to this reader, also of what is queued; False when it was so already."""
    return app.store.subscribers.set_state(reader.row, ReaderState.UNSUBSCRIBED, app.clock())


def pause(app: App, reader: Subscriber, until: date | None = None) -> bool:
    """Send nothing until a day, or until further notice; what is published meanwhile comes when they resume."""
    _must_be(reader, ReaderState.ACTIVE, ReaderState.PAUSED, doing="pause")
    return app.store.subscribers.set_state(reader.row, ReaderState.PAUSED, app.clock(), paused_until=until)


def resume(app: App, reader: Subscriber) -> bool:
    """Send again from the next hour on."""
    _must_be(reader, ReaderState.ACTIVE, ReaderState.PAUSED, doing="resume")
    return app.store.subscribers.set_state(reader.row, ReaderState.ACTIVE, app.clock())


def erase(app: App, reader: Subscriber) -> None:
    """Forget everything about a reader; that a suppressed address gets nothing stays known."""
    app.store.subscribers.erase(reader.row)


def reader(app: App, email: str) -> Subscriber:
    """The subscriber with this address; UnknownName when there is none."""
    found = app.store.subscribers.by_email(email)
    if found is None:
        raise UnknownName(f"{email}: nobody subscribes with this address; see: paperround subscribers list")
    return found


def address(email: str) -> str:
    """The address, checked and in its normal form; nothing is asked of the network."""
    try:
        # strict: a local part over 64 octets is one that no server must accept (RFC 5321 4.5.3.1.1).
        return validate_email(clean(email), check_deliverability=False, strict=True).normalized
    except EmailNotValidError as error:
        raise WrongUse(f"{clean(email)[:100]}: not an email address ({error})") from None


def known_topics(app: App, slugs: Sequence[str]) -> tuple[str, ...]:
    """The topics' slugs, each once; WrongUse names the first that does not exist, and those that do."""
    known = [topic.slug for topic in app.topics()]
    wanted = tuple(dict.fromkeys(slug.strip().lower() for slug in slugs if slug.strip()))
    for slug in wanted:
        if slug not in known:
            raise UnknownName(f"there is no topic {slug!r}; there are: {', '.join(known) or 'none yet'}")
    if not wanted:
        raise WrongUse(f"no topic to follow; choose of: {', '.join(known) or 'none yet, add one first'}")
    return wanted


def _cadence(value: str) -> Cadence:
    try:
        return Cadence(value.strip().lower())
    except ValueError:
        raise WrongUse(f"there is no cadence {value!r}; there are: {', '.join(Cadence)}") from None


def _hour(value: str) -> time:
    try:
        hours, minutes = value.strip().split(":")
        return time(int(hours), int(minutes))
    except ValueError:
        raise WrongUse(f"{value!r} is not a time of day; write it as 07:30") from None


@lru_cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(value: str) -> str:
    name = value.strip()
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        name = ""
    if name not in _zones():
        raise WrongUse(f"there is no time zone {value!r}; write it as Europe/Berlin") from None
    return name


def _max_papers(value: int | str) -> int:
    try:
        number = int(value)
    except ValueError:
        number = 0
    if not 1 <= number <= MOST_PAPERS:
        raise WrongUse(f"{value!r} is not a number of papers from 1 to {MOST_PAPERS}")
    return number


def _must_be(found: Subscriber, *states: ReaderState, doing: str) -> None:
    if found.state not in states:
        raise WrongUse(f"{found.email} is {found.state.value}; only an active or paused reader can {doing}")
