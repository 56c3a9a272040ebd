"""The preferences of a subscriber: one value, with a text form for each field. Pure.

The form, the command line, the API, CSV files and the database all read and write preferences here. To add a
preference, add a field to `Preferences`, its column with a migration, and its place in
templates/web/preferences_fields.html.j2.

A change of preferences is a patch: typed values by field. Fields that a patch does not contain stay as they are.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum
from functools import lru_cache, partial
from operator import attrgetter
from typing import Annotated, Any, NamedTuple, get_type_hints
from zoneinfo import available_timezones

from paperround.domain.errors import InvalidEntriesError, InvalidValueError, PreferenceError, QueryError
from paperround.domain.errors import translatable as _
from paperround.domain.followed import MAX_FOLLOWED, MAX_LEFT_OUT, check_left_out, read_followed, read_left_out
from paperround.domain.schedule import Cadence, Schedule
from paperround.domain.text import clean, did_you_mean

MAX_PAPERS = 100
MAX_QUERIES, MAX_QUERY_LENGTH = 5, 300  # own queries of a subscriber, characters of each
MAX_TYPED_LENGTH = 2_000  # characters of a longer query that pages show again
MAX_NAME_LENGTH = 200  # characters
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

Patch = Mapping[str, Any]
"""Typed values of some of the fields of `Preferences`, by name."""
Plain = str | int | list[str] | None
"""A JSON value."""

_OWN, _FOLLOW = "own", "follow"
OWN_PREFIX = f"{_OWN}-"
"""The prefix of the slugs of subscribers' own queries. A public topic may start with it too."""
_PRIVATE_SLUG = re.compile(rf"({_OWN}|{_FOLLOW})-[0-9a-f]{{16}}")
_HOUR = re.compile(r"(\d{1,2})(?:[:.](\d{2})(?::\d{2})?)?\s*([ap])?\.?(?:m\.?)?", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")  # of HTML, which people paste with a text
_NONE_SUCH = "there is no %(what)s %(given)s; there are: %(known)s"
_ITEM = re.compile(r"(?:[^\\;\n]|\\.)+")  # a backslash escapes the next character


class Density(StrEnum):
    """How much a letter says of each paper."""

    FULL = "full"
    BRIEF = "brief"
    TITLES = "titles"


class Breadth(StrEnum):
    """How widely interests select papers, from the fewest to the most."""

    FEWEST = "fewest"
    FEWER = "fewer"
    USUAL = "usual"
    MORE = "more"
    MOST = "most"

    @property
    def steps(self) -> int:
        """The distance from `USUAL`, from -2 (far fewer papers) to 2 (far more)."""
        return list(Breadth).index(self) - list(Breadth).index(Breadth.USUAL)

    @property
    def wider(self) -> list[Breadth]:
        """The breadths that select more papers, the nearest first."""
        return list(Breadth)[list(Breadth).index(self) + 1 :]


class QuietDays(StrEnum):
    """What is sent on a day without new papers."""

    SILENT = "silent"
    """No letter."""
    LINE = "line"
    """A letter of one line."""


@dataclass(frozen=True, slots=True)
class TextForm:
    """How a field is parsed from text or JSON and written to JSON, and its description for help and documentation."""

    read: Callable[[object], Any]
    """Parses a value. Raises ValueError, with the remedy, if it cannot."""
    write: Callable[[Any], Plain]
    about: str
    json_type: Any
    """The type of the written value, for the API schema."""


# --- how each kind of field is read -------------------------------------------------------------------------------


def _text(given: object) -> str:
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise InvalidValueError("write it as text")
    return clean(str(given))


def _read_line(given: object) -> str:
    text = _text(given)
    return text if len(text) <= MAX_NAME_LENGTH else clean(text[:MAX_NAME_LENGTH])


def _texts(given: object) -> list[str]:
    if isinstance(given, str) or not isinstance(given, Sequence) or not all(isinstance(item, str) for item in given):
        raise InvalidValueError("write it as a list of texts")
    return list(given)


def _read_slugs(given: object) -> tuple[str, ...]:
    items = re.split("[;,\n]", given) if isinstance(given, str) else _texts(given)
    return tuple(dict.fromkeys(slug for item in items if (slug := _read_slug(item))))


@lru_cache(maxsize=1 << 12)  # lists of subscribers repeat the same topics
def _read_slug(text: str) -> str:
    return clean(text).lower()


def _read_queries(given: object) -> tuple[str, ...]:
    items = split_list(given) if isinstance(given, str) else _texts(given)
    queries = tuple(dict.fromkeys(query for item in items if (query := clean(_TAG.sub(" ", item)))))
    for text in queries:
        if len(text) > MAX_QUERY_LENGTH:
            sentence = _("an interest has at most %(most)s characters; keep the words that matter most")
            raise QueryError(text[:MAX_QUERY_LENGTH], MAX_QUERY_LENGTH, sentence, most=MAX_QUERY_LENGTH)
    if len(queries) > MAX_QUERIES:
        sentence = _("%(number)s interests; the most is %(most)s, so join some with OR")
        raise InvalidValueError(sentence, number=len(queries), most=MAX_QUERIES)
    return queries


def _read_entries(too_many: str, most: int, read: Callable[[str], object], given: object) -> tuple[str, ...]:
    """Return the entries of a list in canonical spelling. A line break also separates entries.

    Raises InvalidValueError: InvalidEntriesError for invalid entries, or with the sentence `too_many`.
    """
    items = split_list(given) if isinstance(given, str) else _texts(given)
    entries: dict[str, None] = {}
    errors: list[InvalidValueError] = []
    for line in (line for item in items for line in item.splitlines() if clean(line)):
        try:
            entries[str(read(line))] = None
        except InvalidValueError as error:
            errors.append(error)
    if errors:
        raise InvalidEntriesError(errors)
    if len(entries) > most:
        raise InvalidValueError(too_many, number=len(entries), most=most)
    return tuple(entries)


def _entries(too_many: str, most: int, read: Callable[[str], object], about: str) -> TextForm:
    return TextForm(partial(_read_entries, too_many, most, read), list, about, list[str])


def _read_choice(kind: type[StrEnum], what: str, given: object) -> StrEnum:
    try:
        return kind(_text(given).lower())
    except ValueError:
        choices = ", ".join(kind)
        raise InvalidValueError(_NONE_SUCH, what=what, given=repr(given), known=choices) from None


def _write_choice(value: StrEnum) -> str:
    return str(value.value)


def _choice(kind: type[StrEnum], what: str, about: str) -> TextForm:
    return TextForm(partial(_read_choice, kind, what), _write_choice, f"{about}: {', '.join(kind)}", str)


def _read_number(least: int, most: int, what: str, given: object) -> int:
    text = _text(given)
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(most)) + 1
    if not is_number or not least <= int(text) <= most:
        sentence = "%(given)r is not %(what)s from %(least)s to %(most)s"
        raise InvalidValueError(sentence, given=given, what=what, least=least, most=most)
    return int(text)


