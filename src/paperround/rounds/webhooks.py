"""Calls other programs about events of subscribers; the events stand in the database.

Each event is delivered at least once: the call is made, then the event is deleted. If the process dies in between,
the event stays claimed until its lease ends and is sent again with the same id, by which the receiver recognizes it.
"""

from __future__ import annotations

import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import httpx

from paperround import __version__
from paperround.app import App
from paperround.delivery import webhooks
from paperround.delivery.webhooks import WebhookResponse
from paperround.domain.models import Event
from paperround.network.http import asked_to_wait
from paperround.process import logs
from paperround.settings import WebhookSettings

log = logs.logger()
_EVENTS_PER_CLAIM = 20  # events of one webhook in one claim
_TIMEOUT = 15.0  # seconds: Standard Webhooks' advice
_SECONDS_PER_WEBHOOK = 45.0  # per webhook and run, so that a slow receiver does not delay the others' next run
_LEASE = timedelta(minutes=6)
_READ = 4_096  # bytes of a response
_FAILED_EVENTS_KEPT = timedelta(days=30)  # failed events, for the operator


def call_due(app: App) -> int:
    """Send due events to all webhooks, in parallel; return how many were accepted."""
    configured = app.settings.webhooks
    if not configured:
        return 0
    with (
        httpx.Client(timeout=_TIMEOUT, follow_redirects=False, trust_env=False) as client,
        ThreadPoolExecutor(len(configured)) as pool,
    ):
        return sum(pool.map(lambda hook: _deliver_events(app, client, hook), configured))


def prune(app: App) -> None:
    """Delete events that are a month old and have failed, or whose webhooks are no longer configured."""
    app.store.events.prune(app.clock() - _FAILED_EVENTS_KEPT, [hook.name for hook in app.settings.webhooks])


def _deliver_events(app: App, client: httpx.Client, hook: WebhookSettings) -> int:
    """Send one webhook's events in order until none is left, one is not accepted, or the time is up."""
    done, until = 0, time.monotonic() + _SECONDS_PER_WEBHOOK
    while not app.stopping.is_set():
        claim = secrets.token_hex(16)
        due = app.store.events.claim(hook.name, app.clock(), _EVENTS_PER_CLAIM, claim, _LEASE)
        for event in due:
            if time.monotonic() > until or not _deliver_event(app, client, hook, event, claim):
                app.store.events.release_claim(claim)
                return done
            done += 1
        if not due:
            break
    return done


def _deliver_event(app: App, client: httpx.Client, hook: WebhookSettings, event: Event, claim: str) -> bool:
    now = app.clock()
    response = _post(client, hook, webhooks.call(event, hook.secret.get_secret_value(), now), now)
    if webhooks.is_accepted(response):
        app.store.events.acknowledge(event, claim)
        return True
    again_at = webhooks.next_try(event.tries, response, now)
    # The receiver's response may contain the address, and a failed event must keep nothing about the subscriber.
    app.store.events.reschedule(event, claim, str(response if again_at else replace(response, text="")), again_at)
    report = log.warning if again_at else log.error
    report(
        "webhook did not accept an event",
        webhook=hook.name,
        event_id=event.id,
        answer=str(response),
        again_at=again_at,
    )
    return False


def _post(client: httpx.Client, hook: WebhookSettings, call: webhooks.Call, now: datetime) -> WebhookResponse:
    # Not decompressed: a response of a kilobyte could expand to a gigabyte.
    headers = {**call.headers, "user-agent": f"paperround/{__version__}", "accept-encoding": "identity"}
    try:
        with client.stream("POST", hook.url, content=call.body, headers=headers) as response:
            text = next(response.iter_raw(_READ), b"").decode("utf-8", "replace")
            return WebhookResponse(response.status_code, text, asked_to_wait(response.headers, now))
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError) as error:
        return WebhookResponse(None, f"no answer ({type(error).__name__}: {error})")
