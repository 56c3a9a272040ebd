"""Opening a site: its settings, its database at this program's version, its topics. Every command begins here."""

from __future__ import annotations

from pathlib import Path

from paperround.app import App, open_store
from paperround.domain.clock import Clock, machine_clock
from paperround.rounds.topics import load_topics
from paperround.settings import Settings, load, with_secret_key


def migrate(config: Path | None) -> str:
    """Bring the site's database to this program's version, whose name is returned."""
    store = open_store(load(config).database_url)
    try:
        return store.migrate()
    finally:
        store.close()


def open_site(
    config: Path | None = None, clock: Clock = machine_clock, settings: Settings | None = None, *, port: int = 8000
) -> App:
    """The app of the site in this folder, its database migrated and its topics loaded.

    `port` is where the pages are, for the links of a site that has no address of its own yet.
    """
    settings = with_secret_key(settings or load(config)).on_port(port)
    app = App(settings, open_store(settings.database_url, settings.webhooks_by_event), clock, config)
    app.store.prepare()
    load_topics(app)
    return app
