"""What somebody asks for in an address's name, and what its owner may see of it: wishes, links, everything held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, exists, func, insert, or_, select, update

from paperround.domain.models import DeliveryState, Subscriber, SubscriberState
from paperround.store.engine import reading, writing
from paperround.store.schema import (
    attempts,
    bounces,
    deliveries,
    digest_papers,
    digests,
    feedback,
    issues,
    papers,
    subscribers,
    subscriptions,
    suppressions,
    topics,
)
from paperround.store.subscribers import READING, add, email_key

CONFIRM, LINK = "confirm", "your-link"
# A mailbox must not be filled by strangers who type its address into forms.
_ONCE_IN, _MONTH, _PER_MONTH = timedelta(days=1), timedelta(days=30), 5
_LEFT_ALONE = timedelta(days=90)
"""For so long strangers cannot have a letter sent to an address that complained, or that does not exist."""


@dataclass(frozen=True, slots=True)
class NewNotice:
    """A notice that is queued unless its subscriber has had one of its kind today, or several this month."""

    message_id: str
    context: Mapping[str, Any]
    expires_at: datetime


class Personal:
    """The store's part that answers for one address, and tells nobody else whether it is known."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def wish(
        self,
        stranger: Subscriber,
        wanted: Mapping[str, Any],
        notice: NewNotice,
        now: datetime,
        *,
        by_owner: bool = False,
    ) -> bool:
        """Keep a wish until the address's owner confirms it; whether a notice about it was queued.

        An unknown address becomes a pending subscriber. One that reads already keeps everything as it is, and is sent
        the link to its preferences. While a confirmation's link is fresh its wish stays: a stranger cannot exchange
        what the owner is about to agree to. A suppressed address is asked only when its owner has asked for it, with
        a link of theirs (`by_owner`), or when it was left alone for 90 days.
        """
        with writing(self._engine) as db:
            found = _subscriber(db, stranger.email)
            if found is None:
                _add_stranger(db, stranger, now)
                found = _subscriber(db, stranger.email)
            # A suppressed subscriber gets nothing: for them, too, only a fresh confirmation opens the way again.
            suppressed = _suppressed(db, stranger.email)
            if suppressed and not by_owner and _is_left_alone(db, found.row, suppressed, now):
                return False
            reads = found.state in READING and not suppressed
            if not reads and (by_owner or not _has_fresh_link(db, found.row, now)):
                db.execute(update(subscribers).where(subscribers.c.row == found.row).values(wish=dict(wanted)))
            return _queue(db, found.row, found.email, LINK if reads else CONFIRM, notice, now)

    def link(self, email: str, notice: NewNotice, now: datetime) -> bool:
        """Queue the link to the preferences of an address that is known; whether it was queued."""
        with writing(self._engine) as db:
            found = _subscriber(db, email)
            if found is None:
                return False
            pending = found.state == SubscriberState.PENDING.value
            return _queue(db, found.row, found.email, CONFIRM if pending else LINK, notice, now)

    def waiting(self, row: int) -> dict[str, Any] | None:
        """What was asked for in this subscriber's name and waits for their word."""
        with reading(self._engine) as db:
            found: dict[str, Any] | None = db.scalar(select(subscribers.c.wish).where(subscribers.c.row == row))
            return found

    def consent(self, row: int) -> dict[str, Any]:
        """When, from where and to which words the subscriber agreed."""
        with reading(self._engine) as db:
            return dict(db.scalar(select(subscribers.c.consent).where(subscribers.c.row == row)) or {})

    def farewell(self, row: int, because: str) -> None:
        """Keep why somebody left, in their words."""
        gone = (subscribers.c.row == row) & (subscribers.c.state == SubscriberState.UNSUBSCRIBED.value)
        with writing(self._engine) as db:
            db.execute(update(subscribers).where(gone).values(farewell=because))

    def digest_owner(self, digest: int) -> tuple[int, datetime] | None:
        """Whose digest this is and when it was composed; None when it is not there any more."""
        with reading(self._engine) as db:
            found = db.execute(
                select(digests.c.subscriber, digests.c.created_at).where(digests.c.row == digest)
            ).one_or_none()
            return (found.subscriber, found.created_at) if found else None

    def forget_unconfirmed(self, before: datetime) -> int:
        """Forget addresses that were given to us before a moment and never confirmed; how many they were."""
        strangers = and_(
            subscribers.c.state == SubscriberState.PENDING.value,
            subscribers.c.confirmed_at.is_(None),
            subscribers.c.created_at < before,
            subscribers.c.wish.is_not(None),
            ~exists().where(deliveries.c.subscriber == subscribers.c.row, deliveries.c.created_at >= before),
        )
        with writing(self._engine) as db:
            return len(db.execute(delete(subscribers).where(strangers).returning(subscribers.c.row)).all())

    def everything(self, row: int) -> dict[str, Any]:
        """Everything that is held about a subscriber, for the subscriber."""
        with reading(self._engine) as db:
            mine = db.execute(select(subscribers).where(subscribers.c.row == row)).mappings().one()
            held = {"subscriber": {name: value for name, value in mine.items() if name != "row"}}
            return held | {
                name: [dict(found) for found in db.execute(query).mappings()] for name, query in _held(mine).items()
            }


