"""An index of notices, which are sent before digests."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    notices = sa.text("digest IS NULL")
    columns = ["state", "next_attempt_at", "row"]
    op.create_index("ix_deliveries_notices", "deliveries", columns, sqlite_where=notices, postgresql_where=notices)


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
