"""The breadth of interests becomes a preference."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("subscribers", sa.Column("breadth", sa.String(), nullable=False, server_default="usual"))


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
