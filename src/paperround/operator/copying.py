"""`paperround copy`: copy a site's database to another one, such as from SQLite to PostgreSQL."""

from __future__ import annotations

from contextlib import closing

from paperround.app import App, open_store
from paperround.domain.errors import StoreError, UsageError
from paperround.rounds.topic_matching import INDEX_VALUE, index_copied
from paperround.store.database_url import in_memory, parse


def copy_database(app: App, url: str) -> str:
    """Copy the whole database to an empty one at this URL, and return where that is. The site goes on using its own.

    The rows are copied in one transaction. If the program ends while it indexes them, a sweep of the other database
    completes the index, as after an upgrade that changes it.

    Raises ConfigurationError if this is not the URL of a database, UsageError if the other database is in memory or
    has rows, and StoreError if it cannot be used.
    """
    parse(url, "the URL of the copy")
    if in_memory(url):
        raise UsageError("the copy would be in memory and lost at once; name a file, such as sqlite:///data/copy.db")
    other = App(app.settings.model_copy(update={"database_url": url}), open_store(url), app.clock)
    with closing(other):
        app.progress.begin("copying", app.store.count_rows())
        place = other.store.place
        try:
            app.store.copy_to(other.store, INDEX_VALUE, app.progress.advance)
        except StoreError as error:
            raise StoreError(f"copying to {place} failed: {error}") from error
        try:
            index_copied(other)
        except StoreError as error:
            raise StoreError(
                f"everything is copied to {place} but its search index: {error}. Do not copy again: "
                "set PAPERROUND_DATABASE_URL to the copy, and run: paperround sweep"
            ) from error
        return place
