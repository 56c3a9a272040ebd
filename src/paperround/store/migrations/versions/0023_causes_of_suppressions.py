"""Suppressions name their cause apart from the sentence that tells it."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("suppressions", sa.Column("cause", sa.String()))
    op.execute(
        "UPDATE suppressions SET cause = CASE WHEN reason = 'complaint' THEN 'complaint' "
        "WHEN reason LIKE 'hard bounce 5.1.2, %' THEN 'bad domain' "
        "WHEN reason LIKE 'hard bounce%' THEN 'hard bounce' "
        "WHEN reason LIKE '% letters in a row did not get through' THEN 'lost letters' END"
    )


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