def _number(least: int, most: int, what: str, about: str) -> TextForm:
    return TextForm(partial(_read_number, least, most, what), int, about, int)


def _read_hour(given: object) -> time:
    if isinstance(given, time):
        return given
    text = _text(given)
    if match := _HOUR.fullmatch(text):
        hour, minute, half = int(match[1]), int(match[2] or 0), (match[3] or "").lower()
        whole = hour if not half else hour % 12 + 12 * (half == "p")
        if whole < 24 and minute < 60 and (not half or 1 <= hour <= 12):
            return time(whole, minute)
    raise InvalidValueError("%(given)r is not a time of day; write it as 07:30", given=given)


@lru_cache
def _zones() -> Mapping[str, str]:
    return {name.lower(): name for name in available_timezones()}


def _write_hour(at: time) -> str:
    return f"{at:%H:%M}"


def _read_zone(given: object) -> str:
    text = _text(given)
    if zone := _zones().get(text.lower()):
        return zone
    raise InvalidValueError("there is no time zone %(given)r; write it as Europe/Berlin", given=given)


def _read_weekday(given: object) -> int:
    text = _text(given).lower()
    if text in {"0", "1", "2", "3", "4", "5", "6"}:
        return int(text)
    numbers = [number for number, name in enumerate(WEEKDAYS) if len(text) >= 3 and name.startswith(text)]
    if not numbers:
        sentence = "%(given)r is not a day of the week; write one of: %(days)s"
        raise InvalidValueError(sentence, given=given, days=", ".join(WEEKDAYS))
    return numbers[0]


