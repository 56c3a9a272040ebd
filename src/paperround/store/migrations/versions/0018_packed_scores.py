"""What the ranks of a digest's papers are made of has a column of its own, so that letters need not read it."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Digests composed before keep them in `sections`: rewriting a year of digests would take long, and both are read.
    op.add_column("digests", sa.Column("packed_scores", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
