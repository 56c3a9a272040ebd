"""Bounces: reports about letters that came back. A report received several times counts once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, and_, delete, func, or_, select, update

from paperround.domain.hosts import domain_of
from paperround.domain.models import BounceKind, DeliveryState, EventKind, Stage, SubscriberState
from paperround.domain.suppressions import (
    BounceDecision,
    BounceEvidence,
    LetterResult,
    RecentLetter,
    Suppression,
    SuppressionCause,
    WidespreadFailure,
)
from paperround.store.alarms import EVERYWHERE, AlarmKind, first_today
from paperround.store.deliveries import readdress
from paperround.store.engine import reading, upsert, writing
from paperround.store.events import EventState, WebhooksByEvent, store_event
from paperround.store.schema import bounces, deliveries, events, subscribers, suppressions
from paperround.store.subscribers import email_key
from paperround.store.suppression_rows import add_suppressions
from paperround.store.suppressions import lift_mistaken
from paperround.store.unsent import reclaim_papers

_LETTERS_LOOKED_AT = 60
_DOMAIN_SPAN = timedelta(days=3)  # today's daily letter, or yesterday's where today's is not sent yet
_DELIVERIES_LOOKED_AT, _LETTERS_OF_DOMAIN = 20_000, 500


@dataclass(frozen=True, slots=True)
class Bounce:
    """A report about one letter."""

    fingerprint: str
    """A key that is equal for reports of the same problem with the same letter, however they arrive."""
    delivery: int
    kind: BounceKind
    status: str | None
    text: str


@dataclass(frozen=True, slots=True)
class BounceConsequences:
    """The consequences of a report."""

    suppressed: str
    """Why the address is now suppressed; empty if it is not."""
    domain: str
    """The domain of the subscriber's address."""
    domain_fails: bool
    """Whether letters to most subscribers of this domain fail, and this is the first such alarm today (UTC)."""
    everything_fails: bool
    """Whether letters to most subscribers of all domains fail, and this is the first such alarm today (UTC)."""
    ours: bool
    """Whether the domain refuses this sender by policy, and this is the first such alarm today (UTC)."""


class _Recipient(NamedTuple):
    """The subscriber that a reported letter was sent to."""

    row: int
    email: str
    state: SubscriberState
    sent_to: str
    """The address that the letter was sent to: the subscriber's own may have changed since, or change soon."""

    @property
    def key(self) -> str:
        """The key of the address that the letter was sent to."""
        return email_key(self.sent_to)

    @property
    def domain(self) -> str:
        """The domain of that address."""
        return domain_of(self.sent_to)


