"""Subscribers, their subscriptions, and suppressed addresses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Text,
    case,
    cast,
    collate,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from paperround.domain.clock import latest_day
from paperround.domain.models import EventKind, NoticeKind, Subscriber, SubscriberState
from paperround.domain.preferences import DEFAULTS, FIELDS, Preferences, is_follow, read_patch
from paperround.domain.schedule import Cadence, mended_digest_at, next_digest_at, period
from paperround.domain.tokens import MAX_LINK_GENERATION
from paperround.process.chunks import chunked
from paperround.store.address_hashes import AddressHashes, conceal, recognize
from paperround.store.bulk import Prepared, among, among_given, converter
from paperround.store.engine import lock_exclusively, lock_shared, reading, upsert, writing
from paperround.store.events import WebhooksByEvent, store_event
from paperround.store.schema import (
    Texts,
    WrittenTexts,
    address_changes,
    bounces,
    deliveries,
    digest_papers,
    subscribers,
    subscriptions,
    suppressions,
    topics,
)

_CHUNK = 1_000
_DAY = timedelta(days=1)
COLUMNS = tuple(name for name in FIELDS if name in subscribers.c)
"""The preferences stored in columns of their own; the others are subscriptions."""
SUBSCRIBED = tuple(state.value for state in SubscriberState if state.is_subscribed)
"""The values of these states, for SQL."""


_stored_values: Callable[[Preferences], tuple[Any, ...]] = attrgetter(*COLUMNS)


def stored(preferences: Preferences) -> dict[str, Any]:
    """Return the preferences that are stored in columns, by column."""
    return dict(zip(COLUMNS, _stored_values(preferences), strict=True))


def email_key(email: str) -> str:
    """Return the key of an address: addresses that differ only in case are the same mailbox in practice.

    This does not use casefold(), which maps straße.example to strasse.example, a domain of another owner.
    """
    return email.strip().lower()


def _too_far(db: Connection, now: datetime) -> dict[int, tuple[datetime, date | None]]:
    """Return the correct dates of subscribers whose next digest is wrongly more than one period away."""
    farther = [
        (subscribers.c.cadence == cadence.value) & (subscribers.c.next_digest_at > now + period(cadence))
        for cadence in Cadence
        if cadence is not Cadence.OFF
    ]
    active = subscribers.c.state == SubscriberState.ACTIVE.value
    columns = subscribers.c.row, subscribers.c.next_digest_at, subscribers.c.last_issue_day
    stored = {
        row: (due, last_issue_day)
        for row, due, last_issue_day in db.execute(select(*columns).where(active, or_(*farther)))
        if not _follows_on(last_issue_day, due, now)
    }
    if not stored:
        return {}
    loaded = load_subscribers(db, subscribers.c.row.in_(stored))
    mended = {
        subscriber.row: mended_digest_at(
            subscriber.schedule, stored[subscriber.row][0], now, stored[subscriber.row][1]
        )
        for subscriber in loaded
    }
    return {row: dates for row, dates in mended.items() if dates}


def _follows_on(last_issue_day: date | None, due: datetime, now: datetime) -> bool:
    """Return whether a digest is surely due on the day after the last one, although more than a day from now.

    So it is after a first letter at once, or when clocks are put back, for many subscribers, whom it would take long
    to load.
    """
    if last_issue_day is None or last_issue_day > now.date():
        return False
    return due.date() <= last_issue_day + _DAY and due <= now + 2 * _DAY


@dataclass(frozen=True, slots=True)
class SubscriberFilter:
    """Which subscribers to find. What is not given selects all."""

    email: str = ""
    """A part of the address, in upper or lower case."""
    state: SubscriberState | None = None
    topic: str = ""
    """The slug of a topic that they follow, or will follow when they confirm."""

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the filter for SQL."""
        conditions = []
        if self.email:
            conditions.append(subscribers.c.email_key.contains(email_key(self.email), autoescape=True))
        if self.state is not None:
            conditions.append(subscribers.c.state == self.state.value)
        if self.topic:
            conditions.append(_follows(self.topic))
        return conditions


def _follows(slug: str) -> ColumnElement[bool]:
    """Return the condition that a subscriber follows a topic. The request of a pending subscriber comes first."""
    requested_topics = subscribers.c.request["topics"].as_string()
    is_request = (subscribers.c.state == SubscriberState.PENDING.value) & requested_topics.is_not(None)
    is_stored = exists().where(
        subscriptions.c.subscriber == subscribers.c.row,
        subscriptions.c.topic == topics.c.row,
        topics.c.slug == slug,
    )
    return case((is_request, requested_topics.contains(f'"{slug}"', autoescape=True)), else_=is_stored)


