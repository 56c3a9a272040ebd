"""Whether papers of the configured sources may be missing: because a source is late, or because nothing asks it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from paperround.app import App
from paperround.domain.clock import format_moment
from paperround.sources import Source
from paperround.store.sources import SourceRecord

_MAX_FETCH = timedelta(minutes=30)  # a fetch that was begun on time may take as long
_MIN_SILENCE = timedelta(hours=12)  # cron may fetch papers a few times a day, whatever the configuration says
_OVERDUE = "overdue"


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """A configured source, its record, and whether it was asked as its schedule says."""

    name: str
    record: SourceRecord | None
    """None if it was never fetched."""
    is_overdue: bool
    """Whether it was not asked for twelve hours or more, in which two times of its schedule have passed: what fetches
    papers has stopped.
    """

    @property
    def is_late(self) -> bool:
        """Whether it was fetched before and papers of it may be missing now."""
        return self.record is not None and (self.is_overdue or self.record.state.is_late)

    @property
    def state(self) -> str:
        """The state in one word, for operators; empty if it was never fetched."""
        if self.record is None:
            return ""
        return _OVERDUE if self.is_overdue else self.record.state.value

    @property
    def note(self) -> str:
        """One sentence about the state, for operators; empty if there is nothing to say."""
        if self.record is None:
            return ""
        return f"not asked since {format_moment(self.record.tried_at)}" if self.is_overdue else self.record.note


def read_source_status(app: App) -> list[SourceStatus]:
    """Return the status of each configured source, in the order of the configuration."""
    records, now = app.store.sources.all(), app.clock()
    return [
        SourceStatus(source.name, record, record is not None and _is_overdue(source, record.tried_at, now))
        for source in app.settings.sources
        for record in (records.get(source.name),)
    ]


def next_fetch(source: Source, after: datetime) -> datetime:
    """Return the first time of the source's schedule after this moment."""
    return _next_time(source.schedule, source.timezone, after)


def _is_overdue(source: Source, tried_at: datetime, now: datetime) -> bool:
    if now - tried_at < _MIN_SILENCE:
        return False  # whatever the schedule, which takes time to read
    return now >= _overdue_from(source.schedule, source.timezone, tried_at)


@lru_cache(maxsize=256)
def _overdue_from(schedule: str, timezone: str, tried_at: datetime) -> datetime:
    """Return when the second time of the schedule after `tried_at` has passed.

    One missed time says little: cron may fetch papers at other times than the configuration says.
    """
    first = _next_time(schedule, timezone, tried_at)
    return _next_time(schedule, timezone, first) + _MAX_FETCH


def _next_time(schedule: str, timezone: str, after: datetime) -> datetime:
    from paperround.rounds.local_cron import LocalCronTrigger  # noqa: PLC0415 - slow to load, and seldom needed

    due = LocalCronTrigger(schedule, timezone).get_next_fire_time(after, after)
    assert due is not None, "a schedule that never comes is refused with the settings"
    return due
