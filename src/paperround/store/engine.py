"""The connection to SQLite or PostgreSQL, chosen by URL; the rest of the store is the same for both."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

from sqlalchemy import (
    JSON,
    URL,
    BigInteger,
    ClauseElement,
    Column,
    ColumnElement,
    Connection,
    Date,
    DateTime,
    Dialect,
    Engine,
    FromClause,
    Insert,
    Integer,
    LargeBinary,
    Select,
    String,
    TableClause,
    Text,
    TypeDecorator,
    any_,
    bindparam,
    cast,
    create_engine,
    event,
    func,
    insert,
    join,
    make_url,
    select,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.schema import Table
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from paperround.domain.errors import ConfigurationError, StoreError
from paperround.process import private_files

if TYPE_CHECKING:
    from psycopg import Connection as Psycopg

_BUSY_SECONDS = 30
_RETRY_SECONDS = 0.02
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
    "lock_timeout": f"{_BUSY_SECONDS}s",
    "idle_in_transaction_session_timeout": "5min",
    "tcp_keepalives_idle": "60",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
_LOCKS = 0x70617065  # an arbitrary number that no other program on the same database is likely to use
_REMEDY = "use sqlite:///data/paperround.db or postgresql+psycopg://name@host/database"


def connect(url: str) -> Engine:
    """Return an engine for the URL. Raises ConfigurationError if it is not the URL of a supported database."""
    driver = _parsed(url).drivername
    if driver == "sqlite":
        return _sqlite(url)
    if driver != "postgresql+psycopg":
        raise ConfigurationError(f"PAPERROUND_DATABASE_URL names {driver}, which is not known here; {_REMEDY}")
    return _postgresql(url)


def may_exist(url: str) -> bool:
    """Return whether there may be a database at the URL: not if it names a SQLite file that is missing or empty.

    Connecting to such a file would create it. Raises ConfigurationError as `connect` does.
    """
    path = sqlite_file(url)
    return path is None or (path.is_file() and path.stat().st_size > 0)


def sqlite_file(url: str) -> Path | None:
    """Return the path of the SQLite database at a URL; None if it is in memory, or another database."""
    parsed = _parsed(url)
    if parsed.drivername != "sqlite" or parsed.database in {None, "", ":memory:"}:
        return None
    return Path(str(parsed.database))


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError:
        raise ConfigurationError(f"PAPERROUND_DATABASE_URL is not a database URL; {_REMEDY}") from None


SHOWN_TABLES = ("papers", "listings", "daily_counts", "matches", "topics", "pictures", "sources")
"""The tables that public pages show."""
_CHANGES_SHOWN = re.compile(rf"(?:INSERT INTO|UPDATE|DELETE FROM|COPY) (?:{'|'.join(SHOWN_TABLES)})\b")


class ShownVersion:
    """Counts the transactions of this process that changed what public pages show."""

    def __init__(self, engine: Engine) -> None:
        self.number = 0
        event.listen(engine, "after_cursor_execute", lambda db, _, statement, *__: _note_shown(db, statement))
        event.listen(engine, "commit", self._count)
        event.listen(engine, "rollback", self._forget)

    def _count(self, connection: Connection) -> None:
        self.number += bool(connection.info.pop("shown", False))

    @staticmethod
    def _forget(connection: Connection) -> None:
        connection.info.pop("shown", None)


def _note_shown(connection: Connection, statement: str) -> None:
    """Note on the connection whether a statement that it has executed changes what public pages show."""
    if _CHANGES_SHOWN.match(statement):
        connection.info["shown"] = True


def _postgresql(url: str) -> Engine:
    try:
        from psycopg.types.string import StrBinaryDumper, StrDumperUnknown  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigurationError(
            "PostgreSQL needs its driver; install paperround with its extra `postgresql` (docs/operate.md)"
        ) from None

    # PostgreSQL cannot store the NUL character, and anyone may send one in an address or reply.
    class WithoutNul(StrDumperUnknown):
        """Replaces NUL in a text."""

        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", "\ufffd"))

    class WithoutNulBinary(StrBinaryDumper):
        """Replaces NUL in a text of an array, see ManyRows."""

        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", "\ufffd"))

    # A round's threads and the web pages share the pool. When it is exhausted they wait instead of failing.
    engine = create_engine(url, pool_size=10, max_overflow=10, pool_pre_ping=True, connect_args=_CLIENT)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Psycopg, _record: Any) -> None:
        connection.adapters.register_dumper(str, WithoutNulBinary)
        connection.adapters.register_dumper(str, WithoutNul)  # the last one is the default
        connection.execute("; ".join(f"SET {name} = '{value}'" for name, value in _SESSION.items()).encode())
        if _is_pooled(connection):
            connection.prepare_threshold = None
        connection.commit()

    return engine


def _is_pooled(connection: Psycopg) -> bool:
    """Return whether a pooler such as PgBouncer stands between this program and PostgreSQL.

    It may give each transaction another server process, on which statements that this one prepared do not exist. It
    cannot pass on the number of a process, which clients get for canceling queries.
    """
    found = connection.execute("SELECT pg_backend_pid()").fetchone()
    return found is not None and found[0] != connection.info.backend_pid


def _sqlite(url: str) -> Engine:
    if path := sqlite_file(url):
        private_files.make_folder(path.parent)
        private_files.create(path)  # SQLite creates its -wal and -shm files with the same permissions
    engine = create_engine(
        url,
        connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
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
    until = time.monotonic() + _BUSY_SECONDS
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
    with _named_errors(), engine.connect().execution_options(**_CONSISTENT[engine.dialect.name]) as connection:
        yield connection


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
        """Hold the turn to write. Raises StoreError if it does not come within _BUSY_SECONDS."""
        # The next thread holds `_next` while it waits, so the thread that has just written queues behind it.
        with _held(self._next):
            _take(self._writing)
        try:
            yield
        finally:
            self._writing.release()


def _take(lock: threading.Lock) -> None:
    if not lock.acquire(timeout=_BUSY_SECONDS):
        raise StoreError(_explain(sqlite3.SQLITE_BUSY, "another thread is writing"))


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
    """Open a transaction that is committed at the end of the block, or rolled back if the block raises."""
    addition = _ADDITION.get([])
    with (
        _named_errors(),
        engine.connect().execution_options(writes=True) as connection,
        _turn(engine),
        connection.begin(),
    ):
        yield connection
        for write in addition:
            write(connection)
    addition.clear()


_ADDITION: ContextVar[list[Callable[[Connection], None]]] = ContextVar("addition")


@contextmanager
def adding(write: Callable[[Connection], None]) -> Iterator[Callable[[], bool]]:
    """Add a write to the first transaction that is committed in the block, so that a crash leaves both or neither.

    Yields a function that returns whether it was written.
    """
    addition = [write]
    mark = _ADDITION.set(addition)
    try:
        yield lambda: not addition
    finally:
        _ADDITION.reset(mark)


@contextmanager
def trial(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that is rolled back at the end of the block, to find out what a change would do."""
    with (
        _named_errors(),
        engine.connect().execution_options(writes=True) as connection,
        _turn(engine),
        connection.begin() as transaction,
    ):
        yield connection
        transaction.rollback()


