"""The rows of suppressions: which follow from a complaint, and how they are added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, or_

from paperround.domain.suppressions import SuppressionCause
from paperround.store.engine import upsert
from paperround.store.schema import suppressions


def is_complaint(row: Any = suppressions.c) -> ColumnElement[bool]:
    """Return the condition that a suppression follows from a complaint; `row` has its columns."""
    # A list that was imported from another site has reasons, but no causes.
    return or_(
        func.coalesce(row.cause, "") == SuppressionCause.COMPLAINT.value,
        row.cause.is_(None) & func.lower(row.reason).contains(SuppressionCause.COMPLAINT.value),
    )


def add_suppressions(db: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    """Suppress addresses, and return how many suppressions are new or have become complaints.

    A row has a value for each column that is not NULL.

    An address that is suppressed already keeps its reason, unless this is the first complaint: only its owner can
    lift the suppression then.
    """
    if not rows:
        return 0
    statement = upsert(db, suppressions)
    new = statement.excluded
    complaint = {"reason": new.reason, "at": new.at, "cause": new.cause}
    statement = statement.on_conflict_do_update(
        index_elements=["email_key"], set_=complaint, where=is_complaint(new) & ~is_complaint()
    )
    return len(db.scalars(statement.returning(suppressions.c.email_key), list(rows)).all())
