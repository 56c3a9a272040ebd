"""Papers that came close to subscribers' interests, which thin letters end with."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "close_papers",
        sa.Column("topic", ROW, nullable=False),
        sa.Column("paper", ROW, nullable=False),
        sa.Column("fit", sa.Float(), nullable=False),
        sa.Column("edition", sa.Integer()),
        sa.ForeignKeyConstraint(["topic"], ["topics.row"], ondelete="CASCADE", name="fk_close_papers_topic"),
        sa.ForeignKeyConstraint(["paper"], ["papers.row"], ondelete="CASCADE", name="fk_close_papers_paper"),
        sa.PrimaryKeyConstraint("topic", "paper", name="pk_close_papers"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_close_papers_paper", "close_papers", ["paper"])
    op.create_index("ix_close_papers_edition", "close_papers", ["edition"])


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
