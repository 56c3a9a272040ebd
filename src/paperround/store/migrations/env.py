"""Alembic's entry: it runs on the connection that migrate() hands over."""

from __future__ import annotations

from alembic import context

from paperround.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by making it anew
    # The search index is SQLite's own affair, with shadow tables of its own.
    include_name=lambda name, kind, _parents: not (kind == "table" and str(name).startswith("paper_index")),
)
context.run_migrations()