class Subscribers:
    """Subscribers and suppressed addresses."""

    def __init__(self, engine: Engine, webhooks: WebhooksByEvent, hashes: AddressHashes) -> None:
        self._engine, self._webhooks, self._hashes = engine, webhooks, hashes
        self._addressees = Prepared(engine, _ADDRESSEES.where(among_given(engine, subscribers.c.row, "rows")))
        convert = converter(engine, _CHOSEN.values())
        # Many subscribers choose the same.
        self._chosen = lru_cache(maxsize=1 << 12)(lambda values: _all_but_name(convert(values)))

    def by_email(self, email: str) -> Subscriber | None:
        """Return the subscriber with this address, or None."""
        return self._first(subscribers.c.email_key == email_key(email))

    def by_row(self, row: int) -> Subscriber | None:
        """Return the subscriber with this number, or None."""
        return self._first(subscribers.c.row == row)

    def by_rows(self, rows: Sequence[int]) -> dict[int, Subscriber]:
        """Return subscribers by number with what their letters need: without topics, dates and consent."""
        return {record[0]: self._addressee(*record) for record in self._addressees.fetch(rows=rows)}

    def _addressee(
        self, row: int, email: str, state: str, request: str | None, link_generation: int, name: str, *chosen: Any
    ) -> Subscriber:
        own = Preferences._make((name, *self._chosen(chosen)))
        preferences = requested(own, json.loads(request)) if request and state == _PENDING else own
        return Subscriber(row, email, _STATES[state], preferences, link_generation=link_generation)

    def by_emails(self, emails: Iterable[str]) -> dict[str, Subscriber]:
        """Return the subscribers with these addresses, by `email_key`."""
        keys = list(set(map(email_key, emails)))
        by_key: dict[str, Subscriber] = {}
        with reading(self._engine) as db:
            for chunk in chunked(keys, _CHUNK):
                loaded = load_subscribers(db, among(db, subscribers.c.email_key, chunk))
                by_key |= {email_key(subscriber.email): subscriber for subscriber in loaded}
        return by_key

    def by_address(self) -> Iterator[Subscriber]:
        """Yield all subscribers ordered by address, in the same order on every database."""
        # Sort by code points: a database's default collation depends on its locale.
        bytewise = {"postgresql": "C", "sqlite": "BINARY"}[self._engine.dialect.name]
        key = collate(subscribers.c.email_key, bytewise)
        last = ""
        while True:
            with reading(self._engine) as db:
                chunk = load_subscribers(db, key > last, limit=_CHUNK, order=key)
            if not chunk:
                return
            yield from chunk
            last = email_key(chunk[-1].email)

    def find(
        self, selection: SubscriberFilter, *, newest_first: bool = False, limit: int | None = None, offset: int = 0
    ) -> list[Subscriber]:
        """Return the subscribers that a filter selects, oldest first, or else newest first.

        `offset` is the number of them to skip, and `limit` the number to return.
        """
        order = subscribers.c.row.desc() if newest_first else subscribers.c.row
        rows = select(subscribers.c.row).where(*selection.conditions()).order_by(order).limit(limit).offset(offset)
        with reading(self._engine) as db:
            return load_subscribers(db, subscribers.c.row.in_(rows), order=order)

    def all(self, state: SubscriberState | None = None) -> Iterator[Subscriber]:
        """Yield all subscribers, or those in a state, loaded in chunks."""
        last = 0
        while True:
            with reading(self._engine) as db:
                where = [subscribers.c.row > last, *([subscribers.c.state == state.value] if state else [])]
                chunk = load_subscribers(db, *where, limit=_CHUNK)
            if not chunk:
                return
            yield from chunk
            last = chunk[-1].row

    def count(self) -> dict[str, int]:
        """Count the subscribers in each state."""
        with reading(self._engine) as db:
            query = select(subscribers.c.state, func.count()).group_by(subscribers.c.state)
            return dict(db.execute(query).all())

    def set_state(
        self,
        row: int,
        state: SubscriberState,
        now: datetime,
        *,
        paused_until: date | None = None,
    ) -> bool:
        """Pause, resume or unsubscribe a subscriber, and return whether their state changed.

        Returns False if they are unknown, already in this state, or would be subscribed again: for that they have to
        confirm.
        """
        with writing(self._engine) as db:
            # The lock makes two simultaneous clicks on unsubscribe one change.
            db.execute(select(subscribers.c.row).where(subscribers.c.row == row).with_for_update())
            loaded = load_subscribers(db, subscribers.c.row == row)
            if not loaded or (state.is_subscribed and not loaded[0].state.is_subscribed):
                return False
            left = now if state is SubscriberState.UNSUBSCRIBED else None
            again = left and _is_asked_again(db, row)  # which withdraws the confirmation
            if loaded[0].state is state and state is not SubscriberState.PAUSED and not again:
                return False  # keep the time at which they first left, and a digest that is due already
            values: dict[str, Any] = {"state": state.value, "paused_until": paused_until, "unsubscribed_at": left}
            if state is SubscriberState.ACTIVE:
                values = _resumed(loaded[0], now)
            db.execute(update(subscribers).where(subscribers.c.row == row).values(values))
            if left and loaded[0].state.is_subscribed:
                store_event(db, self._webhooks, EventKind.UNSUBSCRIBED, loaded[0].email, now)
            return loaded[0].state is not state

    def keep_unsubscribe_reason(self, row: int, because: str) -> None:
        """Store why a subscriber left, in their own words."""
        gone = (subscribers.c.row == row) & (subscribers.c.state == SubscriberState.UNSUBSCRIBED.value)
        with writing(self._engine) as db:
            db.execute(update(subscribers).where(gone).values(unsubscribe_reason=because))

    def resume_due(self, now: datetime) -> int:
        """Resume the subscriptions of everyone whose pause has ended, and return how many there were."""
        with reading(self._engine) as db:
            due = [subscriber.row for subscriber in _pauses_over(db, now)]
        return sum(self._resume_due(chunk, now) for chunk in chunked(due, _CHUNK))

    def _resume_due(self, rows: Sequence[int], now: datetime) -> int:
        mine = subscribers.c.row.in_(rows)
        with writing(self._engine) as db:
            take_turns(db)
            db.execute(select(subscribers.c.row).where(mine).order_by(subscribers.c.email_key).with_for_update())
            over = _pauses_over(db, now, mine)  # read again: some may have prolonged theirs, or left
            for subscriber in over:
                db.execute(
                    update(subscribers).where(subscribers.c.row == subscriber.row).values(_resumed(subscriber, now))
                )
            return len(over)

    def too_far(self, now: datetime) -> int:
        """Count the subscribers whose next digest is more than one period away, as after a clock that ran fast."""
        with reading(self._engine) as db:
            return len(_too_far(db, now))

    def correct_dates(self, now: datetime) -> int:
        """Correct these dates and return how many there were."""
        with writing(self._engine) as db:
            corrected = _too_far(db, now)
            for row, (due, last) in corrected.items():
                mended = update(subscribers).where(subscribers.c.row == row)
                db.execute(mended.values(next_digest_at=due, last_issue_day=last))
            return len(corrected)

    def renew_links(self, row: int, now: datetime) -> bool:
        """Invalidate a subscriber's personal links, private feed and open requests to change the address.

        Returns False after the last generation.
        """
        mine = (subscribers.c.row == row) & (subscribers.c.link_renewals < MAX_LINK_GENERATION)
        values = {"link_renewals": subscribers.c.link_renewals + 1, "feed_secret": None}
        with writing(self._engine) as db:
            done = db.execute(update(subscribers).where(mine).values(values).returning(subscribers.c.row)).all()
            if done:
                settle_address_changes(db, row, now)
            return bool(done)

    def erase(self, rows: Sequence[int], now: datetime) -> set[str]:
        """Delete subscribers and all their data in one transaction, and return all their addresses, also former ones.

        Suppressions are kept under hashes of the addresses. For those who were subscribed, webhooks receive an
        unsubscribed event, so that other programs can delete the address too.
        """
        with writing(self._engine) as db:
            lock_shared(db, digest_papers)
            if len(rows) > 1:
                take_turns(db)
            for subscriber in load_subscribers(db, among(db, subscribers.c.row, rows)):
                if subscriber.state.is_subscribed:
                    store_event(db, self._webhooks, EventKind.UNSUBSCRIBED, subscriber.email, now)
            return delete_with_addresses(db, self._hashes, rows)

    def is_address_key_lost(self) -> bool:
        """Return whether suppressions of erased addresses cannot be recognized, because the site's key changed."""
        with reading(self._engine) as db:
            return self._hashes.is_key_lost(db)

    def update_address_key(self) -> None:
        """Encrypt the key under which erased addresses are recognized with the site's newest key."""
        with reading(self._engine) as db:
            outdated = self._hashes.is_key_outdated(db)
        if outdated:
            with writing(self._engine) as db:
                self._hashes.encrypt_key_again(db)

    def suppress(self, email: str, reason: str, now: datetime) -> bool:
        """Suppress an address. Return False if it is already suppressed."""
        with writing(self._engine) as db:
            recognize(db, self._hashes, [email_key(email)])
            statement = upsert(db, suppressions).values(email_key=email_key(email), reason=reason, at=now)
            done = db.execute(statement.on_conflict_do_nothing().returning(suppressions.c.email_key)).all()
            return bool(done)

    def _first(self, where: Any) -> Subscriber | None:
        with reading(self._engine) as db:
            return next(iter(load_subscribers(db, where)), None)


