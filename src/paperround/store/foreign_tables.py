"""Tables that another library has in this database, at a version of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlalchemy import Engine, select

from paperround.store.engine import lock_exclusively, reading, upsert, writing
from paperround.store.schema import site_values

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
        installed = select(site_values.c.value).where(site_values.c.name == name)
        with reading(self._engine) as db:
            if db.scalar(installed) == version:
                return
        with writing(self._engine) as db:
            lock_exclusively(db, site_values)
            driver = db.connection.driver_connection
            assert driver is not None
            for script in scripts(db.scalar(installed)):
                driver.execute(script)
            statement = upsert(db, site_values).values(name=name, value=version)
            db.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": version}))
