"""Papers have a vector of their title alone, which is computed in the background."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("vectors", sa.Column("title", sa.LargeBinary()))


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
