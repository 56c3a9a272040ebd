"""Checks of the work that is due: rounds, emails in the queue, and calls of webhooks."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

from paperround.app import App
from paperround.domain.clock import format_moment
from paperround.domain.models import DeliveryState
from paperround.domain.text import counted
from paperround.operator.doctor.findings import CheckState, Finding
from paperround.operator.readiness import LATE, is_daily_cap_reached

_WEEK = timedelta(days=7)
_NEVER_SERVED = timedelta(days=14)
_WEBHOOK_SECONDS = 5.0
_MIN_BOUNCES = 5
_MAX_BOUNCE_RATE = 0.02  # of what was sent; above it providers begin to refuse


def check_rounds(app: App) -> Iterator[Finding]:
    """Report digests and papers that no round has taken."""
    now = app.clock()
    waiting = app.store.issues.due_count(now - LATE)
    if waiting:
        people = counted(waiting, "subscriber has", "subscribers have")
        what = f"{people} been due for over two hours; check that `paperround up` is running"
        yield Finding("rounds", CheckState.WARNING, what)
    if misscheduled := app.store.subscribers.too_far(now):
        people = counted(misscheduled, "subscriber")
        what = f"the next digest of {people} is more than one period away: the clock was wrong"
        yield Finding("rounds", CheckState.WARNING, what, "paperround sweep")
    stuck = app.store.topics.papers_waiting()
    if stuck:
        papers = counted(stuck, "paper has", "papers have")
        yield Finding("rounds", CheckState.WARNING, f"{papers} not been matched yet", "paperround sweep")


def check_deliveries(app: App) -> Iterator[Finding]:
    """Report emails that wait or expired, subscribers without any, and too many bounces."""
    now, overview = app.clock(), app.store.overview
    since = app.store.deliveries.overdue_since(now)
    if since and since < now - LATE:
        remedy = (
            "the relay's daily limit is reached, so the rest is sent tomorrow"
            if is_daily_cap_reached(app)
            else "check `paperround up` and the relay"
        )
        what = f"an email has been overdue since {format_moment(since)}; {remedy}"
        yield Finding("queue", CheckState.WARNING, what)
    week = now - _WEEK
    if expired := overview.finished(DeliveryState.EXPIRED, week):
        what = f"{counted(expired, 'email')} expired in the past week: no relay accepted them in time"
        what = f"{what}; see: paperround deliveries list --state expired"
        yield Finding("expired", CheckState.WARNING, what)
    if never := overview.never_served(now - _NEVER_SERVED):
        people = counted(never, "subscriber has", "subscribers have")
        what = f"{people} never had a digest; see: paperround subscribers silent"
        yield Finding("never served", CheckState.WARNING, what)
    if idle := overview.following_nothing():
        people = counted(idle, "active subscriber follows", "active subscribers follow")
        what = f"{people} nothing; see: paperround subscribers silent"
        yield Finding("follow nothing", CheckState.WARNING, what)
    sent = overview.finished(DeliveryState.SENT, week)
    bounced = sum(sum(overview.bounces_by_day(week).get(kind, {}).values()) for kind in ("hard", "complaint"))
    if bounced >= _MIN_BOUNCES and bounced > _MAX_BOUNCE_RATE * sent:
        what = (
            f"{bounced} hard bounces and complaints on {sent} emails in the past week: providers rate senders by this"
        )
        yield Finding("bounces", CheckState.WARNING, f"{what}; check where these addresses come from")


def check_webhooks(app: App) -> Iterator[Finding]:
    """Report events that were not delivered, and try each webhook's host."""
    for name, state, number, answer in app.store.events.troubles():
        failed = state == "failed"
        fate = "could not be delivered" if failed else "not delivered yet"
        what = f"{counted(number, 'event')} {fate}; the last response: {answer}"
        yield Finding(f"webhook {name}", CheckState.ERROR if failed else CheckState.WARNING, what)
    for webhook in app.settings.webhooks:
        if problem := _unreachable(webhook.url):
            yield Finding(f"webhook {webhook.name}", CheckState.WARNING, problem)


def _unreachable(url: str) -> str:
    """Return why no connection can be opened to the host of an address; empty if one can."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), _WEBHOOK_SECONDS).close()
    except OSError as error:
        reason = error.strerror or error
        return f"cannot connect to {parts.hostname}:{port} ({reason}); check that the program is running"
    return ""
