"""The only place where parts are put together: settings in, a working paperround out."""

from __future__ import annotations

import hashlib
import secrets
import threading
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import structlog

from paperround.delivery import Transport
from paperround.domain import tokens
from paperround.domain.clock import Clock, machine_clock
from paperround.domain.errors import ConfigurationError, UnknownName, WrongUse
from paperround.domain.models import Topic
from paperround.http import Http
from paperround.matching import fts, lexical, query, tsearch
from paperround.rounds import pipeline, webhooks
from paperround.rounds.letters import LetterMaker
from paperround.settings import Settings, load, topics_file, with_secret_key
from paperround.sources import Source, pictures
from paperround.store import Store
from paperround.store.events import Wanted
from paperround.throttle import Courtesy

log = structlog.get_logger()
_JUDGED_BY = 2_000  # papers
_TOPICS_NOTE = "topics file"


class NoProgress:
    """Where nobody watches."""

    def begin(self, what: str, total: int | None) -> None:
        """A stage begins, of so many steps if that is known."""

    def advance(self, steps: int) -> None:
        """So many steps are done."""


class Progress(Protocol):
    """Is told how far a stage is."""

    def begin(self, what: str, total: int | None) -> None:
        """A stage begins, of so many steps if that is known."""

    def advance(self, steps: int) -> None:
        """So many steps are done."""


@dataclass
class App:
    """Everything a command, a page or a scheduled run works with."""

    settings: Settings
    store: Store
    clock: Clock = machine_clock
    config: Path | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set when the program is about to end: nothing new is begun."""
    progress: Progress = field(default_factory=NoProgress)
    courtesy: Courtesy = field(default_factory=Courtesy)
    nudge: Callable[[], None] = lambda: None
    """Tells whoever delivers that something is due now; what is due stands in the database all the same."""
    _newest_words: tuple[list[int], lexical.Statistics] | None = None
    """The row of the newest paper, and what `newest_words` counted then."""

    @cached_property
    def keys(self) -> tuple[bytes, ...]:
        """The keys that sign links: the first signs, all are honoured."""
        assert self.settings.secret_key is not None
        return tokens.keys(self.settings.secret_key.get_secret_value())

    @cached_property
    def letters(self) -> LetterMaker:
        """Makes the letters, for sending and for previews."""
        return LetterMaker(self)

    @cached_property
    def transport(self) -> Transport:
        """The way to the relay."""
        return self.settings.transport

    @cached_property
    def http(self) -> Http:
        """What the sources are asked with."""
        return Http(contact=self._contact, clock=self.clock)

    @cached_property
    def pictures_http(self) -> Http:
        """What thumbnails are asked for with."""
        return pictures.client(self._contact, clock=self.clock)

    @property
    def _contact(self) -> str:
        return self.settings.contact or self.settings.site.base_url

    @cached_property
    def word_statistics(self) -> lexical.Statistics:
        """How common words are in what was stored last: three late papers are scored like a whole morning's."""
        return lexical.Statistics.of(self.store.papers.latest(_JUDGED_BY))

    def newest_words(self) -> lexical.Statistics:
        """The same as of now, counted anew only when a newer paper is stored: a preview agrees with a round."""
        newest = [paper.row for paper in self.store.papers.latest(1)]
        if self._newest_words is None or self._newest_words[0] != newest:
            self._newest_words = newest, lexical.Statistics.of(self.store.papers.latest(_JUDGED_BY))
        return self._newest_words[1]

    def topics(self) -> list[Topic]:
        """The topics that subscribers can follow."""
        return self.store.topics.all()

    def source(self, name: str) -> Source:
        """The configured source of this name."""
        for source in self.settings.sources:
            if source.name == name:
                return source
        known = ", ".join(source.name for source in self.settings.sources)
        raise UnknownName(f"there is no source {name!r} in the configuration; there are: {known or 'none'}")

    def new_message_id(self) -> str:
        """An identifier for a new delivery; the letter keeps it however often it is sent."""
        # RFC 5322 3.6.4: unique for ever; 120 random bits in the sender's domain.
        return f"<{secrets.token_hex(15)}@{self.settings.site.facts().domain}>"

    def give_up_at(self, now: datetime, next_digest_at: datetime | None) -> datetime:
        """Until when a letter is tried: the subscriber's next issue replaces it, unless the settings say
        otherwise.
        """
        return self.settings.delivery.policy().expires_at(now, next_digest_at)

    def begin(self, what: str, total: int | None) -> None:
        """Tell whoever watches that a stage begins."""
        self.progress.begin(what, total)

    def advance(self, steps: int) -> None:
        """Tell whoever watches how far it is."""
        self.progress.advance(steps)

    def load_topics(self) -> None:
        """Bring the topics of topics.toml into the store when the file has changed."""
        file = topics_file(self.settings, self.config)
        try:
            data = file.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{file}: {error.strerror}; is topics_file right?") from None
        digest = hashlib.sha256(data).hexdigest()
        if self.store.note(_TOPICS_NOTE) == digest:
            return
        self.store.topics.save(read_topics(data, file))
        pipeline.match_topics(self)
        self.store.set_note(_TOPICS_NOTE, digest)

    def add_topic(self, topic: Topic) -> None:
        """Add a topic or change it, and match it with what is stored."""
        query.parse(topic.query)
        self.store.topics.save([topic])
        pipeline.match_topics(self)

    def close(self) -> None:
        """Let go of connections and servers."""
        for opened in map(self.__dict__.get, ("transport", "http", "pictures_http")):
            if close := getattr(opened, "close", None):
                close()
        self.store.close()


