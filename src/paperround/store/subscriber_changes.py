"""Adds subscribers and changes their preferences, one or ten thousand per transaction.

A change is a patch. It is applied to the locked row, not to the state its author saw, so two simultaneous changes of
different fields both take effect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from paperround.domain.models import EventKind, NoticeKind, Subscriber, SubscriberState, Topic
from paperround.domain.preferences import DEFAULTS, Patch, Preferences, followed_slugs, write
from paperround.domain.schedule import issue_date, next_digest_at
from paperround.process.chunks import chunked
from paperround.store.address_hashes import AddressHashes, lift, recognize
from paperround.store.bulk import ManyRows, NewRows, among
from paperround.store.due import DueBatch
from paperround.store.engine import lock_shared, plan_once, trial, upsert, writing
from paperround.store.events import WebhooksByEvent, store_event
from paperround.store.feedback import rate_one
from paperround.store.issues import unread_by
from paperround.store.schema import deliveries, subscribers, subscriptions, topics
from paperround.store.subscribers import COLUMNS, email_key, load_subscribers, stored, take_turns
from paperround.store.subscription_requests import NewNotice, PendingRequest, notice_row
from paperround.store.suppression_rows import add_suppressions
from paperround.store.topics import edition_before, news_horizon, renew_unread, save_topics
from paperround.store.unsent import forget_unsent

_CHUNK = 1_000
_OWN = ("email", "email_key", "name")
_COMMON = tuple(name for name in COLUMNS if name not in _OWN)
_COLUMNS_OF_NEW = (
    *_COMMON,
    *("state", "next_digest_at", "last_edition", "request"),
    *("created_at", "confirmed_at", "unsubscribed_at", "unsubscribe_reason", "consent"),
)


class Effect(StrEnum):
    """The effect of a change."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class SubscriberChange:
    """A change to the subscriber with an address."""

    email: str
    patch: Patch
    state: SubscriberState = SubscriberState.PENDING
    """The new state of a new or pending subscriber; others keep theirs."""
    consent: Mapping[str, str] | None = None
    """The consent record of a new subscriber, or of one who becomes active; None keeps the stored one."""
    history: Mapping[str, Any] = field(default_factory=dict)
    """The times and unsubscribe reason of a new subscriber, from another site's export."""
    suppressed: tuple[str, datetime] | None = None
    """The reason for suppressing the address, and since when; None if it is not suppressed."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A subscription that its owner confirms, and what was prepared for that."""

    subscriber: Subscriber
    """The subscriber as they were when this was prepared, with the request that is confirmed."""
    request: PendingRequest
    """What is confirmed, with the full record of consent."""
    welcome: NewNotice
    """The notice to queue, unless the first digest is sent immediately."""
    chooses: Callable[[DueBatch], bool]
    """Tells whether a digest that is composed now from these unread matches includes a paper."""


class ChangeResult(NamedTuple):
    """The effect of a change, and the preferences that differ now; also `state` and `suppressed`."""

    email: str
    effect: Effect
    fields: tuple[str, ...] = ()


_NO_CONSENT: Mapping[str, str] = {}


class _Statements:
    """The statements that run for many rows."""

    def __init__(self, engine: Engine) -> None:
        columns = [column.name for column in subscriptions.c]
        self.add = NewRows(engine, subscribers, (*_OWN, *_COLUMNS_OF_NEW))
        self.subscribe = NewRows(engine, subscriptions, columns)
        followed = upsert(engine, subscriptions)
        place = {"place": followed.excluded.place}  # existing subscriptions keep their last edition
        followed = followed.on_conflict_do_update(index_elements=["subscriber", "topic"], set_=place)
        self.follow = ManyRows(engine, followed, columns)


@dataclass(frozen=True, slots=True)
class _ChangeContext:
    """What applies to all changes of a transaction."""

    statements: _Statements
    webhooks: WebhooksByEvent
    now: datetime
    first_at: datetime | None
    """When the next digest is due; None if the schedule decides."""
    is_confirmed: bool
    """Whether the owners confirm the addresses, so that unsubscribed subscribers become active again."""
    start: int
    """The edition after which new subscriptions begin."""
    numbers: Mapping[str, int] = field(default_factory=dict)
    """The numbers of topics by slug."""
    values_of_new: dict[tuple[Any, ...], tuple[Any, ...]] = field(default_factory=dict)
    """The values of `_COLUMNS_OF_NEW` by what they were computed from: most subscribers choose what others chose."""


