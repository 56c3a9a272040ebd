"""Suppressions remember when their owner was last asked to confirm, even after the subscriber has been deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("suppressions", sa.Column("asked_at", sa.DateTime(timezone=True)))
    op.execute(
        "UPDATE suppressions SET asked_at = (SELECT max(deliveries.created_at) FROM deliveries "
        "JOIN subscribers ON subscribers.row = deliveries.subscriber "
        "WHERE subscribers.email_key = suppressions.email_key AND deliveries.notice = 'confirm')"
    )


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
