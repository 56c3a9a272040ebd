"""The database: one concrete class on SQLAlchemy Core, for SQLite and PostgreSQL.

`Store` has one attribute for each group of statements: `store.papers`, `store.pictures`, `store.topics`,
`store.subscribers`, `store.issues`, `store.feedback`, `store.examples`, `store.vectors`, `store.summaries`,
`store.deliveries`, `store.bounces`, `store.events`, `store.sources`, `store.service_turns` and others. Each is in the
file of its name. `store.browsing` reads for the public pages, `store.data_export` all about one subscriber, and
`store.explanations` explains why a paper was or was not sent. Each method is one transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from itertools import count
from pathlib import Path

from sqlalchemy import delete, inspect, select

from paperround.domain.errors import StoreError, UsageError
from paperround.process import private_files
from paperround.store.access import Access
from paperround.store.address_changes import AddressChanges
from paperround.store.address_hashes import AddressHashes
from paperround.store.bounces import Bounces
from paperround.store.browsing import Browsing
from paperround.store.data_export import DataExport
from paperround.store.deliveries import Deliveries
from paperround.store.engine import connect, lock_exclusively, reading, sqlite_file, upsert, writing
from paperround.store.events import Events, Wanted
from paperround.store.examples import Examples
from paperround.store.explanations import Explanations
from paperround.store.feedback import SubscriberFeedback
from paperround.store.issues import Issues
from paperround.store.migrations import current_revision, migrate, newest_revision
from paperround.store.overview import Overview
from paperround.store.papers import Papers
from paperround.store.pictures import Pictures
from paperround.store.private_feeds import PrivateFeeds
from paperround.store.quotas import Quotas
from paperround.store.reading_lists import ReadingLists
from paperround.store.retention import Retention
from paperround.store.schema import notes
from paperround.store.search import SearchIndex, SearchSyntax
from paperround.store.service_turns import ServiceTurns
from paperround.store.shown import ShownVersion
from paperround.store.sources import Sources
from paperround.store.subscriber_changes import SubscriberChanges
from paperround.store.subscribers import Subscribers
from paperround.store.subscription_requests import SubscriptionRequests
from paperround.store.summaries import Summaries
from paperround.store.topics import Topics
from paperround.store.vectors import StoredVectors

__all__ = ["Store"]

_OTHERS_SECONDS = 1.0  # a command that is about to end may have the database open
_IN_LINKS = ("subscribers", "address_changes", "digests", "deliveries")
"""The tables whose row numbers are in personal links and return addresses."""
_MARGIN = 1_000_000  # more emails than a site sends between two backups


class Store:
    """The database at a URL.

    `search_syntaxes` maps the name of a SQLAlchemy dialect to the syntax of its full-text index. `wanted` maps a kind
    of event to the webhooks that receive it.
    """

    def __init__(self, url: str, search_syntaxes: Mapping[str, SearchSyntax], wanted: Wanted | None = None) -> None:
        self._url = url
        self._engine = connect(url)
        self._shown = ShownVersion(self._engine)
        index = SearchIndex(self._engine, search_syntaxes)
        self.address_hashes = AddressHashes()
        self.papers = Papers(self._engine, index)
        self.pictures = Pictures(self._engine)
        self.topics = Topics(self._engine)
        self.subscribers = Subscribers(self._engine, wanted or {}, self.address_hashes)
        self.subscriber_changes = SubscriberChanges(self._engine, wanted or {}, self.address_hashes)
        self.issues = Issues(self._engine)
        self.feedback = SubscriberFeedback(self._engine)
        self.reading_lists = ReadingLists(self._engine)
        self.examples = Examples(self._engine)
        self.vectors = StoredVectors(self._engine)
        self.summaries = Summaries(self._engine)
        self.deliveries = Deliveries(self._engine)
        self.bounces = Bounces(self._engine, wanted or {})
        self.events = Events(self._engine)
        self.sources = Sources(self._engine)
        self.service_turns = ServiceTurns(self._engine)
        self.browsing = Browsing(self._engine, index)
        self.subscription_requests = SubscriptionRequests(self._engine, self.address_hashes)
        self.data_export = DataExport(self._engine)
        self.address_changes = AddressChanges(self._engine, wanted or {}, self.address_hashes)
        self.private_feeds = PrivateFeeds(self._engine)
        self.access = Access(self._engine)
        self.quotas = Quotas(self._engine)
        self.retention = Retention(self._engine)
        self.overview = Overview(self._engine)
        self.explanations = Explanations(self._engine)

    @property
    def in_memory(self) -> bool:
        """Return whether the database ends with this process."""
        return self._engine.dialect.name == "sqlite" and sqlite_file(self._url) is None

    @property
    def version(self) -> int:
        """Return a number that changes with each transaction of this process that changes what public pages show."""
        return self._shown.number

    @property
    def place(self) -> str:
        """Where the database is: the path of its file, or its URL without the password."""
        file = sqlite_file(self._url)
        return str(file.resolve()) if file else self._engine.url.render_as_string(hide_password=True)

    def prepare(self) -> bool:
        """Create the tables in an empty database, or upgrade an older SQLite file to this version. Returns whether
        they were created.

        Raises StoreError, saying what to do, if the database is newer than this program, contains other tables, or
        is an older PostgreSQL database.
        """
        revision = self._usable_version()
        if revision == newest_revision():
            return False
        if revision is None or self._engine.dialect.name == "sqlite":
            self.migrate()
        else:
            raise _too_old(revision)
        return revision is None

    def exists(self) -> bool:
        """Return whether the database has paperround's tables; change nothing.

        Raises StoreError, saying what to do, if it is of another version or contains other tables.
        """
        found = self._usable_version()
        if found not in (None, newest_revision()):
            raise _too_old(found)
        return found is not None

    def _usable_version(self) -> str | None:
        """Return the version of the database, None if it is empty.

        Raises StoreError if it is newer than this program or contains other tables.
        """
        with reading(self._engine) as db:
            revision = current_revision(db)
            foreign = revision is None and inspect(db).get_table_names()
        _check_not_newer(revision, newest_revision())
        if foreign:
            raise StoreError("the database contains tables of another program; give paperround its own database")
        return revision

    def migrate(self) -> str:
        """Upgrade the database to this program's version and return that version.

        Raises StoreError if the database is newer.
        """
        newest = newest_revision()
        with reading(self._engine) as db:
            _check_not_newer(current_revision(db), newest)
        migrate(self._engine)
        return newest

    def install(self, name: str, version: str, scripts: Callable[[str | None], Iterable[str]]) -> None:
        """Upgrade the tables that another library has in this database to `version`, in one transaction.

        `scripts` takes the installed version, or None if there is none, and returns the SQL that upgrades from it.
        """
        note = f"version of {name}"
        if self.note(note) == version:
            return
        with writing(self._engine) as db:
            lock_exclusively(db, notes)
            driver = db.connection.driver_connection
            assert driver is not None
            for script in scripts(db.scalar(select(notes.c.value).where(notes.c.name == note))):
                driver.execute(script)
            statement = upsert(db, notes).values(name=note, value=version)
            db.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": version}))

    def backup(self, to: Path) -> None:
        """Write a consistent copy of a SQLite database while it is in use.

        Raises StoreError for PostgreSQL, which has pg_dump for that, and UsageError for the database itself, which
        other programs have open, for a device, and if the database is in memory.
        """
        if self._engine.dialect.name != "sqlite":
            raise StoreError("backup copies SQLite databases; for PostgreSQL use pg_dump")
        path = self._file()
        if to.exists() and (not to.is_file() or to.samefile(path)):
            raise UsageError(f"{to} is {'the database itself' if to.is_file() else 'no file'}; choose another file")
        with closing(sqlite3.connect(path)) as database:
            _write_copy(database, to)

    def restore(self, file: Path) -> Path:
        """Replace a SQLite database with a backup, and return the path of a copy of the former database.

        The database is replaced in one transaction and upgraded to this program's version. Row numbers that were
        used after the backup are not used again: they are in the personal links of emails, which would act on another
        subscriber. Raises UsageError if the file is not a backup or is newer than this program, if another program
        has the database open, or if the database is in memory; StoreError for PostgreSQL.
        """
        if self._engine.dialect.name != "sqlite":
            raise StoreError("restore works with SQLite backups; for PostgreSQL use pg_restore")
        path = self._file()
        if file.exists() and path.exists() and file.samefile(path):  # SQLite would wait for itself without end
            raise UsageError(f"{file} is the database itself; choose a backup")
        version = _version_of(file)
        if version > newest_revision():
            raise UsageError(
                f"{file} is of version {version}, newer than this program ({newest_revision()}); update it"
            )
        names = (path.with_name(f"{path.name}.before-restore-{number}") for number in count(1))
        former = next(name for name in names if not name.exists())
        self._engine.dispose()
        with closing(_opened_alone(path)) as database:
            _write_copy(database, former)
            used = _highest_numbers(database)
            with closing(_opened_backup(file)) as backup:
                backup.backup(database)
            _skip_numbers(database, used)
        self.prepare()
        return former

    def _file(self) -> Path:
        """Return the path of the SQLite database. Raises UsageError if it is in memory."""
        path = sqlite_file(self._url)
        if path is None:
            raise UsageError("the database is in memory only; there is no file to copy or replace")
        return path

    def forget_deleted(self) -> None:
        """Truncate SQLite's write-ahead log, which still contains deleted data; do nothing for PostgreSQL."""
        if self._engine.dialect.name != "sqlite":
            return
        connection = self._engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()

    def note(self, name: str) -> str | None:
        """Return a small named value of the site, or None if it is not set."""
        with reading(self._engine) as db:
            return db.scalar(select(notes.c.value).where(notes.c.name == name))

    def notes(self, beginning: str) -> dict[str, str]:
        """Return the notes whose names start with `beginning`, by name."""
        wanted = select(notes.c.name, notes.c.value).where(notes.c.name.startswith(beginning, autoescape=True))
        with reading(self._engine) as db:
            return dict(db.execute(wanted.order_by(notes.c.name)).all())

    def set_note(self, name: str, value: str | None) -> None:
        """Store a note, or delete it if `value` is None."""
        with writing(self._engine) as db:
            if value is None:
                db.execute(delete(notes).where(notes.c.name == name))
                return
            statement = upsert(db, notes).values(name=name, value=value)
            db.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": value}))

    def close(self) -> None:
        """Close the database connections."""
        self._engine.dispose()