@dataclass(frozen=True, slots=True)
class _PlannedChange:
    """A change, and what it makes of the subscriber."""

    change: SubscriberChange
    known: Subscriber | None
    preferences: Preferences
    state: SubscriberState
    result: ChangeResult

    @property
    def row(self) -> int:
        """The number of a known subscriber."""
        assert self.known is not None
        return self.known.row

    @property
    def joins(self) -> bool:
        """Whether somebody becomes a subscriber who was none, or was not confirmed."""
        was = self.known is not None and self.known.state.is_subscribed
        return not was and self.state.is_subscribed

    @property
    def reactivates(self) -> bool:
        """Whether a known subscriber who was not subscribed becomes active."""
        return self.known is not None and self.joins and self.state is SubscriberState.ACTIVE


def _save(db: Connection, changes: Sequence[SubscriberChange], context: _ChangeContext) -> list[ChangeResult]:
    if len(changes) > 1:
        plan_once(db)
        take_turns(db)
    public = select(topics.c.slug, topics.c.row).where(topics.c.private.is_(False))
    numbers: dict[str, int] = dict(db.execute(public).all())
    by_key = {email_key(change.email): change for change in changes}
    keys, results = list(by_key), dict[str, ChangeResult]()
    for chunk in chunked(keys, _CHUNK):
        part = {key: by_key[key] for key in chunk}
        results |= _save_chunk(db, part, replace(context, numbers=numbers))
    return [results[key] for key in by_key]


def _save_chunk(
    db: Connection, changes: Mapping[str, SubscriberChange], context: _ChangeContext
) -> dict[str, ChangeResult]:
    locked = _lock(db, list(changes))
    plans = {key: _plan(changes[key], subscriber, context) for key, subscriber in locked.items()}
    new = {key: change for key, change in changes.items() if key not in locked}
    rows = _insert(db, new, context)
    touched = [plan for plan in plans.values() if _needs_update(plan, context)]
    chosen = {row: interests_in(new[key].patch, row) for key, row in rows.items()}
    chosen |= {plan.row: interests_in(plan.preferences.as_patch(), plan.row) for plan in touched}
    context = replace(context, numbers={**context.numbers, **_save_interests(db, chosen)})
    added = [
        subscription
        for key, row in rows.items()
        for subscription in _subscriptions(row, _followed(new[key].patch, row), context, None)
    ]
    if added:
        context.statements.subscribe.run(db, added)
    _change_known(db, touched, context)
    _suppress(db, [plan.change for plan in plans.values() if "suppressed" in plan.result.fields])
    _suppress(db, [new[key] for key in rows if new[key].suppressed])
    joined = [plan.change.email for plan in plans.values() if plan.joins]
    joined += (new[key].email for key in rows if new[key].state.is_subscribed)
    for email in joined:
        store_event(db, context.webhooks, EventKind.SUBSCRIBED, email, context.now)
    results = {key: plan.result for key, plan in plans.items()}
    results |= {key: ChangeResult(new[key].email, Effect.NEW) for key in rows}
    # Another transaction may have added an address while this one waited: then change that subscriber.
    late = {key: change for key, change in new.items() if key not in rows}
    return {**results, **_save_chunk(db, late, context)} if late else results


def _change_known(db: Connection, plans: Sequence[_PlannedChange], context: _ChangeContext) -> None:
    """Store the preferences and the state of known subscribers."""
    _update(db, plans, context)
    for plan in plans:
        row, followed = plan.row, plan.preferences.followed_by(plan.row)
        if plan.reactivates:
            # Matches published while they were away are no longer news.
            for table, whose in ((subscribers, subscribers.c.row), (subscriptions, subscriptions.c.subscriber)):
                missed = (whose == row) & (table.c.last_edition < context.start)
                db.execute(update(table).where(missed).values(last_edition=context.start))
            forget_unsent(db, row, news_horizon(context.now))
        unwanted = subscriptions.c.topic.not_in(_topics(followed, context))
        db.execute(delete(subscriptions).where(subscriptions.c.subscriber == row, unwanted))
        # Add missing subscriptions and set the order of all.
        if values := _subscriptions(row, followed, context, context.start):
            names = subscriptions.c.keys()
            context.statements.follow.run(db, [dict(zip(names, row, strict=True)) for row in values])