def load_subscribers(
    db: Connection, *where: Any, limit: int | None = None, order: Any = subscribers.c.row
) -> list[Subscriber]:
    """Return subscribers with their topics, in the order in which they follow them."""
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
    rows = db.execute(query).all()
    follows: dict[int, list[_Follow]] = {row.row: [] for row in rows}
    for chunk in chunked(list(follows), _CHUNK):
        condition = (
            select(subscriptions.c.subscriber, topics.c.slug, topics.c.query, topics.c.about, topics.c.private)
            .join_from(subscriptions, topics)
            .where(among(db, subscriptions.c.subscriber, chunk))
            .order_by(subscriptions.c.subscriber, subscriptions.c.place)
        )
        for subscriber, *topic in db.execute(condition).all():
            follows[subscriber].append(_Follow(*topic))
    return [_subscriber(row, follows[row.row]) for row in rows]


_PENDING, _STATES = SubscriberState.PENDING.value, {state.value: state for state in SubscriberState}
_CHOSEN: Mapping[str, ColumnElement[Any]] = {
    name: cast(column, WrittenTexts) if isinstance(column.type, Texts) else column
    for name, column in subscribers.c.items()
    if name in COLUMNS and name != "name"
}


def _all_but_name(chosen: Sequence[Any]) -> tuple[Any, ...]:
    """Return the values of all preferences except the name; `chosen` are those of `_CHOSEN`."""
    return tuple(DEFAULTS._replace(**dict(zip(_CHOSEN, chosen, strict=True))))[1:]


