"""Databases of earlier schemas."""

from __future__ import annotations

from alembic import command
from sqlalchemy import Connection

from paperround.store import migrations


def upgrade(connection: Connection, revision: str) -> None:
    """Bring the database to this revision of the schema."""
    config = migrations.alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
