"""What came back about letters; the same report counts once, however often it comes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, and_, delete, func, select, update

from paperround.domain.models import BounceKind, DeliveryState, EventKind, Stage, SubscriberState
from paperround.domain.refusals import BAD_DOMAIN
from paperround.store.engine import reading, upsert, writing
from paperround.store.events import Wanted, tell
from paperround.store.schema import bounces, deliveries, events, notes, subscribers, suppressions
from paperround.store.subscribers import READING, email_key

_LETTERS_LOOKED_AT = 60
_ALARM = "alarm "
_DOMAIN_SPAN = timedelta(days=3)  # a daily letter of today, and yesterday's of those who have none yet
_DELIVERIES_LOOKED_AT, _LETTERS_OF_DOMAIN = 20_000, 500
_SEVERAL, _MANY = 3, 5  # different subscribers or domains
_PARTICULAR = re.compile(r"\S*[\d@./=]\S*")


@dataclass(frozen=True, slots=True)
class Bounce:
    """A report about one letter."""

    fingerprint: str
    """The same for the same news about the same letter, however often and by whatever way it comes."""
    delivery: int
    kind: BounceKind
    status: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What followed from a report."""

    suppressed: str
    """Why the address is suppressed from now on; empty where it is not."""
    domain: str
    """The domain of the subscriber's address."""
    domain_fails: bool
    """Whether most of its subscribers fail, and that was not told today."""
    everything_fails: bool
    """Whether most subscribers everywhere fail, and that was not told today."""
    ours: bool
    """Whether the domain refuses us for our own sake, and that was not told today."""


History = tuple[datetime, BounceKind | None, str | None]
"""One letter: when it was over, and the kind and status of the report about it, if one came."""


