"""The tables, named as in docs/glossary.md. A change here needs a migration; a test compares the two.

String columns have no maximum length: SQLite would ignore it, and PostgreSQL would reject a whole batch for one
value.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
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
    false,
    literal_column,
    text,
    true,
)

from paperround.domain.preferences import Breadth, Density, QuietDays
from paperround.domain.schedule import Cadence


class Moment(TypeDecorator[datetime]):
    """A moment that is timezone-aware and in UTC in Python, however the database stores it."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:  # noqa: ARG002
        """Convert what the driver returns: text of SQLite, a moment of PostgreSQL."""
        return _moment_in_text if dialect.name == "sqlite" else _moment_in_utc


@lru_cache(maxsize=4096)  # rows that were written together have the same moments
def _moment_in_text(stored: str | None) -> datetime | None:
    return None if stored is None else datetime.fromisoformat(stored).replace(tzinfo=UTC)


def _moment_in_utc(stored: datetime | None) -> datetime | None:
    return None if stored is None else stored.astimezone(UTC)


class Texts(TypeDecorator[tuple[str, ...]]):
    """A tuple of strings, stored as a JSON list."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> list[str]:  # noqa: ARG002
        return list(value or ())

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], tuple[str, ...]]:  # noqa: ARG002
        """Convert what the driver returns: JSON of SQLite, a list of PostgreSQL."""
        return _texts_in_json if dialect.name == "sqlite" else _texts_in_list


@lru_cache(maxsize=1024)
def _texts_in_json(stored: str | None) -> tuple[str, ...]:
    return tuple(json.loads(stored) or ()) if stored else ()


def _texts_in_list(stored: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(stored or ())


class WrittenTexts(TypeDecorator[tuple[str, ...]]):
    """A column of `Texts` that is cast to its JSON text, which can be looked up in a cache on either database."""

    impl = Text
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], tuple[str, ...]]:  # noqa: ARG002
        """Convert the text."""
        return _texts_in_json


class Choice(TypeDecorator[StrEnum]):
    """A member of an enumeration, stored as its value."""

    impl = String
    cache_ok = True

    def __init__(self, kind: type[StrEnum]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else self.kind(value).value

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], StrEnum | None]:  # noqa: ARG002
        """Look members up by value, which takes a fifth of the time of calling the enumeration."""
        members: dict[str | None, StrEnum | None] = {None: None, **{member.value: member for member in self.kind}}
        return members.__getitem__


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
# In SQLite only INTEGER PRIMARY KEY is an alias of the rowid; in PostgreSQL the number needs 64 bits.
_Row = BigInteger().with_variant(Integer, "sqlite")


# Without AUTOINCREMENT, SQLite reuses the number of a deleted last row for the next one, and a link with that number
# would open another subscriber's preferences. PostgreSQL's sequences never reuse a number.
_NUMBERS_ONCE = True


def _row() -> Column[int]:
    return Column("row", _Row, primary_key=True)


def _ref(name: str, target: str, **options: Any) -> Column[int]:
    return Column(name, _Row, ForeignKey(f"{target}.row", ondelete="CASCADE"), nullable=False, **options)


BY_TRIGGERS = "triggers on PostgreSQL"
"""Marks foreign keys of tables that get many rows at once. PostgreSQL has triggers instead of constraints for these,
which check the rows of a statement together (migrations 0034 and 0035).
"""


def _bulk_ref(name: str, target: str, **options: Any) -> Column[int]:
    options = {"nullable": False, **options}
    key = ForeignKey(f"{target}.row", ondelete="CASCADE", info={BY_TRIGGERS: True})
    return Column(name, _Row, key, **options)


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
    # New or changed, and not compared with the topics yet. Set in the transaction that stores the facts, and cleared
    # in the one that stores the matches, so that no crash leaves a paper unmatched.
    Column("unmatched", Boolean, nullable=False),
    Column("archived", Boolean, nullable=False),  # shown on pages and in search; its matches are never sent
    # One sentence by language, written by the operator's model; empty where it wrote nothing of use, so that it is
    # not asked again. Removed when the abstract changes.
    Column("summaries", JSON(none_as_null=True)),
    Index("ix_papers_day_upvotes", "day", "upvotes"),
    Index("ix_papers_unmatched", "row", sqlite_where=text("unmatched"), postgresql_where=text("unmatched")),
    sqlite_autoincrement=_NUMBERS_ONCE,
)

UNMATCHED: ColumnElement[bool] = literal_column("papers.unmatched")
"""Written as in the index above: SQLAlchemy would write `unmatched = 1`, for which SQLite reads the whole table."""

ROW_KEY = "row:"
"""The prefix of the key under which a merged paper is found by its earlier number."""

# Every key under which a paper is known, such as identifiers and titles; identity.py computes them.
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

# Thumbnails, fetched and resized here, so that opening a letter or a page contacts no other host. The name is derived
# from the content. A picture that could not be fetched has only its URL, and is tried again a few times. A paper's
# picture is found by the URL in its facts, so it stays correct when papers are merged or change.
pictures = Table(
    "pictures",
    metadata,
    Column("url", String, primary_key=True),
    Column("name", String, index=True),
    Column("width", Integer),
    Column("height", Integer),
    Column("tries", Integer, nullable=False),
    Column("fetched_at", Moment, nullable=False, index=True),
    Column("content", LargeBinary),  # the last column: SQLite reads a row from its beginning
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
    Column("private", Boolean, nullable=False),  # a subscriber's own query, shown on no page and in no list
    # The query's vector, and the model and query it comes from; only for plain words. Rounds then need no model.
    Column("vector", LargeBinary),
    Column("vector_of", String),
    Column("matched_query", Text),  # the query of the stored matches; if it differs, the topic is due
    # An interest's ratings and breadth decide which papers it takes. How often they have changed, and how many of
    # these changes its stored matches include; if the numbers differ, its unread matches are due.
    Column("renewals", Integer, nullable=False, server_default="0"),
    Column("renewed", Integer, nullable=False, server_default="0"),
    sqlite_autoincrement=_NUMBERS_ONCE,
)

# Vectors of papers (matching.vectors defines the format). A paper is queued for its vectors in the transaction that
# adds it or changes its text.
vectors = Table(
    "vectors",
    metadata,
    _ref("paper", "papers", primary_key=True),
    Column("text", String, nullable=False),  # a digest of the vector's text
    Column("model", String, nullable=False),
    Column("number", Integer, nullable=False),  # grows with each transaction that stores vectors
    Column("vector", LargeBinary),  # of the title and the abstract
    Column("title", LargeBinary),  # of the title alone
    Index("ix_vectors_number", "number"),
    Index(
        "ix_vectors_waiting", "paper", sqlite_where=text("vector IS NULL"), postgresql_where=text("vector IS NULL")
    ),
)

WAITING_FOR_VECTOR: ColumnElement[bool] = literal_column("vectors.vector").is_(None)
"""Written as in the index above, so that the index is used."""

# A match becomes news when publish() closes an edition. That transaction assigns the number to all rows it sees
# without one: a match that a slow transaction commits later is still NULL, and gets the next edition. No timestamp
# and no sequence could guarantee that. Edition 0 is never sent: it is for archived papers.
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
    Column("day", Date, nullable=False),  # the paper's day, to find a topic's newest papers by index
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

# The papers that came closest to an interest of one subscriber without matching it. A thin letter ends with some.
close_papers = Table(
    "close_papers",
    metadata,
    _ref("topic", "topics", primary_key=True),
    _ref("paper", "papers", primary_key=True),
    Column("fit", Float, nullable=False),
    Column("edition", Integer),  # as that of matches
    Index("ix_close_papers_paper", "paper"),
    Index("ix_close_papers_edition", "edition"),
    sqlite_with_rowid=False,
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
    Column("last_edition", Integer, nullable=False, server_default="0"),  # the newest edition of a digest for them
    Column("paused_until", Date),
    Column("created_at", Moment, nullable=False),
    Column("confirmed_at", Moment),
    Column("consent", JSON, nullable=False),
    Column("request", JSON(none_as_null=True)),  # requested preferences, until they are confirmed
    Column("unsubscribed_at", Moment),
    Column("unsubscribe_reason", Text),  # in the subscriber's own words; may be empty
    Column("link_renewals", Integer, nullable=False, server_default="0"),  # invalidates older links
    Column("feed_secret", String),  # part of the private feed's URL; NULL if there is none
    Index(
        "ix_subscribers_feed_secret",
        "feed_secret",
        unique=True,
        sqlite_where=text("feed_secret IS NOT NULL"),
        postgresql_where=text("feed_secret IS NOT NULL"),
    ),
    Index("ix_subscribers_due", "state", "next_digest_at", "row"),
    sqlite_autoincrement=_NUMBERS_ONCE,
)

# Changes of address, until they are confirmed at the new address.
address_changes = Table(
    "address_changes",
    metadata,
    _row(),
    _ref("subscriber", "subscribers", index=True),
    Column("email", String, nullable=False),
    Column("email_key", String, nullable=False, index=True),
    Column("created_at", Moment, nullable=False),
    # When this or another request of the subscriber was confirmed, or their links were replaced.
    Column("settled_at", Moment),
    sqlite_autoincrement=_NUMBERS_ONCE,
)

subscriptions = Table(
    "subscriptions",
    metadata,
    _bulk_ref("subscriber", "subscribers", primary_key=True),
    _bulk_ref("topic", "topics", primary_key=True, index=True),
    Column("place", Integer, nullable=False),
    # The edition after which a subscription begins that was added since the subscriber's last digest; otherwise NULL,
    # which stands for the subscriber's own last edition. So a digest changes one row, not one for each topic.
    Column("last_edition", Integer),
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

# Snapshots of papers when an issue first used them, so that a letter is the same when it is sent again.
issue_papers = Table(
    "issue_papers",
    metadata,
    _ref("issue", "issues", primary_key=True),
    Column("paper", _Row, primary_key=True),  # no foreign key: digests refer to it even after a merge
    Column("snapshot", JSON, nullable=False),
)

# The number of papers of each public topic on each day of an issue's span, stored when the issue was first composed,
# for the chart in weekly and monthly letters.
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
    _bulk_ref("issue", "issues"),
    _bulk_ref("subscriber", "subscribers"),
    Column("sections", JSON, nullable=False),
    Column("more", JSON, nullable=False),  # the numbers of the papers that are only counted
    # The highest of these numbers; NULL for none, or after the letter expired: then its papers count as unsent.
    Column("last_counted", _Row),
    Column("left_out", Integer, nullable=False, server_default="0"),  # papers that the subscriber's words exclude
    Column("notes", JSON(none_as_null=True)),  # about papers of earlier digests; NULL for none
    Column("facts", JSON(none_as_null=True)),  # what it was chosen from
    Column("created_at", Moment, nullable=False),
    # What the ranks of its papers are made of, which no letter shows. NULL in older digests, where they are in
    # `sections`; the last column, since SQLite reads a row from its beginning.
    Column("packed_scores", LargeBinary),
    UniqueConstraint("issue", "subscriber"),
    Index("ix_digests_counted", "subscriber", "last_counted"),
    sqlite_autoincrement=_NUMBERS_ONCE,
)

# The papers that digests included: the primary key guarantees that no two digests include the same. Papers that were
# only counted, about ten times as many, stay in the list of their digest (store/sent_before.py). There are no foreign
# keys: checking them took six sevenths of the time to write these rows in PostgreSQL, and the rows outlive digests.
digest_papers = Table(
    "digest_papers",
    metadata,
    Column("subscriber", _Row, primary_key=True),
    Column("paper", _Row, primary_key=True),
    Column("digest", _Row, nullable=False),
    Column("place", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# The lists of counted papers of deleted digests, named as there.
counted_papers = Table(
    "counted_papers",
    metadata,
    _ref("subscriber", "subscribers", primary_key=True),
    Column("last_counted", _Row, primary_key=True),
    Column("digest", _Row, primary_key=True),
    Column("more", JSON, nullable=False),
    sqlite_with_rowid=False,
)

# The papers of expired letters, a row for each letter. The subscriber's next digest includes them, and its letter
# goes before those of subscribers who have waited less. As in `counted_papers`, lists have the numbers that papers
# had at the time.
unsent_lists = Table(
    "unsent_lists",
    metadata,
    _bulk_ref("subscriber", "subscribers", primary_key=True),
    Column("digest", _Row, primary_key=True),  # 0 for papers that were unsent before schema 0021
    Column("since", Moment, nullable=False),
    Column("included", Text, nullable=False),  # the numbers of papers, as a JSON array
    Column("counted", Text, nullable=False),
    sqlite_with_rowid=False,
)

# Subscribers' ratings of papers: +1 (more like this) or -1 (less); the latest rating counts.
feedback = Table(
    "feedback",
    metadata,
    _ref("subscriber", "subscribers", primary_key=True),
    _ref("paper", "papers", primary_key=True, index=True),
    Column("verdict", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("owned", Boolean, nullable=False, server_default=false()),  # of the subscriber's own library
    sqlite_with_rowid=False,
)

# Papers that subscribers saved for later; a digest at the end of the week begins with them.
saved_papers = Table(
    "saved_papers",
    metadata,
    _ref("subscriber", "subscribers", primary_key=True),
    _ref("paper", "papers", primary_key=True, index=True),
    Column("at", Moment, nullable=False),
    sqlite_with_rowid=False,
)

# Papers of subscribers' own libraries that are not stored here; their taste is learned from them too. An empty title
# is looked up at arXiv.
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
    Column("owned", Boolean, nullable=False, server_default=true()),  # not if it is only by an author whom they like
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
    _bulk_ref("subscriber", "subscribers", index=True),
    Column("issue", _Row, ForeignKey("issues.row", info={BY_TRIGGERS: True})),  # the issue of the digest
    _bulk_ref("digest", "digests", nullable=True, unique=True),
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
    Index(
        "ix_deliveries_notices",
        *("state", "next_attempt_at", "row"),
        sqlite_where=text("digest IS NULL"),
        postgresql_where=text("digest IS NULL"),
    ),
    sqlite_autoincrement=_NUMBERS_ONCE,
)

attempts = Table(
    "attempts",
    metadata,
    _row(),
    _bulk_ref("delivery", "deliveries", index=True),
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

# Addresses that are sent nothing, whoever adds them again. A new confirmation lifts a suppression, and so can the
# operator after bounces.
suppressions = Table(
    "suppressions",
    metadata,
    Column("email_key", String, primary_key=True),
    Column("reason", String, nullable=False),
    Column("at", Moment, nullable=False),
    Column("cause", String),  # a SuppressionCause; none if the operator or another site suppressed it
    Column("asked_at", Moment),  # when the owner was last asked to confirm
)

# Events for webhooks: written in the transaction that makes the change, deleted once delivered.
events = Table(
    "events",
    metadata,
    _row(),
    Column(
        "id", String, nullable=False, unique=True
    ),  # sent to the receiver, which can recognize a repeated call by it
    Column("kind", String, nullable=False),
    Column("webhook", String, nullable=False),  # the name of the [[webhooks]] entry to call
    Column("at", Moment, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("state", String, nullable=False),  # waiting, or failed: not accepted for three days
    Column("tries", Integer, nullable=False),
    Column("next_try_at", Moment),
    Column("claim", String),
    Column("lease_until", Moment),
    Column("answer", Text, nullable=False),  # the result of the last call
    Index("ix_events_state_next_try_at", "state", "next_try_at", "row"),
    sqlite_autoincrement=_NUMBERS_ONCE,
)

# The relay as a whole: whether it is paused, for example by a problem with the account, and the day's letters.
relay = Table(
    "relay",
    metadata,
    Column("name", String, primary_key=True),
    Column("paused_until", Moment),
    Column("reason", Text, nullable=False),
    Column("day", Date),
    Column("handed_over", Integer, nullable=False),
    Column("accepted_at", Moment),  # when it last accepted a letter
)

# Uses counted under quotas, such as letters to an address or attempts to log in. Keys are hashes with the site's key,
# never addresses.
quota_uses = Table(
    "quota_uses",
    metadata,
    _row(),
    Column("kind", String, nullable=False),
    Column("key", String, nullable=False),
    Column("at", Moment, nullable=False),
    Index("ix_quota_uses_kind_key_at", "kind", "key", "at"),
)

# Tokens of programs that use the API; only a hash of each is stored.
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

# Sessions of operators; a cookie is valid only while its row exists.
sessions = Table(
    "sessions",
    metadata,
    Column("hash", String, primary_key=True),
    Column("expires_at", Moment, nullable=False),
)

# The audit log. Subscribers are named only by number, so that no address remains here when one is erased.
audit_entries = Table(
    "audit_entries",
    metadata,
    _row(),
    Column("at", Moment, nullable=False, index=True),
    Column("who", String, nullable=False),
    Column("action", String, nullable=False),
    Column("subject", String, nullable=False),
)

# Alarms about letters that come back: each is logged once a day.
alarms = Table(
    "alarms",
    metadata,
    Column("kind", String, primary_key=True),  # an AlarmKind
    Column("domain", String, primary_key=True),
    Column("day", Date, primary_key=True),
)

# The signatures of relays' webhook calls, each with a hash of the event that it came with first.
webhook_signatures = Table(
    "webhook_signatures",
    metadata,
    Column("token", String, primary_key=True),
    Column("event", String, nullable=False),
    Column("at", Moment, nullable=False),
)

# Values of the site by name; `SiteValues` lists them. They have nothing to do with the notes of digests.
site_values = Table(
    "notes", metadata, Column("name", String, primary_key=True), Column("value", Text, nullable=False)
)
