"""Databases with paperround's tables: the migrations run once for each engine, and tests get copies of the result."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import uuid
from functools import lru_cache
from pathlib import Path

import psycopg
from sqlalchemy import Engine

from paperround.app import open_store
from paperround.store import Store


def engine_of(store: Store) -> Engine:
    """Return a store's engine, for tests that look at the tables themselves."""
    return store._engine


def copy_sqlite(to: Path) -> None:
    """Write a SQLite database without rows to a file."""
    to.parent.mkdir(mode=0o700, exist_ok=True)
    shutil.copy(_made_sqlite(), to)  # with its permissions


def create_postgresql(server: str, *, tables: bool) -> str:
    """Create a database on a server, empty or with the tables but no rows; return its URL."""
    return _create(server, _made_postgresql(server) if tables else "template1")


@lru_cache(maxsize=1)
def _made_sqlite() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="paperround-tests-"))
    atexit.register(shutil.rmtree, folder)
    _make_tables(f"sqlite:///{folder}/paperround.db")
    return folder / "paperround.db"


@lru_cache(maxsize=1)
def _made_postgresql(server: str) -> str:
    """Return the name of a database that others can be copied from."""
    url = _create(server, "template1")
    _make_tables(url)
    return url.rpartition("/")[2]


def _create(server: str, template: str) -> str:
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as admin:
        # From version 15 on the default is to log each block, which takes longer without fsync.
        strategy = "STRATEGY FILE_COPY" if admin.info.server_version >= 150_000 else ""
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} {strategy}")
    return f"{server.replace('postgresql:', 'postgresql+psycopg:', 1).rpartition('/')[0]}/{name}"


def _make_tables(url: str) -> None:
    store = open_store(url)
    store.prepare()
    store.close()
