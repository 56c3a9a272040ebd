"""Deletes data past its retention period, so that the database does not grow without limit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from paperround.app import App
from paperround.rounds import webhooks

_ROWS_PER_TRANSACTION = 500  # rows per transaction, so that others can write in between
_TRANSACTIONS_PER_SWEEP = 20  # per sweep; a sweep runs every other minute
_UNCONFIRMED_KEPT = timedelta(days=30)  # addresses that were entered and never confirmed
_SIGNATURES_KEPT = timedelta(days=3)  # of relays' calls, which hold for a day by either clock
_CLOSE_KEPT = timedelta(days=10)  # papers close to interests; after an outage, a letter may reach back a week
_PICTURES_KEPT = timedelta(days=365)
_CLOCK_VALUE = "clock"
_LEAP, _BACK = timedelta(days=20), timedelta(hours=1)
_STEADY = timedelta(days=1)


def clock_is_steady(app: App) -> bool:
    """Return whether the clock has not leapt by weeks, or back, within a day, as far as sweeps have seen it.

    If it has, it may be ahead, and nothing may be deleted for its age: that could not be undone.
    """
    now, noted = app.clock(), app.store.site_values.get(_CLOCK_VALUE)
    if noted is None:
        since, last = now - _STEADY, now
    else:
        since, last = map(datetime.fromisoformat, noted.split())
        if not -_BACK <= now - last <= _LEAP:
            since = last = now
    if noted is None or last == now or now - last > _BACK:
        app.store.site_values.set(_CLOCK_VALUE, f"{since.isoformat()} {now.isoformat()}")
    return now - since >= _STEADY


def prune(app: App) -> None:
    """Delete everything past its retention period."""
    now = app.clock()
    app.store.subscription_requests.forget_unconfirmed(now - _UNCONFIRMED_KEPT)
    app.store.address_changes.forget(now - _UNCONFIRMED_KEPT)
    app.store.pictures.forget(now - _PICTURES_KEPT)
    app.store.webhook_signatures.forget(now - _SIGNATURES_KEPT)
    while app.store.retention.forget_close(now - _CLOSE_KEPT) and not app.stopping.is_set():
        app.throttle.yield_to_requests()
    webhooks.prune(app)
    forget_old(app)


def forget_old(app: App, *, batch_rows: int = _ROWS_PER_TRANSACTION, batches: int = _TRANSACTIONS_PER_SWEEP) -> int:
    """Delete letters and attempts older than the settings allow, each in at most so many batches of rows.

    Returns how many rows were deleted.
    """
    store, limits, now = app.store.retention, app.settings.retention, app.clock()

    def in_batches(forget: Callable[[datetime, int], int], before: datetime) -> int:
        total = 0
        for _ in range(batches):
            number = forget(before, batch_rows)
            total += number
            if number < batch_rows or app.stopping.is_set():
                break
            app.throttle.yield_to_requests()
        return total

    forgotten = 0
    if limits.attempts_days:
        forgotten += in_batches(store.forget_attempts, now - timedelta(days=limits.attempts_days))
    if limits.letters_days:
        before = now - timedelta(days=limits.letters_days)
        if letters := in_batches(store.forget_letters, before):
            forgotten += letters + store.forget_issues(before.date())
    return forgotten
