"""Sentences that say why papers may be missing from a page."""

from __future__ import annotations

from datetime import date

from paperround.domain.models import SourceState
from paperround.rendering.language import Language
from paperround.rendering.source_names import source_name
from paperround.store.sources import SourceRecord
from paperround.web.context import WebContext


def describe_quiet_days(context: WebContext, language: Language, newest: date | None) -> str:
    """Return a sentence that says since when no papers were announced; empty if there are papers today."""
    if newest is None or newest >= context.today:
        return ""
    sentence = language.gettext("No papers have been announced since %(day)s. These are the latest.")
    return sentence % {"day": language.date(newest)}


def describe_late_sources(context: WebContext, language: Language) -> str:
    """Return a sentence that says which sources are late or do not respond; empty if all are fine."""
    records = context.app.store.sources.all()
    configured = (records.get(source.name) for source in context.app.settings.sources)
    troubled = [record for record in configured if record and record.state.is_late]
    if len(troubled) == 1:
        return _describe_late_source(troubled[0], language)
    if not troubled:
        return ""
    names = language.list(dict.fromkeys(source_name(record.name) for record in troubled))
    return language.gettext("Some papers may be missing: %(sources)s are late or do not respond.") % {
        "sources": names
    }


def _describe_late_source(record: SourceRecord, language: Language) -> str:
    facts = {"source": source_name(record.name)}
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
