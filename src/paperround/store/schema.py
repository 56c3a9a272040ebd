"""The tables, in the words of docs/glossary.md; a change here comes with a migration (a test compares them).

Texts have no lengths here: SQLite would not hold to them, and PostgreSQL would refuse a whole batch for one entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    Time,
    TypeDecorator,
    UniqueConstraint,
    literal_column,
    text,
)

from paperround.domain.preferences import Breadth, Density, QuietDays
from paperround.domain.schedule import Cadence


class Moment(TypeDecorator[datetime]):
    """An instant: aware and in UTC on the Python side, whatever the database keeps."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Texts(TypeDecorator[tuple[str, ...]]):
    """Several texts, kept as a JSON list."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> list[str]:  # noqa: ARG002
        return list(value or ())

    def process_result_value(self, value: Sequence[str] | None, dialect: Dialect) -> tuple[str, ...]:  # noqa: ARG002
        return tuple(value or ())


class Choice(TypeDecorator[StrEnum]):
    """One of an enumeration's values, kept as its text."""

    impl = String
    cache_ok = True

    def __init__(self, kind: type[StrEnum]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else self.kind(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:  # noqa: ARG002
        return None if value is None else self.kind(value)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
# SQLite makes only INTEGER PRIMARY KEY an alias of the row's own number; PostgreSQL wants 64 bits.
_Row = BigInteger().with_variant(Integer, "sqlite")


# SQLite gives the number of the last row, once deleted, to the next one; a link that carries the number would then
# open somebody else's preferences. PostgreSQL's sequences never go back.
_NUMBERS_ONCE = True


def _row() -> Column[int]:
    return Column("row", _Row, primary_key=True)


def _ref(name: str, target: str, **options: Any) -> Column[int]:
    return Column(name, _Row, ForeignKey(f"{target}.row", ondelete="CASCADE"), nullable=False, **options)


papers = Table(
    "papers",
    metadata,
    _row(),
    Column("id", String, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("sources", JSON, nullable=False),
    Column("day", Date, nullable=False),
    Column("upvotes", Integer, nullable=False),
    Column("first_seen", Moment, nullable=False, index=True),
    # New or changed, and not compared with the topics yet: set and cleared in the same transactions as the facts
    # and the matches, so that no crash leaves a paper unmatched.
    Column("unmatched", Boolean, nullable=False),
    Column("archived", Boolean, nullable=False),  # for pages and search; its matches are never mailed
    Index("ix_papers_day_upvotes", "day", "upvotes"),
    Index("ix_papers_unmatched", "row", sqlite_where=text("unmatched"), postgresql_where=text("unmatched")),
    sqlite_autoincrement=_NUMBERS_ONCE,
)

UNMATCHED: ColumnElement[bool] = literal_column("papers.unmatched")
"""As the index above has it: SQLAlchemy writes `unmatched = 1`, and SQLite then reads all papers."""

# Every spelling under which a paper is known; identity.py makes them.
paper_keys = Table(
    "paper_keys",
    metadata,
    Column("key", String, primary_key=True),
    _ref("paper", "papers", index=True),
    sqlite_with_rowid=False,
)

listings = Table(
    "listings",
    metadata,
    _ref("paper", "papers", primary_key=True),
    Column("source", String, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("facts", JSON, nullable=False),
    Column("seen_at", Moment, nullable=False),
)

# The votes, comments and stars that each paper had by the end of each day on which a source reported them.
daily_counts = Table(
    "daily_counts",
    metadata,
    _ref("paper", "papers", primary_key=True),
    Column("day", Date, primary_key=True),
    Column("upvotes", Integer, nullable=False),
    Column("comments", Integer, nullable=False),
    Column("stars", Integer, nullable=False),
    Index("ix_daily_counts_day", "day"),
    sqlite_with_rowid=False,
)

# Thumbnails fetched and made small here, so that opening a letter or a page asks no other host. The name is made of
# the content; a picture that could not be had is known by its address alone, and asked for again some times. A paper
# has the picture of the address that its facts name, so that it stays right when papers are merged or change.
pictures = Table(
    "pictures",
    metadata,
    Column("url", String, primary_key=True),
    Column("name", String, index=True),
    Column("width", Integer),
    Column("height", Integer),
    Column("tries", Integer, nullable=False),
    Column("fetched_at", Moment, nullable=False, index=True),
    Column("content", LargeBinary),  # last: SQLite reads a row from its beginning
)

sources = Table(
    "sources",
    metadata,
    Column("name", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("note", Text, nullable=False),
    Column("tried_at", Moment, nullable=False),
    Column("succeeded_at", Moment),
    Column("new_at", Moment),
    Column("newest_day", Date),
    Column("validators", JSON, nullable=False),
)

topics = Table(
    "topics",
    metadata,
    _row(),
    Column("slug", String, nullable=False, unique=True),
    Column("name", String, nullable=False),
    Column("query", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("private", Boolean, nullable=False),  # a subscriber's own query: on no page and in no list
    # What the query means, and the model that made the vector: for plain words alone, so that a round needs no model.
    Column("vector", LargeBinary),
    Column("vector_of", String),
    Column("matched_query", Text),  # the query that the stored matches are of; another one is due for matching
    sqlite_autoincrement=_NUMBERS_ONCE,
)

# What papers mean, for a model (matching.vectors has the form). A paper waits for its vector from the transaction on
# that makes it or changes its text.
vectors = Table(
    "vectors",
    metadata,
    _ref("paper", "papers", primary_key=True),
    Column("text", String, nullable=False),  # a digest of the text that the vector is, or is to be, made of
    Column("model", String, nullable=False),
    Column("number", Integer, nullable=False),  # grows with each transaction that keeps vectors: what is new since?
    Column("vector", LargeBinary),
    Index("ix_vectors_number", "number"),
    Index(
        "ix_vectors_waiting", "paper", sqlite_where=text("vector IS NULL"), postgresql_where=text("vector IS NULL")
    ),
)

WAITING_FOR_VECTOR: ColumnElement[bool] = literal_column("vectors.vector").is_(None)
"""As the index above has it."""

# A match becomes news when publish() closes an edition over it. The number is given inside that transaction to
# the rows visible there: a match that a slow transaction commits late is still NULL and comes with the next one,
# which no time stamp and no sequence can promise. Edition 0 is never mailed: papers filed for the archive.
editions = Table(
    "editions",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("closed_at", Moment, nullable=False),
)

matches = Table(
    "matches",
    metadata,
    _ref("topic", "topics", primary_key=True),
    _ref("paper", "papers", primary_key=True),
    Column("day", Date, nullable=False),  # the paper's: a topic's newest papers are found without reading all of them
    Column("score", Float, nullable=False),
    Column("why", JSON, nullable=False),
    Column("edition", Integer),
    Index("ix_matches_topic_day", "topic", "day", "score"),
    Index("ix_matches_topic_edition", "topic", "edition"),
    Index("ix_matches_paper", "paper"),
    Index(
        "ix_matches_unclosed",
        "edition",
        sqlite_where=text("edition IS NULL"),
        postgresql_where=text("edition IS NULL"),
    ),
)

subscribers = Table(
    "subscribers",
    metadata,
    _row(),
    Column("email", String, nullable=False),
    Column("email_key", String, nullable=False, unique=True),
    Column("name", String, nullable=False),
    Column("state", String, nullable=False),
    Column("cadence", Choice(Cadence), nullable=False),
    Column("at", Time, nullable=False),
    Column("timezone", String, nullable=False),
    Column("weekday", Integer, nullable=False),
    Column("monthday", Integer, nullable=False),
    Column("max_papers", Integer, nullable=False),
    Column("theme", String, nullable=False),
    Column("density", Choice(Density), nullable=False, server_default=Density.FULL.value),
    Column("breadth", Choice(Breadth), nullable=False, server_default=Breadth.USUAL.value),
    Column("quiet_days", Choice(QuietDays), nullable=False, server_default=QuietDays.SILENT.value),
    Column("language", String, nullable=False),
    Column("leave_out", Texts, nullable=False, server_default="[]"),
    Column("next_digest_at", Moment),
    Column("last_issue_day", Date),  # in the subscriber's time zone
    Column("paused_until", Date),
    Column("created_at", Moment, nullable=False),
    Column("confirmed_at", Moment),
    Column("consent", JSON, nullable=False),
    Column("request", JSON(none_as_null=True)),  # the preferences that wait for a confirmation
    Column("unsubscribed_at", Moment),
    Column("unsubscribe_reason", Text),  # in the subscriber's own words, or empty
    Column("link_renewals", Integer, nullable=False, server_default="0"),  # older personal links have ended
    Column("feed_secret", String),  # in the address of the private feed; NULL when there is none
    Index("ix_subscribers_feed_secret", "feed_secret", unique=True),
    Index("ix_subscribers_due", "state", "next_digest_at", "row"),
    sqlite_autoincrement=_NUMBERS_ONCE,
)

# A change of address waits here until it is confirmed at the new address.
address_changes = Table(
    "address_changes",
    metadata,
    _row(),
    _ref("subscriber", "subscribers", index=True),
    Column("email", String, nullable=False),
    Column("email_key", String, nullable=False, index=True),
    Column("created_at", Moment, nullable=False),
    Column("settled_at", Moment),  # when this request, or another one of the same subscriber, was confirmed
    sqlite_autoincrement=_NUMBERS_ONCE,
)

subscriptions = Table(
    "subscriptions",
    metadata,
    _ref("subscriber", "subscribers", primary_key=True),
    _ref("topic", "topics", primary_key=True, index=True),
    Column("place", Integer, nullable=False),
    Column("last_edition", Integer, nullable=False),  # the newest edition that the subscriber was sent matches of
    Column("created_at", Moment, nullable=False),
)

issues = Table(
    "issues",
    metadata,
    _row(),
    Column("cadence", String, nullable=False),
    Column("day", Date, nullable=False),
    UniqueConstraint("cadence", "day"),
)

# The papers as they stood when an issue first used them, so that a letter that is sent again is the same letter.
issue_papers = Table(
    "issue_papers",
    metadata,
    _ref("issue", "issues", primary_key=True),
    Column("paper", _Row, primary_key=True),  # stays when the paper turns out to be another one: digests name it
    Column("snapshot", JSON, nullable=False),
)

# How many papers each public topic had on each day of an issue's span, as it stood when the issue was first composed:
# the chart in weekly and monthly letters.
issue_topics = Table(
    "issue_topics",
    metadata,
    _ref("issue", "issues", primary_key=True),
    Column("topic", String, primary_key=True),  # the slug: the chart outlives the topic
    Column("name", String, nullable=False),
    Column("papers", JSON, nullable=False),  # one number for each day of the issue's span
)

digests = Table(
    "digests",
    metadata,
    _row(),
    _ref("issue", "issues"),
    _ref("subscriber", "subscribers", index=True),
    Column("sections", JSON, nullable=False),
    Column("more", JSON, nullable=False),
    Column("left_out", Integer, nullable=False, server_default="0"),  # papers that the subscriber's own words exclude
    Column("notes", JSON(none_as_null=True)),  # about papers that are not new in it; NULL for none
    Column("facts", JSON(none_as_null=True)),  # what it was chosen from
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("issue", "subscriber"),
    sqlite_autoincrement=_NUMBERS_ONCE,
)

# The papers that each subscriber has received: the key is the promise that nobody gets one twice. `place` is NULL for
# a paper that was only counted under "N more". No foreign keys: six sevenths of the time that
# PostgreSQL took to write these rows, the most of a round; and the rows stay when old digests are forgotten.
digest_papers = Table(
    "digest_papers",
    metadata,
    Column("subscriber", _Row, primary_key=True),
    Column("paper", _Row, primary_key=True),
    Column("digest", _Row, nullable=False),
    Column("place", Integer),
    sqlite_with_rowid=False,
)

# Papers of letters that expired: they come with the subscriber's next digest, and that letter goes before those of
# others who have waited less.
unsent_papers = Table(
    "unsent_papers",
    metadata,
    _ref("subscriber", "subscribers", primary_key=True),
    _ref("paper", "papers", primary_key=True),
    Column("since", Moment, nullable=False),
    sqlite_with_rowid=False,
)

# What subscribers want more and less of: +1 or -1, the latest word counts.
feedback = Table(
    "feedback",
    metadata,
    _ref("subscriber", "subscribers", primary_key=True),
    _ref("paper", "papers", primary_key=True, index=True),
    Column("verdict", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    sqlite_with_rowid=False,
)

# Papers that subscribers keep to read later: a digest at the end of the week opens with them.
saved_papers = Table(
    "saved_papers",
    metadata,
    _ref("subscriber", "subscribers", primary_key=True),
    _ref("paper", "papers", primary_key=True, index=True),
    Column("at", Moment, nullable=False),
    sqlite_with_rowid=False,
)

# Papers of subscribers' own libraries that are not stored here: their taste is learned from them too. A title that is
# empty is looked up at arXiv.
examples = Table(
    "examples",
    metadata,
    _row(),
    _ref("subscriber", "subscribers"),
    Column("key", String, nullable=False),
    Column("title", Text, nullable=False),
    Column("abstract", Text, nullable=False),
    Column("authors", JSON, nullable=False),
    Column("at", Moment, nullable=False),
    Column("tries", Integer, nullable=False),
    UniqueConstraint("subscriber", "key"),
    sqlite_autoincrement=_NUMBERS_ONCE,
)

libraries = Table(
    "libraries",
    metadata,
    _ref("subscriber", "subscribers", primary_key=True),
    Column("kind", String, primary_key=True),
    Column("account", String, nullable=False),
    Column("secret", Text, nullable=False),  # encrypted with the site's key
    Column("synced_at", Moment),
    Column("problem", Text, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    _row(),
    _ref("subscriber", "subscribers", index=True),
    Column("issue", _Row, ForeignKey("issues.row")),
    Column("digest", _Row, ForeignKey("digests.row", ondelete="CASCADE"), unique=True),
    Column("notice", String),
    Column("context", JSON, nullable=False),
    Column("email", String, nullable=False),
    Column("message_id", String, nullable=False, unique=True),
    Column("state", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", Moment),
    Column("expires_at", Moment),
    Column("claim", String),
    Column("lease_until", Moment),
    Column("created_at", Moment, nullable=False),
    Column("finished_at", Moment),
    UniqueConstraint("issue", "subscriber"),
    Index("ix_deliveries_state_next_attempt_at", "state", "next_attempt_at", "row"),
    sqlite_autoincrement=_NUMBERS_ONCE,
)

attempts = Table(
    "attempts",
    metadata,
    _row(),
    _ref("delivery", "deliveries", index=True),
    Column("at", Moment, nullable=False),
    Column("stage", String, nullable=False),
    Column("code", Integer),
    Column("enhanced", String),
    Column("text", Text, nullable=False),
    Column("connection", String, nullable=False),
)

bounces = Table(
    "bounces",
    metadata,
    _row(),
    Column("fingerprint", String, nullable=False, unique=True),  # the same report counts once
    Column("delivery", _Row, ForeignKey("deliveries.row", ondelete="CASCADE"), index=True),
    Column("email_key", String, nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("status", String),
    Column("text", Text, nullable=False),
    Column("at", Moment, nullable=False),
)

# Addresses that get nothing, whoever adds them again; only a fresh confirmation lifts one.
suppressions = Table(
    "suppressions",
    metadata,
    Column("email_key", String, primary_key=True),
    Column("reason", String, nullable=False),
    Column("at", Moment, nullable=False),
)

# What other programs are told of subscribers: written in the transaction that makes it true, and gone once it is
# taken.
events = Table(
    "events",
    metadata,
    _row(),
    Column("id", String, nullable=False, unique=True),  # as the receiver sees it, to tell a call that comes twice
    Column("kind", String, nullable=False),
    Column("webhook", String, nullable=False),  # the name of the [[webhooks]] that is to be called
    Column("at", Moment, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("state", String, nullable=False),  # waiting, or failed: nobody took it for three days
    Column("tries", Integer, nullable=False),
    Column("next_try_at", Moment),
    Column("claim", String),
    Column("lease_until", Moment),
    Column("answer", Text, nullable=False),  # what the last call met with
    Index("ix_events_state_next_try_at", "state", "next_try_at", "row"),
    sqlite_autoincrement=_NUMBERS_ONCE,
)

# The relay as a whole: paused by an account's fault, and how much of the day's allowance is used.
relay = Table(
    "relay",
    metadata,
    Column("name", String, primary_key=True),
    Column("paused_until", Moment),
    Column("reason", Text, nullable=False),
    Column("day", Date),
    Column("handed_over", Integer, nullable=False),
    Column("accepted_at", Moment),  # when it last took a letter
)

# How often somebody asked for something that costs others: letters to an address, guesses. Keys are hashes with the
# site's key, never addresses.
quota_uses = Table(
    "quota_uses",
    metadata,
    _row(),
    Column("kind", String, nullable=False),
    Column("key", String, nullable=False),
    Column("at", Moment, nullable=False),
    Index("ix_quota_uses_kind_key_at", "kind", "key", "at"),
)

# What programs show to use the API; the token itself is nowhere.
api_tokens = Table(
    "api_tokens",
    metadata,
    Column("name", String, primary_key=True),
    Column("hash", String, nullable=False, unique=True),
    Column("scopes", JSON, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("last_used_at", Moment),
)

# Operators who are logged in; a cookie is worth nothing without its row here.
sessions = Table(
    "sessions",
    metadata,
    Column("hash", String, primary_key=True),
    Column("expires_at", Moment, nullable=False),
)

# Who changed what, for the operator; of subscribers only their number, so that erasing one leaves no address here.
audit_entries = Table(
    "audit_entries",
    metadata,
    _row(),
    Column("at", Moment, nullable=False, index=True),
    Column("who", String, nullable=False),
    Column("action", String, nullable=False),
    Column("subject", String, nullable=False),
)

# Small values that belong to the site: the hash of the loaded topics, whether the seeds were loaded.
notes = Table("notes", metadata, Column("name", String, primary_key=True), Column("value", Text, nullable=False))
