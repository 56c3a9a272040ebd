"""`paperround copy`: copy a site's database to another one, such as from SQLite to PostgreSQL."""

from __future__ import annotations

from contextlib import closing

from paperround.app import App, open_store
from paperround.rounds.topic_matching import FORM_NOTE, index_copied


def copy_database(app: App, url: str) -> str:
    """Copy the whole database to an empty one at this URL, and return where that is. The site goes on using its own.

    The rows are copied in one transaction. If the program ends while it indexes them, a sweep of the other database
    completes the index, as after an upgrade that changes it.

    Raises UsageError if the other database has rows, and StoreError if it cannot be used.
    """
    other = App(app.settings.model_copy(update={"database_url": url}), open_store(url), app.clock)
    with closing(other):
        app.progress.begin("copying", app.store.count_rows())
        app.store.copy_to(other.store, FORM_NOTE, app.progress.advance)
        index_copied(other)
        return other.store.place
