"""After a backup was restored: what people have decided since, taken over from the previous database.

Without it, people who left after the backup would get emails again. Everything here means fewer emails or fewer valid
links, never more: whoever has subscribed or resumed since the backup has to do so again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, delete, select, update

from paperround.domain.models import EventKind, Subscriber, SubscriberState
from paperround.domain.schedule import Cadence
from paperround.store.address_hashes import AddressHashes, conceal, lift, read_address_key
from paperround.store.bulk import among
from paperround.store.copying import used_numbers
from paperround.store.deliveries import readdress
from paperround.store.delivery_conditions import WAITING
from paperround.store.events import WebhooksByEvent, store_event
from paperround.store.schema import api_tokens, deliveries, sessions, subscribers, suppressions
from paperround.store.site_values import read_value, write_value
from paperround.store.subscribers import delete_with_addresses, settle_address_changes
from paperround.store.suppression_rows import add_suppressions

IN_LINKS = ("subscribers", "address_changes", "digests", "deliveries")
"""The tables whose row numbers are in personal links and return addresses."""
MARGIN = 1_000_000
"""How many row numbers are left out where it is unknown which were used: more emails than a site sends between two
backups.
"""
_LINEAGE, _UNUSED = "link salt", "unused numbers"


@dataclass(frozen=True, slots=True)
class CarriedOver:
    """How many subscribers, addresses and tokens a previous database had something to say about."""

    unsubscribed: int = 0
    erased: int = 0
    paused: int = 0
    turned_off: int = 0
    """Emails turned off: the cadence `off`."""
    suppressed: int = 0
    """Addresses, with those of erased subscribers."""
    moved: int = 0
    """Subscribers who changed their address."""
    renewed: int = 0
    """Subscribers whose personal links were replaced."""
    revoked: int = 0
    """API tokens."""
    only_there: int = 0
    """Subscribers who are subscribed in the previous database and missing in the backup. Nothing is done about
    them.
    """
    unknown: int = 0
    """Subscribers of the backup who are not in the previous database, since that one came from an older backup.
    What they have decided is known only to the database that the older backup replaced.
    """
    problem: str = ""
    """Why some or all of it could not be found out; empty if nothing is wrong."""

    def completed(self, earlier: CarriedOver) -> CarriedOver:
        """Return the sum of this and what an earlier database had to say about those who are unknown here."""
        counts = {name: number + getattr(earlier, name) for name, number in self.counts().items()}
        only_there = self.only_there + earlier.only_there
        return replace(
            self, **counts, only_there=only_there, unknown=self.unknown if earlier.problem else earlier.unknown
        )

    def counts(self) -> dict[str, int]:
        """Return the numbers of what was carried over, by name."""
        names = [one.name for one in fields(self) if one.name not in ("only_there", "unknown", "problem")]
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Decisions:
    """What a previous database knows about people's decisions."""

    by_row: Mapping[int, Any]
    suppressed: Sequence[Mapping[str, Any]]
    tokens: frozenset[str]
    sessions: frozenset[str]
    lineage: str | None
    address_key: str | None
    unused: Sequence[Sequence[int]]
    numbers: Mapping[str, int]

    @cached_property
    def by_key(self) -> Mapping[str, Any]:
        """The same subscribers, by the key of their address."""
        return {known.email_key: known for known in self.by_row.values()}

    def continues(self, lineage: str | None, restored: Iterable[Any]) -> bool:
        """Return whether this database is a later or an earlier state of a restored one, and not another one."""
        pairs = [(known, self.by_row.get(known.row)) for known in restored]
        are_same = all(there is None or there.created_at == here.created_at for here, there in pairs)
        return self.lineage == lineage and (lineage is not None or bool(self.by_row)) and are_same

    def has_erased(self, row: int) -> bool:
        """Return whether a row number that is missing here was deleted, rather than never known to this database."""
        known = row <= self.numbers.get(subscribers.name, 0) and not self.has_skipped(row)
        return known and row not in self.by_row

    def has_skipped(self, row: int) -> bool:
        """Return whether a row number was left out here when an older backup was restored."""
        return any(low <= row <= high for low, high in self.unused)


_KNOWN = select(
    *(
        subscribers.c[name]
        for name in ("row", "email", "email_key", "state", "cadence", "next_digest_at", "paused_until")
    ),
    *(subscribers.c[name] for name in ("created_at", "unsubscribed_at", "unsubscribe_reason", "consent")),
    *(subscribers.c[name] for name in ("link_renewals", "feed_secret")),
)
_HERE = _KNOWN.order_by(subscribers.c.email_key).with_for_update()  # nobody unsubscribes between this and a change


