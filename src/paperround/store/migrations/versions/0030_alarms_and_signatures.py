"""Alarms about bounces and the signatures of webhook calls have tables of their own; they were notes before."""

from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_NOTES = sa.table("notes", sa.column("name", sa.String()), sa.column("value", sa.String()))
_ALARM, _SIGNATURE = "alarm ", "signature "  # how the names of such notes start


def upgrade() -> None:
    alarms = op.create_table(
        "alarms",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "domain", "day", name="pk_alarms"),
    )
    signatures = op.create_table(
        "webhook_signatures",
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token", name="pk_webhook_signatures"),
    )
    op.bulk_insert(alarms, [_alarm(name, value) for name, value in _notes(_ALARM) if " " in name])
    op.bulk_insert(signatures, [_signature(token, value) for token, value in _notes(_SIGNATURE)])
    op.execute(sa.delete(_NOTES).where(sa.or_(*map(_NOTES.c.name.startswith, (_ALARM, _SIGNATURE)))))


def _notes(beginning: str) -> list[tuple[str, str]]:
    """Return the rest of the name and the value of each note whose name starts with `beginning`."""
    stored = sa.select(_NOTES.c.name, _NOTES.c.value).where(_NOTES.c.name.startswith(beginning))
    return [(name.removeprefix(beginning), value) for name, value in op.get_bind().execute(stored)]


def _alarm(name: str, value: str) -> dict[str, Any]:
    kind, _, domain = name.partition(" ")
    return {"kind": kind, "domain": domain, "day": date.fromisoformat(value)}


def _signature(token: str, value: str) -> dict[str, Any]:
    at, _, event = value.partition(" ")
    moment = datetime.fromisoformat(at).astimezone(UTC)
    is_sqlite = op.get_bind().dialect.name == "sqlite"  # which stores moments in UTC without a zone
    return {"token": token, "event": event, "at": moment.replace(tzinfo=None) if is_sqlite else moment}


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
