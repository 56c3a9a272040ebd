"""Sentences about a subscriber's schedule, and the day or the days of an issue. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache

from paperround.domain.errors import translatable as _
from paperround.domain.models import DISCUSSED, Digest, Paper
from paperround.domain.notes import may_have_close
from paperround.domain.preferences import Preferences, QuietDays
from paperround.domain.schedule import Cadence, wide_span
from paperround.rendering.counts import describe_left_out
from paperround.rendering.excerpt import keep_together
from paperround.rendering.language import Language
from paperround.rendering.topic_names import quote_names

_MAX_NAMED_TOPICS = 4
_SCHEDULES: Mapping[tuple[Cadence, QuietDays], str] = {
    (Cadence.DAILY, QuietDays.SILENT): _(
        "You will receive at most one email a day, at %(time)s (%(zone)s), and only on days with papers for you."
    ),
    (Cadence.DAILY, QuietDays.LINE): _("You will receive one email every day at %(time)s (%(zone)s)."),
    (Cadence.WEEKDAYS, QuietDays.SILENT): _(
        "You will receive at most one email every weekday, at %(time)s (%(zone)s), "
        "and only if there are papers for you."
    ),
    (Cadence.WEEKDAYS, QuietDays.LINE): _("You will receive one email every weekday at %(time)s (%(zone)s)."),
    (Cadence.WEEKLY, QuietDays.SILENT): _(
        "You will receive at most one email a week, on %(weekday)s at %(time)s (%(zone)s), "
        "and only if there are papers for you."
    ),
    (Cadence.WEEKLY, QuietDays.LINE): _("You will receive one email a week, on %(weekday)s at %(time)s (%(zone)s)."),
    (Cadence.MONTHLY, QuietDays.SILENT): _(
        "You will receive at most one email a month, on day %(monthday)s at %(time)s (%(zone)s), "
        "and only if there are papers for you."
    ),
    (Cadence.MONTHLY, QuietDays.LINE): _(
        "You will receive one email a month, on day %(monthday)s at %(time)s (%(zone)s)."
    ),
}
_CLOSE_ALONE = _("While this site is new, one may also come when papers only came close to your interests.")
_NO_SCHEDULE = _("You will receive no emails until you change the frequency.")
_REASONS: Mapping[Cadence, str] = {
    Cadence.DAILY: _(
        "You receive this email at most once a day, for the topics, interests and people you follow. "
        "Its papers match %(topics)s."
    ),
    Cadence.WEEKDAYS: _(
        "You receive this email on weekdays, for the topics, interests and people you follow. "
        "Its papers match %(topics)s."
    ),
    Cadence.WEEKLY: _(
        "You receive this email at most once a week, for the topics, interests and people you follow. "
        "Its papers match %(topics)s."
    ),
    Cadence.MONTHLY: _(
        "You receive this email at most once a month, for the topics, interests and people you follow. "
        "Its papers match %(topics)s."
    ),
    # In previews:
    Cadence.OFF: _(
        "You receive this email for the topics, interests and people you follow. Its papers match %(topics)s."
    ),
}


def describe_schedule(preferences: Preferences, language: Language, *, new_site: bool = False) -> str:
    """Return a sentence that says how often and when emails will come.

    `new_site` says that the site has so few papers that close papers are emailed alone too.
    """
    schedule = preferences.schedule
    sentence = _SCHEDULES.get((schedule.cadence, preferences.quiet_days), _NO_SCHEDULE)
    promise = language.gettext(sentence) % {
        "time": language.time(schedule.at),
        "zone": schedule.timezone.replace("_", " "),
        "weekday": language.weekday(schedule.weekday),
        "monthday": schedule.monthday,
    }
    close_alone = new_site and _may_be_of_close_papers(preferences)
    return f"{promise} {language.gettext(_CLOSE_ALONE)}" if close_alone else promise


def _may_be_of_close_papers(preferences: Preferences) -> bool:
    """Return whether an email may come on a day without papers though none is wanted then."""
    cadence, silent = preferences.schedule.cadence, preferences.quiet_days is QuietDays.SILENT
    may_come = cadence is not Cadence.OFF and may_have_close(cadence, preferences.breadth)
    return silent and may_come and bool(preferences.queries)


@lru_cache(maxsize=4096)
def describe_reason(
    cadence: Cadence,
    topics: tuple[str, ...],
    language: Language,
    left_out: int = 0,
    *,
    saved: bool = False,
    close: int = 0,
    quiet_days: QuietDays = QuietDays.SILENT,
) -> str:
    """Return why a subscriber gets this letter, how often, and how many papers they left out.

    `topics` are those of its papers. The others are about a letter without new papers: whether it names saved ones,
    how many came close to an interest, and whether the subscriber wants a letter on such days.
    """
    why = (
        _explain(cadence, topics, language)
        if topics
        else _explain_no_papers(language, saved=saved, close=close, quiet_days=quiet_days)
    )
    return " ".join(filter(None, (why, describe_left_out(left_out, language))))


def _explain_no_papers(language: Language, *, saved: bool, close: int, quiet_days: QuietDays) -> str:
    _ = language.gettext
    if saved:
        return _("You receive this email because you saved papers to read later.")
    if quiet_days is QuietDays.LINE:
        return _("You receive this email because you asked for one even when there are no new papers for you.")
    if close:
        return language.ngettext(
            "You receive this email because this paper came close to your interests.",
            "You receive this email because these papers came close to your interests.",
            close,
        )
    return _("You receive this email because you asked for new papers by email.")


def _explain(cadence: Cadence, topics: tuple[str, ...], language: Language) -> str:
    shown = topics if len(topics) <= _MAX_NAMED_TOPICS else topics[: _MAX_NAMED_TOPICS - 1]
    named = quote_names(shown, language)
    if others := len(topics) - len(named):
        named.append(language.count("%(num)s more topic", "%(num)s more topics", others))
    return language.gettext(_REASONS[cadence]) % {"topics": language.list(named)}


def covered_span(digest: Digest, papers: Iterable[Paper]) -> tuple[date, date] | None:
    """Return the days at the head of a weekly or monthly letter with these papers; None for a daily one.

    The most discussed papers may be older, and do not count.
    """
    if not digest.cadence.covers_several_days:
        return None
    discussed = {pick.paper for part in digest.sections if part.topic == DISCUSSED for pick in part.picks}
    days = [(paper.day, paper.first_seen.date()) for paper in papers if paper.row not in discussed]
    return wide_span(digest.cadence, digest.day, days)


@lru_cache(maxsize=1024)
def format_issue_date(day: date, days: tuple[date, date] | None, language: Language) -> str:
    """Return the day of an issue, or the range of days that it covers if it covers several."""
    return language.span(*days) if days else language.date(day)


@lru_cache(maxsize=1024)
def format_masthead_date(day: date, days: tuple[date, date] | None, language: Language) -> str:
    """Return the same in the short form for the masthead."""
    return language.span(*days) if days else keep_together(language.weekday_date(day))
