"""After a backup is restored, links and return addresses of emails sent since act on nobody else."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from paperround.domain.errors import StoreError, UsageError
from paperround.domain.models import SubscriberState
from paperround.store import backup as backups
from support.pages import Pages

BOB, CAROL = "bob@hopper.example", "carol@hopper.example"


@pytest.fixture
def backup(pages: Pages, tmp_path: Path) -> Path:
    """A backup of a site with one subscriber, who has had an email."""
    pages.subscriber(first_now=True)
    pages.letters()
    pages.app.store.backup(tmp_path / "backup.db")
    return tmp_path / "backup.db"


def test_restoring_leaves_no_files_beside_the_backup(pages: Pages, backup: Path) -> None:
    pages.app.store.restore(backup, pages.app.clock())
    assert [path.name for path in backup.parent.glob(f"{backup.name}*")] == [backup.name]


@pytest.mark.parametrize("how", ["itself", "a symbolic link", "a hard link"])
def test_the_database_itself_is_no_backup(pages: Pages, tmp_path: Path, how: str) -> None:
    pages.subscriber()
    file = tmp_path / "paperround.db"
    named = tmp_path / "link.db"
    match how:
        case "a symbolic link":
            named.symlink_to(file)
        case "a hard link":
            named.hardlink_to(file)
        case _:
            named = file
    with pytest.raises(UsageError, match="is the database itself; choose a backup"):
        pages.app.store.restore(named, pages.app.clock())
    assert not list(file.parent.glob("*.before-restore-*"))


def test_a_copied_database_is_restored_with_its_log(pages: Pages, backup: Path) -> None:
    with closing(sqlite3.connect(backup)) as copy:
        copy.execute("UPDATE subscribers SET email = ?", (BOB,))
        copy.commit()
        copied = backup.with_name("copied.db")
        for ending in ("", "-wal"):
            shutil.copy(f"{backup}{ending}", f"{copied}{ending}")
    pages.app.store.restore(copied, pages.app.clock())
    assert any(BOB in row for row in pages.dump()["subscribers"])


@contextmanager
def _full_disk(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[None]:
    """Let the databases whose path contains `name` grow no further, by SQLite's own limit."""
    connect = sqlite3.connect

    def limited(path: object, **options: object) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(path, **options)  # type: ignore[arg-type, call-overload]
        if name in str(path):
            connection.execute("PRAGMA max_page_count = 1")
        return connection

    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, "connect", limited)
        yield


def _files(folder: Path) -> list[str]:
    """Return the names of the files in a folder, without the write-ahead log of the database."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("paperround.db-"))


def test_a_backup_on_a_full_disk_says_so_and_leaves_only_the_former_one(
    pages: Pages, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    former, files = backup.read_bytes(), _files(tmp_path)
    with _full_disk(monkeypatch, ".part"), pytest.raises(StoreError, match=r"disk of .*backup\.db is full .*free"):
        pages.app.store.backup(backup)
    assert _files(tmp_path) == files
    assert backup.read_bytes() == former


@pytest.mark.parametrize("name", [".before-restore-1.part", ".restoring.part", "paperround.db"])
def test_restoring_on_a_full_disk_says_so_and_changes_nothing(
    pages: Pages, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    pages.subscriber(BOB)
    before, files = pages.dump(), _files(tmp_path)
    with _full_disk(monkeypatch, name), pytest.raises(StoreError, match=r"disk.* is full .*free some space"):
        pages.app.store.restore(backup, pages.app.clock())
    assert pages.dump() == before
    assert _files(tmp_path) == files


def test_numbers_are_skipped_also_if_restoring_failed_before(
    pages: Pages, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = pages.subscriber(BOB)
    with monkeypatch.context() as patched:
        patched.setattr(backups, "_skip_numbers", _fail)
        with pytest.raises(StoreError, match="disk is full"):
            pages.app.store.restore(backup, pages.app.clock())
    pages.app.store.restore(backup, pages.app.clock())
    assert bob < pages.subscriber(CAROL) < 1_000_000


def _fail(*_: object) -> None:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    raise error


def _highest(pages: Pages) -> dict[str, int]:
    dump = pages.dump()
    return {name: max(row[0] for row in dump[name]) for name in ("subscribers", "digests", "deliveries")}


def test_links_sent_after_the_backup_act_on_nobody_else(pages: Pages, backup: Path) -> None:
    bob = pages.subscriber(BOB, first_now=True)
    pages.letters()
    links = {purpose: pages.link(purpose, bob) for purpose in ("preferences", "unsubscribe")}
    before = _highest(pages)
    pages.app.store.restore(backup, pages.app.clock())
    pages.subscriber(CAROL, first_now=True)
    pages.letters()
    after = _highest(pages)
    assert all(after[name] > before[name] for name in before)
    assert pages.client.get(links["preferences"]).status_code == 404
    pages.client.post(links["unsubscribe"])
    carol = pages.app.store.subscribers.by_email(CAROL)
    assert carol is not None
    assert carol.state is SubscriberState.ACTIVE


@pytest.mark.parametrize("restored_before", [False, True])
def test_without_the_former_database_a_margin_of_numbers_is_left(
    tmp_path: Path, backup: Path, *, restored_before: bool
) -> None:
    (tmp_path / "new machine").mkdir()
    new = Pages(tmp_path / "new machine")
    for _ in range(1 + restored_before):
        new.app.store.restore(backup, new.app.clock())
    carol = new.subscriber(CAROL, first_now=True)
    new.letters()
    assert 1_000_000 < carol < 1_000_010
    assert all(1_000_000 < number < 1_000_010 for number in _highest(new).values())
    new.app.close()


def test_the_documented_statement_leaves_a_margin_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    restored = Pages(tmp_path, postgres_url)
    restored.subscriber(first_now=True)
    restored.letters()
    documented = (Path(__file__).parents[2] / "docs" / "operate.md").read_text(encoding="utf-8")
    (statement,) = re.findall(r'psql paperround --command "(SELECT setval[^"]+)"', documented)
    with psycopg.connect(postgres_url.replace("postgresql+psycopg:", "postgresql:")) as database:
        database.execute(statement)
    restored.subscriber(CAROL, first_now=True)
    restored.letters()
    assert all(1_000_000 < number < 1_000_010 for number in _highest(restored).values())
    restored.app.close()