class Bounces:
    """Bounces, and the suppressions and alarms that follow from them."""

    def __init__(self, engine: Engine, webhooks: WebhooksByEvent) -> None:
        self._engine, self._webhooks = engine, webhooks

    def apply(
        self, bounce: Bounce, now: datetime, decide: Callable[[BounceEvidence], BounceDecision]
    ) -> BounceConsequences | None:
        """Store a report, decide what follows from it and store that too, in one transaction.

        Besides the decision, a complaint unsubscribes, and webhooks are told. Returns None if the report is already
        stored or its letter is unknown.
        """
        with writing(self._engine) as db:
            recipient = _lock_recipient(db, bounce.delivery)
            if recipient is None or not _add(db, bounce, recipient.key, now):
                return None
            decision = decide(_evidence(db, bounce, recipient, now))
            match decision:
                case WidespreadFailure(everywhere, cause):
                    _lift(db, None if everywhere else recipient.domain, cause, now)
                case Suppression():
                    _suppress(db, recipient.key, decision, now)
            reason = decision.reason if isinstance(decision, Suppression) else None
            facts = {"bounce": bounce.kind.value, "status": bounce.status, "suppressed": reason or None}
            store_event(db, self._webhooks, EventKind.BOUNCED, recipient.sent_to, now, **facts)
            if bounce.kind is BounceKind.COMPLAINT and recipient.key == email_key(recipient.email):
                self._unsubscribe_complainer(db, recipient, now)
            return _with_alarms(db, bounce, recipient.domain, decision, now)

    def _unsubscribe_complainer(self, db: Connection, recipient: _Recipient, now: datetime) -> None:
        """Unsubscribe a subscriber who reported spam, and does not want the next letter (RFC 6449 section 5.6)."""
        gone = {"state": SubscriberState.UNSUBSCRIBED.value, "paused_until": None, "unsubscribed_at": now}
        db.execute(update(subscribers).where(subscribers.c.row == recipient.row).values(gone))
        if recipient.state.is_subscribed:
            store_event(db, self._webhooks, EventKind.UNSUBSCRIBED, recipient.email, now)

    def undo(self, rows: Sequence[int], again: datetime, reason: str) -> list[int]:
        """Queue letters again that were refused by mistake, and return their deliveries.

        Also deletes the reports of these refusals, the suppressions that followed, and the events not yet delivered
        to a webhook. Letters that were not sent because of these suppressions are queued again too. A letter stays
        failed if a later one has included some of its papers.
        """
        refused = and_(
            bounces.c.delivery.in_(rows),
            bounces.c.fingerprint.in_([smtp_fingerprint(row, stage) for row in rows for stage in Stage]),
        )
        with writing(self._engine) as db:
            reclaimed = reclaim_papers(db, rows)
            failed = deliveries.c.row.in_(reclaimed) & (deliveries.c.state == DeliveryState.FAILED.value)
            waiting = db.execute(
                update(deliveries)
                .where(failed)
                .values(state=DeliveryState.QUEUED.value, reason=reason, next_attempt_at=again, finished_at=None)
                .returning(deliveries.c.row, deliveries.c.email)
            ).all()
            for key, at in db.execute(select(bounces.c.email_key, bounces.c.at).where(refused)).all():
                lift_mistaken(db, and_(suppressions.c.email_key == key, suppressions.c.at == at), again)
            readdress(db, [delivery.row for delivery in waiting])
            untold = [
                events.c.state == EventState.WAITING.value,
                events.c.kind == EventKind.BOUNCED.value,
                events.c.claim.is_(None),
            ]
            about = events.c.payload["email"].as_string().in_([delivery.email for delivery in waiting])
            db.execute(
                delete(events).where(
                    *untold, about, events.c.payload["bounce"].as_string() != BounceKind.COMPLAINT.value
                )
            )
            db.execute(delete(bounces).where(refused))
            return [delivery.row for delivery in waiting]

    def report(
        self, limit: int | None = None, *, email: str = "", delivery: int | None = None
    ) -> list[dict[str, Any]]:
        """Return reports for display and export, latest first; `email` is part of the address."""
        query = select(bounces, deliveries.c.email).join_from(bounces, deliveries).order_by(bounces.c.row.desc())
        if delivery is not None:
            query = query.where(bounces.c.delivery == delivery)
        if email:
            query = query.where(deliveries.c.email.icontains(email, autoescape=True))
        with reading(self._engine) as db:
            return [
                {
                    "delivery": row.delivery,
                    "email": row.email,
                    "kind": row.kind,
                    "status": row.status,
                    "text": row.text,
                    "at": row.at,
                }
                for row in db.execute(query.limit(limit))
            ]

    def count(self, since: datetime) -> dict[str, int]:
        """Count the reports of each kind since a moment."""
        query = select(bounces.c.kind, func.count()).where(bounces.c.at >= since).group_by(bounces.c.kind)
        with reading(self._engine) as db:
            return dict(db.execute(query).all())


_SMTP = "smtp "


def smtp_fingerprint(delivery: int, stage: str) -> str:
    """Return the fingerprint of a refusal in an SMTP session of our own."""
    return f"{_SMTP}{delivery} {stage}"


# A refusal in the session no longer counts once the letter was accepted after all, for example after `retry`.
_OF_LETTER = and_(
    bounces.c.delivery == deliveries.c.row,
    or_(deliveries.c.state != DeliveryState.SENT.value, ~bounces.c.fingerprint.startswith(_SMTP)),
)


def _lock_recipient(db: Connection, delivery: int) -> _Recipient | None:
    """Lock a delivery and its subscriber until the end of the transaction; return None if there is none."""
    # The letter before its subscriber, as programs lock them that give a letter up: so none waits for another in a
    # circle.
    letter = select(deliveries.c.row).where(deliveries.c.row == delivery)
    db.execute(letter.with_for_update(read=True, key_share=True)).all()
    query = (
        select(subscribers.c.row, subscribers.c.email, subscribers.c.state, deliveries.c.email)
        .join(deliveries, deliveries.c.subscriber == subscribers.c.row)
        .where(deliveries.c.row == delivery)
        .with_for_update(of=subscribers)
    )
    stored = db.execute(query).one_or_none()
    return _Recipient(stored[0], stored[1], SubscriberState(stored[2]), stored[3]) if stored else None


