"""Daily counts, feedback, pictures, charts of issues, and events for webhooks."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

from paperround.store.schema import Moment

_SEARCH_INDEX = """CREATE VIRTUAL TABLE paper_index USING fts5(title, keywords, abstract, author, org, cat, source, tokenize = "ascii tokenchars '.+#'", prefix = '1 2 3 4')"""
ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "echoes",
        sa.Column("paper", ROW, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("upvotes", sa.Integer(), nullable=False),
        sa.Column("comments", sa.Integer(), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["paper"], ["papers.row"], name="fk_echoes_paper", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("paper", "day", name="pk_echoes"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_echoes_day", "echoes", ["day"])
    _first_echoes()
    op.create_table(
        "pictures",
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("fetched_at", Moment(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("url", name="pk_pictures"),
    )
    op.create_index("ix_pictures_name", "pictures", ["name"])
    op.create_index("ix_pictures_fetched_at", "pictures", ["fetched_at"])
    op.create_table(
        "issue_topics",
        sa.Column("issue", ROW, nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("papers", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["issue"], ["issues.row"], name="fk_issue_topics_issue", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("issue", "topic", name="pk_issue_topics"),
    )
    op.create_table(
        "feedback",
        sa.Column("subscriber", ROW, nullable=False),
        sa.Column("paper", ROW, nullable=False),
        sa.Column("verdict", sa.Integer(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber"], ["subscribers.row"], name="fk_feedback_subscriber", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["paper"], ["papers.row"], name="fk_feedback_paper", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("subscriber", "paper", name="pk_feedback"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_feedback_paper", "feedback", ["paper"])
    op.create_table(
        "events",
        sa.Column("row", ROW, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("webhook", sa.String(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", Moment(), nullable=True),
        sa.Column("claim", sa.String(), nullable=True),
        sa.Column("lease_until", Moment(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("row", name="pk_events"),
        sa.UniqueConstraint("id", name="uq_events_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_state_next_try_at", "events", ["state", "next_try_at", "row"])
    if op.get_bind().dialect.name == "sqlite":
        _index_first_letters()


def _first_echoes() -> None:
    """Start the daily counts of the past month's papers, so that popularity has data from the first day."""
    papers = sa.table("papers", *map(sa.column, ("row", "day", "upvotes")), sa.column("facts", sa.JSON()))
    echoes = sa.table("echoes", *map(sa.column, ("paper", "day", "upvotes", "comments", "stars")))
    comments, stars = (sa.func.coalesce(papers.c.facts[name].as_integer(), 0) for name in ("comments", "stars"))
    month_ago = sa.literal(datetime.now(UTC).date() - timedelta(days=30), sa.Date())
    known = sa.select(papers.c.row, papers.c.day, papers.c.upvotes, comments, stars).where(
        papers.c.day >= month_ago, (papers.c.upvotes > 0) | (comments > 0) | (stars > 0)
    )
    op.execute(echoes.insert().from_select(["paper", "day", "upvotes", "comments", "stars"], known))


def _index_first_letters() -> None:
    """Add prefixes of one letter to the index: a search for `a*` had to read every word that begins with a."""
    columns = "title, keywords, abstract, author, org, cat, source"
    op.execute("ALTER TABLE paper_index RENAME TO paper_index_before")
    op.execute(_SEARCH_INDEX)
    copied = f"SELECT rowid, {columns} FROM paper_index_before"  # noqa: S608 - names of columns
    op.execute(f"INSERT INTO paper_index (rowid, {columns}) {copied}")
    op.execute("DROP TABLE paper_index_before")


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