def interests_in(patch: Patch, row: int) -> list[Topic]:
    """Return the private topics that the subscriber with this number follows with these preferences."""
    own = (Topic.of_own_query(query, row) for query in patch.get("queries", ()))
    return [*own, *map(Topic.of_follow, patch.get("follows", ()))]


def _save_interests(db: Connection, topics_of: Mapping[int, Sequence[Topic]]) -> dict[str, int]:
    """Add those of the private topics of these subscribers that are missing; return the numbers of all, by slug."""
    private = {topic.slug: topic for interests in topics_of.values() for topic in interests}
    if not private:
        return {}
    lock_shared(db, topics)  # so that delete_unfollowed_private() does not delete one before it is followed
    numbers = _numbers(db, private)
    missing = {slug: private[slug] for slug in sorted(private.keys() - numbers.keys())}
    if missing:
        save_topics(db, list(missing.values()))
        numbers |= _numbers(db, missing)
    return numbers


def _numbers(db: Connection, slugs: Iterable[str]) -> dict[str, int]:
    return dict(db.execute(select(topics.c.slug, topics.c.row).where(among(db, topics.c.slug, slugs))).all())


def _lock(db: Connection, keys: Sequence[str]) -> dict[str, Subscriber]:
    rows = select(subscribers.c.row).where(among(db, subscribers.c.email_key, keys)).order_by(subscribers.c.email_key)
    rows_locked = db.scalars(rows.with_for_update(key_share=True)).all()
    loaded = load_subscribers(db, among(db, subscribers.c.row, rows_locked)) if rows_locked else []
    return {email_key(subscriber.email): subscriber for subscriber in loaded}


def _plan(change: SubscriberChange, subscriber: Subscriber, context: _ChangeContext) -> _PlannedChange:
    patch, state = dict(change.patch), change.state
    before = subscriber.preferences
    # A change made in view of an earlier state must not resubscribe anyone.
    if subscriber.state is not SubscriberState.PENDING and not context.is_confirmed:
        state = _paused_or_resumed(subscriber, patch)
    if not state.is_subscribed:
        patch.pop("paused_until", None)  # only who is subscribed can pause
    preferences = before.patched(patch)
    changed = before.changes_to(preferences)
    if subscriber.state is not state and "paused_until" not in changed:  # which implies the state
        changed = (*changed, "state")
    if _is_suppressed_by(change, subscriber):
        changed = (*changed, "suppressed")
    effect = Effect.CHANGED if changed else Effect.UNCHANGED
    return _PlannedChange(change, subscriber, preferences, state, ChangeResult(change.email, effect, changed))


def _is_suppressed_by(change: SubscriberChange, subscriber: Subscriber) -> bool:
    """Return whether a change suppresses an address: not if its owner has confirmed since, also as a new address.

    Only the consent says so: `confirmed_at` of the subscriber may be when the operator added them.
    """
    if change.suppressed is None or subscriber.suppressed:
        return False
    confirmed = map(subscriber.consent_moment, ("confirmed_at", "address_confirmed_at"))
    return all(moment is None or moment < change.suppressed[1] for moment in confirmed)


def _paused_or_resumed(subscriber: Subscriber, patch: Patch) -> SubscriberState:
    """Return the state in which a patch leaves a subscriber who has confirmed: it may begin a pause or end it."""
    until = patch.get("paused_until", subscriber.preferences.paused_until)
    if not subscriber.state.is_subscribed or until == subscriber.preferences.paused_until:
        return subscriber.state
    return SubscriberState.PAUSED if until else SubscriberState.ACTIVE


def _needs_update(plan: _PlannedChange, context: _ChangeContext) -> bool:
    return plan.result.effect is not Effect.UNCHANGED or context.is_confirmed or context.first_at is not None


def _values(plan: _PlannedChange, context: _ChangeContext) -> dict[str, Any]:
    return {
        **stored(plan.preferences),
        "state": plan.state.value,
        "next_digest_at": _due(plan, context),
        "request": _request_left(plan),
        **_timestamps(plan, context),
    }


