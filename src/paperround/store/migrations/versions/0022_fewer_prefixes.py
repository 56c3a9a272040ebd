"""Index prefixes of up to three letters in SQLite instead of four, with more memory for what is not written yet."""

import sqlalchemy as sa
from alembic import op

_SEARCH_INDEX = """CREATE VIRTUAL TABLE paper_index USING fts5(title, keywords, abstract, author, org, cat, source, tokenize = "ascii tokenchars '.+#'", prefix = '1 2 3')"""
_MEMORY, _MEMORY_HERE = 8 << 20, 64 << 20  # bytes


revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    op.execute("ALTER TABLE paper_index RENAME TO paper_index_before")
    op.execute(_SEARCH_INDEX)
    op.execute("INSERT INTO paper_index_content SELECT * FROM paper_index_before_content")
    # Freed pages are overwritten with zeros, for the sake of erased subscribers. The words of papers need not be, and
    # the new index takes these pages anyway.
    op.execute("PRAGMA secure_delete = OFF")
    op.execute("DROP TABLE paper_index_before")
    op.execute("PRAGMA secure_delete = ON")
    _keep_in_memory(_MEMORY_HERE)  # the index is then written in large parts, of which few are merged
    op.execute("INSERT INTO paper_index (paper_index) VALUES ('rebuild')")
    _keep_in_memory(_MEMORY)


def _keep_in_memory(size: int) -> None:
    """Let FTS5 keep so much of the index in memory before it writes, by an option that only its source describes."""
    op.execute(
        sa.text("INSERT INTO paper_index (paper_index, rank) VALUES ('hashsize', :size)").bindparams(size=size)
    )


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
