"""What a database is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from paperround.store import bulk
from paperround.store.bulk import Prepared
from support.databases import engine_of
from support.site import Site


@contextmanager
def statements(site: Site) -> Iterator[list[tuple[str, Any]]]:
    """Everything that the database is asked in the block, with its parameters."""
    asked: list[tuple[str, Any]] = []

    def note(_connection, _cursor, statement, parameters, _context, many) -> None:
        each = many and isinstance(parameters, list)
        asked.append((statement, parameters[0] if each else parameters))

    def note_and_fetch(prepared: Prepared, **values: Any) -> list[Any]:
        asked.append(prepared.driver_call(**values))
        return fetch(prepared, **values)

    def note_and_execute(connection, statement, parameters, **options):
        note(connection, None, statement, parameters, None, options.get("many"))
        return execute(connection, statement, parameters, **options)

    engine, fetch, execute = engine_of(site.app.store), Prepared.fetch, bulk.execute_directly
    event.listen(engine, "before_cursor_execute", note)
    try:
        with pytest.MonkeyPatch.context() as patched:
            # SQLAlchemy does not report these.
            patched.setattr(Prepared, "fetch", note_and_fetch)
            patched.setattr(bulk, "execute_directly", note_and_execute)
            yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)