def _request_left(plan: _PlannedChange) -> dict[str, Any] | None:
    """Return what remains of the request: any change settles it, unless the subscriber is still pending."""
    if plan.known is None or plan.known.request is None or plan.state is not SubscriberState.PENDING:
        return None
    return {**plan.known.request, **write(plan.preferences)}


def _timestamps(plan: _PlannedChange, context: _ChangeContext) -> dict[str, Any]:
    """Return the subscriber's times of joining and leaving, and their consent; for a new one the last edition too."""
    subscriber, change = plan.known, plan.change
    left = plan.state is SubscriberState.UNSUBSCRIBED
    reads = plan.state.is_subscribed
    if subscriber is None:
        history = change.history
        return {
            "created_at": history.get("created_at") or context.now,
            "confirmed_at": history.get("confirmed_at") or (context.now if reads else None),
            "unsubscribed_at": (history.get("unsubscribed_at") or context.now) if left else None,
            "unsubscribe_reason": history.get("unsubscribe_reason") or None,
            "consent": change.consent or _NO_CONSENT,
            "last_edition": context.start,
        }
    agrees = context.is_confirmed or plan.joins
    consent = (subscriber.request or {}).get("consent", {}) if plan.joins else {}
    return {
        "confirmed_at": subscriber.confirmed_at or (context.now if plan.state is SubscriberState.ACTIVE else None),
        "unsubscribed_at": subscriber.unsubscribed_at if left else None,
        "consent": {**subscriber.consent, **consent, **((change.consent if agrees else None) or {})},
    }


def _due(plan: _PlannedChange, context: _ChangeContext) -> datetime | None:
    subscriber, schedule, first = plan.known, plan.preferences.schedule, context.first_at
    last_issue_day = subscriber.last_issue_day if subscriber else None
    if not plan.state.is_subscribed:
        return None
    if first and not (last_issue_day and last_issue_day >= issue_date(schedule, first)):
        return first  # only one issue per day: a subscriber who had today's waits for the next
    if (
        subscriber
        and subscriber.state is SubscriberState.ACTIVE
        and subscriber.schedule == schedule
        and subscriber.next_digest_at
    ):
        return subscriber.next_digest_at  # a digest that is due already stays due
    return next_digest_at(schedule, context.now, last_issue_day)


def _insert(db: Connection, new: Mapping[str, SubscriberChange], context: _ChangeContext) -> dict[str, int]:
    """Add subscribers by key of their address; return their numbers."""
    if not new:
        return {}
    values = [
        (change.email, key, change.patch.get("name", DEFAULTS.name), *_values_of_new(change, context))
        for key, change in new.items()
    ]
    try:
        with db.begin_nested():
            context.statements.add.run(db, values)
    except IntegrityError:  # another transaction has just added one of the addresses: plan again
        return {}
    query = select(subscribers.c.email_key, subscribers.c.row).where(among(db, subscribers.c.email_key, new))
    return dict(db.execute(query).all())


def _values_of_new(change: SubscriberChange, context: _ChangeContext) -> tuple[Any, ...]:
    """Return the values of `_COLUMNS_OF_NEW` for a new subscriber."""
    chosen = (change.state, *map(change.patch.get, _COMMON))
    stored = None if change.history or change.consent else context.values_of_new.get(chosen)
    if stored is None:
        plan = _PlannedChange(
            change, None, DEFAULTS.patched(change.patch), change.state, ChangeResult("", Effect.NEW)
        )
        values = _values(plan, context)
        stored = tuple(values[name] for name in _COLUMNS_OF_NEW)
        if not (change.history or change.consent):
            context.values_of_new[chosen] = stored
    return stored


def _update(db: Connection, plans: Sequence[_PlannedChange], context: _ChangeContext) -> None:
    if not plans:
        return
    values = [{"its_row": plan.row, **_values(plan, context)} for plan in plans]
    columns = {name: bindparam(name, type_=subscribers.c[name].type) for name in values[0] if name != "its_row"}
    db.execute(update(subscribers).where(subscribers.c.row == bindparam("its_row")).values(columns), values)
    renew_unread(db, [plan.row for plan in plans if "breadth" in plan.result.fields])


