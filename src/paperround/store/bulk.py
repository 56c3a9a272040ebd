"""Statements for many rows or values at once: compiled once, and run by the driver itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    BindParameter,
    ClauseElement,
    Column,
    ColumnElement,
    Connection,
    Date,
    DateTime,
    Delete,
    Dialect,
    Engine,
    FromClause,
    Insert,
    Integer,
    LargeBinary,
    String,
    TableClause,
    Text,
    TypeDecorator,
    any_,
    bindparam,
    cast,
    func,
    insert,
    join,
    select,
    true,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from paperround.store.engine import execute_directly, fetch_directly
from paperround.store.shown import note_shown

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
        self._required = {name for name, bind in compiled.binds.items() if bind.required}
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
        by_value = {value: processor(value) for value in set(values)}
        return [by_value[value] for value in values]


class ManyRows(_Compiled):
    """A statement that is run for many rows.

    PostgreSQL gets all rows in one statement, as an array for each parameter, since it spends most of the time on
    each statement and not on the row. Arrays of texts are binary (`%b`): the driver's text form escapes each
    quotation mark with a regular expression, which took a quarter of a round. Those of numbers and moments are text,
    written here. Each row of an UPDATE or DELETE must concern another row of the table.
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
            joined = "USING" if isinstance(statement, Delete) else "FROM"
            self._text = f"{change} {joined} {arrays} AS given ({', '.join(self._names)}) WHERE {condition}"

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Run the statement for each row; a row has a value for each bound parameter that has none of its own.

        Returns the number of rows that were inserted, changed or deleted.
        """
        given = ([row.get(name, self._constants[name]) for row in rows] for name in self._names)
        columns = list(map(self._converted, self._names, given))
        if self._in_arrays:
            arrays = [
                _array_text(column) if name in self._plain else column
                for name, column in zip(self._names, columns, strict=True)
            ]
            return _count(execute_directly(connection, self._text, dict(zip(self._names, arrays, strict=True))))
        values = list(zip(*columns, strict=True))
        parameters = values if self._by_position else [dict(zip(self._names, row, strict=True)) for row in values]
        return _count(execute_directly(connection, self._text, parameters, many=True))


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
        self._processors = {name: processor for name, processor in self._processors.items() if name not in written}
        self._order = [columns.index(name) for name in self._names]
        self._copies = engine.dialect.name == "postgresql"
        if self._copies:
            names = ", ".join(f'"{name}"' for name in self._names)
            self._text = f"COPY {table.name} ({names}) FROM STDIN"
            as_json = {name: converter for name, converter in self._as_json.items() if name not in written}
            processors = self._processors | as_json
            self._processors = {name: partial(_copied, processors.get(name)) for name in self._names}

    def run(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
        """Insert the rows. Raises IntegrityError if one conflicts with a row that is there."""
        given = list(zip(*rows, strict=True))
        columns = [self._converted(name, given[place]) for name, place in zip(self._names, self._order, strict=True)]
        if not self._copies:
            execute_directly(connection, self._text, list(zip(*columns, strict=True)), many=True)
            return
        text = "".join(["\t".join(row) + "\n" for row in zip(*columns, strict=True)])
        driver: Any = connection.connection.driver_connection
        failure = connection.dialect.loaded_dbapi.Error
        try:
            with driver.cursor() as cursor, cursor.copy(self._text) as copy:
                copy.write(text)
        except failure as error:
            raise DBAPIError.instance(self._text, None, error, failure) from error
        note_shown(connection, self._text)  # SQLAlchemy reports no execution of a COPY


def _count(cursor: Any) -> int:
    """Return the number of rows that the cursor's statement inserted, changed or deleted."""
    count: int = cursor.rowcount
    return count


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


