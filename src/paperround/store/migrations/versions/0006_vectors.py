"""Vectors of papers and of topics."""

import sqlalchemy as sa
from alembic import op

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "vectors",
        sa.Column("paper", ROW, nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["paper"], ["papers.row"], name="fk_vectors_paper", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("paper", name="pk_vectors"),
    )
    op.create_index("ix_vectors_number", "vectors", ["number"])
    waiting = sa.text("vector IS NULL")
    op.create_index("ix_vectors_waiting", "vectors", ["paper"], sqlite_where=waiting, postgresql_where=waiting)
    # Existing papers are queued for their vectors like new ones.
    op.execute("INSERT INTO vectors (paper, text, model, number) SELECT row, '', '', 0 FROM papers")
    op.add_column("topics", sa.Column("vector", sa.LargeBinary(), nullable=True))
    op.add_column("topics", sa.Column("vector_of", sa.String(), nullable=True))
