"""What comes back about letters, and what follows for their readers: in one place for refusals, reports and hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from paperround.delivery.suppression import Fate, reason_to_suppress
from paperround.models import BounceKind, ReaderState
from paperround.store.bounces import Bounce

if TYPE_CHECKING:
    from paperround.app import App

log = structlog.get_logger()
_POLICY_ALARM = 3
"""So many letters a day refused for the sender's fault are no accident any more."""


def take(app: App, bounce: Bounce) -> bool:
    """Keep a report and do what follows from it; False when it is known already, or speaks of no letter of ours."""
    now = app.clock()
    if bounce.kind is BounceKind.NOTHING or not app.store.bounces.add(bounce, now):
        return False
    delivery = app.store.deliveries.by_row(bounce.delivery)
    reader = app.store.subscribers.by_row(delivery.subscriber) if delivery else None
    if delivery is None or reader is None:
        return True
    if bounce.kind is BounceKind.POLICY:
        today = app.store.bounces.count(now.replace(hour=0, minute=0, second=0, microsecond=0))
        if today.get(BounceKind.POLICY, 0) >= _POLICY_ALARM:
            log.error("receivers refuse our mail for what it is", refusals_today=today, latest=bounce.text)
    fates = [Fate(*fate) for fate in app.store.bounces.fates(reader.row)]
    reason = reason_to_suppress(Fate(now, bounce.kind, bounce.status), fates)
    if reason and app.store.subscribers.suppress(delivery.email, reason, now):
        log.warning("address suppressed", subscriber=reader.row, reason=reason)
    if bounce.kind is BounceKind.COMPLAINT:
        # RFC 6449 5.6: whoever calls it spam does not want the next one.
        app.store.subscribers.set_state(reader.row, ReaderState.UNSUBSCRIBED, now)
    return True
