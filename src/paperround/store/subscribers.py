"""Subscribers, what they follow, and the addresses that get nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, delete, func, select, update

from paperround.domain.models import EventKind, Subscriber, SubscriberState, Topic
from paperround.domain.schedule import Cadence, Schedule, issue_date, next_digest_at
from paperround.store.engine import reading, upsert, writing
from paperround.store.events import Wanted, tell
from paperround.store.schema import bounces, subscribers, subscriptions, suppressions, topics
from paperround.store.topics import edition_before, news_horizon, save_one

_CHUNK = 500
READING = (SubscriberState.ACTIVE.value, SubscriberState.PAUSED.value)
"""The states of those who have subscribed and have not left."""


def email_key(email: str) -> str:
    """Under which an address is known: two that differ in case alone are one mailbox everywhere in practice.

    Not casefold(): that makes one of straße.example and strasse.example, which are two owners' domains.
    """
    return email.strip().lower()


class Subscribers:
    """The subscribers' part of the store."""

    def __init__(self, engine: Engine, wanted: Wanted) -> None:
        self._engine, self._wanted = engine, wanted

    def by_email(self, email: str) -> Subscriber | None:
        """The subscriber with this address."""
        return self._one(subscribers.c.email_key == email_key(email))

    def by_row(self, row: int) -> Subscriber | None:
        """The subscriber under this number."""
        return self._one(subscribers.c.row == row)

    def by_rows(self, rows: Sequence[int]) -> dict[int, Subscriber]:
        """Several subscribers by their numbers."""
        with reading(self._engine) as db:
            return {subscriber.row: subscriber for subscriber in load(db, subscribers.c.row.in_(rows))}

    def all(self, state: SubscriberState | None = None) -> Iterator[Subscriber]:
        """Every subscriber, in chunks that bound the memory."""
        last = 0
        while True:
            with reading(self._engine) as db:
                where = [subscribers.c.row > last, *([subscribers.c.state == state.value] if state else [])]
                chunk = load(db, *where, limit=_CHUNK)
            if not chunk:
                return
            yield from chunk
            last = chunk[-1].row

    def count(self) -> dict[str, int]:
        """How many subscribers are in each state."""
        with reading(self._engine) as db:
            query = select(subscribers.c.state, func.count()).group_by(subscribers.c.state)
            return dict(db.execute(query).all())

    def save(
        self,
        subscribers: Iterable[Subscriber],
        now: datetime,
        consent: Mapping[str, str] | None = None,
        *,
        first_at: datetime | None = None,
        new_topics: Iterable[Topic] = (),
        returns: bool = False,
    ) -> None:
        """Add subscribers or replace what is known of them, all in one transaction.

        A subscriber who is not pending keeps the state they are in, unless they confirm that they return.

        The next digest follows from the schedule, or is `first_at` where that is given. A subscriber keeps the
        progress of the topics they already followed; what was asked for in their name and waited for their word is
        settled by it. `new_topics` are the subscribers' own queries, stored with them.
        """
        with writing(self._engine) as db:
            for topic in sorted(new_topics, key=attrgetter("slug")):
                save_one(db, topic)
            numbers = dict(db.execute(select(topics.c.slug, topics.c.row)).all())
            start = edition_before(db, news_horizon(now))
            told = EventKind.SUBSCRIBED in self._wanted
            for subscriber in subscribers:
                read = told and _reads(db, subscriber.email)
                row = _save_one(db, subscriber, now, consent, first_at, start, returns=returns)
                if told and not read and _reads(db, subscriber.email):
                    tell(db, self._wanted, EventKind.SUBSCRIBED, subscriber.email, now)
                _follow(db, row, [numbers[slug] for slug in subscriber.topics], start, now)

    def set_state(
        self,
        row: int,
        state: SubscriberState,
        now: datetime,
        *,
        paused_until: date | None = None,
        only_from: Collection[SubscriberState] = tuple(SubscriberState),
    ) -> bool:
        """Move a subscriber to a state; False when they were in it already, or in none that leads there."""
        with writing(self._engine) as db:
            # Two clicks at once on the way out are one farewell.
            db.execute(select(subscribers.c.row).where(subscribers.c.row == row).with_for_update())
            found = load(db, subscribers.c.row == row)
            if not found or found[0].state not in only_from:
                return False
            left = now if state is SubscriberState.UNSUBSCRIBED else None
            if left and found[0].state is state:
                return False  # they left when they left
            values: dict[str, Any] = {"state": state.value, "paused_until": paused_until, "unsubscribed_at": left}
            if state is SubscriberState.ACTIVE:
                served = db.scalar(select(subscribers.c.served).where(subscribers.c.row == row))
                values["next_digest_at"] = next_digest_at(found[0].schedule, now, served)
                values["confirmed_at"] = func.coalesce(subscribers.c.confirmed_at, now)
            db.execute(update(subscribers).where(subscribers.c.row == row).values(values))
            if left and found[0].state.value in READING:
                tell(db, self._wanted, EventKind.UNSUBSCRIBED, found[0].email, now)
            return found[0].state is not state

    def wake(self, now: datetime) -> int:
        """Make active again everybody whose pause has ended; how many they were."""
        with writing(self._engine) as db:
            # The day is the subscriber's own; on one side of the world it begins 14 hours before UTC's.
            latest = (now + timedelta(hours=14)).date()
            paused = load(
                db, subscribers.c.state == SubscriberState.PAUSED.value, subscribers.c.paused_until <= latest
            )
        over = [
            subscriber
            for subscriber in paused
            if subscriber.paused_until and subscriber.paused_until <= _today(subscriber, now)
        ]
        return sum(
            self.set_state(r.row, SubscriberState.ACTIVE, now, only_from=(SubscriberState.PAUSED,)) for r in over
        )

    def erase(self, row: int, now: datetime) -> None:
        """Forget a subscriber and everything that hangs on them; a suppression of the address stays.

        Other programs are told that who was reading has left, so that they can forget the address too.
        """
        with writing(self._engine) as db:
            known = select(subscribers.c.email_key).where(subscribers.c.row == row)
            for subscriber in load(db, subscribers.c.row == row):
                if subscriber.state.value in READING:
                    tell(db, self._wanted, EventKind.UNSUBSCRIBED, subscriber.email, now)
            db.execute(delete(bounces).where(bounces.c.email_key.in_(known)))
            db.execute(delete(subscribers).where(subscribers.c.row == row))

    def suppress(self, email: str, reason: str, now: datetime) -> bool:
        """Put an address on the list of those that get nothing; False when it is there already."""
        with writing(self._engine) as db:
            statement = upsert(db, suppressions).values(email_key=email_key(email), reason=reason, at=now)
            done = db.execute(statement.on_conflict_do_nothing().returning(suppressions.c.email_key)).all()
            return bool(done)

    def unsuppress(self, email: str) -> None:
        """Take an address off that list; only a fresh confirmation by its owner may do so."""
        with writing(self._engine) as db:
            db.execute(delete(suppressions).where(suppressions.c.email_key == email_key(email)))

    def _one(self, where: Any) -> Subscriber | None:
        with reading(self._engine) as db:
            return next(iter(load(db, where)), None)


