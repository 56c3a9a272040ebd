"""The connection to SQLite or PostgreSQL, chosen by URL, its transactions and its locks."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any
from zlib import crc32

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    create_engine,
    event,
    func,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.schema import Table

from paperround.domain.errors import ConfigurationError, StoreError
from paperround.process import private_files
from paperround.store import pending_write
from paperround.store.database_url import parse, sqlite_file
from paperround.store.errors import BUSY_SECONDS, explain, named_errors
from paperround.store.shown import note_shown

if TYPE_CHECKING:
    from psycopg import Connection as Psycopg
    from psycopg.adapt import Dumper
    from sqlalchemy.pool import ConnectionPoolEntry

_RETRY_SECONDS = 0.02
# A connection to a server that was used within this time is not tested before it is used again.
_TRUSTED_SECONDS = 1.0
# By default each statement of a PostgreSQL transaction sees its own snapshot. In SQLite all see the same.
_CONSISTENT: dict[str, dict[str, Any]] = {
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
    "sqlite": {},
}
# The session options are set after connecting, since PgBouncer refuses start-up options. The timeouts keep a program
# whose machine has stopped or lost its network from blocking others: they give up, its connection is detected as
# dead, and its transaction ends.
_CLIENT = {
    "client_encoding": "utf8",
    "connect_timeout": 10,
    "keepalives_idle": 60,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
_SESSION = {
    "timezone": "UTC",
    "lock_timeout": f"{BUSY_SECONDS}s",
    "idle_in_transaction_session_timeout": "5min",
    "tcp_keepalives_idle": "60",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    # No statement here runs for long. Compiling one takes up to a second, and PostgreSQL does so if it estimates many
    # rows, as for a large table without statistics.
    "jit": "off",
}
_PLAN_ONCE = text("SET LOCAL plan_cache_mode = force_generic_plan")
_LOCKS = 0x70617065  # an arbitrary number that no other program on the same database is likely to use


def connect(url: str) -> Engine:
    """Return an engine for the URL. Raises ConfigurationError if it is not the URL of a supported database."""
    return _sqlite(url) if parse(url).drivername == "sqlite" else _postgresql(url)


def _postgresql(url: str) -> Engine:
    try:
        from psycopg.types.string import StrBinaryDumper, StrDumperUnknown  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigurationError(
            "PostgreSQL needs its driver; install paperround with its extra `postgresql` (docs/operate.md)"
        ) from None

    in_arrays, alone = _without_nul(StrBinaryDumper), _without_nul(StrDumperUnknown)
    # A round's threads and the web pages share the pool. When it is exhausted they wait instead of failing.
    # Each transaction says its level, since a database or its user may have another default. At a higher one, whoever
    # deletes a subscriber would overlook letters that were added since the transaction began (migration 0034).
    level = "READ COMMITTED"
    # The connection that was used last is used next, so a sender has the same one, which need not be tested.
    pool = {"pool_size": 10, "max_overflow": 10, "pool_use_lifo": True}
    engine = create_engine(url, isolation_level=level, connect_args=_CLIENT, **pool)
    _test_idle_connections(engine)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Psycopg, _record: Any) -> None:
        connection.adapters.register_dumper(str, in_arrays)
        connection.adapters.register_dumper(str, alone)  # the last one is the default
        connection.execute("; ".join(f"SET {name} = '{value}'" for name, value in _SESSION.items()).encode())
        if _is_pooled(connection):
            connection.prepare_threshold = None
        connection.commit()

    return engine


def _test_idle_connections(engine: Engine) -> None:
    """Test a connection that the pool hands out, and replace it if the server has ended it, as after a restart.

    SQLAlchemy's `pool_pre_ping` tests it each time. That is a round trip more for every statement of a sender, which
    uses its connection for one statement after another.
    """

    @event.listens_for(engine, "connect")
    @event.listens_for(engine, "checkin")
    def _note_use(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info["used_at"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _test(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        if time.monotonic() - record.info["used_at"] < _TRUSTED_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error  # the server has probably ended the others too


def _without_nul(dumper: type[Dumper]) -> type[Dumper]:
    """Return a dumper of texts that replaces NUL, which anyone may send and PostgreSQL cannot store."""

    def dump(self: Dumper, obj: str) -> Any:
        return dumper.dump(self, obj.replace("\0", "\ufffd"))

    return type(f"{dumper.__name__}WithoutNul", (dumper,), {"dump": dump})


def _is_pooled(connection: Psycopg) -> bool:
    """Return whether a pooler such as PgBouncer stands between this program and PostgreSQL.

    It may give each transaction another server process, on which statements that this one prepared do not exist. It
    cannot pass on the number of a process, which clients get for canceling queries.
    """
    answer = connection.execute("SELECT pg_backend_pid()").fetchone()
    return answer is not None and answer[0] != connection.info.backend_pid


def _sqlite(url: str) -> Engine:
    pool: dict[str, bool] = {}
    if path := sqlite_file(url):
        private_files.make_folder(path.parent)
        private_files.create(path)  # SQLite creates its -wal and -shm files with the same permissions
        # Each connection has a cache of 64 MB, which is out of date once another one has written. In turn, all of
        # them would fill theirs.
        pool["pool_use_lifo"] = True
    engine = create_engine(
        url,
        **pool,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        execution_options={"turns": WriteTurns()},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # _begin below starts transactions, not the driver
        cursor = connection.cursor()
        _use_write_ahead_log(cursor)
        cursor.execute("PRAGMA synchronous = NORMAL")  # in WAL mode a crash of the program loses no data
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA cache_size = -65536")
        cursor.execute("PRAGMA temp_store = MEMORY")
        cursor.execute("PRAGMA secure_delete = ON")  # erased subscribers must not remain in the file's free pages
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that reads and then writes must hold the write lock from its start. With BEGIN DEFERRED, two
        # of them may read the same state, and one update is lost or refused.
        writes = connection.get_execution_options().get("writes", False)
        # By the driver: SQLAlchemy would prepare for results, which takes longer than many a query.
        connection.connection.cursor().execute("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _use_write_ahead_log(cursor: sqlite3.Cursor) -> None:
    """Switch the file to a write-ahead log, which it then remembers; wait for others that do the same.

    While several connections switch a new file, SQLite refuses at once instead of waiting for its busy timeout, since
    it would have to wait with a lock held.
    """
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            if _is_foreign(cursor):
                return
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
            time.sleep(_RETRY_SECONDS)
        else:
            return


def _is_foreign(cursor: sqlite3.Cursor) -> bool:
    """Return whether the file has tables, but none of paperround: it will be refused, and must not be changed."""
    cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name != 'alembic_version' LIMIT 1")
    return cursor.fetchone() not in (None, ("alembic_version",))


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that sees a consistent snapshot of the database; nothing is committed."""
    with named_errors(), engine.connect().execution_options(**_CONSISTENT[engine.dialect.name]) as connection:
        yield connection


