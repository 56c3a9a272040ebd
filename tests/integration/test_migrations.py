"""The migrations make the very tables that the code speaks of."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from paperround.app import open_store
from paperround.matching import fts
from paperround.store.schema import metadata


def test_migrations_and_schema_agree(database_url: str) -> None:
    store = open_store(database_url)
    store.prepare()
    with store._engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_name": lambda name, kind, _: not (kind == "table" and str(name).startswith("paper_index"))
            },
        )
        assert compare_metadata(context, metadata) == []
    store.close()


def test_the_search_index_is_the_one_that_queries_are_written_for(tmp_path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/x.db")
    store.prepare()
    with store._engine.connect() as connection:
        made = connection.scalar(text("SELECT sql FROM sqlite_master WHERE name = 'paper_index'"))
    assert made == fts.CREATE
    store.close()


def test_preparing_twice_changes_nothing(database_url: str) -> None:
    store = open_store(database_url)
    store.prepare()
    store.prepare()
    assert store.migrate() == store.migrate()
    store.close()
