"""The state of the relay: its pause, and how many letters it accepted on a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zlib import crc32

from sqlalchemy import Connection, Engine, Integer, bindparam, case, func, or_, select, update

from paperround.domain.models import DeliveryState
from paperround.store.bulk import Prepared
from paperround.store.delivery_conditions import WAITING, waits_until_later
from paperround.store.engine import lock_exclusively, reading, upsert, writing
from paperround.store.schema import attempts, deliveries, relay

_RELAY = "relay"
"""The name of the row that stores until when the relay is paused, and why."""
_COUNTERS = 16
"""The number of rows that count letters handed over. With one row, all programs would wait for each other's commits.
"""
_COUNT = (
    update(relay)
    .where(relay.c.name == bindparam("counter"))
    .values(
        day=bindparam("today"),
        accepted_at=bindparam("now"),
        handed_over=case((relay.c.day == bindparam("today"), relay.c.handed_over), else_=0)
        + bindparam("sent", type_=Integer),
    )
)
# One statement reads one snapshot, so an outcome recorded at the same moment is not counted twice or missed.
_TAKEN_TODAY = select(
    select(func.coalesce(func.sum(relay.c.handed_over), 0)).where(relay.c.day == bindparam("today")).scalar_subquery()
    + select(func.count()).where(deliveries.c.state == DeliveryState.SENDING.value).scalar_subquery()
)


@dataclass(frozen=True, slots=True)
class RelayState:
    """The relay's pause and its count of letters for one day."""

    paused_until: datetime | None = None
    reason: str = ""
    handed_over: int = 0
    """The number of letters it accepted on the requested day."""

    def pause_end(self, now: datetime) -> datetime | None:
        """Return when the pause ends, or None if there is none now."""
        return self.paused_until if self.paused_until and self.paused_until > now else None


class Relay:
    """The pause of the relay and its counts of letters."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def has_accepted_since_last_try(self, row: int) -> bool:
        """Return whether the relay has accepted another letter since the last attempt at this delivery."""
        last = select(func.max(attempts.c.at)).where(attempts.c.delivery == row).scalar_subquery()
        with reading(self._engine) as db:
            return db.scalar(select(relay.c.name).where(relay.c.accepted_at > last).limit(1)) is not None

    def state(self, day: date) -> RelayState:
        """Return the relay's state, with the number of letters it accepted on a day (UTC)."""
        with reading(self._engine) as db:
            rows = db.execute(select(relay)).all()
        handed_over = sum(row.handed_over for row in rows if row.day == day)
        own = next((row for row in rows if row.name == _RELAY), None)
        return RelayState(own.paused_until, own.reason, handed_over) if own else RelayState(handed_over=handed_over)

    def pause(self, until: datetime, reason: str) -> None:
        """Pause it until a moment, unless it is paused for longer."""
        with writing(self._engine) as db:
            values = {"paused_until": until, "reason": reason}
            statement = upsert(db, relay).values(name=_RELAY, handed_over=0, **values)
            shorter = or_(relay.c.paused_until.is_(None), relay.c.paused_until < until)
            db.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values, where=shorter))

    def resume(self, now: datetime) -> int:
        """End a pause of the relay. Letters that are queued for a later moment are due now.

        Returns how many letters are due now, with those that had been due already and waited for the pause to end.
        """
        with writing(self._engine) as db:
            db.execute(update(relay).where(relay.c.name == _RELAY).values(paused_until=None, reason=""))
            db.execute(update(deliveries).where(waits_until_later(now)).values(next_attempt_at=now))
            due = deliveries.c.state.in_(WAITING) & (deliveries.c.next_attempt_at <= now)
            return db.scalar(select(func.count()).select_from(deliveries).where(due)) or 0


def letters_left_today(db: Connection, now: datetime, per_day: int) -> int:
    """Return how many more letters the daily cap (UTC) allows, and let no other program claim any before this one.

    Letters that any program has handed over or is sending count.
    """
    lock_exclusively(db, relay)
    return per_day - (db.scalar(_TAKEN_TODAY, {"today": now.date()}) or 0)


class HandedOver:
    """Counts the letters that the relay has accepted."""

    def __init__(self, engine: Engine) -> None:
        self._count = Prepared(engine, _COUNT)

    def add(self, db: Connection, claim: str, now: datetime, letters: int) -> None:
        """Count letters accepted for a claim, in the transaction that records their outcomes."""
        counter = f"{_RELAY} {crc32(claim.encode()) % _COUNTERS}"
        counted = {"counter": counter, "today": now.date(), "now": now, "sent": letters}
        if self._count.run(db, **counted) == 0:
            db.execute(upsert(db, relay).values(name=counter, reason="", handed_over=0).on_conflict_do_nothing())
            self._count.run(db, **counted)


def correct_relay_dates(db: Connection, now: datetime, longest_pause: timedelta) -> None:
    """Correct dates that a fast clock has set, in a transaction that corrects those of deliveries too."""
    db.execute(update(relay).where(relay.c.paused_until > now + longest_pause).values(paused_until=None))
    db.execute(update(relay).where(relay.c.accepted_at > now).values(accepted_at=now))
