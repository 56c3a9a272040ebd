"""Schema versions, managed by Alembic; `paperround migrate` upgrades a database to the newest one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, column, func, inspect, select, table, text

from paperround.domain.errors import StoreError
from paperround.store.engine import writing

if TYPE_CHECKING:
    from alembic.config import Config

_FOLDER = Path(__file__).parent
_VERSION = table("alembic_version", column("version_num"))
_MIGRATING = 0x70617065720A  # an arbitrary number that no other program on the same database is likely to use


def alembic_config() -> Config:
    """Return Alembic's configuration for these migrations."""
    from alembic.config import Config  # noqa: PLC0415 - as below

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("path_separator", "os")
    return config


def newest_revision() -> str:
    """Return the schema version of this program."""
    # Read from the file names: loading Alembic takes longer than most commands, and all of them call this.
    return max(file.name for file in (_FOLDER / "versions").glob("[0-9]*.py")).split("_")[0]


def current_revision(connection: Connection) -> str | None:
    """Return the schema version of a database, or None if it has no paperround tables yet."""
    if not inspect(connection).has_table(_VERSION.name):
        return None
    found: str | None = connection.scalar(select(_VERSION.c.version_num))
    return found


def migrate(engine: Engine) -> None:
    """Run pending migrations in one transaction; a lock lets only one program migrate at a time."""
    from alembic import command  # noqa: PLC0415 - slow to load and rarely needed

    config = alembic_config()
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_MIGRATING)))
            if (encoding := connection.scalar(text("SHOW server_encoding"))) != "UTF8":
                raise StoreError(
                    f"the database has the encoding {encoding}, which lacks most of the world's letters; "
                    "make it with: createdb --encoding UTF8 --template template0"
                )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