def _write_weekday(number: int) -> str:
    return WEEKDAYS[number]


def _read_name_of(what: str, given: object) -> str:
    name = _text(given)
    if not name or len(name) > 60:
        raise InvalidValueError("there is no %(what)s %(name)r", what=what, name=name[:60])
    return name


def _read_day(given: object) -> date | None:
    if given is None or given == "":
        return None
    if isinstance(given, date):
        return given
    try:
        return date.fromisoformat(_text(given))
    except ValueError:
        raise InvalidValueError("%(given)r is not a date; write it as 2026-12-24", given=given) from None


def _write_day(day: date | None) -> str | None:
    return day.isoformat() if day else None


# --- the value --------------------------------------------------------------------------------------------------


class Preferences(NamedTuple):
    """Everything that a subscriber can choose. The defaults apply to subscribers who choose nothing."""

    name: Annotated[str, TextForm(_read_line, str, "Their name, for the greeting", str)] = ""
    topics: Annotated[tuple[str, ...], TextForm(_read_slugs, list, "A topic to follow, by its slug", list[str])] = ()
    queries: Annotated[
        tuple[str, ...],
        TextForm(_read_queries, list, "An interest of theirs, in plain words or as a query", list[str]),
    ] = ()
    follows: Annotated[
        tuple[str, ...],
        _entries(
            _("%(number)s entries to follow; %(most)s is the most"),
            MAX_FOLLOWED,
            read_followed,
            "An author or organization to follow, such as org: Name",
        ),
    ] = ()
    leave_out: Annotated[
        tuple[str, ...],
        _entries(
            _("%(number)s entries to leave out; %(most)s is the most"),
            MAX_LEFT_OUT,
            read_left_out,
            "What never to show: words, author: NAME, category: NAME or paper: IDENTIFIER",
        ),
    ] = ()
    cadence: Annotated[Cadence, _choice(Cadence, "cadence", "How often letters come")] = Cadence.DAILY
    weekday: Annotated[int, TextForm(_read_weekday, _write_weekday, "The day on which weekly letters come", str)] = 0
    """0 is Monday, 6 is Sunday."""
    monthday: Annotated[int, _number(1, 31, "a day of the month", "The day on which monthly letters come")] = 1
    """In shorter months it is the last day."""
    at: Annotated[time, TextForm(_read_hour, _write_hour, "The local time, HH:MM", str)] = time(7, 0)
    timezone: Annotated[str, TextForm(_read_zone, str, "The time zone, such as Europe/Berlin", str)] = "UTC"
    max_papers: Annotated[
        int, _number(1, MAX_PAPERS, "a number of papers", "The maximum number of papers per letter")
    ] = 10
    theme: Annotated[str, TextForm(partial(_read_name_of, "theme"), str, "The theme of the letters", str)] = "paper"
    density: Annotated[Density, _choice(Density, "density", "How much detail to show for each paper")] = Density.FULL
    breadth: Annotated[Breadth, _choice(Breadth, "breadth", "How many papers plain-word interests match")] = (
        Breadth.USUAL
    )
    quiet_days: Annotated[
        QuietDays, _choice(QuietDays, "way of quiet days", "What to send on a day without new papers")
    ] = QuietDays.SILENT
    language: Annotated[
        str, TextForm(partial(_read_name_of, "language"), str, "The language, such as en or de", str)
    ] = "en"
    paused_until: Annotated[
        date | None,
        TextForm(
            _read_day, _write_day, "Pause until this day, YYYY-MM-DD; an empty value ends the pause", str | None
        ),
    ] = None

    @property
    def schedule(self) -> Schedule:
        """The schedule of the digests."""
        return Schedule(self.cadence, self.at, self.timezone, self.weekday, self.monthday)

    def followed_by(self, subscriber: int) -> tuple[str, ...]:
        """Return the slugs of all topics followed by the subscriber with this number who has these preferences."""
        return followed_slugs(self.topics, self.queries, self.follows, subscriber)

    @property
    def follows_anything(self) -> bool:
        """Whether anything is followed: a topic, an own query, an author or an organization."""
        return bool(self.topics or self.queries or self.follows)

    def patched(self, patch: Patch) -> Preferences:
        """Return these preferences with the values of a patch applied."""
        assert patch.keys() <= FORMS.keys(), patch
        return Preferences(*map(patch.get, FIELDS, _values(self)))  # a third of the time of dataclasses.replace()

    def changes_to(self, other: Preferences) -> tuple[str, ...]:
        """Return the names of the fields in which the two differ."""
        both = zip(FIELDS, _values(self), _values(other), strict=True)
        return tuple(name for name, before, after in both if before != after)

    def as_patch(self) -> dict[str, Any]:
        """Return a patch with every field."""
        return dict(zip(FIELDS, _values(self), strict=True))


