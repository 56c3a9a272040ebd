"""The papers of an expired letter are a list, not a row each with two foreign keys to check."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "unsent_lists",
        sa.Column("subscriber", ROW, nullable=False),
        sa.Column("digest", ROW, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("included", sa.Text(), nullable=False),
        sa.Column("counted", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber"], ["subscribers.row"], ondelete="CASCADE", name="fk_unsent_lists_subscriber"
        ),
        sa.PrimaryKeyConstraint("subscriber", "digest", name="pk_unsent_lists"),
        sqlite_with_rowid=False,
    )
    # A paper's row did not tell its letter.
    postgres = op.get_bind().dialect.name == "postgresql"
    papers = "CAST(json_agg(paper) AS TEXT)" if postgres else "json_group_array(paper)"
    op.execute(
        f"INSERT INTO unsent_lists SELECT subscriber, 0, min(since), {papers}, '[]' "  # noqa: S608
        "FROM unsent_papers GROUP BY subscriber"
    )
    op.drop_table("unsent_papers")


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