def _followed(patch: Patch, row: int) -> tuple[str, ...]:
    """Return the slugs of the topics that a new subscriber follows."""
    return followed_slugs(patch.get("topics", ()), patch.get("queries", ()), patch.get("follows", ()), row)


def _topics(followed: Sequence[str], context: _ChangeContext) -> list[int]:
    return [context.numbers[slug] for slug in dict.fromkeys(followed) if slug in context.numbers]


def _subscriptions(
    row: int, followed: Sequence[str], context: _ChangeContext, last_edition: int | None
) -> list[tuple[Any, ...]]:
    """Return subscription rows for a subscriber; without `last_edition`, the subscriber's own one applies."""
    topics = enumerate(_topics(followed, context))
    return [(row, topic, place, last_edition, context.now) for place, topic in topics]


def _suppress(db: Connection, changes: Sequence[SubscriberChange]) -> None:
    add_suppressions(
        db,
        [
            {"email_key": email_key(change.email), "reason": change.suppressed[0], "at": change.suppressed[1]}
            for change in changes
            if change.suppressed
        ],
    )


class SubscriberChanges:
    """Adds subscribers and changes their preferences."""

    def __init__(self, engine: Engine, webhooks: WebhooksByEvent, hashes: AddressHashes) -> None:
        self._engine, self._webhooks, self._hashes = engine, webhooks, hashes
        self._statements = _Statements(engine)

    def save(
        self,
        changes: Sequence[SubscriberChange],
        now: datetime,
        *,
        first_at: datetime | None = None,
        only_known: bool = False,
        dry_run: bool = False,
    ) -> list[ChangeResult]:
        """Apply changes to different addresses in one transaction, and return their results in order.

        Subscribers who are not pending keep their state, unless the patch begins or ends a pause. The next digest is
        due by the schedule, or at `first_at`. Subscriptions that existed before keep their last edition. Requests for
        the addresses are settled. With `only_known`, unknown addresses are skipped; with `dry_run`, nothing is
        stored.
        """
        with trial(self._engine) if dry_run else writing(self._engine) as db:
            recognize(db, self._hashes, (email_key(change.email) for change in changes))
            if only_known:
                there = _lock(db, [email_key(change.email) for change in changes])
                changes = [change for change in changes if email_key(change.email) in there]
            start = edition_before(db, news_horizon(now))
            return _save(
                db,
                changes,
                _ChangeContext(self._statements, self._webhooks, now, first_at, is_confirmed=False, start=start),
            )

    def confirm(self, confirmed: Confirmation, now: datetime) -> bool:
        """Activate a subscriber whose owner has confirmed, with everything that follows, in one transaction.

        Returns False and changes nothing about them if their state or request is no longer what was confirmed.
        """
        before, request = confirmed.subscriber, confirmed.request
        patch = request.preferences.as_patch()
        change = SubscriberChange(before.email, patch, SubscriberState.ACTIVE, request.consent)
        with writing(self._engine) as db:
            locked = _lock(db, [email_key(before.email)]).get(email_key(before.email))
            if locked is None or _asked_for(locked) != _asked_for(before):
                return False
            lift(db, self._hashes, email_key(before.email))
            start = edition_before(db, news_horizon(now))
            context = _ChangeContext(self._statements, self._webhooks, now, None, is_confirmed=True, start=start)
            _save(db, [change], context)
            for paper, verdict in request.ratings.items():
                rate_one(db, before.row, paper, verdict, now)
            today = issue_date(request.preferences.schedule, now)
            first_now = request.first_now and not (locked.last_issue_day and locked.last_issue_day >= today)
            if first_now and confirmed.chooses(unread_by(db, before.row, now)):
                _save(db, [change], replace(context, first_at=now))
            else:
                facts = {**confirmed.welcome.context, "nothing_matched": first_now}
                welcome = replace(confirmed.welcome, context=facts)
                db.execute(insert(deliveries), notice_row(before.row, before.email, NoticeKind.WELCOME, welcome, now))
            return True


def _asked_for(subscriber: Subscriber) -> tuple[object, ...]:
    return subscriber.row, subscriber.state, subscriber.request
