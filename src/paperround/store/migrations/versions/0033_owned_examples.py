"""Examples tell which papers are of the subscriber's own library; others come as new when they are stored here."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("examples", sa.Column("owned", sa.Boolean(), nullable=False, server_default=sa.true()))
    # Which of them an ORCID record has brought is not known: rather have a known paper come than none of its papers.
    op.execute(
        "UPDATE examples SET owned = false WHERE subscriber IN (SELECT subscriber FROM libraries WHERE kind = 'orcid') "
        "AND subscriber NOT IN (SELECT subscriber FROM libraries WHERE kind = 'zotero')"
    )


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
