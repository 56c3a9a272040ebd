"""Sentences that say why papers may be missing from a page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from paperround.app import App
from paperround.domain.models import SourceState
from paperround.rendering.language import Language
from paperround.rendering.source_names import source_name
from paperround.rounds.source_status import SourceStatus, read_source_status
from paperround.store.sources import SourceRecord

LateSources = Sequence[tuple[SourceStatus, SourceRecord]]


def late_sources(app: App) -> LateSources:
    """Return the sources of which papers may be missing."""
    return [(status, status.record) for status in read_source_status(app) if status.record and status.is_late]


def describe_quiet_days(late: LateSources, language: Language, newest: date | None, today: date) -> str:
    """Return a sentence that says since when no papers were announced; empty if there are papers today.

    If a source is late, it says only from when the latest papers are: newer ones may have been announced.
    """
    if newest is None or newest >= today:
        return ""
    sentence = (
        language.gettext("The latest papers here are from %(day)s.")
        if late
        else language.gettext("No papers have been announced since %(day)s. These are the latest.")
    )
    return sentence % {"day": language.date(newest)}


def describe_late_sources(late: LateSources, language: Language) -> str:
    """Return a sentence that says which sources are late or do not respond; empty if all are fine."""
    if len(late) == 1:
        return _describe_late_source(*late[0], language)
    if not late:
        return ""
    names = language.list(dict.fromkeys(source_name(status.name) for status, _ in late))
    if all(status.is_overdue for status, _ in late):
        since = min(record.tried_at for _, record in late)
        sentence = language.gettext("%(sources)s have not been checked since %(day)s. Some papers may be missing.")
        return sentence % {"sources": names, "day": language.date(since.date(), "long")}
    return language.gettext("Some papers may be missing: %(sources)s are late or do not respond.") % {
        "sources": names
    }


def _describe_late_source(status: SourceStatus, record: SourceRecord, language: Language) -> str:
    facts = {"source": source_name(record.name)}
    if status.is_overdue:
        facts["day"] = language.date(record.tried_at.date(), "long")
        return language.gettext("%(source)s has not been checked since %(day)s. Some papers may be missing.") % facts
    if record.state is SourceState.FAILED:
        since = record.succeeded_at
        if since is None:
            return language.gettext("%(source)s has not responded yet, so its papers are missing.") % facts
        facts["day"] = language.date(since.date(), "long")
        return language.gettext("%(source)s has not responded since %(day)s. Some papers may be missing.") % facts
    if record.newest_day is None:
        return language.gettext("%(source)s is late today.") % facts
    facts["day"] = language.date(record.newest_day, "long")
    return language.gettext("%(source)s is late: its latest papers are from %(day)s.") % facts
