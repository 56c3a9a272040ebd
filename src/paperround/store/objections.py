"""Objections: why a delivery must not be sent, as SQL for the queue and for the last check."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select

from paperround.domain.models import NoticeKind, SubscriberState
from paperround.domain.schedule import Cadence
from paperround.store.schema import address_changes, deliveries, issues, subscribers, suppressions
from paperround.store.subscribers import SUBSCRIBED

ADDRESSED_ELSEWHERE = or_(
    *(deliveries.c.notice == kind.value for kind in (NoticeKind.NEW_ADDRESS, NoticeKind.ADDRESS_CHANGED))
)
"""The notices about a change of address: to the address that is to be confirmed, and to the former one."""
MOVED = "the address has changed"
SUPPRESSED = "the address is suppressed"
_IN_STATE = "the subscriber is " + subscribers.c.state
_HAS_LEFT = and_(*(subscribers.c.state != state for state in SUBSCRIBED))
_ASKED_NO_MORE = or_(
    and_(subscribers.c.state != SubscriberState.PENDING.value, subscribers.c.request.is_(None)),
    and_(
        subscribers.c.state == SubscriberState.UNSUBSCRIBED.value,
        subscribers.c.unsubscribed_at > deliveries.c.created_at,
    ),
)
"""True if there is nothing left to confirm, or if the subscriber unsubscribed or complained after the confirmation
was queued.
"""


def objection(*further: tuple[ColumnElement[bool], str]) -> Any:
    """Return a SQL expression: why a delivery must not be sent, or NULL; for the queue and for the final check.

    `further` are conditions on deliveries to the subscribers' own addresses, with their reasons.
    """
    notice = deliveries.c.notice
    of_subscription = or_(notice == NoticeKind.WELCOME.value, notice == NoticeKind.REPLY.value)
    # Somebody whose frequency is off may have asked for one letter when they subscribed.
    sent_once = (
        exists()
        .where(issues.c.row == deliveries.c.issue, issues.c.cadence == Cadence.OFF.value)
        .correlate(deliveries)
    )
    reason = case(
        # A confirmation request is sent to a suppressed address too: confirming lifts the suppression.
        (notice == NoticeKind.CONFIRM.value, case((_ASKED_NO_MORE, _IN_STATE))),
        (ADDRESSED_ELSEWHERE, _objection_elsewhere()),
        *further,
        (_is_suppressed(subscribers.c.email_key), SUPPRESSED),
        (
            or_(
                and_(notice.is_(None), subscribers.c.state != SubscriberState.ACTIVE.value),
                and_(of_subscription, _HAS_LEFT),
            ),
            _IN_STATE,
        ),
        (
            and_(notice.is_(None), subscribers.c.cadence == Cadence.OFF.value, ~sent_once),
            "the subscriber's frequency is off",
        ),
        else_=None,
    )
    return select(reason).where(subscribers.c.row == deliveries.c.subscriber).correlate(deliveries).scalar_subquery()


def _objection_elsewhere() -> Any:
    """Return a SQL expression: why a notice about a change of address must not be sent, or NULL."""
    open_change = exists().where(
        address_changes.c.subscriber == subscribers.c.row,
        address_changes.c.email == deliveries.c.email,
        address_changes.c.settled_at.is_(None),
    )
    asks = deliveries.c.notice == NoticeKind.NEW_ADDRESS.value
    return case(
        (_is_suppressed(func.lower(deliveries.c.email)), SUPPRESSED),
        (and_(asks, ~open_change.correlate(deliveries, subscribers)), "the change of address has ended"),
        (and_(asks, _HAS_LEFT), _IN_STATE),
    )


def _is_suppressed(key: ColumnElement[str]) -> ColumnElement[bool]:
    return exists().where(suppressions.c.email_key == key).correlate(deliveries, subscribers)


OBJECTION = objection()
"""Why a delivery must not be sent, or NULL."""
