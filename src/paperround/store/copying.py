"""Copying all rows of a database to an empty one, which may be of the other kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Connection, Engine, func, or_, select, text

from paperround.domain.errors import UsageError
from paperround.store.bulk import NewRows
from paperround.store.engine import reading, writing
from paperround.store.foreign_tables import VERSION_VALUE
from paperround.store.schema import metadata, site_values

_ROWS_AT_ONCE = 1_000
_TABLES = metadata.sorted_tables
"""All tables but the search index; a table comes after those that it refers to."""
_NUMBERED = [table for table in _TABLES if "row" in table.primary_key.columns]
"""The tables whose rows get a number from the database."""


def copy_rows(source: Engine, target: Engine, left_out: str, advance: Callable[[int], None]) -> None:
    """Copy all rows but the search index in one transaction.

    Numbers of rows stay the same, and no number that the source has ever used is given to a new row: it may be in the
    links of an email, which would act on another subscriber. Site values whose names start with `left_out` are not
    copied, nor are the versions of other libraries' tables, which are not copied either. `advance` is called with the
    number of rows that were copied.

    Raises UsageError if the target has rows.
    """
    of_target = or_(*(site_values.c.name.startswith(name, autoescape=True) for name in (left_out, VERSION_VALUE)))
    with reading(source) as old, writing(target) as new:
        _require_empty(new)
        new.execute(site_values.delete().where(~of_target))  # those that migrations write
        for table in _TABLES:
            query = select(table).order_by(*table.primary_key)
            query = query.where(~of_target) if table is site_values else query
            rows = old.execution_options(yield_per=_ROWS_AT_ONCE).execute(query)
            add = NewRows(target, table, table.columns.keys())
            for chunk in rows.partitions():
                add.run(new, chunk)
                advance(len(chunk))
        continue_numbers(new, used_numbers(old))


def count_rows(engine: Engine) -> int:
    """Return the number of rows that `copy_rows` would copy."""
    with reading(engine) as db:
        return sum(db.scalar(select(func.count()).select_from(table)) or 0 for table in _TABLES)


def used_numbers(db: Connection) -> dict[str, int]:
    """Return the highest row number that each table has ever used, by name; without those that have used none."""
    return _USED_NUMBERS[db.dialect.name](db)


def continue_numbers(db: Connection, after: Mapping[str, int]) -> None:
    """Let new rows have numbers above these, by name of the table, unless they already would."""
    used = used_numbers(db)
    for name, number in after.items():
        if number > used.get(name, 0):
            _CONTINUE_AFTER[db.dialect.name](db, name, number)


def _require_empty(target: Connection) -> None:
    for table in _TABLES:
        if table is not site_values and target.execute(select(table).limit(1)).first() is not None:
            raise UsageError(f"the database to copy to is not empty: it has {table.name}; create a new one")


def _used_in_sqlite(db: Connection) -> dict[str, int]:
    """Return the highest number that each table has ever used; of tables that may use one again, the highest."""
    ever: dict[str, int] = dict(map(tuple, db.execute(text("SELECT name, seq FROM sqlite_sequence"))))
    highest = {table.name: db.scalar(select(func.max(table.c.row))) or 0 for table in _NUMBERED}
    used = {name: max(number, ever.get(name, 0)) for name, number in highest.items()}
    return {name: number for name, number in used.items() if number}


def _used_in_postgresql(db: Connection) -> dict[str, int]:
    used: dict[str, int] = {}
    for table in _NUMBERED:
        sequence = db.scalar(text(f"SELECT {_sequence_of(table.name)}"))
        number, is_used = db.execute(text(f"SELECT last_value, is_called FROM {sequence}")).one()  # noqa: S608
        used |= {table.name: number} if is_used else {}
    return used


def _continue_in_sqlite(db: Connection, name: str, number: int) -> None:
    values = {"name": name, "number": number}
    db.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), values)
    db.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :number)"), values)


def _continue_in_postgresql(db: Connection, name: str, number: int) -> None:
    db.execute(text(f"SELECT setval({_sequence_of(name)}, :number)"), {"number": number})


def _sequence_of(name: str) -> str:
    """Return the SQL for the name of the sequence that numbers a table's rows."""
    return f"pg_get_serial_sequence('{name}', 'row')"


_USED_NUMBERS: Mapping[str, Callable[[Connection], dict[str, int]]] = {
    "sqlite": _used_in_sqlite,
    "postgresql": _used_in_postgresql,
}
_CONTINUE_AFTER: Mapping[str, Callable[[Connection, str, int], None]] = {
    "sqlite": _continue_in_sqlite,
    "postgresql": _continue_in_postgresql,
}
