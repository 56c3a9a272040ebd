"""What the site forgets after a time that the operator sets, so that it does not grow for ever."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from paperround.app import App

_AT_ONCE = 500  # rows of a transaction: others write in between
_BATCHES = 20  # of a sweep; sweeps come every other minute


def forget_old(app: App) -> int:
    """Forget letters and attempts that are older than the settings say, at most 10,000 of each.

    Returns how many were forgotten.
    """
    store, kept, now = app.store.retention, app.settings.retention, app.clock()
    forgotten = 0
    if kept.attempts_days:
        forgotten += _in_batches(app, store.forget_attempts, now - timedelta(days=kept.attempts_days))
    if kept.letters_days:
        before = now - timedelta(days=kept.letters_days)
        if letters := _in_batches(app, store.forget_letters, before):
            forgotten += letters + store.forget_issues(before.date())
    return forgotten


def _in_batches(app: App, forget: Callable[[datetime, int], int], before: datetime) -> int:
    total = 0
    for _ in range(_BATCHES):
        some = forget(before, _AT_ONCE)
        total += some
        if some < _AT_ONCE or app.stopping.is_set():
            break
        app.courtesy.give_way()
    return total
