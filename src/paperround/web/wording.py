"""Sentences about times and frequencies, in the subscriber's language and time zone. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_time, get_day_names

from paperround.domain.errors import translatable as _
from paperround.domain.models import Topic
from paperround.domain.preferences import Density, QuietDays
from paperround.domain.schedule import Cadence
from paperround.meaning import Encoder
from paperround.rendering import breadth_labels
from paperround.rendering.language import SOURCE, Language


def moment(at: datetime, zone: str, language: Language) -> str:
    """Return a date and time in this time zone, such as "Tuesday, November 24, 2026, 7:00 AM"."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{language.date(local.date())}, {format_time(local.time(), 'short', locale=language.locale)}"


def weekdays(language: Language) -> list[str]:
    """Return the names of the weekdays, starting with Monday."""
    names = get_day_names("wide", "stand-alone", language.locale)
    return [str(names[number]) for number in range(7)]


def labels(language: Language) -> dict[str, str]:
    """Return the label that each preference has in the form."""
    _ = language.gettext
    return {
        "name": _("Your name (for the greeting)"),
        "topics": _("Topics"),
        "queries": _("Your interests"),
        "follows": _("Follow somebody else"),
        "leave_out": _("Leave out"),
        "cadence": _("Frequency"),
        "weekday": _("Day of the week"),
        "monthday": _("Day of the month"),
        "at": _("Time"),
        "timezone": _("Time zone"),
        "max_papers": _("Maximum papers per email"),
        "theme": _("Email theme"),
        "density": _("Length of the emails"),
        "breadth": breadth_labels.preference_label(language),
        "quiet_days": _("On days without new papers"),
        "language": _("Language"),
    }


def cadences(language: Language) -> list[tuple[str, str]]:
    """Return each cadence with its label in the form."""
    _ = language.gettext
    return [
        (Cadence.DAILY.value, _("Every day")),
        (Cadence.WEEKDAYS.value, _("Monday to Friday")),
        (Cadence.WEEKLY.value, _("Once a week")),
        (Cadence.MONTHLY.value, _("Once a month")),
        (Cadence.OFF.value, _("No emails for now")),
    ]


def densities(language: Language) -> list[tuple[str, str]]:
    """Return each density with its label in the form."""
    _ = language.gettext
    return [
        (Density.FULL.value, _("Titles, summaries and details")),
        (Density.BRIEF.value, _("Titles and one sentence each")),
        (Density.TITLES.value, _("Titles only")),
    ]


def quiet_days(language: Language, *, new_site: bool) -> list[tuple[str, str]]:
    """Return each option for quiet days with its label in the form; close papers come alone only on a new site."""
    _ = language.gettext
    silent = _("No email, except close papers while the site is new") if new_site else _("No email")
    return [
        (QuietDays.SILENT.value, silent),
        (QuietDays.LINE.value, _("An email of one line")),
    ]


def invalid_address(language: Language) -> str:
    """Say that a typed email address is invalid."""
    return language.gettext("Enter a valid email address.")


def unreachable_address(language: Language) -> str:
    """Say that no email can be sent to a valid address."""
    return language.gettext(
        "We cannot send to this address: our mail server accepts only plain Latin letters before the @. "
        "Enter another one."
    )


def translated_topic(topic: Topic, language: Language) -> Topic:
    """Return a topic with its name and description in a language, if its catalog has a translation of them."""
    return replace(topic, name=language.own_words(topic.name), about=language.own_words(topic.about))


def translated_topics(topics: Iterable[Topic], language: Language) -> list[Topic]:
    """Return several topics with their names and descriptions in a language."""
    return [translated_topic(topic, language) for topic in topics]


def needs_english(encoder: Encoder, language: Language) -> bool:
    """Return whether to tell somebody who reads pages in this language that interests have to be in English."""
    return encoder.english_only and language.code != SOURCE


_THEMES = {"paper": _("Paper"), "cards": _("Cards"), "plain": _("Plain")}


def label(name: str) -> str:
    """Return a name such as `my-theme` as a label: `My theme`."""
    return name.replace("-", " ").capitalize()


def themes(names: Iterable[str], language: Language) -> list[tuple[str, str]]:
    """Return each theme with its label in the form. An operator's own theme has only its file's name."""
    return [(name, language.gettext(_THEMES[name]) if name in _THEMES else label(name)) for name in names]
