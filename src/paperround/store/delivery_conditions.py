"""Conditions on deliveries that several statements share."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, func

from paperround.domain.models import DeliveryState
from paperround.store.schema import deliveries

WAITING = (DeliveryState.QUEUED.value, DeliveryState.DEFERRED.value)
"""The states of deliveries that are to be sent, for SQL."""
# For conditions on rows given by number: with the bare column SQLite would take the index on states, and read all
# deliveries that wait for each claim of a few hundred.
STATE_OF_ROW = func.coalesce(deliveries.c.state, "")


def is_held(claim: str) -> ColumnElement[bool]:
    """Return the condition that a delivery is being sent by this claim."""
    return and_(deliveries.c.claim == claim, deliveries.c.state == DeliveryState.SENDING.value)


def waits_until_later(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a delivery is queued for a later moment, after a pause or a broken connection."""
    return and_(deliveries.c.state == DeliveryState.QUEUED.value, deliveries.c.next_attempt_at > now)
