"""Opening a site: settings, database and topics. Every command begins here."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from paperround.app import App, open_store
from paperround.domain import tokens
from paperround.domain.clock import Clock, machine_clock
from paperround.domain.errors import ConfigurationError, UsageError
from paperround.domain.text import counted
from paperround.process import text_files
from paperround.rounds import topics_file
from paperround.settings import CONFIG_FILE, Settings, has_secret_key, load, with_secret_key
from paperround.store import Store, database_url

_ENV = Path(".env")
DATABASE = Path("data/paperround.db")
DEFAULT_PORT = 8000
_IN_MEMORY = "sqlite://"
_PORT_VALUE = "port"
MISSING_KEY = (
    "PAPERROUND_SECRET_KEY is not set, and {why}: put it back from a backup of .env, "
    "or set a new one of 32 characters or more, and links in letters sent so far stop working"
)


def check_site(config: Path | None = None) -> None:
    """Raise UsageError where no site is: neither a configuration, nor an .env of ours, nor a database.

    Raises ConfigurationError if it depends on an .env that cannot be read.
    """
    if config is not None or CONFIG_FILE.is_file() or DATABASE.is_file() or os.environ.get(database_url.SETTING):
        return
    if _ENV.is_file() and "PAPERROUND_" in text_files.read(_ENV):
        return
    raise UsageError(
        f"no site here ({Path.cwd()}): go to a site's folder, name one with --site DIR, "
        "or create one with: paperround init"
    )


def migrate(config: Path | None) -> str:
    """Upgrade the database of the site to this version of paperround; returns the version."""
    check_site(config)
    url = load(config).database_url
    database_url.check_setting(url)
    store = open_store(url)
    try:
        return store.migrate()
    finally:
        store.close()


def _nobody(sentence: str) -> None:
    """Ignore the message."""


def open_site(
    config: Path | None = None,
    clock: Clock = machine_clock,
    settings: Settings | None = None,
    *,
    port: int | None = None,
    first_start: bool = False,
    examine: bool = False,
    tell: Callable[[str], object] = _nobody,
) -> App:
    """Return the app of the site in this folder, its database migrated and its topics loaded.

    `port` is where the pages are, for the links of a site that has no address of its own yet; by default the port
    that the pages were last served at. With `first_start` a
    folder may become a site, and a site that has no secret key yet gets one. To `examine` a site, it is opened as it
    is: no database is created or upgraded, and no topics are loaded. `tell` is called with a sentence
    if a database was created, since a mistyped path makes a new one.

    Raises UsageError where there is no site, ConfigurationError where the secret key is missing or too short or the
    URL of the database is wrong, and StoreError where the database cannot be used.
    """
    if settings is None and not first_start:
        check_site(config)
    settings = settings or load(config)
    database_url.check_setting(settings.database_url)
    if not first_start:
        _check_secret_key(settings)
    store = _store_to_examine(settings) if examine else _prepared_store(settings, tell)
    if not has_secret_key(settings):
        if subscribers := sum(store.subscribers.count().values()):
            store.close()
            people = counted(subscribers, "subscriber has", "subscribers have")
            raise ConfigurationError(MISSING_KEY.format(why=f"{people} links signed with it"))
        settings = with_secret_key(settings)
    _check_secret_key(settings)
    app = App(settings.on_port(port or int(store.site_values.get(_PORT_VALUE) or DEFAULT_PORT)), store, clock, config)
    file = topics_file.read_file(app)
    if not (examine or file.is_loaded(app)):
        from paperround.rounds.topics import load_topics  # noqa: PLC0415 - brings numpy

        load_topics(app, file)
    return app


def _prepared_store(settings: Settings, tell: Callable[[str], object]) -> Store:
    store = open_store(settings.database_url, settings.webhooks_by_event)
    if store.prepare():
        tell(f"created a new database: {store.place}")
    return store


def _store_to_examine(settings: Settings) -> Store:
    """Return the store as it is. Where there is none yet, return an empty one in memory: a new site has settings to
    examine, too.

    Raises StoreError if the database is of another version.
    """
    if database_url.may_exist(settings.database_url):
        store = open_store(settings.database_url, settings.webhooks_by_event)
        if store.exists():
            return store
        store.close()
    store = open_store(_IN_MEMORY)
    store.prepare()
    return store


def note_port(app: App, port: int) -> None:
    """Record where the pages are served, so that letters of other commands link to them too."""
    app.store.site_values.set(_PORT_VALUE, str(port))


def _check_secret_key(settings: Settings) -> None:
    if not has_secret_key(settings):
        why = "it signs the links in letters; on a new site `paperround up` makes one"
        raise ConfigurationError(MISSING_KEY.format(why=why))
    assert settings.secret_key is not None
    tokens.keys(settings.secret_key.get_secret_value())
