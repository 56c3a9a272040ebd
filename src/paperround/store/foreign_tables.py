"""Tables that another library has in this database, at a version of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlalchemy import Engine

from paperround.store.engine import lock_exclusively, reading, writing
from paperround.store.schema import site_values
from paperround.store.site_values import read_value, write_value

VERSION_VALUE = "version of "
"""The beginning of the names under which the versions of these tables are stored."""


class ForeignTables:
    """The tables of other libraries."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def install(self, library: str, version: str, scripts: Callable[[str | None], Iterable[str]]) -> None:
        """Upgrade the tables of a library to `version` in one transaction, if they are of another one.

        `scripts` takes the installed version, or None if there is none, and returns the SQL that upgrades from it.
        """
        name = f"{VERSION_VALUE}{library}"
        with reading(self._engine) as db:
            if read_value(db, name) == version:
                return
        with writing(self._engine) as db:
            lock_exclusively(db, site_values)
            driver = db.connection.driver_connection
            assert driver is not None
            for script in scripts(read_value(db, name)):
                driver.execute(script)
            write_value(db, name, version)
