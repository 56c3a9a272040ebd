"""Notes changes of what public pages show, so that cached pages are made anew."""

from __future__ import annotations

import re

from sqlalchemy import (
    Connection,
    Engine,
    event,
)

SHOWN_TABLES = ("papers", "listings", "daily_counts", "matches", "topics", "pictures", "sources")
"""The tables that public pages show."""
_CHANGES_SHOWN = re.compile(rf"(?:INSERT INTO|UPDATE|DELETE FROM|COPY) (?:{'|'.join(SHOWN_TABLES)})\b")


class ShownVersion:
    """Counts the transactions of this process that changed what public pages show."""

    def __init__(self, engine: Engine) -> None:
        self.number = 0
        event.listen(engine, "after_cursor_execute", lambda db, _, statement, *__: note_shown(db, statement))
        event.listen(engine, "commit", self._count)
        event.listen(engine, "rollback", self._forget)

    def _count(self, connection: Connection) -> None:
        self.number += bool(connection.info.pop("shown", False))

    @staticmethod
    def _forget(connection: Connection) -> None:
        if not connection.invalidated:  # otherwise what was noted is gone, with the connection to the database
            connection.info.pop("shown", None)


def note_shown(connection: Connection, statement: str) -> None:
    """Note on the connection whether a statement that it has executed changes what public pages show."""
    if _CHANGES_SHOWN.match(statement):
        connection.info["shown"] = True
