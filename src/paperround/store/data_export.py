"""All stored data about a subscriber, for the copy that they may ask for (GDPR article 15)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, null, select, union_all

from paperround.store.engine import reading
from paperround.store.schema import (
    address_changes,
    attempts,
    bounces,
    deliveries,
    digest_papers,
    digests,
    examples,
    feedback,
    issues,
    libraries,
    papers,
    saved_papers,
    subscribers,
    subscriptions,
    suppressions,
    topics,
)
from paperround.store.sent_before import COUNTED, select_counted


class DataExport:
    """Reads all stored data about a subscriber."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def export_subscriber(self, row: int) -> dict[str, Any]:
        """Return all stored data about a subscriber, by the names that their copy of it uses."""
        with reading(self._engine) as db:
            mine = db.execute(select(subscribers).where(subscribers.c.row == row)).mappings().one()
            held = {"subscriber": {name: value for name, value in mine.items() if name != "row"}}
            return held | {
                name: [dict(record) for record in db.execute(query).mappings()]
                for name, query in _stored_about(db, mine["row"], mine["email_key"]).items()
            }


def _stored_about(db: Connection, row: int, key: str) -> dict[str, Any]:
    """Return queries for all that is stored about a subscriber, by the names that their copy of the data uses."""
    return _reading(db, row) | _mail(row) | _address(row, key)


def _reading(db: Connection, row: int) -> dict[str, Any]:
    """Return queries for what they follow, were sent, and said about it."""
    return {
        "topics": select(topics.c.slug, topics.c.name, topics.c.query, topics.c.private, subscriptions.c.created_at)
        .join_from(subscriptions, topics)
        .where(subscriptions.c.subscriber == row)
        .order_by(subscriptions.c.place),
        "digests": select(digests.c.row.label("number"), issues.c.cadence, issues.c.day, digests.c.created_at)
        .join_from(digests, issues)
        .where(digests.c.subscriber == row)
        .order_by(digests.c.row),
        "papers": _papers_sent(db, row),
        "feedback": select(papers.c.id, papers.c.title, feedback.c.verdict, feedback.c.at, feedback.c.owned)
        .join_from(feedback, papers)
        .where(feedback.c.subscriber == row)
        .order_by(feedback.c.at, papers.c.row),
        "saved": select(papers.c.id, papers.c.title, saved_papers.c.at)
        .join_from(saved_papers, papers)
        .where(saved_papers.c.subscriber == row)
        .order_by(saved_papers.c.at, papers.c.row),
        "examples": select(*(examples.c[name] for name in ("key", "title", "abstract", "authors", "at", "owned")))
        .where(examples.c.subscriber == row)
        .order_by(examples.c.row),
        "libraries": select(*(libraries.c[name] for name in ("kind", "account", "synced_at", "problem")))
        .where(libraries.c.subscriber == row)
        .order_by(libraries.c.kind),
    }


def _mail(row: int) -> dict[str, Any]:
    """Return queries for their emails, and what became of them."""
    letters = deliveries.c.subscriber == row
    return {
        "letters": select(
            deliveries.c.row.label("number"),
            deliveries.c.notice,
            deliveries.c.digest,
            deliveries.c.email,
            deliveries.c.message_id,
            deliveries.c.state,
            deliveries.c.reason,
            deliveries.c.created_at,
            deliveries.c.finished_at,
        )
        .where(letters)
        .order_by(deliveries.c.row),
        "attempts": select(
            attempts.c.delivery.label("letter"),
            attempts.c.at,
            attempts.c.stage,
            attempts.c.code,
            attempts.c.enhanced,
            attempts.c.text,
        )
        .join_from(attempts, deliveries)
        .where(letters)
        .order_by(attempts.c.row),
    }


def _address(row: int, key: str) -> dict[str, Any]:
    """Return queries for what is known about their address."""
    return {
        "bounces": select(bounces.c.kind, bounces.c.status, bounces.c.text, bounces.c.at)
        .where(bounces.c.email_key == key)
        .order_by(bounces.c.row),
        "address_changes": select(address_changes.c.email, address_changes.c.created_at, address_changes.c.settled_at)
        .where(address_changes.c.subscriber == row)
        .order_by(address_changes.c.row),
        "suppressions": select(suppressions.c.reason, suppressions.c.at, suppressions.c.asked_at).where(
            suppressions.c.email_key == key
        ),
    }


def _papers_sent(db: Connection, subscriber: int) -> Any:
    """Return a query for the papers of a subscriber's digests; those that are only counted have no place."""
    columns = papers.c.id, papers.c.title
    included = select(digest_papers.c.digest, *columns, digest_papers.c.place).where(
        digest_papers.c.subscriber == subscriber, papers.c.row == digest_papers.c.paper
    )
    counted = (
        select_counted(db, table, digest, *columns, null()).where(table.c.subscriber == subscriber)
        for table, digest in COUNTED
    )
    return union_all(included, *counted).order_by("digest", "place", "id")
