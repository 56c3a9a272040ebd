"""Alembic's entry point, which runs on the connection passed by migrate()."""

from __future__ import annotations

from alembic import context

from paperround.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite can change most of a table only by creating it anew
    # The search index is a virtual table, which SQLite manages with shadow tables.
    include_name=lambda name, kind, _parents: not (kind == "table" and str(name).startswith("paper_index")),
)
context.run_migrations()