@contextmanager
def _named_errors() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise StoreError(_explain(_code(cause), " ".join(str(cause).split()))) from error


_MIGRATE = "the database is of another version ({}); run: paperround migrate"
_OTHER_VERSION = re.compile(r"no such (?:table|column)|table \w+ has no column")


def _code(error: BaseException | None) -> int | str | None:
    """Return SQLite's primary result code or PostgreSQL's SQLSTATE; None if the driver itself raised the error."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return getattr(error, "sqlstate", None) if code is None else code & 0xFF


def _explain(code: int | str | None, message: str) -> str:
    # Not by the words of the message: it may quote a row.
    match code:
        case sqlite3.SQLITE_FULL | "53100":
            what = "the database's disk is full ({}); free some space and run the command again: nothing is lost"
        case "40P01":
            what = "another program had locked the database ({}); run the command again: nothing is lost"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED | "55P03":
            what = (
                f"the database was locked for {_BUSY_SECONDS} s ({{}}); is a backup or another program holding it? "
                "Run the command again: nothing is lost"
            )
        case "42P01" | "42703":
            what = _MIGRATE
        case sqlite3.SQLITE_ERROR if _OTHER_VERSION.match(message):  # SQLite has no code of its own for these
            what = _MIGRATE
        case _:
            what = "the database cannot be used: {}"
    return what.format(message)


def upsert(connection: Connection | Engine, table: Table) -> Any:
    """Return an INSERT that supports ON CONFLICT, in the connection's dialect.

    Count the rows of RETURNING instead of using `rowcount`: that is −1 on PostgreSQL after DO NOTHING.
    """
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


_PARAMETER = re.compile(r"%\((\w+)\)s")


class _Compiled:
    """A statement that bypasses SQLAlchemy's execution, which takes longer than the database.

    It is compiled once per engine; this class converts the values as SQLAlchemy would.
    """

    def __init__(self, engine: Engine, statement: ClauseElement, columns: Sequence[str] | None = None) -> None:
        """Compile the statement; `columns` are those that an INSERT without values fills."""
        dialect = engine.dialect
        compiled = statement.compile(dialect=dialect, column_keys=columns)
        assert isinstance(compiled, SQLCompiler)
        self._text = str(compiled)
        self._names = compiled.positiontup or list(dict.fromkeys(_PARAMETER.findall(self._text)))
        self._by_position = compiled.positiontup is not None
        self._constants = {name: bind.value for name, bind in compiled.binds.items()}
        types = {name: bind.type.dialect_impl(dialect) for name, bind in compiled.binds.items()}
        processors = ((name, kind.bind_processor(dialect)) for name, kind in types.items())
        self._processors = {
            name: processor
            for name, processor in processors
            if processor and not isinstance(types[name], LargeBinary)  # both drivers take bytes as they are
        }
        self._types = {name: kind.compile(dialect) for name, kind in types.items()}
        implemented = {name: getattr(kind, "impl_instance", kind) for name, kind in types.items()}
        self._plain = {name for name, kind in implemented.items() if isinstance(kind, Integer | Date | DateTime)}
        """The parameters whose values need no quotation marks in the text of an array."""
        json_types = {name for name, kind in implemented.items() if isinstance(kind, JSON)}
        self._as_json = {name: partial(_json_text, types[name], dialect) for name in json_types}
        """The functions that write the values of JSON parameters, which cannot be looked up in a cache."""

    def _converted(self, name: str, values: Sequence[Any]) -> list[Any]:
        """Return the values of a parameter as the driver takes them. Values that repeat are converted once."""
        processor = self._processors.get(name)
        if processor is None:
            return list(values)
        if name in self._as_json:
            by_identity = {id(value): value for value in values}
            converted = {number: processor(value) for number, value in by_identity.items()}
            return [converted[id(value)] for value in values]
        known = {value: processor(value) for value in set(values)}
        return [known[value] for value in values]


class ManyRows(_Compiled):
    """A statement that is run for many rows.

    PostgreSQL gets all rows in one statement, as an array for each parameter, since it spends most of the time on
    each statement and not on the row. Arrays of texts are binary (`%b`): the driver's text form escapes each
    quotation mark with a regular expression, which took a quarter of a round. Those of numbers and moments are text,
    written here. Each row of an UPDATE must concern another row of the table.
    """

    def __init__(self, engine: Engine, statement: ClauseElement, columns: Sequence[str] | None = None) -> None:
        """Compile the statement; `columns` are those that an INSERT without values fills."""
        super().__init__(engine, statement, columns)
        self._in_arrays = engine.dialect.name == "postgresql"
        if not self._in_arrays:
            return
        self._processors |= self._as_json
        self._processors |= {name: partial(_in_array, self._processors.get(name)) for name in self._plain}
        places = (f"%({name}){'s' if name in self._plain else 'b'}::{self._types[name]}[]" for name in self._names)
        arrays = f"unnest({', '.join(places)})"
        if isinstance(statement, Insert):
            head, _, tail = self._text.partition(" VALUES ")
            _, conflict, action = tail.partition(" ON CONFLICT")
            self._text = f"{head} SELECT * FROM {arrays}{conflict}{action}"  # noqa: S608 - our own names
        else:
            change, _, condition = _PARAMETER.sub(r"given.\1", self._text).partition(" WHERE ")
            self._text = f"{change} FROM {arrays} AS given ({', '.join(self._names)}) WHERE {condition}"

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Run the statement for each row; a row has a value for each bound parameter that has none of its own.

        Returns the number of rows that were inserted or changed.
        """
        given = ([row.get(name, self._constants[name]) for row in rows] for name in self._names)
        columns = list(map(self._converted, self._names, given))
        if self._in_arrays:
            arrays = [
                _array_text(column) if name in self._plain else column
                for name, column in zip(self._names, columns, strict=True)
            ]
            return connection.exec_driver_sql(self._text, dict(zip(self._names, arrays, strict=True))).rowcount
        values = list(zip(*columns, strict=True))
        parameters = values if self._by_position else [dict(zip(self._names, row, strict=True)) for row in values]
        return connection.exec_driver_sql(self._text, parameters).rowcount


