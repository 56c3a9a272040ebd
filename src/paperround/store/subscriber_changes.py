"""Adding subscribers and changing their preferences, one or ten thousand in a transaction.

A change is a patch. It is applied to what the locked row says, not to what its author saw, so that two changes of
different fields at the same time both hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, delete, select, update

from paperround.domain.models import EventKind, Subscriber, SubscriberState, Topic
from paperround.domain.preferences import DEFAULTS, Patch, Preferences, write
from paperround.domain.schedule import issue_date, next_digest_at
from paperround.store.engine import among_others, trial, upsert, writing
from paperround.store.events import Wanted, tell
from paperround.store.schema import subscribers, subscriptions, suppressions, topics
from paperround.store.subscribers import COLUMNS, READING, email_key, load, take_turns
from paperround.store.suppressed import AddressHashes, recognize
from paperround.store.topics import edition_before, news_horizon, save_one

_CHUNK = 500


class Effect(StrEnum):
    """What a change came to."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class SubscriberChange:
    """What is to become of an address."""

    email: str
    patch: Patch
    state: SubscriberState = SubscriberState.PENDING
    """Of somebody who is new, or pending until now; everybody else keeps theirs."""
    consent: Mapping[str, str] | None = None
    """Kept of somebody who is new or becomes active; None leaves the record as it is."""
    history: Mapping[str, Any] = field(default_factory=dict)
    """The times and the unsubscribe reason of a new subscriber, from another site's export."""
    suppressed: tuple[str, datetime] | None = None
    """The reason and the moment since which the address gets nothing."""


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """What a change came to, and the fields in which the subscriber differs now."""

    email: str
    effect: Effect
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Occasion:
    """What is the same for all changes of a transaction."""

    now: datetime
    first_at: datetime | None
    """When the next digest is due, in place of what the schedule says."""
    returns: bool
    """Whether their owners confirm the addresses: then also somebody who had left becomes active."""
    start: int
    """The edition after which a new subscription begins."""
    numbers: Mapping[str, int] = field(default_factory=dict)
    """The topics' rows by slug."""


@dataclass(frozen=True, slots=True)
class _Plan:
    change: SubscriberChange
    known: Subscriber | None
    preferences: Preferences
    state: SubscriberState
    result: ChangeResult

    @property
    def joins(self) -> bool:
        was = self.known is not None and self.known.state.value in READING
        return not was and self.state.value in READING

    @property
    def returns(self) -> bool:
        """Whether somebody becomes active who was known and was not."""
        active = SubscriberState.ACTIVE
        return self.known is not None and self.state is active and self.known.state is not active


def _occasion(db: Connection, now: datetime, first_at: datetime | None, *, returns: bool) -> _Occasion:
    return _Occasion(now, first_at, returns, edition_before(db, news_horizon(now)))


def _save(
    db: Connection, wanted: Wanted, changes: Sequence[SubscriberChange], occasion: _Occasion
) -> list[ChangeResult]:
    if len(changes) > 1:
        take_turns(db)
    private = {
        topic.slug: topic
        for change in changes
        for topic in (
            *map(Topic.of_own_query, change.patch.get("queries", ())),
            *map(Topic.of_follow, change.patch.get("follows", ())),
        )
    }
    if private:
        among_others(db, topics)  # nobody forgets one of them before it is followed
    for topic in sorted(private.values(), key=attrgetter("slug")):
        save_one(db, topic)
    numbers: dict[str, int] = dict(db.execute(select(topics.c.slug, topics.c.row)).all())
    by_key = {email_key(change.email): change for change in changes}
    keys, plans = list(by_key), dict[str, _Plan]()
    for start in range(0, len(keys), _CHUNK):
        some = {key: by_key[key] for key in keys[start : start + _CHUNK]}
        plans |= _save_some(db, some, replace(occasion, numbers=numbers))
    for plan in plans.values():
        if plan.joins:
            tell(db, wanted, EventKind.SUBSCRIBED, plan.change.email, occasion.now)
    return [plans[key].result for key in by_key]


