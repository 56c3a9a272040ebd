"""The theme "compact" becomes a density: its subscribers get the theme "paper" with one sentence per paper."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE subscribers SET theme = 'paper', density = 'brief' WHERE theme = 'compact'")


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
