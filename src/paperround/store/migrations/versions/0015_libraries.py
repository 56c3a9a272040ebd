"""Examples from subscribers' own libraries, and the linked libraries."""

import sqlalchemy as sa
from alembic import op

from paperround.store.schema import Moment

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "examples",
        sa.Column("row", ROW, nullable=False),
        sa.Column("subscriber", ROW, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("abstract", sa.Text(), nullable=False),
        sa.Column("authors", sa.JSON(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber"], ["subscribers.row"], name="fk_examples_subscriber", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("row", name="pk_examples"),
        sa.UniqueConstraint("subscriber", "key", name="uq_examples_subscriber_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "libraries",
        sa.Column("subscriber", ROW, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("synced_at", Moment(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber"], ["subscribers.row"], name="fk_libraries_subscriber", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("subscriber", "kind", name="pk_libraries"),
    )


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
