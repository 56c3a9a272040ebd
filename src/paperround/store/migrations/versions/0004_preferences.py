"""Density becomes a preference; preferences that wait for a confirmation are called a request."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("subscribers", sa.Column("density", sa.String(), nullable=False, server_default="full"))
    op.execute("ALTER TABLE subscribers RENAME COLUMN wish TO request")


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
