"""Indexes in the order that queries need, digest_papers without foreign keys, and PostgreSQL's table settings."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# By default a table is vacuumed when a fifth of its rows are dead: with a year's letters, a month of rounds.
_BUSY_TABLES = ("deliveries", "subscriptions", "subscribers")


def upgrade() -> None:
    op.drop_index("ix_subscribers_state_next_digest_at", table_name="subscribers")
    op.create_index("ix_subscribers_due", "subscribers", ["state", "next_digest_at", "row"])
    if op.get_bind().dialect.name == "postgresql":
        for column in ("subscriber", "digest"):
            op.drop_constraint(f"fk_digest_papers_{column}", "digest_papers")
        for table in _BUSY_TABLES:
            factors = "autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02"
            op.execute(f"ALTER TABLE {table} SET ({factors})")
        # With more statistics, the planner knows that a word outside the most common ones is rare.
        op.execute("ALTER TABLE paper_index ALTER COLUMN terms SET STATISTICS 2000")
        op.execute("ANALYZE paper_index")
    else:
        _without_foreign_keys()


def _without_foreign_keys() -> None:
    """Recreate the table without foreign keys, which SQLite cannot drop."""
    op.rename_table("digest_papers", "digest_papers_before")
    op.create_table(
        "digest_papers",
        sa.Column("subscriber", ROW, nullable=False),
        sa.Column("paper", ROW, nullable=False),
        sa.Column("digest", ROW, nullable=False),
        sa.Column("place", sa.Integer()),
        sa.PrimaryKeyConstraint("subscriber", "paper", name="pk_digest_papers"),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO digest_papers SELECT subscriber, paper, digest, place FROM digest_papers_before")
    op.drop_table("digest_papers_before")


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