_ADDRESSEES = select(
    *(subscribers.c.row, subscribers.c.email, subscribers.c.state),
    *(cast(subscribers.c.request, Text), subscribers.c.link_renewals, subscribers.c.name),
    *_CHOSEN.values(),
)


DUE_COLUMNS = (
    *(subscribers.c.row, subscribers.c.email, subscribers.c.next_digest_at, subscribers.c.last_issue_day),
    *(subscribers.c[name] for name in COLUMNS if name != "name"),
)


def due_subscriber(
    row: int, email: str, next_digest_at: datetime | None, last_issue_day: date | None, *chosen: Any
) -> Subscriber:
    """Return an active subscriber from a row of `DUE_COLUMNS` with what composing needs: without name and topics."""
    return Subscriber(row, email, SubscriberState.ACTIVE, _chosen(*chosen), next_digest_at, last_issue_day)


@lru_cache(maxsize=1 << 12)  # many subscribers choose the same
def _chosen(*values: Any) -> Preferences:
    return Preferences(**dict(zip((name for name in COLUMNS if name != "name"), values, strict=True)))


class _Follow(NamedTuple):
    """A topic that a subscriber follows."""

    slug: str
    query: str
    about: str
    private: bool


def _subscriber(row: Any, follows: Sequence[_Follow]) -> Subscriber:
    """Return a Subscriber from a row and the topics they follow."""
    preferences = Preferences(
        topics=tuple(topic.slug for topic in follows if not topic.private),
        queries=tuple(topic.query for topic in follows if topic.private and not is_follow(topic.slug)),
        follows=tuple(topic.about for topic in follows if topic.private and is_follow(topic.slug)),
        **stored(row),
    )
    state = SubscriberState(row.state)
    return Subscriber(
        row=row.row,
        email=row.email,
        state=state,
        preferences=requested(preferences, row.request) if state is SubscriberState.PENDING else preferences,
        next_digest_at=row.next_digest_at,
        last_issue_day=row.last_issue_day,
        created_at=row.created_at,
        confirmed_at=row.confirmed_at,
        unsubscribed_at=row.unsubscribed_at,
        unsubscribe_reason=row.unsubscribe_reason or "",
        consent=row.consent or {},
        request=row.request,
        suppressed=(row.suppressed_for, row.suppressed_at) if row.suppressed_for else None,
        link_generation=row.link_renewals,
    )