def load(db: Connection, *where: Any, limit: int | None = None, order: Any = subscribers.c.row) -> list[Subscriber]:
    """Subscribers with their topics in the order in which they follow them."""
    query = (
        select(
            subscribers,
            suppressions.c.reason.label("suppressed_for"),
            suppressions.c.at.label("suppressed_at"),
        )
        .join_from(subscribers, suppressions, suppressions.c.email_key == subscribers.c.email_key, isouter=True)
        .where(*where)
        .order_by(order)
        .limit(limit)
    )
    found = db.execute(query).all()
    follows: dict[int, list[str]] = {row.row: [] for row in found}
    rows = list(follows)
    for start in range(0, len(rows), _CHUNK):
        some = (
            select(subscriptions.c.subscriber, topics.c.slug)
            .join_from(subscriptions, topics)
            .where(subscriptions.c.subscriber.in_(rows[start : start + _CHUNK]))
            .order_by(subscriptions.c.subscriber, subscriptions.c.place)
        )
        for subscriber, slug in db.execute(some):
            follows[subscriber].append(slug)
    return [_subscriber(row, follows[row.row]) for row in found]


def schedule_of(found: Any) -> Schedule:
    """The schedule in a row of the table."""
    return Schedule(Cadence(found.cadence), found.at, found.timezone, found.weekday, found.monthday)


