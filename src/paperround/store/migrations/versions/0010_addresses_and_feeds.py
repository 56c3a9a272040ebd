"""Address changes, and the secrets of private feeds."""

import sqlalchemy as sa
from alembic import op

from paperround.store.schema import Moment

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "address_changes",
        sa.Column("row", ROW, nullable=False),
        sa.Column("subscriber", ROW, nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("email_key", sa.String(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("settled_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["subscriber"], ["subscribers.row"], name="fk_address_changes_subscriber", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("row", name="pk_address_changes"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_address_changes_subscriber", "address_changes", ["subscriber"])
    op.create_index("ix_address_changes_email_key", "address_changes", ["email_key"])
    op.add_column("subscribers", sa.Column("feed_secret", sa.String(), nullable=True))
    op.create_index("ix_subscribers_feed_secret", "subscribers", ["feed_secret"], unique=True)


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