def build(
    config: Path | None = None, clock: Clock = machine_clock, settings: Settings | None = None, *, port: int = 8000
) -> App:
    """A paperround for the site in this folder, its database ready and its topics loaded.

    `port` is where the pages are, for the links of a site that has no address of its own yet.
    """
    settings = with_secret_key(settings or load(config)).on_port(port)
    app = App(settings, open_store(settings.database_url, webhooks.wanted(settings.webhooks)), clock, config)
    app.store.prepare()
    app.load_topics()
    return app


def open_store(url: str, wanted: Wanted | None = None) -> Store:
    """The store under a database URL, as it is found; `wanted` names the webhooks that are told of events."""
    return Store(url, {"sqlite": fts, "postgresql": tsearch}, wanted)


def read_topics(data: bytes, file: Path) -> list[Topic]:
    """The topics in a topics.toml; ConfigurationError names file, topic and remedy."""
    try:
        tables: list[dict[str, Any]] = tomllib.loads(data.decode("utf-8-sig")).get("topics", [])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: not TOML: {error}") from None
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigurationError(
            f"{file}: topics is no list; write each topic as [[topics]] with slug, name and query"
        )
    return [_topic(table, f"{file}: topic {number}") for number, table in enumerate(tables, 1)]


def _topic(table: dict[str, Any], where: str) -> Topic:
    missing = [name for name in ("slug", "name", "query") if not isinstance(table.get(name), str)]
    if missing:
        raise ConfigurationError(f"{where}: {missing[0]} is missing; a topic has slug, name and query")
    topic = Topic(
        table["slug"].strip().lower(),
        table["name"].strip(),
        table["query"].strip(),
        str(table.get("about", "")).strip(),
    )
    try:
        check_slug(topic.slug)
        query.parse(topic.query)
    except WrongUse as error:
        raise ConfigurationError(f"{where} ({topic.slug}): {error}") from None
    return topic


def check_slug(slug: str) -> None:
    """A slug stands in links and commands; ConfigurationError for one that cannot."""
    if not slug or len(slug) > 60 or not all(c.isascii() and (c.isalnum() or c == "-") for c in slug):
        raise ConfigurationError(f"{slug!r} cannot be a topic's slug; use letters a to z, digits and hyphens")
