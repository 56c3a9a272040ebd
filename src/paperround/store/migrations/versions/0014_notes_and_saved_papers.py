"""Notes and facts of digests, saved papers, and the preference for quiet days."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("digests", sa.Column("notes", sa.JSON()))
    op.add_column("digests", sa.Column("facts", sa.JSON()))
    op.add_column("subscribers", sa.Column("quiet_days", sa.String(), nullable=False, server_default="silent"))
    op.create_table(
        "saved_papers",
        sa.Column("subscriber", ROW, nullable=False),
        sa.Column("paper", ROW, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber"], ["subscribers.row"], name="fk_saved_papers_subscriber", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["paper"], ["papers.row"], name="fk_saved_papers_paper", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("subscriber", "paper", name="pk_saved_papers"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_saved_papers_paper", "saved_papers", ["paper"])


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
