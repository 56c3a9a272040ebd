"""A whole paperround on a database of its own, with a clock that the test sets and a relay that remembers."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from paperround.app import App
from paperround.delivery.base import UnlimitedTransport
from paperround.domain.models import Letter, Listing, Outcome, Stage, SubscriberState, Topic
from paperround.operator.startup import open_site
from paperround.rounds import topic_matching, topics
from paperround.settings import Settings
from paperround.store.subscriber_changes import SubscriberChange
from paperround.subscribers import membership
from support import databases

MORNING = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)  # a Monday


class Clock:
    """Stands at `now` until the test moves it."""

    def __init__(self, now: datetime = MORNING) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        """The same as servers count it."""
        return self.now.timestamp()


class Running(Clock):
    """Runs on from `now`, as a machine's clock does."""

    def __init__(self, now: datetime = MORNING) -> None:
        super().__init__(now)
        self._since = time.monotonic()

    def __call__(self) -> datetime:
        return self.now + timedelta(seconds=time.monotonic() - self._since)


class Relay(UnlimitedTransport):
    """Remembers every letter it was handed, and answers as told: 250 unless a reply is waiting in `replies`."""

    kind = "memory"

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.accepted: list[Letter] = []
        self.replies: list[tuple[Stage, int | None, str]] = []
        self.before: Callable[[], None] = lambda: None
        """Called before each letter is answered."""

    def send(self, letters: Iterator[Letter], report: Callable[[Sequence[Outcome]], None]) -> None:
        """Take letters one by one."""
        for letter in letters:
            self.letters.append(letter)
            self.before()
            stage, code, text = self.replies.pop(0) if self.replies else (Stage.FINAL, 250, "2.0.0 ok")
            found = re.match(r"[245]\.\d+\.\d+", text)
            outcome = Outcome(letter.delivery, stage, code, found[0] if found else None, text)
            if outcome.accepted:
                self.accepted.append(letter)
            report([outcome])


class Site:
    """A paperround for tests."""

    def __init__(self, folder: Path, url: str | None = None, clock: Clock | None = None, **settings: Any) -> None:
        self.folder = folder
        self.clock = clock or Clock()
        topics = folder / "topics.toml"
        if not topics.exists():
            topics.write_text("", encoding="utf-8")
        if url is None and not (folder / "paperround.db").exists():
            databases.copy_sqlite(folder / "paperround.db")
        values = {
            "database_url": url or f"sqlite:///{folder}/paperround.db",
            "secret_key": "a key for tests that is long enough",
            "transport": {"kind": "memory"},
            "site": {
                "base_url": "https://papers.example.org",
                "sender": "papers@example.org",
                "postal_address": "1 Mill Lane, Ely",
            },
            "topics_file": topics,
            "sources": [],
            "meaning": {"kind": "words"},
        }
        self.app: App = open_site(clock=self.clock, settings=Settings(_env_file=None, **{**values, **settings}))
        self.relay = Relay()
        if "transport" not in settings:
            self.app.transport = self.relay

    def topic(self, slug: str, query: str | None = None) -> None:
        """Add a topic; its query is its slug unless another is given."""
        topics.add_topic(self.app, Topic(slug, slug.title(), query or slug))

    def subscriber(self, email: str, *topics: str, first_now: bool = False, **given: Any) -> None:
        """Add a confirmed subscriber."""
        patch = membership.read_patch(self.app, {"topics": topics, **given})
        membership.add(self.app, email, patch, confirmed=True, first_now=first_now)

    def subscribers(self, emails: Iterable[str], *topics: str, **given: Any) -> None:
        """Add many at once."""
        patch = membership.read_patch(self.app, {"topics": topics, **given})
        changes = [SubscriberChange(email, patch, SubscriberState.ACTIVE) for email in emails]
        membership.add_all(self.app, changes)

    def papers(self, *listings: Listing) -> None:
        """Store papers and match them."""
        self.app.store.papers.add(listings, self.clock())
        topic_matching.match_papers(self.app)
