"""Parse dates as feeds write them: ISO 8601, RFC 5322 and what publishers use instead, in 30 languages. Pure.

A date is accepted only if it has a single interpretation. `30.10.23` is a day in October, because dates with full
stops always begin with the day; so is `10/30/23`, because there is no month 30. `03/04/2023` has two interpretations
and is rejected, unless its weekday decides.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache

_MAX_DATE_LENGTH = 80  # characters; JavaScript writes the full name of the time zone
_ISO = re.compile(r"\d{4}-?\d\d-?\d\d(?:[T ].*)?|\d{4}-?W\d\d.*", re.ASCII)
_SECONDS, _MILLISECONDS = re.compile(r"1\d{9}", re.ASCII), re.compile(r"1\d{12}", re.ASCII)
_CLOCK = re.compile(
    r"(?<![\d:+-])(?P<hour>\d{1,2})[:h](?P<minute>\d{1,2})(?::(?P<second>\d{1,2}))?(?:[:.,]\d+)*\s*(?:(?P<half>[ap])\.?\s?m\b\.?)?"
)
_ZONE = re.compile(
    r":?\s*(?P<name>[a-z]{1,5}\b)?\s*(?:(?P<sign>[+-])[+-]?(?P<hours>\d{1,2}):?(?P<minutes>\d\d)?(?::\d\d)?(?!\d))?(?:\s*z\b)?"
)
_LOOSE_OFFSET = re.compile(r"\s[+-]\d\d:?\d\d\s*$")
_NUMERIC = re.compile(r"(?<!\d)(\d{1,4})\s?([/.\- ])\s?(\d{1,2})\s?\2\s?(\d{1,4})(?!\d)")
_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_IN_BRACKETS = re.compile(r"\([^()]*\)")
# Chinese, Japanese and Korean write the unit after each number.
_UNITS = str.maketrans({"年": "-", "月": "-", "日": " ", "년": "-", "월": "-", "일": " "})
_LANGUAGES = (
    *("en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "nb", "fi", "pl", "cs", "sk", "hu", "ro", "tr", "ru"),
    *("uk", "bg", "el", "hr", "sl", "lt", "lv", "et", "ca", "gl", "eu", "id"),
)
_HOURS = {
    "gmt": 0, "utc": 0, "ut": 0, "z": 0, "wet": 0, "west": 1, "bst": 1, "cet": 1, "cest": 2, "eet": 2, "eest": 3,
    "msk": 3, "jst": 9, "kst": 9, "aest": 10, "aedt": 11, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7,
    "mdt": -6, "pst": -8, "pdt": -7,
}  # fmt: skip
_CENTURY = 69  # POSIX: two-digit years from 69 on are in the twentieth century
_WEEKDAYS = {"mon": 0, "tue": 1, "tues": 1, "wed": 2, "thu": 3, "thur": 3, "thurs": 3, "fri": 4, "sat": 5, "sun": 6}


def moment(value: object) -> datetime | None:
    """Return the time in a date string, with the UTC offset it states.

    The time is naive if no zone is stated. Returns None if there is no date or it is ambiguous.
    """
    if not isinstance(value, str) or len(value) > _MAX_DATE_LENGTH:
        return None
    value = value.strip()
    try:
        at = _iso(value) or _stamp(value) or _written(_folded(value))
    except (ValueError, OverflowError):  # the 31st of a short month
        return None
    # At the ends of the calendar a time zone conversion overflows. No real date has those years.
    return at if at and 1 < at.year < 9999 else None


def day_of(value: object) -> date | None:
    """Return the calendar day of a date string as written, without time zone conversion; None as for `moment`."""
    at = moment(value)
    return at.date() if at else None


def _iso(value: str) -> datetime | None:
    if not _ISO.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:  # `2026-11-20 06:00 UTC`
        return None


def _stamp(value: str) -> datetime | None:
    """Parse a Unix timestamp of this century, in seconds or milliseconds."""
    if _SECONDS.fullmatch(value):
        return datetime.fromtimestamp(int(value), UTC)
    if _MILLISECONDS.fullmatch(value):
        return datetime.fromtimestamp(int(value) / 1000, UTC)
    return None


def _folded(value: str) -> str:
    folded = unicodedata.normalize("NFC", value).translate(_UNITS).casefold()
    bare = "".join(c for c in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(c))
    return re.sub(r"(?<=\d)t(?=\d)", " ", _IN_BRACKETS.sub(" ", bare))


def _written(text: str) -> datetime | None:
    """Parse a folded text: first the time of day and its zone, then the day in the rest."""
    *_, clock = None, *_CLOCK.finditer(text)
    if not clock:
        day = _day(_LOOSE_OFFSET.sub("", text))
        return datetime(day.year, day.month, day.day) if day else None  # noqa: DTZ001 - as it is written
    zone = _ZONE.match(text, clock.end())
    assert zone is not None  # it also matches the empty string
    day = _day(_CLOCK.sub(" ", text[: clock.end()]) + _LOOSE_OFFSET.sub("", text[zone.end() :]))
    return datetime(day.year, day.month, day.day, *_time(clock), tzinfo=_offset(zone)) if day else None


def _time(clock: re.Match[str]) -> tuple[int, int, int]:
    hour, minute, second = (int(clock[name] or 0) for name in ("hour", "minute", "second"))
    if clock["half"] and hour <= 12:
        hour = hour % 12 + (12 if clock["half"] == "p" else 0)
    # 24:00 is the end of the stated day, and a leap second the end of its minute.
    return (hour, minute, min(second, 59)) if hour < 24 else (23, 59, 59)


def _offset(zone: re.Match[str]) -> timezone | None:
    hours = _HOURS.get(zone["name"] or "", 0)
    if zone["sign"]:
        minutes = 60 * int(zone["hours"]) + int(zone["minutes"] or 0)
        return timezone(timedelta(minutes=minutes if zone["sign"] == "+" else -minutes))
    return timezone(timedelta(hours=hours)) if zone["name"] in _HOURS else None


def _day(text: str) -> date | None:
    tokens = _TOKEN.findall(text)
    words = [token for token in tokens if token[0].isalpha()]
    if months := [month for month in map(_month, words) if month]:
        return _with_month(months[-1], [token for token in tokens if token[0].isdigit()])
    match = _NUMERIC.search(text)
    if not match or re.search(r"\d{3}", text[: match.start()] + text[match.end() :]):
        return None
    readings = set(_readings(match[1], match[2], int(match[3]), match[4]))
    weekdays = {day for word in words if (day := _weekday(word)) is not None}
    fitting = {day for day in readings if day.weekday() in weekdays} if len(readings) > 1 else readings
    return fitting.pop() if len(fitting) == 1 else None


def _with_month(month: int, numbers: list[str]) -> date | None:
    """Return the day if the month is a word. Day and year may be in either order; only an hour may follow."""
    if len(numbers) < 2 or any(len(number) > 2 for number in numbers[2:]):
        return None
    day, year = (numbers[1], numbers[0]) if len(numbers[0]) == 4 else (numbers[0], numbers[1])
    if len(day) > 2 or len(year) not in (2, 4):
        return None
    return date(_year(year), month, int(day))


def _readings(first: str, sign: str, second: int, third: str) -> Iterator[date]:
    """Yield all days that three numbers can mean, in the customary orders."""
    if len(first) > 2:
        orders = [(first, second, int(third))]
    elif sign == ".":
        orders = [(third, second, int(first))]
    else:
        orders = [(third, second, int(first)), (third, int(first), second)]
        if len(third) <= 2 and sign != " ":
            orders.append((first, second, int(third)))
    for year, month, day in orders:
        if len(year) in (2, 4) and 1 <= month <= 12 and 1 <= day <= 31:
            try:
                yield date(_year(year), month, day)
            except ValueError:
                continue


def _year(digits: str) -> int:
    year = int(digits)
    return year if len(digits) == 4 else year + (1900 if year >= _CENTURY else 2000)


def _month(word: str) -> int | None:
    return _months(("en",)).get(word) or _months(_LANGUAGES).get(word)


def _weekday(word: str) -> int | None:
    return _WEEKDAYS.get(word, _weekdays().get(word))


@lru_cache(maxsize=2)
def _months(languages: tuple[str, ...]) -> Mapping[str, int]:
    """Map folded month names and abbreviations to numbers. A word that means different months in two languages is
    omitted.
    """
    from babel.dates import get_month_names  # noqa: PLC0415 - slow to load, and ISO dates do not need it

    named = [
        (word, number)
        for language in languages
        for width in ("wide", "abbreviated")
        for context in ("format", "stand-alone")
        for number, name in get_month_names(width, context, language).items()
        for word in _TOKEN.findall(_folded(name))[-1:]
        if word[0].isalpha()
    ]
    extra = [("sept", 9), ("jui", 6), ("juil", 7), ("avr", 4), ("mrz", 3)]
    return _unambiguous([*named, *extra])


@lru_cache(maxsize=1)
def _weekdays() -> Mapping[str, int]:
    from babel.dates import get_day_names  # noqa: PLC0415 - see _months

    return _unambiguous(
        [
            (word, number)
            for language in _LANGUAGES
            for width in ("wide", "abbreviated")
            for number, name in get_day_names(width, "format", language).items()
            for word in _TOKEN.findall(_folded(name))[:1]
        ]
    )


def _unambiguous(named: list[tuple[str, int]]) -> Mapping[str, int]:
    by_name: dict[str, set[int]] = {}
    for word, number in named:
        by_name.setdefault(word, set()).add(number)
    return {word: numbers.pop() for word, numbers in by_name.items() if len(numbers) == 1}
