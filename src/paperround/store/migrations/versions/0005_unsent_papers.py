"""Papers of expired letters, kept for the subscriber's next digest."""

import sqlalchemy as sa
from alembic import op

from paperround.store.schema import Moment

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "unsent_papers",
        sa.Column("subscriber", ROW, nullable=False),
        sa.Column("paper", ROW, nullable=False),
        sa.Column("since", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber"], ["subscribers.row"], name="fk_unsent_papers_subscriber", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["paper"], ["papers.row"], name="fk_unsent_papers_paper", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("subscriber", "paper", name="pk_unsent_papers"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