class Bounces:
    """The bounces' part of the store."""

    def __init__(self, engine: Engine, wanted: Wanted) -> None:
        self._engine, self._wanted = engine, wanted

    def take(self, bounce: Bounce, now: datetime, judge: Callable[[Sequence[History]], str | None]) -> Taken | None:
        """Keep a report and do what follows from it, all or nothing; None when it or its letter is not new to us.

        `judge` gives the reason to suppress the address, from what became of its letters, the latest first. A
        complaint unsubscribes as well. Where most of a domain fails, nobody there is suppressed.
        """
        with writing(self._engine) as db:
            subscriber = db.execute(
                select(
                    subscribers.c.row, subscribers.c.email, subscribers.c.state, deliveries.c.email.label("sent_to")
                )
                .join(deliveries, deliveries.c.subscriber == subscribers.c.row)
                .where(deliveries.c.row == bounce.delivery)
                .with_for_update()
            ).one_or_none()
            # Not the subscriber's address: that may have changed, or be about to.
            key = email_key(subscriber.sent_to) if subscriber else ""
            if subscriber is None or not _add(db, bounce, key, now):
                return None
            reason = judge(_fates(db, subscriber.row, subscriber.sent_to))
            domain = subscriber.sent_to.rpartition("@")[2].lower()
            failing = _failing(db, domain, bounce, now)
            if failing:
                reason = None
                _lift(db, domain if failing == "domain" else None, bounce, now)
            if reason:
                found = upsert(db, suppressions).values(email_key=key, reason=reason, at=now)
                db.execute(found.on_conflict_do_nothing())
            said = {"bounce": bounce.kind.value, "status": bounce.status, "suppressed": reason or None}
            tell(db, self._wanted, EventKind.BOUNCED, subscriber.sent_to, now, **said)
            if bounce.kind is BounceKind.COMPLAINT and key == email_key(subscriber.email):
                # RFC 6449 5.6: whoever calls it spam does not want the next one.
                gone = {"state": SubscriberState.UNSUBSCRIBED.value, "paused_until": None, "unsubscribed_at": now}
                db.execute(update(subscribers).where(subscribers.c.row == subscriber.row).values(gone))
                if subscriber.state in READING:
                    tell(db, self._wanted, EventKind.UNSUBSCRIBED, subscriber.email, now)
            today = now.astimezone(UTC).date()
            return Taken(
                suppressed=reason or "",
                domain=domain,
                domain_fails=failing == "domain" and _first_today(db, f"{_ALARM}domain {domain}", today),
                everything_fails=failing == "everywhere" and _first_today(db, f"{_ALARM}everywhere all", today),
                ours=bounce.kind is BounceKind.POLICY and _first_today(db, f"{_ALARM}policy {domain}", today),
            )

    def first_today(self, name: str, now: datetime) -> bool:
        """Whether an alarm of this name is the first on this day (UTC); from then on it is not."""
        with writing(self._engine) as db:
            return _first_today(db, f"{_ALARM}{name}", now.astimezone(UTC).date())

    def alarms(self, now: datetime) -> list[tuple[str, str]]:
        """The alarms of today and yesterday (UTC): the kind of each, and the domain."""
        yesterday = now.astimezone(UTC).date() - timedelta(days=1)
        query = select(notes.c.name).where(notes.c.name.startswith(_ALARM), notes.c.value >= yesterday.isoformat())
        with reading(self._engine) as db:
            names = [str(name).split(" ", 2) for name in db.scalars(query.order_by(notes.c.name))]
        return [(name[1], name[2]) for name in names if len(name) == 3]

    def undo(self, rows: Sequence[int], again: datetime, reason: str) -> int:
        """Queue letters again that were refused by mistake, and forget what their refusals did; how many there were.

        The reports about them go, the suppressions that these brought, and the events that nobody has heard of yet.
        """
        refused = and_(
            bounces.c.delivery.in_(rows),
            bounces.c.fingerprint.in_([smtp_fingerprint(row, stage) for row in rows for stage in Stage]),
        )
        failed = deliveries.c.row.in_(rows) & (deliveries.c.state == DeliveryState.FAILED.value)
        with writing(self._engine) as db:
            found = db.execute(
                update(deliveries)
                .where(failed)
                .values(state=DeliveryState.QUEUED.value, reason=reason, next_attempt_at=again, finished_at=None)
                .returning(deliveries.c.row, deliveries.c.email)
            ).all()
            for email_key, at in db.execute(select(bounces.c.email_key, bounces.c.at).where(refused)).all():
                db.execute(delete(suppressions).where(suppressions.c.email_key == email_key, suppressions.c.at == at))
            untold = [events.c.state == "waiting", events.c.kind == EventKind.BOUNCED.value, events.c.claim.is_(None)]
            about = events.c.payload["email"].as_string().in_([one.email for one in found])
            db.execute(delete(events).where(*untold, about, events.c.payload["bounce"].as_string() != "complaint"))
            db.execute(delete(bounces).where(refused))
            return len(found)

    def report(
        self, limit: int | None = None, *, email: str = "", delivery: int | None = None
    ) -> list[dict[str, Any]]:
        """Reports for people and programs, the latest first; `email` is a part of the address."""
        query = select(bounces, deliveries.c.email).join_from(bounces, deliveries).order_by(bounces.c.row.desc())
        if delivery is not None:
            query = query.where(bounces.c.delivery == delivery)
        if email:
            query = query.where(deliveries.c.email.icontains(email, autoescape=True))
        with reading(self._engine) as db:
            return [
                {
                    "delivery": found.delivery,
                    "email": found.email,
                    "kind": found.kind,
                    "status": found.status,
                    "text": found.text,
                    "at": found.at,
                }
                for found in db.execute(query.limit(limit))
            ]

    def count(self, since: datetime) -> dict[str, int]:
        """How many reports of each kind came since a moment."""
        query = select(bounces.c.kind, func.count()).where(bounces.c.at >= since).group_by(bounces.c.kind)
        with reading(self._engine) as db:
            return dict(db.execute(query).all())


def smtp_fingerprint(delivery: int, stage: str) -> str:
    """The fingerprint of a refusal in our own conversation with the relay."""
    return f"smtp {delivery} {stage}"


