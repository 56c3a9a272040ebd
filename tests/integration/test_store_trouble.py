"""A full disk and a locked database: a clear error, nothing lost, nothing half written."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import Connection, event, func, select, text, update

from paperround.app import open_store
from paperround.domain.errors import ConfigurationError, StoreError, UsageError
from paperround.rounds import pipeline
from paperround.store import Store, engine
from paperround.store.bulk import Prepared
from paperround.store.errors import named_errors
from paperround.store.schema import site_values
from support.databases import engine_of
from support.papers import listing
from support.site import MORNING, Site


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    made = open_store(database_url)
    made.prepare()
    yield made
    made.close()


def due_site(folder: Path, subscribers: int) -> Site:
    site = Site(folder)
    site.topic("robots")
    site.subscribers([f"subscriber{number}@example.org" for number in range(subscribers)], "robots")
    site.papers(*(listing(number) for number in range(5)))
    site.clock.now = MORNING + timedelta(hours=1)
    return site


class FullDisk:
    """Lets the database grow no further, by SQLite's own limit."""

    def __init__(self, site: Site, spare_pages: int) -> None:
        self._pages: int | None = None
        self._spare = spare_pages
        self._engine = engine_of(site.app.store)
        event.listen(self._engine, "checkout", self._limit)

    def _limit(self, connection, _record, _proxy) -> None:
        if self._pages is None:
            self._pages = connection.execute("PRAGMA page_count").fetchone()[0] + self._spare
        connection.execute(f"PRAGMA max_page_count = {self._pages}")

    def free(self) -> None:
        self._pages = 10**9


@pytest.mark.parametrize("spare_pages", [0, 20, 60])
def test_a_full_disk_while_publishing_says_so_and_loses_nothing(tmp_path: Path, spare_pages: int) -> None:
    site = due_site(tmp_path, 600)
    disk = FullDisk(site, spare_pages)
    with pytest.raises(StoreError, match=r"disk is full .*free some space"):
        pipeline.publish(site.app)
    disk.free()
    pipeline.publish(site.app)
    pipeline.deliver(site.app)
    assert Counter(letter.recipient for letter in site.relay.accepted) == {
        f"subscriber{number}@example.org": 1 for number in range(600)
    }
    site.app.close()


def test_a_full_disk_while_delivering_stops_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    site = due_site(tmp_path, 600)
    pipeline.publish(site.app)
    disk = FullDisk(site, 6)
    with pytest.raises(StoreError, match="disk is full"):
        pipeline.deliver(site.app)
    uncertain = len(site.relay.accepted) - site.app.store.delivery_reports.count().get("sent", 0)
    assert uncertain <= 1  # this relay has one connection
    disk.free()
    site.clock.now += timedelta(minutes=5)  # the lease of what was in flight runs out
    pipeline.sweep(site.app)
    pipeline.deliver(site.app)
    got = Counter(letter.recipient for letter in site.relay.accepted)
    assert set(got) == {f"subscriber{number}@example.org" for number in range(600)}
    assert sum(got.values()) - 600 <= uncertain
    site.app.close()


def test_a_full_disk_without_room_for_the_files_beside_the_database_says_so() -> None:
    error = sqlite3.OperationalError("disk I/O error")  # what SQLite says if the -shm file cannot grow
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
    with (
        pytest.raises(StoreError, match=r"the database's disk is full \(disk I/O error\); free some space"),
        named_errors(),
    ):
        raise error


