"""Any letter, as it would be sent: the same code makes it, and nothing is sent, locked or kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from paperround import pipeline
from paperround.cadence import issue_date
from paperround.errors import UnknownName
from paperround.letters import Finished, as_preview
from paperround.membership import reader as reader_named
from paperround.models import Digest, Match, Paper, ReaderState, Schedule, Subscriber
from paperround.store.issues import DueReader

if TYPE_CHECKING:
    from paperround.app import App

_TOPIC_PAPERS = 100


def letter(
    app: App,
    *,
    email: str | None = None,
    topic: str | None = None,
    day: date | None = None,
    theme: str | None = None,
) -> Finished | None:
    """The letter of a reader, or of somebody who follows one topic; None when there is no paper for it.

    For a day whose digest exists it is that digest; else the one that the next round would compose.
    """
    reader = reader_named(app, email) if email else _follower(app, topic or "")
    digest, papers = _digest(app, reader, day, topic)
    if digest is None:
        return None
    reader = replace(reader, theme=theme or reader.theme)
    delivery = as_preview(digest, reader, app.new_message_id())
    return app.letters.lay_out(delivery, digest, papers, reader, app.clock())


def write(finished: Finished, folder: Path) -> list[Path]:
    """Write letter.eml, letter.html and letter.txt; the files."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "letter.eml": finished.letter.message,
        "letter.html": finished.rendered.html.encode(),
        "letter.txt": finished.rendered.text.encode(),
    }
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in contents]


def _digest(
    app: App, reader: Subscriber, day: date | None, topic: str | None
) -> tuple[Digest | None, dict[int, Paper]]:
    now = app.clock()
    if topic is None:
        wanted = day or issue_date(reader.schedule, now)
        frozen = app.store.issues.digest_on(reader.row, wanted)
        if frozen:
            return frozen, app.store.issues.printed(frozen, frozen.papers)
        batch = app.store.issues.unread(reader)
        due, papers = batch.readers[0], dict(batch.papers)
    else:
        wanted = day or now.date()
        due, papers = _on_topic(app, reader, topic, day)
    names = {known.slug: known.name for known in app.topics()}
    issue = f"{reader.schedule.cadence.value} {wanted}"
    return pipeline.choose(due, papers, names, issue, now), papers


def _on_topic(app: App, reader: Subscriber, topic: str, day: date | None) -> tuple[DueReader, dict[int, Paper]]:
    """The topic's papers of a day, or its latest."""
    found: list[Match] = app.store.topics.recent_matches(topic, day or date.min, _TOPIC_PAPERS)
    papers = app.store.papers.by_rows(match.paper for match in found)
    if day:
        papers = {row: paper for row, paper in papers.items() if paper.day == day}
    return DueReader(reader, None, tuple(match for match in found if match.paper in papers)), papers


def _follower(app: App, topic: str) -> Subscriber:
    if app.store.topics.by_slug(topic) is None:
        raise UnknownName(f"there is no topic {topic!r}; see: paperround topics list")
    return Subscriber(
        row=0,
        email="reader@paperround.example",
        state=ReaderState.ACTIVE,
        schedule=Schedule(),
        topics=(topic,),
    )