def _evidence(db: Connection, bounce: Bounce, recipient: _Recipient, now: datetime) -> BounceEvidence:
    return BounceEvidence(
        LetterResult(now, bounce.kind, bounce.status),
        bounce.text,
        _results(db, recipient.row, recipient.sent_to),
        partial(_recent_letters, db, now, recipient.domain),
        partial(_recent_letters, db, now),
    )


def _suppress(db: Connection, key: str, suppression: Suppression, now: datetime) -> None:
    values = {"email_key": key, "reason": suppression.reason, "at": now, "cause": suppression.cause.value}
    add_suppressions(db, [values])


def _with_alarms(
    db: Connection, bounce: Bounce, domain: str, decision: BounceDecision, now: datetime
) -> BounceConsequences:
    """Record the alarms of a report, and return its consequences."""
    failure = decision if isinstance(decision, WidespreadFailure) else None
    of_domain, everywhere = bool(failure and not failure.everywhere), bool(failure and failure.everywhere)
    return BounceConsequences(
        suppressed=decision.reason if isinstance(decision, Suppression) else "",
        domain=domain,
        domain_fails=of_domain and first_today(db, AlarmKind.DOMAIN, domain, now),
        everything_fails=everywhere and first_today(db, AlarmKind.EVERYWHERE, EVERYWHERE, now),
        ours=bounce.kind is BounceKind.POLICY and first_today(db, AlarmKind.POLICY, domain, now),
    )


def _recent_letters(db: Connection, now: datetime, domain: str | None = None) -> list[RecentLetter]:
    """Return the result of the latest letter to each subscriber within _DOMAIN_SPAN, of all domains or of one.

    On a large site only the latest letters are examined (_DELIVERIES_LOOKED_AT, _LETTERS_OF_DOMAIN).
    """
    newest = select(func.max(deliveries.c.row) - _DELIVERIES_LOOKED_AT).scalar_subquery()
    query = (
        select(deliveries.c.subscriber, deliveries.c.email, bounces.c.kind, bounces.c.status, bounces.c.text)
        .join_from(deliveries, bounces, _OF_LETTER, isouter=True)
        .where(
            deliveries.c.row > newest,
            deliveries.c.finished_at >= now - _DOMAIN_SPAN,
            deliveries.c.state.in_([DeliveryState.SENT.value, DeliveryState.FAILED.value]),
        )
        .order_by(deliveries.c.row.desc(), bounces.c.row.desc())
        .limit(_LETTERS_OF_DOMAIN)
    )
    if domain is not None:
        query = query.where(func.lower(deliveries.c.email).endswith(f"@{domain}", autoescape=True))
    latest: dict[int, RecentLetter] = {}
    for subscriber, email, kind, status, text in db.execute(query):
        latest.setdefault(subscriber, RecentLetter(domain_of(email), kind, status, text or ""))
    return list(latest.values())


def _lift(db: Connection, domain: str | None, cause: SuppressionCause, now: datetime) -> None:
    """Lift the suppressions of the last days with this cause, of a domain or of all."""
    lifted = and_(suppressions.c.at >= now - _DOMAIN_SPAN, suppressions.c.cause == cause.value)
    if domain is not None:
        lifted &= suppressions.c.email_key.endswith(f"@{domain}", autoescape=True)
    lift_mistaken(db, lifted, now)


def _add(db: Connection, bounce: Bounce, key: str, now: datetime) -> bool:
    statement = upsert(db, bounces).values(
        fingerprint=bounce.fingerprint,
        delivery=bounce.delivery,
        email_key=key,
        kind=bounce.kind.value,
        status=bounce.status,
        text=bounce.text[:1000],
        at=now,
    )
    return bool(db.execute(statement.on_conflict_do_nothing().returning(bounces.c.row)).all())


def _results(db: Connection, subscriber: int, email: str) -> list[LetterResult]:
    over = [DeliveryState.SENT.value, DeliveryState.FAILED.value]
    query = (
        select(deliveries.c.row, deliveries.c.finished_at, bounces.c.kind, bounces.c.status)
        .join_from(deliveries, bounces, _OF_LETTER, isouter=True)
        .where(deliveries.c.subscriber == subscriber, deliveries.c.email == email, deliveries.c.state.in_(over))
        .order_by(deliveries.c.finished_at.desc(), bounces.c.row.desc())
        .limit(_LETTERS_LOOKED_AT)
    )
    results: dict[int, LetterResult] = {}
    for row, at, kind, status in db.execute(query):
        results.setdefault(row, LetterResult(at, BounceKind(kind) if kind else None, status))
    return list(results.values())
