"""The languages of letters and pages: gettext catalogues (.po) as they are, and Babel's dates and numbers.

The sentences in templates and code are the English ones; `templates/locale/de.po` says them in German. There
is nothing to compile: a catalogue is turned into gettext's own form in memory when it is first needed.
"""

from __future__ import annotations

import datetime as dt
import gettext
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_interval, format_skeleton, format_time, get_day_names
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from babel.numbers import format_decimal

from paperround.domain.errors import ConfigurationError, UnknownName

SOURCE = "en"


@dataclass(frozen=True, eq=False)
class Language:
    """One language: its sentences, dates, numbers and lists. What was said in it is kept under it."""

    code: str
    locale: Locale
    catalogue: gettext.NullTranslations = field(repr=False)

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`, for the `dir` attribute."""
        return "rtl" if self.locale.text_direction == "rtl" else "ltr"

    def gettext(self, message: str) -> str:
        """The sentence in this language."""
        return self.catalogue.gettext(message)

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        """The sentence in this language, in the form that the number asks for."""
        return self.catalogue.ngettext(singular, plural, number)

    def count(self, singular: str, plural: str, number: int) -> str:
        """`12 papers`: the sentence with its `%(num)s` as people of this language write it."""
        return self.ngettext(singular, plural, number) % {"num": self.number(number)}

    def number(self, number: int) -> str:
        """1,234 or 1.234."""
        return str(number) if abs(number) < 1000 else format_decimal(number, locale=self.locale)

    def signed(self, number: float) -> str:
        """+0.42 or −0,42."""
        return f"{'−' if number < 0 else '+'}{format_decimal(abs(number), '0.00', locale=self.locale)}"

    def date(self, day: dt.date, form: str = "full") -> str:
        """Monday, November 23, 2026; `form` is Babel's: full, long, medium, short or a pattern."""
        return _date(self.locale, day, form)

    def weekday_date(self, day: dt.date) -> str:
        """`Mon, Nov 23`: as short as a masthead wants it."""
        return _weekday(self.locale, day)

    def span(self, first: dt.date, last: dt.date) -> str:
        """Nov 16 – 22, 2026; a whole month by its name."""
        if first.day == 1 and (last + dt.timedelta(days=1)).day == 1 and last - first < dt.timedelta(days=31):
            return format_skeleton("yMMMM", first, locale=self.locale)
        return format_interval(first, last, "yMMMd", locale=self.locale)

    def short_date(self, day: dt.date, today: dt.date) -> str:
        """Nov 20, with the year only where it is not today's."""
        return _short(self.locale, day) if day.year == today.year else _date(self.locale, day, "medium")

    def time(self, moment: dt.time) -> str:
        """7:00 AM or 07:00."""
        return format_time(moment, format="short", locale=self.locale)

    def weekday(self, number: int) -> str:
        """The name of a day of the week, 0 is Monday."""
        return str(get_day_names("wide", locale=self.locale)[number])

    def list(self, words: Iterable[str]) -> str:
        """`a, b, and c`, as this language joins them."""
        return _list(self.locale, tuple(words))


@lru_cache(maxsize=1024)
def _date(locale: Locale, day: dt.date, form: str) -> str:
    return format_date(day, format=form, locale=locale)


@lru_cache(maxsize=1024)
def _short(locale: Locale, day: dt.date) -> str:
    return format_skeleton("MMMd", day, locale=locale)


@lru_cache(maxsize=1024)
def _weekday(locale: Locale, day: dt.date) -> str:
    return format_skeleton("MMMEd", day, locale=locale)


@lru_cache(maxsize=4096)
def _list(locale: Locale, words: tuple[str, ...]) -> str:
    return format_list(words, locale=locale) if words else ""


def available(folders: tuple[Path, ...]) -> tuple[str, ...]:
    """The codes of the languages that these template folders speak, English first."""
    found = {path.stem for folder in folders for path in (folder / "locale").glob("*.po")}
    return (SOURCE, *sorted(found - {SOURCE}))


@lru_cache(maxsize=64)
def load(code: str, folders: tuple[Path, ...]) -> Language:
    """The language of this code; a catalogue in an earlier folder hides the same one in a later folder."""
    try:
        locale = Locale.parse(code.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        raise UnknownName(_unknown(code, folders)) from None
    for folder in folders:
        if (path := folder / "locale" / f"{code}.po").is_file():
            return Language(code, locale, _catalogue(path))
    if code != SOURCE:
        raise UnknownName(_unknown(code, folders))
    return Language(code, locale, gettext.NullTranslations())


def _unknown(code: str, folders: tuple[Path, ...]) -> str:
    known = ", ".join(available(folders))
    return f"no language {code!r}; there are {known} (a new one is a file templates/locale/CODE.po)"


def _catalogue(path: Path) -> gettext.GNUTranslations:
    compiled = io.BytesIO()
    try:
        with path.open("rb") as source:
            write_mo(compiled, read_po(source, abort_invalid=True))
    except (PoFileError, ValueError) as error:
        raise ConfigurationError(f"{path} is not a gettext catalogue: {error}") from error
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