def _too_old(found: str | None) -> StoreError:
    return StoreError(
        f"the database is at version {found}, this program needs {newest_revision()}; run: paperround migrate"
    )


def _check_not_newer(found: str | None, newest: str) -> None:
    if found is not None and found > newest:
        raise StoreError(
            f"the database is at version {found}, newer than this program ({newest}): install the version of "
            "paperround that it was used with, or a later one"
        )


def _opened_alone(path: Path) -> sqlite3.Connection:
    """Open a SQLite database and keep everybody else out until the connection is closed.

    A connection to a database with a write-ahead log holds a shared lock as long as it is open, even if it is idle.
    So the exclusive lock shows that there is no other (https://sqlite.org/wal.html, section 8). Raises UsageError if
    there is one.
    """
    database = sqlite3.connect(path, isolation_level=None, timeout=_OTHERS_SECONDS)
    database.execute("PRAGMA locking_mode = EXCLUSIVE")  # keeps the lock beyond the transaction
    try:
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
    """Write a copy of a database to a private file."""
    private_files.make_folder(to.parent)
    part = to.with_name(to.name + ".part")
    private_files.write(part, b"")
    with closing(sqlite3.connect(part)) as copy:
        database.backup(copy)
    part.replace(to)  # atomic: a broken copy never gets the final name


def _highest_numbers(database: sqlite3.Connection) -> dict[str, int]:
    """Return the highest row number that each table has ever used; those of deleted rows count too."""
    known = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone()[0]
    return dict(database.execute("SELECT name, seq FROM sqlite_sequence")) if known else {}


def _skip_numbers(restored: sqlite3.Connection, used: Mapping[str, int]) -> None:
    """Let new rows of a restored database have numbers above those that the former database has used.

    A former database that has used fewer than the restored one is not its continuation, which is lost. How many
    that one used is unknown, so a margin is left.
    """
    own = _highest_numbers(restored)
    if not used or any(used.get(name, 0) < number for name, number in own.items()):
        used = {name: own.get(name, 0) + _MARGIN for name in _IN_LINKS}
    restored.execute("BEGIN")
    for name, number in used.items():
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
