"""Subscriptions, digests, letters and unsent papers never outlive what they belong to.

SQLite has foreign keys for that, PostgreSQL triggers that run once for each statement.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, delete, func, insert, select, update

from paperround.domain.errors import StoreError
from paperround.domain.models import SubscriberState
from paperround.rounds import pipeline
from paperround.store.engine import reading, writing
from paperround.store.schema import attempts, deliveries, digests, issues, subscriptions, topics, unsent_lists
from paperround.store.subscriber_changes import SubscriberChange
from support.databases import engine_of
from support.papers import listing
from support.site import Site

_BELONGINGS = (
    (subscriptions, "subscriber"),
    (subscriptions, "topic"),
    (digests, "issue"),
    (digests, "subscriber"),
    (deliveries, "subscriber"),
    (deliveries, "digest"),
    (unsent_lists, "subscriber"),
    (attempts, "delivery"),
)
_TABLES = subscriptions, digests, deliveries, unsent_lists
_NOBODY = 999


def made(folder: Path, database_url: str) -> Site:
    """A site with two subscribers, who have a letter that has expired, and one without topics and letters."""
    site = Site(folder, database_url)
    site.topic("robots")
    site.topic("agents")
    site.subscribers(["ada@example.org", "ben@example.org"], "robots", at="07:00")
    site.app.store.subscriber_changes.save(
        [SubscriberChange("cy@example.org", {}, SubscriberState.ACTIVE)], site.clock()
    )
    site.papers(listing(1, "robots"))
    site.clock.now += timedelta(days=1)
    pipeline.publish(site.app)
    site.app.store.deliveries.expire(site.clock.now + timedelta(days=8))
    with writing(engine_of(site.app.store)) as db:
        tried = {"at": site.clock(), "stage": "final", "text": "", "connection": ""}
        db.execute(insert(attempts), [{"delivery": row, **tried} for row in db.scalars(select(deliveries.c.row))])
    return site


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    site = made(tmp_path, database_url)
    yield site
    site.app.close()


def belonging(db: Connection, table: Table, **parents: int) -> dict[str, Any]:
    """A new row like the first one of the table, which belongs to these."""
    row = dict(db.execute(select(table).order_by(*table.primary_key).limit(1)).mappings().one()) | parents
    if table is deliveries:
        row |= {"message_id": "<new@example.org>", "issue": None, "digest": parents.get("digest")}
    row.pop("row", None)
    return row


def new_parent(db: Connection, table: Table, column: str) -> tuple[Table, int]:
    """Something that a row of the table may belong to and none does, with its number."""
    [key] = table.c[column].foreign_keys
    parents = key.column.table
    if parents is issues:
        db.execute(insert(issues).values(row=7, cadence="daily", day=date(2026, 12, 24)))
    if parents is digests:
        db.execute(insert(digests).values(belonging(db, digests, subscriber=3) | {"row": 7}))
    if parents is deliveries:
        db.execute(insert(deliveries).values(belonging(db, deliveries, subscriber=3) | {"row": 7}))
    return parents, {"subscribers": 3, "topics": 2}.get(parents.name, 7)


def count(db: Connection, table: Table, **where: int) -> int:
    return db.scalar(select(func.count()).select_from(table).filter_by(**where)) or 0


@pytest.mark.parametrize(("table", "column"), _BELONGINGS)
def test_no_row_belongs_to_what_does_not_exist(site: Site, table: Table, column: str) -> None:
    engine = engine_of(site.app.store)
    with pytest.raises(StoreError, match=r"FOREIGN KEY|does not exist"), writing(engine) as db:
        db.execute(insert(table).values(belonging(db, table, **{column: _NOBODY})))
    one = table.c[column] == select(func.min(table.c[column])).scalar_subquery()
    with pytest.raises(StoreError, match=r"FOREIGN KEY|does not exist|keeps its"), writing(engine) as db:
        db.execute(update(table).where(one).values({column: _NOBODY}))
    with writing(engine) as db:
        parent = new_parent(db, table, column)[1]
        db.execute(insert(table).values(belonging(db, table, **{column: parent})))
        assert count(db, table, **{column: parent}) == 1


def test_an_erased_subscriber_leaves_nothing_and_others_keep_theirs(site: Site) -> None:
    engine = engine_of(site.app.store)
    with reading(engine) as db:
        before = {table.name: count(db, table, subscriber=2) for table in _TABLES}
    assert before == dict.fromkeys(before, 1)
    site.app.store.subscribers.erase([1], site.clock())
    with reading(engine) as db:
        assert {table.name: count(db, table, subscriber=1) for table in _TABLES} == dict.fromkeys(before, 0)
        assert {table.name: count(db, table, subscriber=2) for table in _TABLES} == before


def test_what_belongs_to_a_topic_an_issue_or_a_digest_goes_with_it(site: Site) -> None:
    with writing(engine_of(site.app.store)) as db:
        db.execute(delete(topics).where(topics.c.slug == "agents"))
        assert count(db, subscriptions) == 2
        db.execute(delete(topics).where(topics.c.slug == "robots"))
        assert count(db, subscriptions) == 0
        db.execute(delete(digests).where(digests.c.subscriber == 1))
        assert [count(db, table) for table in (digests, deliveries, attempts)] == [1, 1, 1]
        db.execute(delete(issues))
        assert [count(db, table) for table in (digests, deliveries, attempts)] == [0, 0, 0]


def test_subscriptions_move_to_another_topic(site: Site) -> None:
    site.app.store.topics.remove("robots", move_to="agents")
    with reading(engine_of(site.app.store)) as db:
        assert [count(db, subscriptions, topic=topic) for topic in (1, 2)] == [0, 2]


@pytest.mark.parametrize(("table", "column"), _BELONGINGS)
@pytest.mark.parametrize("deletes_first", [False, True])
def test_whoever_adds_and_whoever_deletes_at_the_same_time_leave_no_orphan(
    tmp_path: Path, postgres_url: str, table: Table, column: str, *, deletes_first: bool
) -> None:
    site = made(tmp_path, postgres_url)
    engine = engine_of(site.app.store)
    with writing(engine) as db:
        parents, number = new_parent(db, table, column)
        row = belonging(db, table, **{column: number})
    adding, deleting = insert(table).values(row), delete(parents).where(parents.c.row == number)
    first, second = (deleting, adding) if deletes_first else (adding, deleting)

    def run_second() -> None:
        with writing(engine) as db:
            db.execute(second)

    with ThreadPoolExecutor() as pool:
        with writing(engine) as db:
            db.execute(first)
            other = pool.submit(run_second)
            time.sleep(0.2)
            assert not other.done(), "it waits"
        if deletes_first:
            with pytest.raises(StoreError, match="does not exist"):
                other.result(timeout=20)
        else:
            other.result(timeout=20)
    with reading(engine) as db:
        assert count(db, table, **{column: number}) == 0
        assert count(db, parents, row=number) == 0
    site.app.close()