FORMS: Mapping[str, TextForm] = {
    name: hint.__metadata__[0] for name, hint in get_type_hints(Preferences, include_extras=True).items()
}
FIELDS: tuple[str, ...] = tuple(FORMS)
LISTS = frozenset(name for name, form in FORMS.items() if form.json_type == list[str])
"""The fields with several values."""
DEFAULTS = Preferences()
_values: Callable[[Preferences], tuple[Any, ...]] = attrgetter(*FIELDS)


def read_patch(given: Mapping[str, object]) -> dict[str, Any]:
    """Parse texts or JSON values, by field, into a patch.

    Raises PreferenceError, which names the field and the remedy, and QueryError for an own query that is too long.
    """
    return {
        name: _read_text(name, value) if isinstance(value, str) else read_field(name, value)
        for name, value in given.items()
    }


@lru_cache(maxsize=1 << 12)  # lists of subscribers repeat the same few texts
def _read_text(name: str, text: str) -> Any:
    return read_field(name, text)


def check_new_entries(patch: Mapping[str, Any], before: Preferences) -> None:
    """Raise PreferenceError for entries to leave out with operators, except those that were stored before."""
    errors: list[InvalidValueError] = []
    for entry in patch.get("leave_out", ()):
        try:
            if entry not in before.leave_out:
                check_left_out(entry)
        except InvalidValueError as error:
            errors.append(error)
    if errors:
        raise PreferenceError("leave_out", InvalidEntriesError(errors))


def no_such_preference() -> InvalidValueError:
    """Return the error for an unknown name of a preference."""
    return InvalidValueError("there is no such preference; there are: %(known)s", known=", ".join(FIELDS))


def read_field(name: str, given: object) -> Any:
    """Parse the value of one field. Raises the same errors as `read_patch`."""
    form = FORMS.get(name)
    if form is None:
        raise PreferenceError(name, no_such_preference())
    try:
        return form.read(given)
    except InvalidValueError as error:
        raise PreferenceError(name, error) from None


def write_patch(patch: Patch) -> dict[str, Plain]:
    """Return a patch as JSON values, which `read_patch` parses."""
    return {name: FORMS[name].write(value) for name, value in patch.items()}


def write(preferences: Preferences) -> dict[str, Plain]:
    """Return all preferences as JSON values."""
    return write_patch(preferences.as_patch())


