"""The first tables."""

import sqlalchemy as sa
from alembic import op

from paperround.store.schema import Moment

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


# A copy of CREATE in matching.fts and matching.tsearch when this migration was written: a migration must not change.
_SEARCH_INDEX = {
    "sqlite": (
        """CREATE VIRTUAL TABLE paper_index USING fts5(title, keywords, abstract, author, org, cat, source, tokenize = "ascii tokenchars '.+#'", prefix = '2 3 4')""",
    ),
    "postgresql": (
        "CREATE TABLE paper_index (row BIGINT PRIMARY KEY REFERENCES papers ON DELETE CASCADE, terms TSVECTOR NOT NULL)",
        "CREATE INDEX ix_paper_index_terms ON paper_index USING gin (terms)",
    ),
}


def upgrade() -> None:
    op.create_table(
        "editions",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("closed_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_editions")),
    )
    op.create_table(
        "issues",
        sa.Column("row", ROW, nullable=False),
        sa.Column("cadence", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_issues")),
        sa.UniqueConstraint("cadence", "day", name=op.f("uq_issues_cadence_day")),
    )
    op.create_table(
        "notes",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_notes")),
    )
    op.create_table(
        "papers",
        sa.Column("row", ROW, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("sources", sa.JSON(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("upvotes", sa.Integer(), nullable=False),
        sa.Column("first_seen", Moment(), nullable=False),
        sa.Column("unmatched", sa.Boolean(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_papers")),
        sa.UniqueConstraint("id", name=op.f("uq_papers_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("papers", schema=None) as batch_op:
        batch_op.create_index("ix_papers_day_upvotes", ["day", "upvotes"], unique=False)
        batch_op.create_index(batch_op.f("ix_papers_first_seen"), ["first_seen"], unique=False)
        batch_op.create_index(
            "ix_papers_unmatched",
            ["row"],
            unique=False,
            sqlite_where=sa.text("unmatched"),
            postgresql_where=sa.text("unmatched"),
        )

    op.create_table(
        "relay",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("paused_until", Moment(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("handed_over", sa.Integer(), nullable=False),
        sa.Column("accepted_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_relay")),
    )
    op.create_table(
        "sources",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("tried_at", Moment(), nullable=False),
        sa.Column("succeeded_at", Moment(), nullable=True),
        sa.Column("new_at", Moment(), nullable=True),
        sa.Column("newest_day", sa.Date(), nullable=True),
        sa.Column("validators", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sources")),
    )
    op.create_table(
        "subscribers",
        sa.Column("row", ROW, nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("email_key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("cadence", sa.String(), nullable=False),
        sa.Column("at", sa.Time(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("monthday", sa.Integer(), nullable=False),
        sa.Column("max_papers", sa.Integer(), nullable=False),
        sa.Column("theme", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("next_digest_at", Moment(), nullable=True),
        sa.Column("served", sa.Date(), nullable=True),
        sa.Column("paused_until", sa.Date(), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("confirmed_at", Moment(), nullable=True),
        sa.Column("consent", sa.JSON(), nullable=False),
        sa.Column("wish", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("unsubscribed_at", Moment(), nullable=True),
        sa.Column("farewell", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_subscribers")),
        sa.UniqueConstraint("email_key", name=op.f("uq_subscribers_email_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("subscribers", schema=None) as batch_op:
        batch_op.create_index("ix_subscribers_state_next_digest_at", ["state", "next_digest_at"], unique=False)

    op.create_table(
        "suppressions",
        sa.Column("email_key", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("email_key", name=op.f("pk_suppressions")),
    )
    op.create_table(
        "topics",
        sa.Column("row", ROW, nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("matched_query", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_topics")),
        sa.UniqueConstraint("slug", name=op.f("uq_topics_slug")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "digests",
        sa.Column("row", ROW, nullable=False),
        sa.Column("issue", ROW, nullable=False),
        sa.Column("subscriber", ROW, nullable=False),
        sa.Column("sections", sa.JSON(), nullable=False),
        sa.Column("more", sa.JSON(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["issue"], ["issues.row"], name=op.f("fk_digests_issue"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["subscriber"], ["subscribers.row"], name=op.f("fk_digests_subscriber"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_digests")),
        sa.UniqueConstraint("issue", "subscriber", name=op.f("uq_digests_issue_subscriber")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("digests", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_digests_subscriber"), ["subscriber"], unique=False)

    op.create_table(
        "issue_papers",
        sa.Column("issue", ROW, nullable=False),
        sa.Column("paper", ROW, nullable=False),
        sa.Column("paper_as_printed", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["issue"], ["issues.row"], name=op.f("fk_issue_papers_issue"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("issue", "paper", name=op.f("pk_issue_papers")),
    )
    op.create_table(
        "listings",
        sa.Column("paper", ROW, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("seen_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["paper"], ["papers.row"], name=op.f("fk_listings_paper"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("paper", "source", "day", name=op.f("pk_listings")),
    )
    op.create_table(
        "matches",
        sa.Column("topic", ROW, nullable=False),
        sa.Column("paper", ROW, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("why", sa.JSON(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["paper"], ["papers.row"], name=op.f("fk_matches_paper"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["topic"], ["topics.row"], name=op.f("fk_matches_topic"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("topic", "paper", name=op.f("pk_matches")),
    )
    with op.batch_alter_table("matches", schema=None) as batch_op:
        batch_op.create_index("ix_matches_paper", ["paper"], unique=False)
        batch_op.create_index("ix_matches_topic_day", ["topic", "day", "score"], unique=False)
        batch_op.create_index("ix_matches_topic_edition", ["topic", "edition"], unique=False)
        batch_op.create_index(
            "ix_matches_unclosed",
            ["edition"],
            unique=False,
            sqlite_where=sa.text("edition IS NULL"),
            postgresql_where=sa.text("edition IS NULL"),
        )

    op.create_table(
        "paper_keys",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("paper", ROW, nullable=False),
        sa.ForeignKeyConstraint(["paper"], ["papers.row"], name=op.f("fk_paper_keys_paper"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_paper_keys")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("paper_keys", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_paper_keys_paper"), ["paper"], unique=False)

    op.create_table(
        "subscriptions",
        sa.Column("subscriber", ROW, nullable=False),
        sa.Column("topic", ROW, nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("read_to", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber"], ["subscribers.row"], name=op.f("fk_subscriptions_subscriber"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["topic"], ["topics.row"], name=op.f("fk_subscriptions_topic"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("subscriber", "topic", name=op.f("pk_subscriptions")),
    )
    with op.batch_alter_table("subscriptions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_subscriptions_topic"), ["topic"], unique=False)

    op.create_table(
        "deliveries",
        sa.Column("row", ROW, nullable=False),
        sa.Column("subscriber", ROW, nullable=False),
        sa.Column("issue", ROW, nullable=True),
        sa.Column("digest", ROW, nullable=True),
        sa.Column("notice", sa.String(), nullable=True),
        sa.Column("context", sa.JSON(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", Moment(), nullable=True),
        sa.Column("expires_at", Moment(), nullable=True),
        sa.Column("claim", sa.String(), nullable=True),
        sa.Column("lease_until", Moment(), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("finished_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["digest"], ["digests.row"], name=op.f("fk_deliveries_digest"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["issue"], ["issues.row"], name=op.f("fk_deliveries_issue")),
        sa.ForeignKeyConstraint(
            ["subscriber"], ["subscribers.row"], name=op.f("fk_deliveries_subscriber"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("digest", name=op.f("uq_deliveries_digest")),
        sa.UniqueConstraint("issue", "subscriber", name=op.f("uq_deliveries_issue_subscriber")),
        sa.UniqueConstraint("message_id", name=op.f("uq_deliveries_message_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.create_index(
            "ix_deliveries_state_next_attempt_at", ["state", "next_attempt_at", "row"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_deliveries_subscriber"), ["subscriber"], unique=False)

    op.create_table(
        "digest_papers",
        sa.Column("subscriber", ROW, nullable=False),
        sa.Column("paper", ROW, nullable=False),
        sa.Column("digest", ROW, nullable=False),
        sa.Column("place", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["digest"], ["digests.row"], name=op.f("fk_digest_papers_digest"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["subscriber"], ["subscribers.row"], name=op.f("fk_digest_papers_subscriber"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("subscriber", "paper", name=op.f("pk_digest_papers")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "attempts",
        sa.Column("row", ROW, nullable=False),
        sa.Column("delivery", ROW, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("enhanced", sa.String(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("connection", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery"], ["deliveries.row"], name=op.f("fk_attempts_delivery"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_attempts")),
    )
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attempts_delivery"), ["delivery"], unique=False)

    op.create_table(
        "bounces",
        sa.Column("row", ROW, nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("delivery", ROW, nullable=True),
        sa.Column("email_key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery"], ["deliveries.row"], name=op.f("fk_bounces_delivery"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_bounces")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_bounces_fingerprint")),
    )
    with op.batch_alter_table("bounces", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bounces_delivery"), ["delivery"], unique=False)
        batch_op.create_index(batch_op.f("ix_bounces_email_key"), ["email_key"], unique=False)
    for statement in _SEARCH_INDEX[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("there is nothing before the first version")
