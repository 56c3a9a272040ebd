"""A random value that sets the links of a new database apart from those of another one with the same secret key.

A database that has letters keeps links without it, because these letters contain them.
"""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

NOTE = "link salt"


def upgrade() -> None:
    db = op.get_bind()
    deliveries = sa.table("deliveries", sa.column("row", sa.Integer()))
    if db.execute(sa.select(deliveries.c.row).limit(1)).first() is None:
        notes = sa.table("notes", sa.column("name", sa.String()), sa.column("value", sa.Text()))
        db.execute(sa.insert(notes).values(name=NOTE, value=secrets.token_hex(16)))


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