def write_text(preferences: Preferences) -> dict[str, str]:
    """Return all preferences as texts, for forms and CSV files. Items of lists are separated by semicolons."""
    return {name: text_of(value) for name, value in write(preferences).items()}


def text_of(value: Plain) -> str:
    """Return a written value as text. In lists, semicolons and backslashes are escaped with a backslash."""
    if isinstance(value, list):
        return ";".join(re.sub(r"[\\;]", r"\\\g<0>", item) for item in value)
    return "" if value is None else str(value)


def split_list(text: str) -> list[str]:
    """Split a list that `text_of` wrote. A line break also separates entries."""
    return [re.sub(r"\\(.)", r"\1", item) for item in _ITEM.findall(text)]


def own_slug(query: str, subscriber: int) -> str:
    """Return the slug of the private topic for an own query of the subscriber with this number.

    No two subscribers share one, since the ratings and the breadth of its subscriber decide which papers it takes.
    """
    return _private_slug(_OWN, f"{subscriber} {query}")


def follow_slug(entry: str) -> str:
    """Return the slug of the private topic that follows an author or an organization."""
    return _private_slug(_FOLLOW, entry)


def _private_slug(kind: str, text: str) -> str:
    return f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def followed_slugs(
    topics: Sequence[str], queries: Sequence[str], follows: Sequence[str], subscriber: int
) -> tuple[str, ...]:
    """Return the slugs of all topics that a subscriber follows, including own queries and followed people."""
    return (*topics, *(own_slug(query, subscriber) for query in queries), *map(follow_slug, follows))


def is_own(slug: str) -> bool:
    """Return whether a slug has the form that `own_slug` makes, which no public topic's slug can have."""
    return _kind_of(slug) == _OWN


def is_follow(slug: str) -> bool:
    """Return whether a slug has the form that `follow_slug` makes, which no public topic's slug can have."""
    return _kind_of(slug) == _FOLLOW


def is_private(slug: str) -> bool:
    """Return whether a slug has the form that only private topics have."""
    return bool(_kind_of(slug))


def _kind_of(slug: str) -> str:
    match = _PRIVATE_SLUG.fullmatch(slug)
    return match[1] if match else ""


# --- what a site offers ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SiteOptions:
    """What a site offers to its subscribers, and how it normalizes their queries."""

    topics: Collection[str]
    themes: Sequence[str]
    languages: Sequence[str]
    canonical: Callable[[str], str]
    """Returns the canonical form of a query, for comparison. Raises QueryError if the query does not parse."""

    def check(self, patch: Patch) -> dict[str, Any]:
        """Return the patch with names as the site spells them, and each own query once, as it was typed.

        Raises PreferenceError if the site does not offer a topic, theme or language. The canonical form of a query
        can be many times longer than the typed one, so it is never stored.
        """
        checked = dict(patch)
        for name, available in (("topics", self.topics), ("theme", self.themes), ("language", self.languages)):
            if name not in patch:
                continue
            values = patch[name] if name in LISTS else (patch[name],)
            if all(value in available for value in values):
                continue
            spellings = {value: as_spelled(value, available) for value in values}
            if missing := [value for value, spelled in spellings.items() if spelled is None]:
                what, there = name.removesuffix("s"), ", ".join(available) or "none yet"
                given = f"{missing[0]!r}{did_you_mean(missing[0], available)}"
                raise PreferenceError(name, InvalidValueError(_NONE_SUCH, what=what, given=given, known=there))
            checked[name] = tuple(dict.fromkeys(spellings.values())) if name in LISTS else spellings[patch[name]]
        if "queries" in patch:
            typed: dict[str, str] = {}
            for text in patch["queries"]:
                typed.setdefault(self.canonical(text), text)
            checked["queries"] = tuple(typed.values())
        return checked


def as_spelled(name: str, known: Collection[str]) -> str | None:
    """Return the one of the known names that is this one, in any case; None if there is none."""
    return name if name in known else next((spelled for spelled in known if spelled.lower() == name.lower()), None)