def requested(preferences: Preferences, request: Mapping[str, Any] | None) -> Preferences:
    """Return the preferences that would result from confirming a request."""
    given = {name: value for name, value in (request or {}).items() if name in FIELDS}
    return preferences.patched(read_patch(given))


def take_turns(db: Connection) -> None:
    """Wait for other transactions that lock several subscribers, so that they cannot deadlock with this one."""
    lock_exclusively(db, subscribers)


def settle_address_changes(db: Connection, subscriber: int, now: datetime) -> None:
    """End all open requests to change a subscriber's address: none of them can be confirmed any more."""
    requests = (address_changes.c.subscriber == subscriber) & address_changes.c.settled_at.is_(None)
    db.execute(update(address_changes).where(requests).values(settled_at=now))


def lock_letters(db: Connection, condition: ColumnElement[bool]) -> None:
    """Lock deliveries before their subscribers: programs that give a letter up lock them in this order too."""
    db.execute(select(deliveries.c.row).where(condition).order_by(deliveries.c.row).with_for_update()).all()


def delete_with_addresses(db: Connection, hashes: AddressHashes, rows: Sequence[int]) -> set[str]:
    """Delete subscribers and what is stored under their addresses, and return these. Suppressions are kept under
    hashes.
    """
    addresses = _addresses(db, rows)
    keys = list({email_key(email) for email in addresses})
    db.execute(delete(bounces).where(among(db, bounces.c.email_key, keys)))
    conceal(db, hashes, keys)
    lock_letters(db, among(db, deliveries.c.subscriber, rows))
    # After the subscribers: deleting a row waits for a round that has locked it and is writing a digest.
    db.execute(delete(subscribers).where(among(db, subscribers.c.row, rows)))
    db.execute(delete(digest_papers).where(among(db, digest_papers.c.subscriber, rows)))
    return addresses


def _addresses(db: Connection, rows: Sequence[int]) -> set[str]:
    """Return the addresses of subscribers, and those that their emails went to, unless another subscriber has one."""
    columns = (
        (subscribers.c.email, subscribers.c.row),
        (deliveries.c.email, deliveries.c.subscriber),
        (address_changes.c.email, address_changes.c.subscriber),
    )
    emails = {
        email for column, whose in columns for email in db.scalars(select(column).where(among(db, whose, rows)))
    }
    theirs = among(db, subscribers.c.email_key, {email_key(email) for email in emails})
    others = set(db.scalars(select(subscribers.c.email_key).where(theirs, ~among(db, subscribers.c.row, rows))))
    return {email for email in emails if email_key(email) not in others}


def _is_asked_again(db: Connection, row: int) -> bool:
    """Return whether a confirmation waits that was queued after a subscriber left."""
    waits = deliveries.c.finished_at.is_(None) & (deliveries.c.created_at > subscribers.c.unsubscribed_at)
    theirs = (deliveries.c.subscriber == subscribers.c.row) & (deliveries.c.notice == NoticeKind.CONFIRM.value)
    return bool(db.scalar(select(exists().where(subscribers.c.row == row, theirs, waits))))


def add(db: Connection, values: Mapping[str, Any]) -> int | None:
    """Add a subscriber and return their number, or None if the address is already known."""
    statement = upsert(db, subscribers).values(values).on_conflict_do_nothing(index_elements=["email_key"])
    row: int | None = db.scalar(statement.returning(subscribers.c.row))
    return row


def _pauses_over(db: Connection, now: datetime, *where: Any) -> list[Subscriber]:
    """Return those of the paused subscribers whose pause has ended."""
    is_paused = subscribers.c.state == SubscriberState.PAUSED.value
    paused = load_subscribers(db, is_paused, subscribers.c.paused_until <= latest_day(now), *where)
    return [
        subscriber
        for subscriber in paused
        if (until := subscriber.preferences.paused_until) and until <= _today(subscriber, now)
    ]


def _resumed(subscriber: Subscriber, now: datetime) -> dict[str, Any]:
    """Return the columns of a subscriber who is active again after a pause."""
    return {
        "state": SubscriberState.ACTIVE.value,
        "paused_until": None,
        "confirmed_at": func.coalesce(subscribers.c.confirmed_at, now),
        "next_digest_at": next_digest_at(subscriber.schedule, now, subscriber.last_issue_day),
    }


def _today(subscriber: Subscriber, now: datetime) -> date:
    return now.astimezone(ZoneInfo(subscriber.schedule.timezone)).date()
