"""The languages of letters and pages: gettext catalogs (.po), and Babel's dates and numbers.

Templates and code contain the English sentences; `templates/locale/de.po` translates them to German. Nothing needs
to be compiled: a catalog is converted to gettext's binary format in memory when it is first used.
"""

from __future__ import annotations

import datetime as dt
import gettext
import io
import re
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

from paperround.domain.errors import ConfigurationError, UnknownNameError
from paperround.process import text_files

SOURCE = "en"
_DAY_BEFORE_MONTH = re.compile(r"(\d\.) (?=[^\W\d])")


@dataclass(frozen=True, eq=False)
class Language:
    """One language: its translations, dates, numbers and lists. Instances serve as keys of caches."""

    code: str
    locale: Locale
    catalogue: gettext.NullTranslations = field(repr=False)

    @property
    def direction(self) -> str:
        """The value of the `dir` attribute: `ltr` or `rtl`."""
        return "rtl" if self.locale.text_direction == "rtl" else "ltr"

    def gettext(self, message: str) -> str:
        """Translate a message."""
        return self.catalogue.gettext(message)

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        """Translate a message, in the plural form for this number."""
        return self.catalogue.ngettext(singular, plural, number)

    def own_words(self, text: str) -> str:
        """Translate a text that is not the program's, such as a topic's name, if the catalog has a translation."""
        return self.gettext(text) if text else ""  # the empty message is the catalog's header

    def count(self, singular: str, plural: str, number: int) -> str:
        """Translate a message such as `12 papers` and fill in `%(num)s` with the formatted number."""
        return self.ngettext(singular, plural, number) % {"num": self.number(number)}

    def number(self, number: int) -> str:
        """Format a number, such as 1,234 or 1.234."""
        return str(number) if abs(number) < 1000 else format_decimal(number, locale=self.locale)

    def signed(self, number: float) -> str:
        """Format a number with its sign and two decimals, such as +0.42 or −0,42."""
        return f"{'−' if number < 0 else '+'}{format_decimal(abs(number), '0.00', locale=self.locale)}"

    def date(self, day: dt.date, form: str = "full") -> str:
        """Format a date, such as Monday, November 23, 2026; `form` is full, long, medium, short or a pattern."""
        return _date(self.locale, day, form)

    def weekday_date(self, day: dt.date) -> str:
        """Format a date with its weekday for the masthead, such as `Mon, Nov 23`."""
        return _weekday(self.locale, day)

    def span(self, first: dt.date, last: dt.date) -> str:
        """Format a range of days, such as Nov 16 – 22, 2026; a whole month is given by its name."""
        if first.day == 1 and (last + dt.timedelta(days=1)).day == 1 and last - first < dt.timedelta(days=31):
            return format_skeleton("yMMMM", first, locale=self.locale)
        return format_interval(first, last, "yMMMd", locale=self.locale)

    def short_date(self, day: dt.date, today: dt.date) -> str:
        """Format a date such as Nov 20, with the year only if it differs from that of `today`."""
        return _short(self.locale, day) if day.year == today.year else _date(self.locale, day, "medium")

    def time(self, moment: dt.time) -> str:
        """Format a time of day, such as 7:00 AM or 07:00."""
        return format_time(moment, format="short", locale=self.locale)

    def weekday(self, number: int) -> str:
        """Return the name of a weekday; 0 is Monday."""
        return str(get_day_names("wide", locale=self.locale)[number])

    def city(self, zone: str) -> str:
        """Return the name of the city that a time zone is named after, such as Vienna or Wien for Europe/Vienna."""
        known: dict[str, str] = self.locale.time_zones.get(zone, {})
        city = known.get("city", "").replace("\u00ad", "")  # CLDR hyphenates Reykjavík in German
        return city or zone.rpartition("/")[2].replace("_", " ")

    def list(self, words: Iterable[str]) -> str:
        """Join words to a list such as `a, b, and c`; empty for no words."""
        listed = tuple(words)
        return _list_form(self.locale, len(listed)) % listed


@lru_cache(maxsize=1024)
def _date(locale: Locale, day: dt.date, form: str) -> str:
    return _unbroken(format_date(day, format=form, locale=locale))


@lru_cache(maxsize=1024)
def _short(locale: Locale, day: dt.date) -> str:
    return _unbroken(format_skeleton("MMMd", day, locale=locale))


@lru_cache(maxsize=1024)
def _weekday(locale: Locale, day: dt.date) -> str:
    return _unbroken(format_skeleton("MMMEd", day, locale=locale))


def _unbroken(written: str) -> str:
    """Keep the day with the month that follows it, as in German (30. November)."""
    return _DAY_BEFORE_MONTH.sub("\\1\u00a0", written)


@lru_cache(maxsize=256)
def _list_form(locale: Locale, number: int) -> str:
    """Return how so many words are joined to a list, with `%s` for each."""
    return format_list(["\0"] * number, locale=locale).replace("%", "%%").replace("\0", "%s") if number else ""


def available(folders: tuple[Path, ...]) -> tuple[str, ...]:
    """Return the codes of the languages with a catalog in these template folders, English first."""
    found = {path.stem for folder in folders for path in (folder / "locale").glob("*.po")}
    return (SOURCE, *sorted(found - {SOURCE}))


@lru_cache(maxsize=64)
def load(code: str, folders: tuple[Path, ...]) -> Language:
    """Load the language with this code. Messages in an earlier folder's catalog override those in a later one's.

    Raise UnknownNameError if there is no such language, ConfigurationError if its catalog is invalid.
    """
    try:
        locale = Locale.parse(code.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        raise UnknownNameError(_unknown(code, folders)) from None
    paths = [path for folder in folders if (path := folder / "locale" / f"{code}.po").is_file()]
    if not paths and code != SOURCE:
        raise UnknownNameError(_unknown(code, folders))
    catalogue = gettext.NullTranslations()
    for path in paths:
        catalogue.add_fallback(_catalogue(path))
    return Language(code, locale, catalogue)


def _unknown(code: str, folders: tuple[Path, ...]) -> str:
    known = ", ".join(available(folders))
    return f"no language {code!r}; there are {known} (a new one is a file templates/locale/CODE.po)"


def _catalogue(path: Path) -> gettext.GNUTranslations:
    """Compile a .po file in memory. Raise ConfigurationError if it is invalid."""
    compiled = io.BytesIO()
    try:
        with path.open("rb") as source:
            write_mo(compiled, read_po(source, abort_invalid=True))
    except (PoFileError, ValueError) as error:
        text_files.read(path)  # which says more about a file in another encoding
        raise ConfigurationError(f"{path} is not a gettext catalogue: {error}") from error
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
