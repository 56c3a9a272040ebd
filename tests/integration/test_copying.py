"""`copy` takes everything to another database, from each kind to each."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from paperround.app import open_store
from paperround.domain.errors import StoreError, UsageError
from paperround.operator import copying
from paperround.operator.copying import copy_database
from paperround.rounds import pipeline
from paperround.rounds.search import search_papers
from paperround.store import Store
from paperround.store.engine import reading
from paperround.store.schema import metadata
from support import databases
from support.databases import engine_of
from support.pages import Pages
from support.papers import listing
from support.site import Site


@pytest.fixture
def pages(tmp_path: Path, database_url: str) -> Iterator[Pages]:
    made = Pages(tmp_path, database_url)
    made.subscriber("ada@x.example", first_now=True, queries=("walking robots",), follows=("author: Ada Lovelace",))
    gone = made.subscriber("gone@x.example", first_now=True)
    made.letters()
    made.app.store.subscribers.erase([gone], made.site.clock())
    yield made
    made.app.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of another database, which has no tables yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/copy.db"
    return databases.create_postgresql(request.getfixturevalue("postgres_server"), tables=False)


def sqlite_pages(file: Path) -> int:
    """The number of pages of a SQLite database."""
    with closing(sqlite3.connect(file)) as db:
        number: int = db.execute("PRAGMA page_count").fetchone()[0]
    return number


def _rows(app: Any) -> dict[str, list[tuple[Any, ...]]]:
    with reading(engine_of(app.store)) as db:
        tables = {
            table.name: [tuple(row) for row in db.execute(select(table).order_by(*table.primary_key))]
            for table in metadata.sorted_tables
        }
    tables["notes"] = [row for row in tables["notes"] if not row[0].startswith("text form")]
    return tables


def test_the_copy_has_every_row_and_is_searched_and_mailed_like_the_original(
    pages: Pages, tmp_path: Path, target: str
) -> None:
    before = _rows(pages.app)
    copy_database(pages.app, target)
    folder = tmp_path / "copy"
    folder.mkdir()
    copy = Site(folder, target)
    assert _rows(copy.app) == before
    assert copy.app.link_keys == pages.app.link_keys
    found = [[one.paper.id for one in search_papers(app, "robots", 5).found] for app in (pages.app, copy.app)]
    assert found[0]
    assert found[0] == found[1]
    copy.clock.now = pages.site.clock.now + timedelta(days=2)
    copy.papers(listing(30, "robots"))
    assert pipeline.publish(copy.app).composed == 1
    copy.subscriber("new@x.example", "robots")
    new = copy.app.store.subscribers.by_email("new@x.example")
    assert new is not None
    assert new.row == 3  # the number of the erased subscriber is not given to another one
    copy.app.close()


def test_a_database_with_rows_is_no_place_for_a_copy(pages: Pages, tmp_path: Path, target: str) -> None:
    other = Site(tmp_path, target)
    other.topic("robots")
    other.app.close()
    with pytest.raises(UsageError, match="not empty: it has topics"):
        copy_database(pages.app, target)


def test_a_copy_for_which_the_disk_is_too_small_is_made_again_or_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other disk is full while rows are copied, or while they are indexed."""
    source = Site(tmp_path)
    source.topic("robots")
    source.papers(*map(listing, range(300)))
    folder = tmp_path / "copies"
    folder.mkdir()
    messages = set()

    def open_small(url: str, spare_pages: int) -> Store:
        store = open_store(url)
        store.prepare()
        limit = sqlite_pages(Path(url.removeprefix("sqlite:///"))) + spare_pages
        event.listen(
            engine_of(store), "checkout", lambda db, *_: db.execute(f"PRAGMA max_page_count = {limit}").close()
        )
        return store

    for spare_pages in range(0, 400, 20):
        url = f"sqlite:///{folder}/{spare_pages}.db"
        with monkeypatch.context() as patched:
            patched.setattr(copying, "open_store", partial(open_small, spare_pages=spare_pages))
            message = ""
            try:
                copy_database(source.app, url)
            except StoreError as error:
                message = str(error)
        if message:
            assert "disk is full" in message
            messages.add(message.partition(f" {folder}")[0])
        if message.startswith("copying to"):
            continue
        (tmp_path / f"site{spare_pages}").mkdir()
        copy = Site(tmp_path / f"site{spare_pages}", url)
        pipeline.sweep(copy.app)
        assert search_papers(copy.app, "robots", 5).found
        copy.app.close()
    assert messages == {"copying to", "everything is copied to"}
    copy_database(source.app, f"sqlite:///{folder}/0.db")  # what was copied is rolled back
    source.app.close()