def read_decisions(previous: Connection, numbers: Mapping[str, int]) -> Decisions:
    """Read what a previous database knows; `numbers` are the highest row numbers that its tables have used."""
    return Decisions(
        by_row={known.row: known for known in previous.execute(_KNOWN)},
        suppressed=[dict(one) for one in previous.execute(select(suppressions)).mappings()],
        tokens=frozenset(previous.scalars(select(api_tokens.c.hash))),
        sessions=frozenset(previous.scalars(select(sessions.c.hash))),
        lineage=read_value(previous, _LINEAGE),
        address_key=read_address_key(previous),
        unused=_unused(previous),
        numbers=numbers,
    )


def _unused(db: Connection) -> list[list[int]]:
    """Return the ranges of subscribers' numbers that no subscriber of this database has had."""
    ranges: list[list[int]] = json.loads(read_value(db, _UNUSED) or "[]")
    return ranges


class CarryOver:
    """Takes decisions over into a restored database, within one of its transactions."""

    def __init__(
        self, db: Connection, hashes: AddressHashes, webhooks: WebhooksByEvent, now: datetime, own: Mapping[str, int]
    ) -> None:
        """`own` are the highest row numbers that the tables had used when the backup was made. The database must be
        ready for new rows, whose numbers the previous database has not used.
        """
        self._db, self._hashes, self._webhooks, self._now, self._own = db, hashes, webhooks, now, own
        self._here = {known.row: known for known in db.execute(_HERE)}

    def nothing(self, problem: str) -> CarriedOver:
        """Take nothing over, since the previous database cannot be read."""
        self._note_unused()
        return CarriedOver(problem=problem)

    def take(self, decisions: Decisions) -> CarriedOver:
        """Take over what these decisions say, and return how much it was."""
        continues = decisions.continues(read_value(self._db, _LINEAGE), self._here.values())
        self._note_unused()
        self._hashes.adopt(self._db, decisions.address_key)
        erased = self._erase(decisions) if continues else 0
        moved = self._move(decisions) if continues else 0
        renewed = self._renew_links(decisions) if continues else 0
        revoked = self._revoke(decisions) if continues else 0
        states = [self._quieten(here, there) for here, there in self._pairs(decisions, by_row=continues)]
        present = {known.email_key for known in self._here.values()}
        return CarriedOver(
            unsubscribed=states.count("unsubscribed"),
            paused=states.count("paused"),
            turned_off=states.count("turned off"),
            erased=erased,
            moved=moved,
            renewed=renewed,
            revoked=revoked,
            suppressed=self._suppress(decisions),
            only_there=sum(
                SubscriberState(known.state).is_subscribed and known.email_key not in present
                for known in decisions.by_row.values()
            ),
            unknown=self._count_unknown(decisions) if continues else 0,
            problem="" if continues else "it is not what became of this backup",
        )

    def _count_unknown(self, decisions: Decisions) -> int:
        """Return how many are subscribed here who are not in these decisions, since an older backup was restored."""
        return sum(
            SubscriberState(known.state).is_subscribed
            and decisions.has_skipped(row)
            and row not in decisions.by_row
            and known.email_key not in decisions.by_key
            for row, known in self._here.items()
        )

    def _note_unused(self) -> None:
        """Record which subscribers' numbers this database skips. Their absence from it says nothing about them."""
        first = self._own.get(subscribers.name, 0) + 1
        last = used_numbers(self._db).get(subscribers.name, 0)
        if first <= last:
            write_value(self._db, _UNUSED, json.dumps([*_unused(self._db), [first, last]]))

    def _erase(self, decisions: Decisions) -> int:
        """Delete those who were deleted, and return how many of them had ever confirmed."""
        gone = [self._here.pop(row) for row in list(self._here) if decisions.has_erased(row)]
        if gone:
            delete_with_addresses(self._db, self._hashes, [known.row for known in gone])
        for known in gone:
            self._tell(known)
        return sum(known.state != SubscriberState.PENDING.value for known in gone)

    def _move(self, decisions: Decisions) -> int:
        """Give their new address to those who changed it, and return how many they are."""
        pairs = [(here, decisions.by_row[row]) for row, here in self._here.items() if row in decisions.by_row]
        moving = {there.row: (here, there) for here, there in pairs if _has_moved(here, there)}
        for row in moving:  # out of each other's way, since two may have exchanged addresses
            self._set(row, email_key=f"moving {row}")
        taken = {known.email_key for row, known in self._here.items() if row not in moving}
        for row, (here, there) in moving.items():
            if there.email_key in taken:  # by somebody whom the previous database does not know
                self._set(row, email_key=here.email_key, state=SubscriberState.UNSUBSCRIBED.value)
                continue
            self._set(row, email=there.email, email_key=there.email_key, consent=there.consent, request=None)
            lift(self._db, self._hashes, there.email_key)  # its owner has confirmed it
            conceal(self._db, self._hashes, [here.email_key])
            waits = (deliveries.c.subscriber == row) & deliveries.c.state.in_(WAITING)
            readdress(self._db, self._db.scalars(select(deliveries.c.row).where(waits)).all())
            settle_address_changes(self._db, row, self._now)
            self._tell(here)
        self._here = {known.row: known for known in self._db.execute(_HERE)}
        return len(moving)

    def _renew_links(self, decisions: Decisions) -> int:
        """Invalidate personal links and private feeds that were replaced, and return whose links were."""
        renewed = 0
        for row, here in self._here.items():
            there = decisions.by_row.get(row)
            if there is None or there.link_renewals < here.link_renewals:
                continue
            if there.link_renewals > here.link_renewals:
                renewed += 1
                settle_address_changes(self._db, row, self._now)
            if (there.link_renewals, there.feed_secret) != (here.link_renewals, here.feed_secret):
                self._set(row, link_renewals=there.link_renewals, feed_secret=there.feed_secret)
        return renewed

    def _revoke(self, decisions: Decisions) -> int:
        """Delete the API tokens and operators' sessions that were deleted, and return how many tokens these were."""
        ended = set(self._db.scalars(select(sessions.c.hash))) - decisions.sessions
        self._db.execute(delete(sessions).where(among(self._db, sessions.c.hash, list(ended))))
        revoked = set(self._db.scalars(select(api_tokens.c.hash))) - decisions.tokens
        self._db.execute(delete(api_tokens).where(among(self._db, api_tokens.c.hash, list(revoked))))
        return len(revoked)

    def _pairs(self, decisions: Decisions, *, by_row: bool) -> list[tuple[Any, Any]]:
        """Return the subscribers whom both databases know, first as they are here, then as they are there."""
        found = [
            (here, (decisions.by_row.get(row) if by_row else None) or decisions.by_key.get(here.email_key))
            for row, here in self._here.items()
        ]
        return [(here, there) for here, there in found if there is not None]

    def _quieten(self, here: Any, there: Any) -> str:
        """Unsubscribe, pause or turn off the emails of a subscriber as in the previous database; return which."""
        mine, theirs = SubscriberState(here.state), SubscriberState(there.state)
        if theirs is SubscriberState.UNSUBSCRIBED:
            return "unsubscribed" if self._unsubscribe(here, there) else ""
        if not (mine.is_subscribed and theirs.is_subscribed):
            return ""
        done = ""
        if there.cadence is Cadence.OFF and here.cadence is not Cadence.OFF:
            self._set(here.row, cadence=there.cadence, next_digest_at=there.next_digest_at)
            done = "turned off"
        if theirs is SubscriberState.PAUSED and not _pauses_as_long(here, there):
            self._set(here.row, state=theirs.value, paused_until=there.paused_until)
            done = "paused"
        return done

    def _unsubscribe(self, here: Any, there: Any) -> bool:
        """Unsubscribe a subscriber as in the previous database, and return whether they were anything else."""
        was_gone = here.state == SubscriberState.UNSUBSCRIBED.value
        left = there.unsubscribed_at or self._now
        if _has_confirmed_since(here, left) or (was_gone and here.unsubscribed_at and here.unsubscribed_at >= left):
            return False
        self._set(
            here.row,
            **{"state": SubscriberState.UNSUBSCRIBED.value, "paused_until": None, "request": None},
            **{"unsubscribed_at": left, "unsubscribe_reason": there.unsubscribe_reason},
        )
        self._tell(here)
        return not was_gone

    def _suppress(self, decisions: Decisions) -> int:
        """Suppress the addresses that were suppressed, and return how many these were."""
        by_key = {known.email_key: known for known in self._here.values()}
        pairs = [(one, by_key.get(one["email_key"])) for one in decisions.suppressed]
        standing = [one for one, known in pairs if not (known and _has_confirmed_since(known, one["at"]))]
        return add_suppressions(self._db, standing)

    def _set(self, row: int, **values: Any) -> None:
        self._db.execute(update(subscribers).where(subscribers.c.row == row).values(values))

    def _tell(self, known: Any) -> None:
        """Tell webhooks again that an address gets nothing more: the call may have been waiting."""
        if SubscriberState(known.state).is_subscribed:
            store_event(self._db, self._webhooks, EventKind.UNSUBSCRIBED, known.email, self._now)


def _has_moved(here: Any, there: Any) -> bool:
    """Return whether a subscriber confirmed another address, and did so after the present one."""
    before, since = (_person(known).consent_moment("address_confirmed_at") for known in (here, there))
    is_later = since is not None and (before is None or since > before)
    return here.email_key != there.email_key and is_later


def _pauses_as_long(here: Any, there: Any) -> bool:
    if here.state != SubscriberState.PAUSED.value:
        return False
    return here.paused_until is None or (there.paused_until is not None and there.paused_until <= here.paused_until)


def _has_confirmed_since(known: Any, moment: datetime) -> bool:
    """Return whether the owner of an address has confirmed it after a moment, as a later word."""
    confirmed = map(_person(known).consent_moment, ("confirmed_at", "address_confirmed_at"))
    return any(at is not None and at > moment for at in confirmed)


def _person(known: Any) -> Subscriber:
    return Subscriber(known.row, known.email, SubscriberState(known.state), consent=known.consent or {})