def _save_some(db: Connection, changes: Mapping[str, SubscriberChange], occasion: _Occasion) -> dict[str, _Plan]:
    known = _lock(db, list(changes))
    plans = {key: _plan(change, known.get(key), occasion) for key, change in changes.items()}
    rows = _insert(db, [plan for plan in plans.values() if plan.known is None], occasion)
    old = [plan for plan in plans.values() if plan.known and _touches(plan, occasion)]
    _update(db, old, occasion)
    _follow(db, [(rows[key], plan.preferences) for key, plan in plans.items() if key in rows], occasion)
    for plan in old:
        assert plan.known is not None
        row = plan.known.row
        if plan.returns:
            # What was published while they were away is not news any more.
            missed = (subscriptions.c.subscriber == row) & (subscriptions.c.last_edition < occasion.start)
            db.execute(update(subscriptions).where(missed).values(last_edition=occasion.start))
        unwanted = subscriptions.c.topic.not_in(_topics(plan.preferences, occasion))
        db.execute(delete(subscriptions).where(subscriptions.c.subscriber == row, unwanted))
        _follow(db, [(row, plan.preferences)], occasion)
    _suppress(db, changes.values())
    # Somebody else may have added an address while this transaction waited: then it is changed.
    late = {key: changes[key] for key, plan in plans.items() if plan.known is None and key not in rows}
    return {**plans, **_save_some(db, late, occasion)} if late else plans


def _lock(db: Connection, keys: Sequence[str]) -> dict[str, Subscriber]:
    mine = subscribers.c.email_key.in_(keys)
    rows = select(subscribers.c.row).where(mine).order_by(subscribers.c.email_key)
    db.execute(rows.with_for_update(key_share=True)).all()
    return {email_key(found.email): found for found in load(db, mine)}


def _plan(change: SubscriberChange, known: Subscriber | None, occasion: _Occasion) -> _Plan:
    before = known.preferences if known else DEFAULTS
    patch = dict(change.patch)
    if known and not occasion.returns:
        patch.pop("paused_until", None)  # a pause is a state: only pausing and resuming change it
    preferences = before.patched(patch)
    # Nobody is brought back, and nobody's pause ended, by who saw them in another state.
    settled = known is not None and known.state is not SubscriberState.PENDING and not occasion.returns
    state = known.state if known and settled else change.state
    changed = before.changes_to(preferences)
    if known and known.state is not state:
        changed = (*changed, "state")
    effect = Effect.NEW if known is None else Effect.CHANGED if changed else Effect.UNCHANGED
    return _Plan(change, known, preferences, state, ChangeResult(change.email, effect, changed if known else ()))


def _touches(plan: _Plan, occasion: _Occasion) -> bool:
    return plan.result.effect is not Effect.UNCHANGED or occasion.returns or occasion.first_at is not None


def _values(plan: _Plan, occasion: _Occasion) -> dict[str, Any]:
    return {
        **{name: getattr(plan.preferences, name) for name in COLUMNS},
        "state": plan.state.value,
        "next_digest_at": _due(plan, occasion),
        "request": _request_left(plan),
        **_past(plan, occasion),
    }


def _request_left(plan: _Plan) -> dict[str, Any] | None:
    """A request is settled by any change, except that one who is pending still has to confirm it."""
    if plan.known is None or plan.known.request is None or plan.state is not SubscriberState.PENDING:
        return None
    return {**plan.known.request, **write(plan.preferences)}


def _past(plan: _Plan, occasion: _Occasion) -> dict[str, Any]:
    """What is kept of how they came and went."""
    known, change = plan.known, plan.change
    left = plan.state is SubscriberState.UNSUBSCRIBED
    reads = plan.state.value in READING
    if known is None:
        told = change.history
        return {
            "created_at": told.get("created_at") or occasion.now,
            "confirmed_at": told.get("confirmed_at") or (occasion.now if reads else None),
            "unsubscribed_at": (told.get("unsubscribed_at") or occasion.now) if left else None,
            "unsubscribe_reason": told.get("unsubscribe_reason") or None,
            "consent": dict(change.consent or {}),
        }
    agrees = occasion.returns or plan.joins
    asked = (known.request or {}).get("consent", {}) if plan.joins else {}
    return {
        "confirmed_at": known.confirmed_at or (occasion.now if plan.state is SubscriberState.ACTIVE else None),
        "unsubscribed_at": known.unsubscribed_at if left else None,
        "consent": {**known.consent, **asked, **((change.consent if agrees else None) or {})},
    }