def test_a_database_that_another_program_holds_is_waited_for_and_then_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.2)
    site = due_site(tmp_path, 3)
    other = sqlite3.connect(tmp_path / "paperround.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="a backup or another program may hold it"):
        pipeline.publish(site.app)
    other.execute("ROLLBACK")
    other.close()
    assert pipeline.publish(site.app).composed == 3
    site.app.close()


def test_a_refused_switch_to_the_write_ahead_log_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    with monkeypatch.context() as patched:
        patched.setattr(engine, "BUSY_SECONDS", 0)  # SQLite itself waits for nothing
        opened = engine.connect(url)
    other = sqlite3.connect(tmp_path / "new.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    release = threading.Timer(0.2, other.execute, ["ROLLBACK"])
    release.start()
    with engine.reading(opened) as db:
        assert db.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    release.join()
    other.close()
    opened.dispose()


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    other.close()
    before = (tmp_path / "other.db").read_bytes()
    store = open_store(f"sqlite:///{tmp_path}/other.db")
    for use in (store.exists, store.prepare):
        with pytest.raises(StoreError, match="give paperround its own database"):
            use()
    store.close()
    assert (tmp_path / "other.db").read_bytes() == before


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://x/y", "names mysql, which is not supported"),
        ("nonsense", "is not a database URL"),
        ("", "is not a database URL"),
        ("sqlit:///x", "names sqlit, which is not supported"),
        ("postgresql://host/papers", "names postgresql, which is not supported"),
        ("postgresql+pg9000://x/y", "which is not supported"),
        ("postgresql+psycopg://name:secret@host:port/papers", "has a port that is not a number"),
        ("postgresql+psycopg://name:secret@host:/papers", "has a port that is not a number"),
        ("postgresql+psycopg://[::1/papers", "has a port that is not a number"),
        ("postgresql+psycopg://name:se:secret@host/papers?port=x", "has a wrong option"),
        ("postgresql+psycopg://name:s@secret@host/papers", "has two @"),
        ("sqlite://papers.db", "has a host"),
        ("sqlite://name:secret@/papers.db", "has a host"),
        ("sqlite:///papers.db?timeout=long", "has a wrong option"),
        ("sqlite:///file:papers.db?uri=true", "names no file"),
        ("sqlite:///papers%00.db", "names no file"),
    ],
)
def test_a_wrong_url_names_the_setting_and_the_remedy_and_makes_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError) as refused:
        engine.connect(url)
    sentence = str(refused.value)
    assert sentence.startswith("PAPERROUND_DATABASE_URL ")
    assert said in sentence
    assert re.search("use |write ", sentence)
    assert "secret" not in sentence
    assert list(tmp_path.iterdir()) == []


def test_a_backup_is_whole_and_can_be_taken_while_letters_go_out(tmp_path: Path) -> None:
    site = due_site(tmp_path, 20)
    pipeline.publish(site.app)
    site.app.store.backup(tmp_path / "copies" / "copy.db")
    pipeline.deliver(site.app)
    copy = Site(tmp_path, f"sqlite:///{tmp_path}/copies/copy.db")
    assert copy.app.store.delivery_reports.count() == {"queued": 20}
    assert site.app.store.delivery_reports.count() == {"sent": 20}
    copy.app.close()
    site.app.close()


@pytest.mark.parametrize(
    "title", ["Fully Sharded Training", "A deadlock in a locked room", "No space for no such table"]
)
def test_an_error_is_named_by_its_code_and_not_by_the_words_of_a_row(store: Store, title: str) -> None:
    store.site_values.set(title, "one")
    with pytest.raises(StoreError, match="the database cannot be used"), engine.writing(engine_of(store)) as db:
        db.execute(text("INSERT INTO notes (name, value) VALUES (:name, :name)"), {"name": title})
    with pytest.raises(StoreError, match="the database cannot be used"), engine.writing(engine_of(store)) as db:
        db.execute(text(f"INSERT INTO notes (name, value) VALUES ('{title}', 'x' ! 'y')"))


