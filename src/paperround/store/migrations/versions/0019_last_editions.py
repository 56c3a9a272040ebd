"""The last edition is recorded with the subscriber; a subscription has one only if it was added since.

The index of feeds has only those that exist, so that a digest, which changes the subscriber, writes no entry there.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("subscribers", sa.Column("last_edition", sa.Integer(), nullable=False, server_default="0"))
    newest = "SELECT max(last_edition) FROM subscriptions WHERE subscriber = subscribers.row"
    op.execute(
        f"UPDATE subscribers SET last_edition = ({newest}) "  # noqa: S608
        "WHERE row IN (SELECT subscriber FROM subscriptions)"
    )
    op.drop_index("ix_subscribers_feed_secret", table_name="subscribers")
    there = sa.text("feed_secret IS NOT NULL")
    op.create_index(
        "ix_subscribers_feed_secret",
        "subscribers",
        ["feed_secret"],
        unique=True,
        sqlite_where=there,
        postgresql_where=there,
    )
    with op.batch_alter_table("subscriptions") as table:
        table.alter_column("last_edition", existing_type=sa.Integer(), nullable=True)
    op.execute(
        "UPDATE subscriptions SET last_edition = NULL WHERE last_edition = "
        "(SELECT last_edition FROM subscribers WHERE subscribers.row = subscriptions.subscriber)"
    )


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
