"""Merges two stored papers that turned out to be one work."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, case, delete, exists, literal, select, update

from paperround.store.engine import lock_exclusively, lock_shared, upsert
from paperround.store.schema import (
    ROW_KEY,
    close_papers,
    daily_counts,
    digest_papers,
    feedback,
    listings,
    matches,
    paper_keys,
    papers,
    saved_papers,
)
from paperround.store.site_values import read_value, write_value

_MERGED = "merged"


def absorb(db: Connection, keep: int, lose: int) -> None:
    """Move everything that refers to the paper `lose` to `keep`, and delete `lose`.

    Composed digests do not change; their issue has snapshots of both papers.
    """
    lock_exclusively(db, digest_papers)  # no digest may be composed now, with a paper that is about to disappear
    lock_shared(db, matches)
    db.execute(select(papers.c.row).where(papers.c.row.in_((keep, lose))).with_for_update())
    _make_news(db, keep, lose)
    _drop_older_feedback(db, keep, lose)
    for table in (listings, matches, close_papers, digest_papers, feedback, saved_papers):
        _move_rows(db, table, keep, lose)
    _add_daily_counts(db, keep, lose)
    _move_keys(db, keep, lose)
    db.execute(delete(papers).where(papers.c.row == lose))
    write_value(db, _MERGED, str(lose))


def make_news(db: Connection, row: int) -> None:
    """Let an archived paper be sent, because a source that did not have it before announces it now."""
    lock_shared(db, matches)
    db.execute(select(papers.c.row).where(papers.c.row == row).with_for_update())
    db.execute(update(papers).where(papers.c.row == row).values(archived=False))
    db.execute(update(matches).where(matches.c.paper == row, matches.c.edition == 0).values(edition=None))


def last_merged(db: Connection) -> str:
    """Return a text that changes with every merge of two papers: papers read before may no longer exist."""
    return read_value(db, _MERGED) or ""


def keep_larger_counts(statement: Any) -> Any:
    """Make an upsert of daily counts keep the larger count of a day.

    Votes are not withdrawn, and sources may answer late.
    """
    reported = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["paper", "day"],
        set_={
            name: case((reported[name] > daily_counts.c[name], reported[name]), else_=daily_counts.c[name])
            for name in ("upvotes", "comments", "stars")
        },
    )


def _make_news(db: Connection, keep: int, lose: int) -> None:
    """If only the paper that is kept is archived, let it be sent like the other one."""
    news = select(matches.c.topic).where(
        matches.c.paper == lose, matches.c.edition.is_(None) | (matches.c.edition > 0)
    )
    db.execute(
        update(matches)
        .where(matches.c.paper == keep, matches.c.edition == 0, matches.c.topic.in_(news))
        .values(edition=None)
    )
    live = select(papers.c.row).where(papers.c.row == lose, ~papers.c.archived).exists()
    db.execute(update(papers).where(papers.c.row == keep, live).values(archived=False))


def _drop_older_feedback(db: Connection, keep: int, lose: int) -> None:
    """Delete feedback on `keep` where the subscriber has rated `lose` since."""
    later = feedback.alias()
    outdated = later.c.subscriber == feedback.c.subscriber, later.c.paper == lose, later.c.at > feedback.c.at
    db.execute(delete(feedback).where(feedback.c.paper == keep, exists().where(*outdated)))


def _move_rows(db: Connection, table: Table, keep: int, lose: int) -> None:
    """Move the rows of a table, except those that `keep` has already."""
    column = table.c.paper
    others = [c for c in table.primary_key.columns if c.name != "paper"]
    doubled = select(*others).where(column == keep)
    if len(others) == 1:
        db.execute(delete(table).where(column == lose, others[0].in_(doubled)))
    else:
        for twin in db.execute(doubled).all():
            condition = [c == value for c, value in zip(others, twin, strict=True)]
            db.execute(delete(table).where(column == lose, *condition))
    db.execute(update(table).where(column == lose).values(paper=keep))


def _add_daily_counts(db: Connection, keep: int, lose: int) -> None:
    moved = select(literal(keep), *(column for column in daily_counts.c if column.name != "paper"))
    statement = upsert(db, daily_counts).from_select(
        [column.name for column in daily_counts.c], moved.where(daily_counts.c.paper == lose)
    )
    db.execute(keep_larger_counts(statement))


def _move_keys(db: Connection, keep: int, lose: int) -> None:
    """Move the keys of `lose`, and add its identifier and number.

    Sent letters link to the old identifier and digests contain the old number: both must still find the paper.
    """
    db.execute(update(paper_keys).where(paper_keys.c.paper == lose).values(paper=keep))
    old_name = db.scalar(select(papers.c.id).where(papers.c.row == lose))
    names = [{"key": f"id:{old_name}", "paper": keep}, {"key": f"{ROW_KEY}{lose}", "paper": keep}]
    db.execute(upsert(db, paper_keys).on_conflict_do_nothing(), names)
