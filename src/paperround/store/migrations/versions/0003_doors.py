"""Quotas, API tokens, operators' sessions and the audit log."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from paperround.store.schema import Moment

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TOKEN_NOTE = "api token "  # noqa: S105 - the prefix of tokens' notes
_ALL_SCOPES = ["bounces:post", "deliveries:read", "deliveries:write", "subscribers:read", "subscribers:write",
               "topics:write"]  # fmt: skip


revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "quota_uses",
        sa.Column("row", ROW, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("row", name="pk_quota_uses"),
    )
    op.create_index("ix_quota_uses_kind_key_at", "quota_uses", ["kind", "key", "at"])
    op.create_table(
        "api_tokens",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=True),
        sa.Column("last_used_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_api_tokens"),
        sa.UniqueConstraint("hash", name="uq_api_tokens_hash"),
    )
    op.create_table(
        "sessions",
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_sessions"),
    )
    op.create_table(
        "audit_entries",
        sa.Column("row", ROW, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("row", name="pk_audit_entries"),
    )
    op.create_index("ix_audit_entries_at", "audit_entries", ["at"])
    _move_tokens()


def _move_tokens() -> None:
    """Move tokens from notes to their table. They could do everything but report bounces, and keep these scopes."""
    db = op.get_bind()
    notes = sa.table("notes", sa.column("name", sa.String()), sa.column("value", sa.Text()))
    tokens = sa.table(
        "api_tokens",
        sa.column("name", sa.String()),
        sa.column("hash", sa.String()),
        sa.column("scopes", sa.JSON()),
        sa.column("created_at", Moment()),
    )
    mine = notes.c.name.startswith(_TOKEN_NOTE, autoescape=True)
    for name, hashed in db.execute(sa.select(notes.c.name, notes.c.value).where(mine)).all():
        values = {"name": name.removeprefix(_TOKEN_NOTE), "hash": hashed, "scopes": _ALL_SCOPES[1:]}
        db.execute(sa.insert(tokens).values(**values, created_at=datetime.now(UTC)))
    db.execute(sa.delete(notes).where(mine))
