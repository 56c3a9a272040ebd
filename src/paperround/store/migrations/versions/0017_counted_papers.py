"""Papers that a digest only counts are kept in the list that the digest has anyway, not in a row each."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    postgres = op.get_bind().dialect.name == "postgresql"
    op.drop_index("ix_digests_subscriber", table_name="digests")
    op.add_column("digests", sa.Column("last_counted", ROW, nullable=True))
    op.create_index("ix_digests_counted", "digests", ["subscriber", "last_counted"])
    op.rename_table("digest_papers", "digest_papers_before")
    if postgres:  # which has one name space for tables and indexes
        op.execute("ALTER INDEX pk_digest_papers RENAME TO pk_digest_papers_before")
    op.create_table(
        "digest_papers",
        sa.Column("subscriber", ROW, nullable=False),
        sa.Column("paper", ROW, nullable=False),
        sa.Column("digest", ROW, nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("subscriber", "paper", name="pk_digest_papers"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "counted_papers",
        sa.Column("subscriber", ROW, nullable=False),
        sa.Column("last_counted", ROW, nullable=False),
        sa.Column("digest", ROW, nullable=False),
        sa.Column("more", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber"], ["subscribers.row"], ondelete="CASCADE", name="fk_counted_papers_subscriber"
        ),
        sa.PrimaryKeyConstraint("subscriber", "last_counted", "digest", name="pk_counted_papers"),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO digest_papers SELECT subscriber, paper, digest, place FROM digest_papers_before "
        "WHERE place IS NOT NULL"
    )
    _keep_counted(postgres=postgres)
    op.drop_table("digest_papers_before")


def _keep_counted(*, postgres: bool) -> None:
    """Mark the digests whose list counts as sent, and keep the lists of deleted digests.

    The papers of an expired letter have no rows. A row of a merged paper has another number than the list, which
    makes no difference: the earlier number is looked up.
    """
    numbers, each = ("json_agg(paper)", "json_array_elements_text") if postgres else (
        "json_group_array(paper)", "json_each"
    )  # fmt: skip
    op.execute(
        f"UPDATE digests SET last_counted = (SELECT max(CAST(value AS BIGINT)) FROM {each}(more) AS each) "  # noqa: S608
        "WHERE row IN (SELECT digest FROM digest_papers_before WHERE place IS NULL)"
    )
    op.execute(
        f"INSERT INTO counted_papers SELECT subscriber, max(paper), digest, {numbers} "  # noqa: S608
        "FROM digest_papers_before WHERE place IS NULL AND NOT EXISTS "
        "(SELECT 1 FROM digests WHERE digests.row = digest_papers_before.digest) GROUP BY subscriber, digest"
    )


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