class Prepared(_Compiled):
    """A statement that is run often.

    The rows are as the driver returns them, without SQLAlchemy's conversions: ask for numbers and text.
    """

    def __init__(self, engine: Engine, statement: ClauseElement) -> None:
        """Compile the statement; many numbers as one parameter are a condition of `among_given`."""
        super().__init__(engine, statement)
        self._engine = engine
        # Once, since most statements have more of them than values that are given.
        self._converted_constants = {
            name: self._processors[name](value) if name in self._processors else value
            for name, value in self._constants.items()
            if name not in self._required
        }

    def driver_call(self, **values: Any) -> tuple[str, Any]:
        """Return the statement and its parameters, as the driver gets them."""
        processors = self._processors
        converted = {name: processors[name](value) if name in processors else value for name, value in values.items()}
        given = self._converted_constants | converted
        return self._text, tuple([given[name] for name in self._names]) if self._by_position else given

    def run(self, connection: Connection, **values: Any) -> int:
        """Run the statement in the transaction of a connection; return the number of rows that it concerned."""
        return _count(self._execute(connection, values))

    def rows(self, connection: Connection, **values: Any) -> list[Any]:
        """Run the statement in the transaction of a connection, and return its rows."""
        rows: list[Any] = self._execute(connection, values).fetchall()
        return rows

    def _execute(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        return execute_directly(connection, *self.driver_call(**values))

    def fetch(self, **values: Any) -> list[Any]:
        """Return the rows of a query in a transaction of its own (see `fetch_directly`)."""
        return fetch_directly(self._engine, *self.driver_call(**values))


def converter(engine: Engine, columns: Iterable[ColumnElement[Any]]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """Return the function that converts a row of these columns from what the driver returns, as SQLAlchemy would."""
    each = processors(engine, columns)
    return lambda values: tuple([process(value) for process, value in zip(each, values, strict=True)])


def processors(engine: Engine, columns: Iterable[ColumnElement[Any]]) -> list[Callable[[Any], Any]]:
    """Return the functions that convert values of these columns from what the driver returns, as SQLAlchemy would."""
    types = [column.type.dialect_impl(engine.dialect) for column in columns]
    return [kind.result_processor(engine.dialect, None) or _unchanged for kind in types]


def _unchanged(value: Any) -> Any:
    return value


def among(connection: Connection, column: ColumnElement[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """Return the condition that a column has one of these numbers or texts, which are passed as one parameter.

    A parameter for each, as in `column.in_(values)`, costs more than looking the values up, and databases limit how
    many there may be. `among` takes any number: rows are `chunked` only where they should not all be locked or held
    in memory at once.
    """
    return _is_among(connection.dialect, column, bindparam(None, values, _Many(column)))


def among_given(engine: Engine, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Return the condition that a column has one of the numbers or texts that are given as the parameter `name`."""
    return _is_among(engine.dialect, column, bindparam(name, type_=_Many(column)))


def _is_among(
    dialect: Dialect, column: ColumnElement[Any], many: BindParameter[Iterable[Any]]
) -> ColumnElement[bool]:
    if dialect.name == "postgresql":
        return column == any_(many)
    each = func.json_each(many).table_valued("value", name="wanted")
    return column.in_(select(each.c.value))


class _Many(TypeDecorator[Iterable[Any]]):
    """Many numbers or texts as one parameter: PostgreSQL gets an array, SQLite the text of a JSON array.

    The array is given as text too, since the driver takes three times as long for a list. The parameter has the type
    of the array: PostgreSQL would repeat a cast from text for every row it compares.
    """

    impl = Text
    cache_ok = True

    def __init__(self, column: ColumnElement[Any]) -> None:
        super().__init__()
        # Public, so that it is part of the key under which SQLAlchemy caches a statement.
        self.of_numbers = isinstance(column.type, Integer)

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        item = BigInteger() if self.of_numbers else String()
        return postgresql.ARRAY(item) if dialect.name == "postgresql" else Text()

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str]:
        """Return the function that writes the values."""
        if dialect.name != "postgresql":
            return lambda values: json.dumps(list(values))
        written = str if self.of_numbers else _quoted
        return lambda values: _array_text(map(written, values))


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