def fetch_directly(engine: Engine, query: str, parameters: Any) -> list[Any]:
    """Return the rows of one query, as the driver returns them, in a transaction of its own.

    A query sees one snapshot by itself. A transaction of SQLAlchemy takes several times as long as a query for a few
    rows, and on PostgreSQL two more round trips.
    """
    failure = engine.dialect.loaded_dbapi.Error
    with named_errors():
        connection = engine.raw_connection()
        driver: Any = connection.driver_connection
        try:
            if engine.dialect.name == "postgresql":  # SQLite's connections are so already (see `_sqlite`)
                driver.autocommit = True
            rows: list[Any] = driver.execute(query, parameters).fetchall()
            if engine.dialect.name == "postgresql":
                driver.autocommit = False
        except BaseException as error:
            connection.invalidate()
            if isinstance(error, failure):
                raise DBAPIError.instance(query, None, error, failure) from error
            raise
        connection.close()
        return rows


def execute_directly(connection: Connection, statement: str, parameters: Any, *, many: bool = False) -> Any:
    """Execute a statement in the transaction of a connection and return the driver's cursor.

    With `many`, execute it once for each of several sequences of parameters. SQLAlchemy prepares for results and for
    listeners, which takes longer than most statements for a few rows. Raises DBAPIError, as SQLAlchemy would.
    """
    assert connection.in_transaction()
    cursor: Any = connection.connection.cursor()
    failure = connection.dialect.loaded_dbapi.Error
    try:
        (cursor.executemany if many else cursor.execute)(statement, parameters)
    except failure as error:
        raise DBAPIError.instance(statement, parameters, error, failure) from error
    note_shown(connection, statement)
    return cursor