def _due(plan: _Plan, occasion: _Occasion) -> datetime | None:
    known, schedule, first = plan.known, plan.preferences.schedule, occasion.first_at
    last_issue_day = known.last_issue_day if known else None
    if plan.state.value not in READING:
        return None
    if first and not (last_issue_day and last_issue_day >= issue_date(schedule, first)):
        return first  # a day has one issue: who had theirs waits for the next
    if known and known.state is SubscriberState.ACTIVE and known.schedule == schedule and known.next_digest_at:
        return known.next_digest_at  # a digest that is due already stays due
    return next_digest_at(schedule, occasion.now, last_issue_day)


def _insert(db: Connection, plans: Sequence[_Plan], occasion: _Occasion) -> dict[str, int]:
    if not plans:
        return {}
    values = [
        {"email": plan.change.email, "email_key": email_key(plan.change.email), **_values(plan, occasion)}
        for plan in plans
    ]
    statement = upsert(db, subscribers).on_conflict_do_nothing(index_elements=["email_key"])
    added = db.execute(statement.returning(subscribers.c.email_key, subscribers.c.row), values)
    return dict(added.all())


def _update(db: Connection, plans: Sequence[_Plan], occasion: _Occasion) -> None:
    if not plans:
        return
    values = [{"its_row": plan.known.row if plan.known else 0, **_values(plan, occasion)} for plan in plans]
    columns = {name: bindparam(name, type_=subscribers.c[name].type) for name in values[0] if name != "its_row"}
    db.execute(update(subscribers).where(subscribers.c.row == bindparam("its_row")).values(columns), values)


def _topics(preferences: Preferences, occasion: _Occasion) -> list[int]:
    return [occasion.numbers[slug] for slug in preferences.followed if slug in occasion.numbers]


def _follow(db: Connection, followers: Iterable[tuple[int, Preferences]], occasion: _Occasion) -> None:
    """Add the subscriptions that are missing; one that is there keeps its place in the editions."""
    values = [
        {
            "subscriber": row,
            "topic": topic,
            "place": place,
            "last_edition": occasion.start,
            "created_at": occasion.now,
        }
        for row, preferences in followers
        for place, topic in enumerate(_topics(preferences, occasion))
    ]
    if values:
        statement = upsert(db, subscriptions)
        place = {"place": statement.excluded.place}
        db.execute(statement.on_conflict_do_update(index_elements=["subscriber", "topic"], set_=place), values)


def _suppress(db: Connection, changes: Iterable[SubscriberChange]) -> None:
    values = [
        {"email_key": email_key(change.email), "reason": change.suppressed[0], "at": change.suppressed[1]}
        for change in changes
        if change.suppressed
    ]
    if values:
        db.execute(upsert(db, suppressions).on_conflict_do_nothing(index_elements=["email_key"]), values)


class SubscriberChanges:
    """The store's part that adds subscribers and changes their preferences."""

    def __init__(self, engine: Engine, wanted: Wanted, hashes: AddressHashes) -> None:
        self._engine, self._wanted, self._hashes = engine, wanted, hashes

    def save(
        self,
        changes: Sequence[SubscriberChange],
        now: datetime,
        *,
        first_at: datetime | None = None,
        returns: bool = False,
        only_known: bool = False,
        dry_run: bool = False,
    ) -> list[ChangeResult]:
        """Apply changes, each to another address, all in one transaction; what each came to, in their order.

        Somebody who is not pending keeps the state they are in, unless `returns` says that the owners confirm the
        addresses. The next digest follows from the schedule, or is due at `first_at`. Subscribers keep their progress
        in topics that they already followed. What was requested with the address is settled by it. With
        `only_known` an address that is not there, or not any more, is not added. With `dry_run` nothing is kept.
        """
        with trial(self._engine) if dry_run else writing(self._engine) as db:
            recognize(db, self._hashes, [email_key(change.email) for change in changes])
            if only_known:
                there = _lock(db, [email_key(change.email) for change in changes])
                changes = [change for change in changes if email_key(change.email) in there]
            return _save(db, self._wanted, changes, _occasion(db, now, first_at, returns=returns))
