"""Backups of a SQLite database: copying it while it is in use, and replacing it with a copy."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine, NullPool, create_engine

from paperround.domain.errors import UsageError
from paperround.process import private_files
from paperround.store.carry_over import IN_LINKS, MARGIN
from paperround.store.engine import connect
from paperround.store.errors import named_errors
from paperround.store.migrations import migrate, newest_revision

_OTHERS_SECONDS = 1.0  # a command that is about to end may have the database open
_FORMER = ".before-restore-"
_T = TypeVar("_T")


def write(database: Path, to: Path) -> None:
    """Write a consistent copy of a database to a file, which is replaced once the copy is complete.

    Raises UsageError if the file is the database itself, which other programs have open, or a device; StoreError if
    the copy cannot be written, for example because the disk is full.
    """
    if to.exists() and (not to.is_file() or to.samefile(database)):
        raise UsageError(f"{to} is {'the database itself' if to.is_file() else 'no file'}; choose another file")
    with closing(sqlite3.connect(database)) as source:
        _write_copy(source, to)


CarryOverFrom = Callable[[Sequence[Engine], Engine, Mapping[str, int]], _T]
"""Takes over from former databases, the latest first, into the one that replaces them, given the highest row numbers
that the tables of the backup have used.
"""


def restore(database: Path, file: Path, carry_over: CarryOverFrom[_T]) -> tuple[Path, _T]:
    """Replace a database with a backup in one transaction, and return the path of a copy of the former database and
    what `carry_over` returned.

    Row numbers that were used after the backup are not used again: they are in the personal links of emails, which
    would act on another subscriber. Before the database is replaced, `carry_over` is called with the copy of the
    former one and those that earlier restores left, and the database that will replace it, which has the newest
    version.

    Raises UsageError if the file is not a backup or is newer than this program, or if another program has the
    database open; StoreError if the disk is full. In each case the database is unchanged, and no copy is left.
    """
    if file.exists() and database.exists() and file.samefile(database):  # SQLite would wait for itself without end
        raise UsageError(f"{file} is the database itself; choose a backup")
    version = _version_of(file)
    if version > newest_revision():
        raise UsageError(f"{file} is of version {version}, newer than this program ({newest_revision()}); update it")
    earlier = _left_by_earlier_restores(database)
    names = (database.with_name(f"{database.name}{_FORMER}{number}") for number in count(1))
    former = next(name for name in names if not name.exists())
    with named_errors(), closing(_opened_alone(database)) as current:
        _write_copy(current, former)
        try:
            prepared = database.with_name(f"{database.name}.restoring")
            with _deleted_at_the_end(prepared):
                carried_over = _prepare(prepared, file, [former, *earlier], carry_over)
                with closing(sqlite3.connect(prepared, isolation_level=None)) as copy:
                    copy.backup(current)
        except BaseException:
            former.unlink()
            raise
    return former, carried_over


def _left_by_earlier_restores(database: Path) -> list[Path]:
    """Return the databases that were replaced earlier and are still kept beside this one, the latest first."""
    found = [
        file for file in database.parent.iterdir() if file.name.rstrip("0123456789") == f"{database.name}{_FORMER}"
    ]
    return sorted(found, key=lambda file: file.stat().st_mtime_ns, reverse=True)


def _prepare(prepared: Path, file: Path, formers: Sequence[Path], carry_over: CarryOverFrom[_T]) -> _T:
    """Write the database that replaces the first of the former ones, and return what `carry_over` returned.

    Everything is done in this copy: if the database were changed after it was replaced, an error or a crash in
    between would leave it with numbers that are used again, or with people subscribed who have left.
    """
    _delete(prepared)  # that of a restore that was interrupted, whose log SQLite would apply to this one
    with closing(_opened_backup(file)) as backup:
        _write_copy(backup, prepared)
        own = _highest_numbers(backup)
    restored = connect(f"sqlite:///{prepared}")
    try:
        migrate(restored)
        with closing(sqlite3.connect(prepared, isolation_level=None)) as copy:
            _skip_numbers(copy, own, _numbers_of_former(formers[0]))
        return carry_over(list(map(_reader, formers)), restored, own)
    finally:
        restored.dispose()


def _reader(file: Path) -> Engine:
    """Return an engine that only reads a database, and creates no files beside it."""
    return create_engine("sqlite://", creator=lambda: _opened_backup(file), poolclass=NullPool)


def _opened_alone(path: Path) -> sqlite3.Connection:
    """Open a SQLite database and keep everybody else out until the connection is closed.

    A connection to a database with a write-ahead log holds a shared lock as long as it is open, even if it is idle.
    So the exclusive lock shows that there is no other (https://sqlite.org/wal.html, section 8). Raises UsageError if
    there is one.
    """
    database = sqlite3.connect(path, isolation_level=None, timeout=_OTHERS_SECONDS)
    try:
        database.execute("PRAGMA locking_mode = EXCLUSIVE")  # keeps the lock beyond the transaction
        database.execute("BEGIN EXCLUSIVE")
        database.execute("COMMIT")
    except sqlite3.OperationalError as error:
        database.close()
        if not error.sqlite_errorname.startswith("SQLITE_BUSY"):
            raise
        raise UsageError(
            "another program has the database open; stop `paperround up` and others that use it, then try again"
        ) from None
    return database


def _opened_backup(file: Path) -> sqlite3.Connection:
    """Open a backup to read it, and create no files beside it.

    Even a reader creates the files of a write-ahead log (https://sqlite.org/wal.html, section 5), unless it says that
    the database is immutable. One that has such a log is not: the log is part of it.
    """
    options = "mode=ro" if file.with_name(f"{file.name}-wal").exists() else "mode=ro&immutable=1"
    return sqlite3.connect(f"{file.resolve().as_uri()}?{options}", uri=True)


def _write_copy(database: sqlite3.Connection, to: Path) -> None:
    """Write a copy of a database to a private file. Raises StoreError if that fails, and leaves no part of it."""
    private_files.make_folder(to.parent)
    part = to.with_name(to.name + ".part")
    with named_errors(f"the disk of {to}"), _deleted_at_the_end(part):
        private_files.write(part, b"")
        with closing(sqlite3.connect(part)) as copy:
            database.backup(copy)
        part.replace(to)  # atomic: a broken copy never gets the final name


@contextmanager
def _deleted_at_the_end(file: Path) -> Iterator[None]:
    """Delete a database and the files that SQLite keeps beside it, if they exist, however the block ends."""
    try:
        yield
    finally:
        _delete(file)


def _delete(file: Path) -> None:
    for ending in ("", "-journal", "-wal", "-shm"):
        file.with_name(file.name + ending).unlink(missing_ok=True)


def _highest_numbers(database: sqlite3.Connection) -> dict[str, int]:
    """Return the highest row number that each table has ever used; those of deleted rows count too."""
    has_numbers = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone()[0]
    return dict(database.execute("SELECT name, seq FROM sqlite_sequence")) if has_numbers else {}


def _numbers_of_former(former: Path) -> dict[str, int]:
    """Return the highest row numbers of the former database; none if it is damaged."""
    try:
        with closing(_opened_backup(former)) as database:
            return _highest_numbers(database)
    except sqlite3.DatabaseError:
        return {}


def _skip_numbers(restored: sqlite3.Connection, own: Mapping[str, int], used: Mapping[str, int]) -> None:
    """Let new rows of a restored database have numbers above those that the former database has used.

    A former database that has used fewer than the restored one is not its continuation, which is lost. How many
    that one used is unknown, so a margin is left.
    """
    if not used or any(used.get(name, 0) < number for name, number in own.items()):
        used = {name: own.get(name, 0) + MARGIN for name in IN_LINKS}
    restored.execute("BEGIN")
    for name, number in {**own, **used}.items():  # migrations may have lowered its own
        restored.execute("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
        restored.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name, number))
    restored.execute("COMMIT")


def _version_of(file: Path) -> str:
    """Return the version of the database in a file.

    Raises UsageError if the file is missing, damaged or not a paperround database.
    """
    if not file.is_file():
        raise UsageError(f"{file}: there is no such file")
    db = _opened_backup(file)
    try:
        if db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise UsageError(f"{file} is damaged; use an older backup")
        version: str = db.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    except (sqlite3.DatabaseError, TypeError):
        raise UsageError(f"{file} is not a backup of a paperround database") from None
    finally:
        db.close()
    return version