def _suppressed(db: Connection, email: str) -> datetime | None:
    """Since when an address is suppressed, if it is."""
    since: datetime | None = db.scalar(select(suppressions.c.at).where(suppressions.c.email_key == email_key(email)))
    return since


def _is_left_alone(db: Connection, row: int, suppressed: datetime, now: datetime) -> bool:
    asked = db.scalar(select(func.max(deliveries.c.created_at)).where(_confirmations(row)))
    return max(suppressed, asked or suppressed) > now - _LEFT_ALONE


def _has_fresh_link(db: Connection, row: int, now: datetime) -> bool:
    """Whether a confirmation of this subscriber went out whose link still holds, or is about to."""
    fresh = deliveries.c.expires_at > now
    return db.scalar(select(exists().where(_confirmations(row), fresh))) or False


def _confirmations(row: int) -> ColumnElement[bool]:
    # One that ran out before it was ever tried reached nobody.
    tried = or_(deliveries.c.state != DeliveryState.EXPIRED.value, deliveries.c.attempts > 0)
    return and_(deliveries.c.subscriber == row, deliveries.c.notice == CONFIRM, tried)


def _subscriber(db: Connection, email: str) -> Any:
    query = select(subscribers.c.row, subscribers.c.email, subscribers.c.state)
    return db.execute(query.where(subscribers.c.email_key == email_key(email)).with_for_update()).one_or_none()


def _add_stranger(db: Connection, stranger: Subscriber, now: datetime) -> None:
    schedule = stranger.schedule
    values: dict[str, Any] = {
        "email": stranger.email,
        "email_key": email_key(stranger.email),
        "name": "",
        "state": SubscriberState.PENDING.value,
        "cadence": schedule.cadence.value,
        "at": schedule.at,
        "timezone": schedule.timezone,
        "weekday": schedule.weekday,
        "monthday": schedule.monthday,
        "max_papers": stranger.max_papers,
        "theme": stranger.theme,
        "language": stranger.language,
        "next_digest_at": None,
        "paused_until": None,
        "created_at": now,
        "confirmed_at": None,
        "consent": {},
    }
    add(db, values)


def _queue(db: Connection, row: int, email: str, kind: str, notice: NewNotice, now: datetime) -> bool:
    # One that ran out before it was ever tried reached nobody.
    tried = or_(deliveries.c.state != DeliveryState.EXPIRED.value, deliveries.c.attempts > 0)
    sent = select(deliveries.c.created_at).where(deliveries.c.subscriber == row, deliveries.c.notice == kind, tried)
    times = db.scalars(sent.where(deliveries.c.created_at > now - _MONTH).order_by(deliveries.c.row.desc())).all()
    if len(times) >= _PER_MONTH or (times and times[0] > now - _ONCE_IN):
        return False
    db.execute(
        insert(deliveries).values(
            subscriber=row,
            issue=None,
            digest=None,
            notice=kind,
            context=dict(notice.context) if kind == CONFIRM else {},
            email=email,
            message_id=notice.message_id,
            state=DeliveryState.QUEUED.value,
            reason="",
            attempts=0,
            next_attempt_at=now,
            expires_at=notice.expires_at,
            created_at=now,
        )
    )
    return True


def _held(mine: Any) -> dict[str, Any]:
    row = mine["row"]
    letters = deliveries.c.subscriber == row
    return {
        "topics": select(topics.c.slug, topics.c.name, topics.c.query, topics.c.private, subscriptions.c.created_at)
        .join_from(subscriptions, topics)
        .where(subscriptions.c.subscriber == row)
        .order_by(subscriptions.c.place),
        "digests": select(digests.c.row.label("number"), issues.c.cadence, issues.c.day, digests.c.created_at)
        .join_from(digests, issues)
        .where(digests.c.subscriber == row)
        .order_by(digests.c.row),
        "papers": select(digest_papers.c.digest, papers.c.id, papers.c.title, digest_papers.c.place)
        .join_from(digest_papers, papers, papers.c.row == digest_papers.c.paper)
        .where(digest_papers.c.subscriber == row)
        .order_by(digest_papers.c.digest, digest_papers.c.place),
        "feedback": select(papers.c.id, papers.c.title, feedback.c.verdict, feedback.c.at)
        .join_from(feedback, papers)
        .where(feedback.c.subscriber == row)
        .order_by(feedback.c.at, papers.c.row),
        "letters": select(
            deliveries.c.row.label("number"),
            deliveries.c.notice,
            deliveries.c.digest,
            deliveries.c.email,
            deliveries.c.message_id,
            deliveries.c.state,
            deliveries.c.reason,
            deliveries.c.created_at,
            deliveries.c.finished_at,
        )
        .where(letters)
        .order_by(deliveries.c.row),
        "attempts": select(
            attempts.c.delivery.label("letter"),
            attempts.c.at,
            attempts.c.stage,
            attempts.c.code,
            attempts.c.enhanced,
            attempts.c.text,
        )
        .join_from(attempts, deliveries)
        .where(letters)
        .order_by(attempts.c.row),
        "bounces": select(bounces.c.kind, bounces.c.status, bounces.c.text, bounces.c.at)
        .where(bounces.c.email_key == mine["email_key"])
        .order_by(bounces.c.row),
        "suppressions": select(suppressions.c.reason, suppressions.c.at).where(
            suppressions.c.email_key == mine["email_key"]
        ),
    }
