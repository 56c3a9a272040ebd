"""What the operator looks at: readers by address and state; what became of them and of letters by day. Only reads."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Engine, func, select

from paperround.models import ReaderState, Subscriber
from paperround.store.engine import reading
from paperround.store.schema import bounces, deliveries, issues, subscribers
from paperround.store.subscribers import email_key, load


@dataclass(slots=True)
class Days:
    """Numbers by day."""

    joined: Counter[date] = field(default_factory=Counter)
    left: Counter[date] = field(default_factory=Counter)
    letters: dict[str, Counter[date]] = field(default_factory=dict)
    """By state, the letters of the issues of each day."""
    bounces: dict[str, Counter[date]] = field(default_factory=dict)
    """By kind, the reports that came in."""


class Overview:
    """The operator's part of the store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def readers(self, words: str, state: ReaderState | None, limit: int, offset: int = 0) -> list[Subscriber]:
        """Readers whose address contains these characters, in this state, the newest first."""
        where: list[Any] = [subscribers.c.email_key.contains(email_key(words), autoescape=True)] if words else []
        if state is not None:
            where.append(subscribers.c.state == state.value)
        wanted = (
            select(subscribers.c.row).where(*where).order_by(subscribers.c.row.desc()).limit(limit).offset(offset)
        )
        with reading(self._engine) as db:
            rows = db.scalars(wanted).all()
            return load(db, subscribers.c.row.in_(rows), order=subscribers.c.row.desc()) if rows else []

    def days(self, since: datetime) -> Days:
        """What happened day by day (UTC) since a moment."""
        found = Days()
        with reading(self._engine) as db:
            for column, into in (
                (subscribers.c.confirmed_at, found.joined),
                (subscribers.c.unsubscribed_at, found.left),
            ):
                day = func.date(column)
                for when, number in db.execute(select(day, func.count()).where(column >= since).group_by(day)):
                    into[_day(when)] += number
            by_state = (
                select(deliveries.c.state, issues.c.day, func.count())
                .join_from(issues, deliveries, deliveries.c.issue == issues.c.row)
                .where(issues.c.day >= since.date())
                .group_by(deliveries.c.state, issues.c.day)
            )
            for state, when, number in db.execute(by_state):
                found.letters.setdefault(state, Counter())[when] += number
            day = func.date(bounces.c.at)
            by_kind = (
                select(bounces.c.kind, day, func.count()).where(bounces.c.at >= since).group_by(bounces.c.kind, day)
            )
            for kind, when, number in db.execute(by_kind):
                found.bounces.setdefault(kind, Counter())[_day(when)] += number
        return found


def _day(found: Any) -> date:
    """SQLite gives a text where PostgreSQL gives a date."""
    return found if isinstance(found, date) else date.fromisoformat(found)
