"""Read-only statistics for the operator: subscribers, letters and bounces by day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Engine, exists, func, select

from paperround.domain.models import DeliveryState, SubscriberState
from paperround.store.engine import reading
from paperround.store.schema import bounces, deliveries, digests, issues, subscribers, subscriptions
from paperround.store.subscribers import SUBSCRIBED

Series = dict[str, Counter[date]]
"""Counts by name and day (UTC)."""


class Overview:
    """Queries for the operator's pages."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def subscribers_by_day(self, since: datetime) -> Series:
        """Count the subscribers who joined and left on each day since a moment."""
        columns = {"joined": subscribers.c.confirmed_at, "left": subscribers.c.unsubscribed_at}
        with reading(self._engine) as db:
            return {name: _by_day(db, column, since) for name, column in columns.items()}

    def letters_by_day(self, since: datetime) -> Series:
        """Count the letters of each day's issues, by state."""
        query = (
            select(deliveries.c.state, issues.c.day, func.count())
            .join_from(issues, deliveries, deliveries.c.issue == issues.c.row)
            .where(issues.c.day >= since.date())
            .group_by(deliveries.c.state, issues.c.day)
        )
        with reading(self._engine) as db:
            return _series(db.execute(query))

    def bounces_by_day(self, since: datetime) -> Series:
        """Count the bounces received on each day, by kind."""
        with reading(self._engine) as db:
            day = _utc_day(db, bounces.c.at)
            query = select(bounces.c.kind, day, func.count()).where(bounces.c.at >= since)
            return _series(db.execute(query.group_by(bounces.c.kind, day)))

    def styles(self) -> list[tuple[str, str]]:
        """Return each combination of theme and language that an active or paused subscriber has chosen."""
        reads = subscribers.c.state.in_(SUBSCRIBED)
        query = select(subscribers.c.theme, subscribers.c.language).where(reads).distinct()
        with reading(self._engine) as db:
            return sorted((style.theme, style.language) for style in db.execute(query))

    def finished(self, state: DeliveryState, since: datetime) -> int:
        """Count the deliveries that reached this state since a moment."""
        mine = (deliveries.c.state == state.value) & (deliveries.c.finished_at >= since)
        with reading(self._engine) as db:
            return db.scalar(select(func.count()).select_from(deliveries).where(mine)) or 0

    def never_served(self, before: datetime) -> int:
        """Count the active subscribers who confirmed before a moment and have never been sent a digest."""
        mine = (
            (subscribers.c.state == SubscriberState.ACTIVE.value)
            & (subscribers.c.confirmed_at < before)
            & subscribers.c.next_digest_at.is_not(None)
        )
        none = ~exists().where(digests.c.subscriber == subscribers.c.row)
        with reading(self._engine) as db:
            return db.scalar(select(func.count()).select_from(subscribers).where(mine, none)) or 0

    def following_nothing(self) -> int:
        """Count the active subscribers who follow no topic, interest, author or organization."""
        mine = subscribers.c.state == SubscriberState.ACTIVE.value
        none = ~exists().where(subscriptions.c.subscriber == subscribers.c.row)
        with reading(self._engine) as db:
            return db.scalar(select(func.count()).select_from(subscribers).where(mine, none)) or 0


def _by_day(db: Connection, column: Column[Any], since: datetime) -> Counter[date]:
    day = _utc_day(db, column)
    query = select(day, func.count()).where(column >= since).group_by(day)
    return Counter({_day(when): number for when, number in db.execute(query)})


def _utc_day(db: Connection, moment: Column[Any]) -> ColumnElement[Any]:
    """Return a moment's day in UTC. The session's time zone may be another client's behind PgBouncer."""
    return func.date(func.timezone("UTC", moment) if db.dialect.name == "postgresql" else moment)


def _series(records: Iterable[Any]) -> Series:
    series: Series = {}
    for name, day, number in records:
        series.setdefault(name, Counter())[_day(day)] += number
    return series


def _day(moment: Any) -> date:
    """Return a date: PostgreSQL returns one, SQLite returns text."""
    return moment if isinstance(moment, date) else date.fromisoformat(moment)