class NewRows(_Compiled):
    """An INSERT of many rows into a table, as the values of some columns in their order.

    PostgreSQL gets them by COPY, as text: of one row of 23 columns the driver's arrays took about 25 µs of the
    program's time, the text 2, and the server a quarter less.
    """

    def __init__(
        self, engine: Engine, table: TableClause, columns: Sequence[str], written: Collection[str] = ()
    ) -> None:
        """Compile the statement; `written` names the columns whose JSON values are given as text."""
        super().__init__(engine, insert(table), columns)
        self._processors = {name: one for name, one in self._processors.items() if name not in written}
        self._order = [columns.index(name) for name in self._names]
        self._copies = engine.dialect.name == "postgresql"
        if self._copies:
            names = ", ".join(f'"{name}"' for name in self._names)
            self._text = f"COPY {table.name} ({names}) FROM STDIN"
            as_json = {name: one for name, one in self._as_json.items() if name not in written}
            processors = self._processors | as_json
            self._processors = {name: partial(_copied, processors.get(name)) for name in self._names}

    def run(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
        """Insert the rows. Raises IntegrityError if one conflicts with a row that is there."""
        given = list(zip(*rows, strict=True))
        columns = [self._converted(name, given[place]) for name, place in zip(self._names, self._order, strict=True)]
        if not self._copies:
            connection.exec_driver_sql(self._text, list(zip(*columns, strict=True)))
            return
        text = "".join(["\t".join(row) + "\n" for row in zip(*columns, strict=True)])
        driver: Any = connection.connection.driver_connection
        failure = connection.dialect.loaded_dbapi.Error
        try:
            with driver.cursor() as cursor, cursor.copy(self._text) as copy:
                copy.write(text)
        except failure as error:
            raise DBAPIError.instance(self._text, None, error, failure) from error
        _note_shown(connection, self._text)  # SQLAlchemy reports no execution of a COPY


def _in_array(processor: Callable[[Any], Any] | None, value: Any) -> str:
    """Return a number, date or moment as an element of an array's text."""
    value = processor(value) if processor else value
    return "NULL" if value is None else str(value)


def _copied(processor: Callable[[Any], Any] | None, value: Any) -> str:
    """Return a value in the text format of COPY (PostgreSQL's documentation, COPY, "Text Format")."""
    value = processor(value) if processor else value
    if value is None:
        return r"\N"
    if isinstance(value, bytes):
        return rf"\\x{value.hex()}"
    text = str(value).replace("\0", "\ufffd").replace("\\", r"\\")
    return text.replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")


def _json_text(kind: TypeEngine[Any], dialect: Dialect, value: Any) -> str | None:
    if isinstance(kind, TypeDecorator):
        value = kind.process_bind_param(value, dialect)
    return None if value is None else json.dumps(value)


class RowsByNumber(_Compiled):
    """A query for the rows whose numbers are among those given, some at a time.

    The results are as the driver returns them, without SQLAlchemy's conversions: ask for numbers and text.
    """

    def __init__(self, engine: Engine, query: Select[Any], number: ColumnElement[int], at_once: int) -> None:
        """Compile the query; `number` is the column that the numbers are looked up in."""
        self._wanted = [f"wanted_{place}" for place in range(at_once)]
        wanted = [bindparam(name, type_=number.type) for name in self._wanted]
        super().__init__(engine, query.where(number.in_(wanted)))

    def run(self, connection: Connection, numbers: Sequence[int], **values: Any) -> list[Any]:
        """Return the rows; `values` are those of the query's other parameters."""
        found: list[Any] = []
        for start in range(0, len(numbers), len(self._wanted)):
            some = numbers[start : start + len(self._wanted)]
            padded = chain(some, repeat(some[-1]))  # the statement has a fixed number of parameters
            given = {**self._constants, **values, **dict(zip(self._wanted, padded, strict=False))}
            ordered = tuple([given[name] for name in self._names])
            found += connection.exec_driver_sql(self._text, ordered if self._by_position else given).all()
        return found


def among(connection: Connection, column: ColumnElement[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """Return the condition that a column has one of these numbers or texts, which are passed as one parameter.

    A parameter for each, as in `column.in_(values)`, costs more than looking the values up.
    """
    if connection.dialect.name == "postgresql":
        if isinstance(column.type, Integer):
            return column == any_(bindparam(None, _array_text(map(str, values)), _ArrayText(BigInteger)))
        return column == any_(bindparam(None, _array_text(map(_quoted, values)), _ArrayText(String)))
    each = func.json_each(bindparam(None, json.dumps(list(values)), Text)).table_valued("value", name="wanted")
    return column.in_(select(each.c.value))


class _ArrayText(TypeDecorator[str]):
    """An array, given as text: the driver takes three times as long for a list.

    The parameter has the type of the array. PostgreSQL would repeat a cast from text for every row it compares.
    """

    impl = postgresql.ARRAY
    cache_ok = True

    def __init__(self, item: type[BigInteger | String]) -> None:
        super().__init__(item)
        self.item = item  # part of the key under which SQLAlchemy caches a statement

    def bind_processor(self, dialect: Dialect) -> None:
        """Leave the text as it is."""


def _array_text(values: Iterable[str]) -> str:
    return f"{{{','.join(values)}}}"


def _quoted(value: str) -> str:
    """Return a text as an element of an array (PostgreSQL's documentation, "Array Input and Output Syntax")."""
    escaped = value.replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}"'


def numbers_in(connection: Connection, column: Column[Any]) -> tuple[FromClause, ColumnElement[int]]:
    """Return the column's table joined with the numbers in its JSON arrays, and the expression for the number."""
    postgres = connection.dialect.name == "postgresql"
    taken_apart = func.json_array_elements_text(column) if postgres else func.json_each(column)
    each = taken_apart.table_valued("value", name="each")
    return join(column.table, each, true()), cast(each.c.value, BigInteger)


def gathered(connection: Connection, column: ColumnElement[int]) -> ColumnElement[str]:
    """Return the aggregate of a group's numbers as the text of a JSON array, which costs less than a row for each."""
    if connection.dialect.name == "postgresql":
        return cast(func.json_agg(column), Text)
    return func.json_group_array(column)


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
