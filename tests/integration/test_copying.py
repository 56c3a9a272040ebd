"""`copy` takes everything to another database, from each kind to each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from paperround.domain.errors import UsageError
from paperround.operator.copying import copy_database
from paperround.rounds import pipeline
from paperround.rounds.search import search_papers
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