@pytest.mark.parametrize(
    "statement",
    ["SELECT * FROM recipes", "SELECT flavor FROM notes", "INSERT INTO notes (flavor) VALUES ('sweet')"],
)
def test_a_missing_table_or_column_says_that_the_database_is_of_another_version(store: Store, statement: str) -> None:
    wanted = pytest.raises(StoreError, match=r"of another version .* run: paperround migrate")
    with wanted, engine.writing(engine_of(store)) as db:
        db.execute(text(statement))


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_a_program_that_is_stopped_during_a_statement_ends_without_another_error(
    store: Store, error: type[BaseException]
) -> None:
    """SIGTERM and Ctrl+C raise where the program is; SQLAlchemy gives up the connection that this interrupts."""
    store.site_values.set("before", "it")

    def stop(*_: object) -> None:
        raise error

    made = engine_of(store)
    event.listen(made, "before_cursor_execute", stop)
    with pytest.raises(error), engine.writing(made) as db:
        db.execute(text("UPDATE notes SET value = 'x'"))
    event.remove(made, "before_cursor_execute", stop)
    assert store.site_values.get("before") == "it"


def test_a_server_that_ends_a_connection_is_a_clear_error_and_the_next_one_is_new(postgres_url: str) -> None:
    store = open_store(postgres_url)
    made = engine_of(store)

    def write_twice() -> None:
        with engine.writing(made) as db:
            db.execute(text("UPDATE notes SET value = 'x'"))
            number = db.scalar(text("SELECT pg_backend_pid()"))
            with made.connect() as other:
                other.execute(text(f"SELECT pg_terminate_backend({number}, 5000)"))
            db.execute(text("UPDATE notes SET value = 'y'"))

    with pytest.raises(StoreError, match="the database cannot be used"):
        write_twice()
    store.site_values.set("after", "it")
    assert store.site_values.get("after") == "it"
    store.close()


def test_a_server_that_ends_a_connection_is_a_clear_error_of_a_prepared_statement_too(postgres_url: str) -> None:
    store = open_store(postgres_url)
    made = engine_of(store)
    change = Prepared(made, update(site_values).values(value="x"))

    def write_twice() -> None:
        with engine.writing(made) as db:
            change.run(db)
            _end(postgres_url, _numbers([db]))
            change.run(db)

    with pytest.raises(StoreError, match="the database cannot be used"):
        write_twice()
    with engine.writing(made) as db:
        change.run(db)
    store.close()


def test_connections_that_the_server_has_ended_are_replaced_unless_they_were_used_a_moment_ago(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(postgres_url)
    made, now = engine_of(store), [0.0]
    own = Prepared(made, select(func.pg_backend_pid()))
    monkeypatch.setattr(engine, "time", SimpleNamespace(monotonic=lambda: now[0]))
    several = [made.connect() for _ in range(3)]
    ended = _numbers(several)
    for each in several:
        each.close()
    _end(postgres_url, ended)
    now[0] = 0.9
    with pytest.raises(StoreError, match="the database cannot be used"):
        own.fetch()
    now[0] = 1.0
    several = [made.connect() for _ in range(3)]
    assert not ended & _numbers(several)
    for each in several:
        each.close()
    store.close()


def _numbers(connections: Sequence[Connection]) -> set[int]:
    """The numbers of the server's processes for these connections."""
    return {each.scalar(select(func.pg_backend_pid())) for each in connections}


def _end(url: str, numbers: set[int]) -> None:
    """Let the server end its processes with these numbers."""
    other = engine.connect(url)
    with other.connect() as db:
        for number in numbers:
            db.execute(select(func.pg_terminate_backend(number, 5000)))
    other.dispose()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_neither_copied_nor_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store(url)
    store.prepare()
    assert store.in_memory
    with pytest.raises(UsageError, match="the database is in memory"):
        store.backup(tmp_path / "copy.db")
    with pytest.raises(UsageError, match="the database is in memory"):
        store.restore(tmp_path / "copy.db", datetime.now(UTC))
    store.close()
    assert list(tmp_path.iterdir()) == []


def test_a_single_thread_keeps_using_one_connection_whose_pages_are_cached(tmp_path: Path) -> None:
    made = engine.connect(f"sqlite:///{tmp_path}/paperround.db")
    several = [made.connect() for _ in range(3)]
    for one in several:
        one.close()
    used = []
    for _ in range(5):
        with engine.reading(made) as db:
            used.append(db.connection.driver_connection)
    made.dispose()
    assert used == [used[0]] * 5