class WriteTurns:
    """Serializes the write transactions of this process, so that no thread writes twice while another one waits.

    SQLite has no lock queue: a connection that finds the database locked retries after up to 100 ms, so a round that
    starts one transaction after another would block the others for seconds.
    """

    def __init__(self) -> None:
        self._next = threading.Lock()
        self._writing = threading.Lock()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Hold the turn to write. Raises StoreError if it does not come within BUSY_SECONDS."""
        # The next thread holds `_next` while it waits, so the thread that has just written queues behind it.
        with _held(self._next):
            _take(self._writing)
        try:
            yield
        finally:
            self._writing.release()


def _take(lock: threading.Lock) -> None:
    if not lock.acquire(timeout=BUSY_SECONDS):
        raise StoreError(explain(sqlite3.SQLITE_BUSY, "another thread is writing"))


@contextmanager
def _held(lock: threading.Lock) -> Iterator[None]:
    _take(lock)
    try:
        yield
    finally:
        lock.release()


def _turn(engine: Engine) -> AbstractContextManager[None]:
    turns: WriteTurns | None = engine.get_execution_options().get("turns")
    return turns() if turns else nullcontext()


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that is committed at the end of the block, or rolled back if the block raises.

    An audit entry that waits for the change (see `pending_write`) is stored in the same transaction.
    """
    pending = pending_write.current()
    with (
        named_errors(),
        engine.connect().execution_options(writes=True) as connection,
        _turn(engine),
        connection.begin(),
    ):
        yield connection
        if pending:
            pending.join(connection)
    if pending:
        pending.is_committed = True


@contextmanager
def trial(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that is rolled back at the end of the block, to find out what a change would do."""
    with (
        named_errors(),
        engine.connect().execution_options(writes=True) as connection,
        _turn(engine),
        connection.begin() as transaction,
    ):
        yield connection
        transaction.rollback()


def plan_once(connection: Connection) -> None:
    """Let PostgreSQL plan the statements of this transaction for any values, instead of for those that it gets.

    Use it in transactions that look up rows by lists of some hundred keys. PostgreSQL would plan anew for each
    list, and read a whole table if it has less than about a hundred times as many rows as the list has keys.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_PLAN_ONCE)


def upsert(connection: Connection | Engine, table: Table) -> Any:
    """Return an INSERT that supports ON CONFLICT, in the connection's dialect.

    Count the rows of RETURNING instead of using `rowcount`: that is −1 on PostgreSQL after DO NOTHING.
    """
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def lock_exclusively(connection: Connection, table: Table) -> None:
    """Take an exclusive advisory lock on work with a table, until the end of the transaction.

    Use it to read something and then write what depends on it. It only excludes transactions that call
    `lock_exclusively` or `lock_shared` for the same table, not readers and not PostgreSQL's vacuum. On SQLite it does
    nothing, since there is only one writing transaction at a time.
    """
    _agree(connection, table, func.pg_advisory_xact_lock)


def lock_shared(connection: Connection, table: Table) -> None:
    """Take a shared advisory lock until the end of the transaction. It excludes only `lock_exclusively`."""
    _agree(connection, table, func.pg_advisory_xact_lock_shared)


def _agree(connection: Connection, table: Table, lock: Callable[[int, int], ColumnElement[Any]]) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(select(lock(_LOCKS, crc32(table.name.encode()) >> 1)))
