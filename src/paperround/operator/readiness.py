"""Whether a site can do its daily work, for monitors: the database, the rounds, the sources and the relay.

What is reported is public, so it names no address, number or reply of a relay; `paperround doctor` does.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from sqlalchemy import make_url

from paperround.app import App
from paperround.domain.clock import format_moment
from paperround.domain.errors import StoreError
from paperround.rounds.source_status import read_source_status

LATE = timedelta(hours=2)
"""From when on a digest or an email that is due counts as late. A large round may take an hour."""
MIN_FREE_SPACE = 2**20
"""Bytes on the disk of an SQLite database. With less, nothing can be stored."""
READY = "ok"


def check_readiness(app: App) -> dict[str, str]:
    """Return the state of each part of the site by name: `READY`, or what is wrong with it."""
    return {name: _guarded(check, app) for name, check in _CHECKS.items()}


def free_space(app: App) -> int | None:
    """Return the free bytes on the disk of the database; None if it is no SQLite file."""
    url = make_url(app.settings.database_url)
    if not url.database or url.get_backend_name() != "sqlite":
        return None
    return shutil.disk_usage(Path(url.database).resolve().parent).free


def is_daily_cap_reached(app: App) -> bool:
    """Return whether as many emails as the relay takes in a day (UTC) have been handed over today."""
    per_day = app.settings.transport.per_day
    return per_day is not None and app.store.relay.state(app.clock().date()).handed_over >= per_day


def _guarded(check: Callable[[App], str], app: App) -> str:
    try:
        return check(app) or READY
    except (StoreError, OSError):
        return "the database does not respond"


def _database(app: App) -> str:
    app.store.site_values.get("seeds")  # any short query
    free = free_space(app)
    return "its disk is full" if free is not None and free < MIN_FREE_SPACE else ""


def _rounds(app: App) -> str:
    late = app.clock() - LATE
    if app.store.issues.due_count(late):
        return "digests have been due for over two hours"
    if is_daily_cap_reached(app):
        return ""  # the others are sent tomorrow
    return "emails have been due for over two hours" if app.store.deliveries.has_late(late) else ""


def _sources(app: App) -> str:
    """Report sources that nothing asks, and that no source is up to date; a single source that is down does not stop
    the site.
    """
    statuses = read_source_status(app)
    if overdue := [f"{status.name} ({status.note})" for status in statuses if status.is_overdue]:
        return f"overdue: {', '.join(overdue)}"
    if not statuses or any(status.record and not status.is_late for status in statuses):
        return ""
    listed = (f"{status.name} ({status.state or 'never fetched'})" for status in statuses)
    return f"none is up to date: {', '.join(listed)}"


def _relay(app: App) -> str:
    now = app.clock()
    pause_end = app.store.relay.state(now.date()).pause_end(now)
    return f"paused until {format_moment(pause_end)}" if pause_end else ""


_CHECKS: Mapping[str, Callable[[App], str]] = {
    "database": _database,
    "rounds": _rounds,
    "sources": _sources,
    "relay": _relay,
}
