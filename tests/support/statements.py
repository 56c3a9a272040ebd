"""What a database is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

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

    engine, fetch = engine_of(site.app.store), Prepared.fetch
    event.listen(engine, "before_cursor_execute", note)
    try:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Prepared, "fetch", note_and_fetch)  # SQLAlchemy does not report these
            yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)
