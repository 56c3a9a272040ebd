"""Facts about an issue's day: how many papers were new, and whether all sources have answered."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime, timedelta
from functools import cached_property

from paperround.app import App
from paperround.domain.models import DayFacts
from paperround.domain.schedule import Cadence, period
from paperround.rounds.source_status import read_source_status

_DAY = timedelta(days=1)
_LISTED = timedelta(days=62)  # within these, the moments of papers are read once instead of counted each time
_MONDAY = 0


class DayFactsReader:
    """Computes the facts once per round for each moment from which papers are new."""

    def __init__(self, app: App, now: datetime) -> None:
        self._app, self._now = app, now
        self._counts: dict[datetime, int] = {}
        self._moments_from, self._moments = now, list[datetime]()

    def facts(self, cadence: Cadence, previous: datetime | None, oldest: float) -> DayFacts:
        """Return the facts for an issue of this cadence that is composed now.

        Papers are new that were stored since `previous`, when the subscriber's previous issue was chosen; in a first
        issue, those of one period. `oldest` is when the oldest of its papers was first stored, in seconds since 1970.
        If that is earlier, the number of papers is 0, and the letter omits it. This happens in a first letter with
        papers of several days, and if papers of a letter that failed come again.
        """
        since = previous or self._now - self._period(cadence)
        return DayFacts(self._count_since(since) if oldest > since.timestamp() else 0, *self._complete)

    def _count_since(self, since: datetime) -> int:
        """Count the papers since a moment. Subscribers with times of their own have moments of their own."""
        if since not in self._counts:
            self._counts[since] = self._count_new(since)
        return self._counts[since]

    def _count_new(self, since: datetime) -> int:
        if since < self._now - _LISTED:
            return self._app.store.papers.count_since(since)
        if since < self._moments_from:  # twice as far, so that few reads are enough whatever the order
            self._moments_from = max(self._now - 2 * (self._now - since), self._now - _LISTED)
            self._moments = self._app.store.papers.moments_since(self._moments_from)
        return len(self._moments) - bisect_right(self._moments, since)

    def _period(self, cadence: Cadence) -> timedelta:
        if cadence is Cadence.WEEKDAYS and self._now.weekday() != _MONDAY:
            return _DAY
        return period(cadence) or _DAY

    @cached_property
    def _complete(self) -> tuple[str, tuple[str, ...]]:
        """Return when the sources were complete (HH:MM; empty if any is late), and the names of late sources.

        A source that was not due within a day, such as a weekly one, is neither.
        """
        since = self._now - _DAY
        due = [
            (status, status.record)
            for status in read_source_status(self._app)
            if status.record and (status.is_overdue or status.record.tried_at > since)
        ]
        late = tuple(status.name for status, _ in due if status.is_late)
        complete = [record.succeeded_at for _, record in due if record.succeeded_at]
        return (f"{max(complete):%H:%M}" if complete and not late else "", late)
