"""The facade of the database: one object for each group of statements, and the version of the tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Engine, inspect

from paperround.domain.errors import StoreError, UsageError
from paperround.store import backup, copying, database_url
from paperround.store.access import Access
from paperround.store.address_changes import AddressChanges
from paperround.store.address_hashes import AddressHashes
from paperround.store.alarms import Alarms
from paperround.store.attempts import Attempts
from paperround.store.bounces import Bounces
from paperround.store.browsing import Browsing
from paperround.store.carry_over import CarriedOver, CarryOver, Decisions, read_decisions
from paperround.store.data_export import DataExport
from paperround.store.deliveries import Deliveries
from paperround.store.delivery_reports import DeliveryReports
from paperround.store.engine import connect, reading, writing
from paperround.store.errors import named_errors
from paperround.store.events import Events, WebhooksByEvent
from paperround.store.examples import Examples
from paperround.store.explanations import Explanations
from paperround.store.feedback import SubscriberFeedback
from paperround.store.foreign_tables import ForeignTables
from paperround.store.issues import Issues
from paperround.store.migrations import current_revision, migrate, newest_revision
from paperround.store.overview import Overview
from paperround.store.papers import Papers
from paperround.store.pictures import Pictures
from paperround.store.private_feeds import PrivateFeeds
from paperround.store.quotas import Quotas
from paperround.store.reading_lists import ReadingLists
from paperround.store.relay import Relay
from paperround.store.retention import Retention
from paperround.store.search import SearchIndex, SearchSyntax
from paperround.store.service_turns import ServiceTurns
from paperround.store.shown import ShownVersion
from paperround.store.site_values import SiteValues
from paperround.store.sources import Sources
from paperround.store.subscriber_changes import SubscriberChanges
from paperround.store.subscribers import Subscribers
from paperround.store.subscription_requests import SubscriptionRequests
from paperround.store.summaries import Summaries
from paperround.store.suppressions import Suppressions
from paperround.store.topics import Topics
from paperround.store.vectors import StoredVectors
from paperround.store.webhook_signatures import WebhookSignatures


class Store:
    """The database at a URL.

    `search_syntaxes` maps the name of a SQLAlchemy dialect to the syntax of its full-text index. `webhooks` maps a
    kind of event to the webhooks that receive it.
    """

    def __init__(
        self, url: str, search_syntaxes: Mapping[str, SearchSyntax], webhooks: WebhooksByEvent | None = None
    ) -> None:
        self._url, self._webhooks = url, webhooks or {}
        self._engine = connect(url)
        self._shown = ShownVersion(self._engine)
        index = SearchIndex(self._engine, search_syntaxes)
        self.address_hashes = AddressHashes()
        self.papers = Papers(self._engine, index)
        self.pictures = Pictures(self._engine)
        self.topics = Topics(self._engine)
        self.subscribers = Subscribers(self._engine, self._webhooks, self.address_hashes)
        self.subscriber_changes = SubscriberChanges(self._engine, self._webhooks, self.address_hashes)
        self.issues = Issues(self._engine)
        self.feedback = SubscriberFeedback(self._engine)
        self.reading_lists = ReadingLists(self._engine)
        self.examples = Examples(self._engine)
        self.vectors = StoredVectors(self._engine)
        self.summaries = Summaries(self._engine)
        self.deliveries = Deliveries(self._engine)
        self.delivery_reports = DeliveryReports(self._engine)
        self.attempts = Attempts(self._engine)
        self.relay = Relay(self._engine)
        self.bounces = Bounces(self._engine, self._webhooks)
        self.suppressions = Suppressions(self._engine, self.address_hashes)
        self.alarms = Alarms(self._engine)
        self.webhook_signatures = WebhookSignatures(self._engine)
        self.events = Events(self._engine)
        self.sources = Sources(self._engine)
        self.service_turns = ServiceTurns(self._engine)
        self.browsing = Browsing(self._engine, index)
        self.subscription_requests = SubscriptionRequests(self._engine, self.address_hashes)
        self.data_export = DataExport(self._engine)
        self.address_changes = AddressChanges(self._engine, self._webhooks, self.address_hashes)
        self.private_feeds = PrivateFeeds(self._engine)
        self.access = Access(self._engine)
        self.quotas = Quotas(self._engine)
        self.retention = Retention(self._engine)
        self.overview = Overview(self._engine)
        self.explanations = Explanations(self._engine)
        self.site_values = SiteValues(self._engine)
        self.foreign_tables = ForeignTables(self._engine)

    @property
    def in_memory(self) -> bool:
        """Whether the database ends with this process."""
        return database_url.in_memory(self._url)

    @property
    def version(self) -> int:
        """A number that changes with each transaction of this process that changes what public pages show."""
        return self._shown.number

    @property
    def place(self) -> str:
        """Where the database is: the path of its file, or its URL without the password."""
        return database_url.place(self._url)

    def prepare(self) -> bool:
        """Create the tables in an empty database, or upgrade an older SQLite file to this version. Returns whether
        they were created.

        Raises StoreError, saying what to do, if the database is newer than this program, contains other tables, or
        is an older PostgreSQL database.
        """
        revision = self._usable_version()
        if revision == newest_revision():
            return False
        if revision is None or self._engine.dialect.name == "sqlite":
            self.migrate()
        else:
            raise _too_old(revision)
        return revision is None

    def exists(self) -> bool:
        """Return whether the database has paperround's tables; change nothing.

        Raises StoreError, saying what to do, if it is of another version or contains other tables.
        """
        version = self._usable_version()
        if version not in (None, newest_revision()):
            raise _too_old(version)
        return version is not None

    def _usable_version(self) -> str | None:
        """Return the version of the database, None if it is empty.

        Raises StoreError if it is newer than this program or contains other tables.
        """
        with reading(self._engine) as db:
            revision = current_revision(db)
            foreign = revision is None and inspect(db).get_table_names()
        _check_not_newer(revision, newest_revision())
        if foreign:
            raise StoreError("the database contains tables of another program; give paperround its own database")
        return revision

    def migrate(self) -> str:
        """Upgrade the database to this program's version and return that version.

        Raises StoreError if the database is newer.
        """
        newest = newest_revision()
        with reading(self._engine) as db:
            _check_not_newer(current_revision(db), newest)
        migrate(self._engine)
        return newest

    def backup(self, to: Path) -> None:
        """Write a consistent copy of a SQLite database while it is in use.

        Raises StoreError for PostgreSQL, which has pg_dump for that, and if the copy cannot be written; UsageError as
        `backup.write` does, and if the database is in memory.
        """
        if self._engine.dialect.name != "sqlite":
            raise StoreError("backup copies SQLite databases; for PostgreSQL use pg_dump")
        backup.write(self._file(), to)

    def copy_to(self, target: Store, left_out: str, advance: Callable[[int], None]) -> None:
        """Copy all rows but the search index to a database that is empty or does not exist yet.

        See `copying.copy_rows`. Raises UsageError if the other database has rows, and StoreError as `prepare` does.
        """
        target.prepare()
        copying.copy_rows(self._engine, target._engine, left_out, advance)

    def count_rows(self) -> int:
        """Return the number of rows that `copy_to` would copy."""
        return copying.count_rows(self._engine)

    def restore(self, file: Path, now: datetime) -> tuple[Path, CarriedOver]:
        """Replace a SQLite database with a backup, and return the path of a copy of the former database and what was
        carried over from it.

        The database is replaced in one transaction and upgraded to this program's version. Raises StoreError for
        PostgreSQL, and if the disk is full; UsageError as `backup.restore` does, and if the database is in memory.
        """
        if self._engine.dialect.name != "sqlite":
            raise StoreError("restore works with SQLite backups; for PostgreSQL use pg_restore")
        path = self._file()
        self._engine.dispose()
        return backup.restore(path, file, partial(self._carry_over_all, now))

    def carry_over(self, previous: Store, now: datetime) -> CarriedOver:
        """Take over from a previous database what people have decided since this one was restored from a backup.

        New rows get numbers above those that the previous database has used. Raises StoreError if one of the two
        cannot be used or is of another version, and UsageError if both are the same.
        """
        if self.place == previous.place:
            raise UsageError(f"{previous.place} is the site's own database; name the previous one")
        try:
            exists = previous.exists()
        except StoreError as error:
            raise StoreError(f"{previous.place}: {error}") from error
        if not exists:
            raise UsageError(f"{previous.place} is not a paperround database; name the previous one")
        with reading(self._engine) as db:
            own = copying.used_numbers(db)
        return self._carry_over(now, previous._engine, self._engine, own)

    def _carry_over_all(
        self, now: datetime, formers: Sequence[Engine], restored: Engine, own: Mapping[str, int]
    ) -> CarriedOver:
        """Take over from the former database, and from earlier ones as long as subscribers are unknown to it.

        They are if an older backup had been restored into it; the one that this backup replaced knows them.
        """
        former, *earlier = formers
        carried = self._carry_over(now, former, restored, own)
        for one in earlier:
            if carried.unknown:
                with reading(restored) as db:
                    used = copying.used_numbers(db)
                carried = carried.completed(self._carry_over(now, one, restored, used))
        return carried

    def _carry_over(self, now: datetime, previous: Engine, restored: Engine, own: Mapping[str, int]) -> CarriedOver:
        decisions = _decisions_in(previous)
        with writing(restored) as db:
            carrying = CarryOver(db, self.address_hashes, self._webhooks, now, own)
            if isinstance(decisions, str):
                return carrying.nothing(decisions)
            copying.continue_numbers(db, decisions.numbers)
            return carrying.take(decisions)

    def _file(self) -> Path:
        """Return the path of the SQLite database. Raises UsageError if it is in memory."""
        path = database_url.sqlite_file(self._url)
        if path is None:
            raise UsageError("the database is in memory only; there is no file to copy or replace")
        return path

    def forget_deleted(self) -> None:
        """Truncate SQLite's write-ahead log, which still contains deleted data; do nothing for PostgreSQL."""
        if self._engine.dialect.name != "sqlite":
            return
        with named_errors(), closing(self._engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the database connections."""
        self._engine.dispose()


def _decisions_in(previous: Engine) -> Decisions | str:
    """Return what people have decided in a previous database, or why it cannot be read."""
    try:
        with reading(previous) as db:
            return read_decisions(db, copying.used_numbers(db))
    except (StoreError, ValueError, TypeError) as error:  # values in a damaged database may be anything
        return f"it cannot be read ({error})"


def _too_old(version: str | None) -> StoreError:
    return StoreError(
        f"the database is at version {version}, this program needs {newest_revision()}; run: paperround migrate"
    )


def _check_not_newer(version: str | None, newest: str) -> None:
    if version is not None and version > newest:
        raise StoreError(
            f"the database is at version {version}, newer than this program ({newest}): install the version of "
            "paperround that it was used with, or a later one"
        )
