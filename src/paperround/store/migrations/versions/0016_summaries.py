"""Summaries that the operator's model writes."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("papers", sa.Column("summaries", sa.JSON(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
