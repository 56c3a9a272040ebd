"""Papers that subscribers leave out, and how many of them each digest would have had."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("subscribers", sa.Column("leave_out", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("digests", sa.Column("left_out", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