def _failing(db: Connection, domain: str, bounce: Bounce, now: datetime) -> str:
    """Where most subscribers get such a report, so that it is not about one of them: "domain", "everywhere" or "".

    Dead mailboxes are the domain's fault only where many of them are reported in the same words: a provider in
    trouble does that, and so does one that does not want us. Where no domain is found at all, it is our name server.
    """
    if bounce.kind in (BounceKind.COMPLAINT, BounceKind.NOTHING):
        return ""
    if bounce.status == BAD_DOMAIN:
        return _failing_everywhere(db, now, lambda fate: fate.status == BAD_DOMAIN)
    there = _latest_fates(db, now, domain)
    if bounce.kind is BounceKind.HARD:
        same = _wording(bounce.text)
        dead = sum(fate.kind == BounceKind.HARD and _wording(fate.text) == same for fate in there)
        return "domain" if dead >= _MANY and 2 * dead > len(there) else ""
    lost = sum(fate.kind in (BounceKind.SOFT, BounceKind.POLICY) for fate in there)
    if lost >= _SEVERAL and 2 * lost > len(there):
        return "domain"
    return _failing_everywhere(db, now, lambda fate: fate.kind == BounceKind.SOFT)


def _failing_everywhere(db: Connection, now: datetime, fails: Callable[[_Fate], bool]) -> str:
    fates = _latest_fates(db, now)
    failing = [fate for fate in fates if fails(fate)]
    many = len(failing) >= _MANY and 2 * len(failing) > len(fates)
    return "everywhere" if many and len({fate.domain for fate in failing}) >= _SEVERAL else ""


@dataclass(frozen=True, slots=True)
class _Fate:
    """What became of a subscriber's latest letter."""

    domain: str
    kind: str | None
    status: str | None
    text: str


def _latest_fates(db: Connection, now: datetime, domain: str | None = None) -> list[_Fate]:
    """Of subscribers who had a letter in these days, all or those of a domain; on a big site the latest of them."""
    newest = select(func.max(deliveries.c.row) - _DELIVERIES_LOOKED_AT).scalar_subquery()
    query = (
        select(deliveries.c.subscriber, deliveries.c.email, bounces.c.kind, bounces.c.status, bounces.c.text)
        .join_from(deliveries, bounces, bounces.c.delivery == deliveries.c.row, isouter=True)
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
    latest: dict[int, _Fate] = {}
    for subscriber, email, kind, status, text in db.execute(query):
        latest.setdefault(subscriber, _Fate(email.rpartition("@")[2].lower(), kind, status, text or ""))
    return list(latest.values())


def _wording(text: str) -> str:
    """What is the same in the same report about different letters."""
    return _PARTICULAR.sub("#", text.lower())


def _lift(db: Connection, domain: str | None, bounce: Bounce, now: datetime) -> None:
    """Lift what the same trouble has suppressed in these days, before it was seen to be no subscriber's."""
    if bounce.status == BAD_DOMAIN:
        begins = f"hard bounce {BAD_DOMAIN}"
    else:
        begins = "hard bounce" if bounce.kind is BounceKind.HARD else "%letters in a row"
    lifted = delete(suppressions).where(
        suppressions.c.at >= now - _DOMAIN_SPAN, suppressions.c.reason.like(f"{begins}%")
    )
    if domain is not None:
        lifted = lifted.where(suppressions.c.email_key.endswith(f"@{domain}", autoescape=True))
    db.execute(lifted)


def _first_today(db: Connection, name: str, today: date) -> bool:
    db.execute(delete(notes).where(notes.c.name.startswith(_ALARM), notes.c.value < today.isoformat()))
    told = upsert(db, notes).values(name=name, value=today.isoformat()).on_conflict_do_nothing()
    return bool(db.execute(told.returning(notes.c.name)).all())


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


def _fates(db: Connection, subscriber: int, email: str) -> list[History]:
    over = [DeliveryState.SENT.value, DeliveryState.FAILED.value]
    query = (
        select(deliveries.c.row, deliveries.c.finished_at, bounces.c.kind, bounces.c.status)
        .join_from(deliveries, bounces, bounces.c.delivery == deliveries.c.row, isouter=True)
        .where(deliveries.c.subscriber == subscriber, deliveries.c.email == email, deliveries.c.state.in_(over))
        .order_by(deliveries.c.finished_at.desc(), bounces.c.row.desc())
        .limit(_LETTERS_LOOKED_AT)
    )
    seen: dict[int, History] = {}
    for row, at, kind, status in db.execute(query):
        seen.setdefault(row, (at, BounceKind(kind) if kind else None, status))
    return list(seen.values())
