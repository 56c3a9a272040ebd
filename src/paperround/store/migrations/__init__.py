"""Schema versions, by Alembic: `paperround migrate` brings a database to the newest."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, func, select, text

from paperround.domain.errors import StoreError
from paperround.store.engine import writing

_MIGRATING = 0x70617065720A  # any number that no other program on the same database would take


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config


def newest_revision() -> str:
    """The version that this program was written for."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def current_revision(connection: Connection) -> str | None:
    """The version of a database; None for one that is not paperround's yet."""
    return MigrationContext.configure(connection).get_current_revision()


def migrate(engine: Engine) -> None:
    """Run the migrations that are due, in one transaction; of several programs, one does."""
    config = _config()
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
