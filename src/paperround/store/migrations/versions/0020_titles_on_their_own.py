"""Index the words of titles a second time, on their own, in SQLite."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # As matching/fts.py indexes titles from now on. The words of the index are separated by single spaces.
    if op.get_bind().dialect.name == "sqlite":
        op.execute("UPDATE paper_index SET title = title || ' . ¶' || replace(title, ' ', ' ¶') WHERE title <> ''")


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
