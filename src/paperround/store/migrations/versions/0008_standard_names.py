"""Rename tables and columns to the terms of docs/glossary.md."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("subscriptions", "read_to", "last_edition"),
    ("subscribers", "served", "last_issue_day"),
    ("subscribers", "farewell", "unsubscribe_reason"),
    ("issue_papers", "paper_as_printed", "snapshot"),
)


def upgrade() -> None:
    for table, before, after in _COLUMNS:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {before} TO {after}")
    op.rename_table("echoes", "daily_counts")
    op.drop_index("ix_echoes_day", table_name="daily_counts")
    op.create_index("ix_daily_counts_day", "daily_counts", ["day"])
    if op.get_bind().dialect.name == "postgresql":  # SQLite keeps constraint names only in the table's SQL
        for kind in ("pk_echoes", "fk_echoes_paper"):
            after = kind.replace("echoes", "daily_counts")
            op.execute(f"ALTER TABLE daily_counts RENAME CONSTRAINT {kind} TO {after}")


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