def _subscriber(found: Any, follows: Sequence[str]) -> Subscriber:
    return Subscriber(
        row=found.row,
        email=found.email,
        state=SubscriberState(found.state),
        schedule=schedule_of(found),
        name=found.name,
        max_papers=found.max_papers,
        theme=found.theme,
        language=found.language,
        topics=tuple(follows),
        next_digest_at=found.next_digest_at,
        served=found.served,
        paused_until=found.paused_until,
        created_at=found.created_at,
        suppressed=(found.suppressed_for, found.suppressed_at) if found.suppressed_for else None,
    )


def add(db: Connection, values: Mapping[str, Any]) -> int | None:
    """Add a subscriber, whose number is returned; None when the address is known."""
    statement = upsert(db, subscribers).values(values).on_conflict_do_nothing(index_elements=["email_key"])
    row: int | None = db.scalar(statement.returning(subscribers.c.row))
    return row


def _reads(db: Connection, email: str) -> bool:
    """Whether this address has subscribed and not left; its row is locked where there is one."""
    known = _known(db, email)
    return known is not None and known.state in READING


def _today(subscriber: Subscriber, now: datetime) -> date:
    return now.astimezone(ZoneInfo(subscriber.schedule.timezone)).date()


def _known(db: Connection, email: str) -> Any:
    query = select(subscribers).where(subscribers.c.email_key == email_key(email))
    return db.execute(query.with_for_update()).one_or_none()


def _save_one(
    db: Connection,
    subscriber: Subscriber,
    now: datetime,
    consent: Mapping[str, str] | None,
    first_at: datetime | None,
    start: int,
    *,
    returns: bool,
) -> int:
    known = _known(db, subscriber.email)
    schedule = subscriber.schedule
    # The row is locked now: what the caller saw of the state may be over, and nobody is brought back by it.
    settled = known is not None and known.state != SubscriberState.PENDING.value and not returns
    state = SubscriberState(known.state) if settled else subscriber.state
    active = known is not None and known.state == SubscriberState.ACTIVE.value
    back = known is not None and state is SubscriberState.ACTIVE and not active
    due = next_digest_at(schedule, now, known.served if known else None)
    if first_at and not (known and known.served and known.served >= issue_date(schedule, first_at)):
        due = first_at  # a day has one issue: who had theirs waits for the next
    elif active and schedule_of(known) == schedule and known.next_digest_at:
        due = known.next_digest_at  # a digest that is due already stays due
    values: dict[str, Any] = {
        "name": subscriber.name,
        "state": state.value,
        "cadence": schedule.cadence.value,
        "at": schedule.at,
        "timezone": schedule.timezone,
        "weekday": schedule.weekday,
        "monthday": schedule.monthday,
        "max_papers": subscriber.max_papers,
        "theme": subscriber.theme,
        "language": subscriber.language,
        "next_digest_at": due,
        "paused_until": subscriber.paused_until,
        "wish": None,
    }
    if state is not SubscriberState.UNSUBSCRIBED:
        values["unsubscribed_at"] = None
    if consent is not None:
        values["consent"] = dict(consent)
    if known:
        if state is SubscriberState.ACTIVE and known.confirmed_at is None:
            values["confirmed_at"] = now
        if back:
            # What was published while they were away is no news any more.
            missed = (subscriptions.c.subscriber == known.row) & (subscriptions.c.read_to < start)
            db.execute(update(subscriptions).where(missed).values(read_to=start))
        db.execute(update(subscribers).where(subscribers.c.row == known.row).values(values))
        return int(known.row)
    values |= {"email": subscriber.email, "email_key": email_key(subscriber.email), "created_at": now}
    values |= {"consent": dict(consent or {}), "confirmed_at": now if state is SubscriberState.ACTIVE else None}
    row = add(db, values)
    # Somebody else may have added the address while this transaction waited: then it is changed.
    return _save_one(db, subscriber, now, consent, first_at, start, returns=returns) if row is None else row


def _follow(db: Connection, subscriber: int, wanted: Sequence[int], start: int, now: datetime) -> None:
    """Make the subscriptions those wanted; one that stays keeps its place in the editions."""
    mine = subscriptions.c.subscriber == subscriber
    db.execute(delete(subscriptions).where(mine, subscriptions.c.topic.not_in(wanted)))
    if not wanted:
        return
    statement = upsert(db, subscriptions)
    db.execute(
        statement.on_conflict_do_update(
            index_elements=["subscriber", "topic"], set_={"place": statement.excluded.place}
        ),
        [
            {"subscriber": subscriber, "topic": topic, "place": place, "read_to": start, "created_at": now}
            for place, topic in enumerate(wanted)
        ],
    )
