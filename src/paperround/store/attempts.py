"""Attempts to send letters, and what the relay answered to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, exists, func, select

from paperround.domain.models import Outcome, Stage
from paperround.store.engine import reading
from paperround.store.schema import attempts, deliveries

_RECENT = 5_000  # attempts


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """An attempt that the relay refused permanently, with its subscriber."""

    row: int
    subscriber: int
    email: str
    at: datetime
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class RecentAttempts:
    """What the relay answered recently: its permanent refusals, and how many letters it accepted."""

    refusals: list[FailedAttempt]
    """Newest first."""
    accepted: int = 0
    last_accepted: int = 0
    """The number of the last attempt that was accepted; 0 if none was."""


class Attempts:
    """The attempts to send letters."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def recent(self) -> RecentAttempts:
        """Return the recent permanent refusals and the number of letters accepted meanwhile.

        A refusal is left out if the same letter was refused before and others were accepted in between: then the
        refusal is about that letter.
        """
        newest = select(func.max(attempts.c.row) - _RECENT).scalar_subquery()
        accepted = (attempts.c.stage == Stage.FINAL.value) & attempts.c.code.between(200, 299)
        before, between = attempts.alias(), attempts.alias()
        refused_before = exists().where(
            before.c.delivery == attempts.c.delivery,
            before.c.row < attempts.c.row,
            before.c.code >= 500,
            exists().where(
                between.c.row > before.c.row,
                between.c.row < attempts.c.row,
                between.c.stage == Stage.FINAL.value,
                between.c.code.between(200, 299),
            ),
        )
        query = (
            select(attempts, deliveries.c.subscriber, deliveries.c.email)
            .join_from(attempts, deliveries)
            .where(attempts.c.row > newest, attempts.c.code >= 500, ~refused_before)
            .order_by(attempts.c.row.desc())
        )
        with reading(self._engine) as db:
            counted = select(func.count(), func.max(attempts.c.row)).where(attempts.c.row > newest, accepted)
            letters, last = db.execute(counted).one()
            return RecentAttempts([_failed_attempt(refusal) for refusal in db.execute(query)], letters, last or 0)


def _failed_attempt(row: Any) -> FailedAttempt:
    outcome = Outcome(row.delivery, Stage(row.stage), row.code, row.enhanced, row.text, row.connection)
    return FailedAttempt(row.row, row.subscriber, row.email, row.at, outcome)
