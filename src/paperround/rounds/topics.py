"""Changes the site's topics: one at a time, for a command, a page or the API, and all that topics.toml defines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from paperround.app import App
from paperround.domain.errors import ConfigurationError, QueryError, UnknownNameError, UsageError
from paperround.domain.models import Topic
from paperround.matching.query import can_come_from
from paperround.matching.words import any_of, check_is_informative, interpret
from paperround.process import logs
from paperround.rounds.topic_definitions import check_slug, cleaned, read_topics
from paperround.rounds.topic_matching import match_topics
from paperround.rounds.topics_file import TopicsFile, read_file
from paperround.store.topics import news_horizon

log = logs.logger()


class ChangedTopic(NamedTuple):
    """A topic of topics.toml that the site no longer has as the file defines it."""

    topic: Topic
    removed: bool


_SLUGS_VALUE = "topics of the file"  # stores the slugs that were ever loaded from it


# --- one topic --------------------------------------------------------------------------------------------------


def add_topic(app: App, topic: Topic) -> Topic:
    """Add a topic, or change the one with its slug, and match it with the stored papers; return it as it is stored.

    Raises ConfigurationError if it cannot have this slug, UsageError if it has no name, and QueryError if its query
    is invalid, is uninformative or the database rejects it; then nothing is stored.
    """
    topic = cleaned(topic)
    check_slug(topic.slug)
    if not topic.name:
        raise UsageError("a topic needs a name")
    check_is_informative(topic.query)
    _check_query(app, topic)
    app.store.topics.save([topic])
    match_topics(app)
    return topic


def remove_topic(app: App, slug: str, move_to: str = "") -> int:
    """Delete a topic; its subscribers then follow `move_to`, if given.

    Returns how many active subscribers it had. Raises UnknownNameError if one of the topics does not exist.
    """
    for name in filter(None, (slug, move_to)):
        if app.store.topics.require(name).private:
            raise UnknownNameError(f"there is no topic {name!r}; see: paperround topics list")
    if slug == move_to:
        raise UsageError("its subscribers can only be moved to a different topic")
    followers = app.store.topics.counts()[slug][0]
    app.store.topics.remove(slug, move_to)
    return followers


def _check_query(app: App, topic: Topic) -> None:
    """Raise QueryError if a topic's query does not parse or the database rejects it."""
    app.store.papers.check(any_of(interpret(topic.query)))


def unusable_topics(app: App) -> list[tuple[Topic, str]]:
    """Return the topics, including subscribers' own queries, that the database rejects, each with the reason."""
    unusable: list[tuple[Topic, str]] = []
    for topic in app.store.topics.all():
        try:
            _check_query(app, topic)
        except QueryError as error:
            unusable.append((topic, error.problem))
    return unusable


def unserved_topics(app: App) -> list[Topic]:
    """Return the public topics that none of the configured sources can serve, and that got no paper lately."""
    names = [source.name for source in app.settings.sources]
    since = news_horizon(app.clock()).date()
    return [
        topic
        for topic, _, papers in app.store.topics.public_counts(since)
        if not papers and not _can_come_from(topic, names)
    ]


def _can_come_from(topic: Topic, sources: Sequence[str]) -> bool:
    try:
        return can_come_from(any_of(interpret(topic.query)), sources)
    except QueryError:
        return True  # `unusable_topics` has it


# --- topics.toml ------------------------------------------------------------------------------------------------


def _checked_topics(app: App, file: TopicsFile) -> list[Topic]:
    defined = read_topics(file.data, file.path)
    for topic in defined:
        try:
            _check_query(app, topic)
        except QueryError as error:
            raise ConfigurationError(f"{file.path}: topic {topic.slug}: {error}") from None
    return defined


def load_topics(app: App, file: TopicsFile) -> None:
    """Store the topics of topics.toml and match them; remove those that are gone from it and that nobody follows.

    Raises ConfigurationError if the file is invalid or the database rejects a query.
    """
    defined = _checked_topics(app, file)
    app.store.topics.save(defined)
    match_topics(app)
    dropped = _without_unfollowed(app, _dropped_from(app, defined))
    for topic in dropped:
        log.warning("topic is no longer in topics.toml; its subscribers keep it", topic=topic.slug)
    app.store.site_values.set(_SLUGS_VALUE, json.dumps([topic.slug for topic in (*dropped, *defined)]))
    file.note_loaded(app)


def _without_unfollowed(app: App, gone: Sequence[Topic]) -> list[Topic]:
    """Remove the given topics that have no subscribers, and return the others."""
    removed = app.store.topics.remove_unfollowed([topic.row for topic in gone])
    for topic in gone:
        if topic.row in removed:
            log.info("topic is no longer in topics.toml and has no subscribers; removed", topic=topic.slug)
    return [topic for topic in gone if topic.row not in removed]


def dropped_topics(app: App) -> list[Topic]:
    """Return the public topics that were once loaded from topics.toml, but are no longer in it.

    Raises ConfigurationError if its topics cannot be loaded.
    """
    return _dropped_from(app, _checked_topics(app, read_file(app)))


def _dropped_from(app: App, defined: Sequence[Topic]) -> list[Topic]:
    """Return the public topics that were once loaded from topics.toml and are not among the `defined` ones."""
    once, now = json.loads(app.store.site_values.get(_SLUGS_VALUE) or "[]"), {topic.slug for topic in defined}
    return [topic for topic in app.store.topics.public() if topic.slug in once and topic.slug not in now]


def changed_by_command(app: App) -> list[ChangedTopic]:
    """Return the topics of topics.toml that were changed or removed since it was loaded.

    The next change of the file undoes that. Raises ConfigurationError if its topics cannot be loaded.
    """
    file, public = read_file(app), {topic.slug: topic for topic in app.store.topics.public()}
    if not file.is_loaded(app):
        return []
    defined = read_topics(file.data, file.path)
    return [
        ChangedTopic(topic, topic.slug not in public)
        for topic in defined
        if not _is_stored(topic, public.get(topic.slug))
    ]


def _is_stored(topic: Topic, stored: Topic | None) -> bool:
    return stored is not None and replace(stored, row=topic.row) == topic


def file_defining(app: App, slug: str) -> Path | None:
    """Return the path of topics.toml if it contains the topic, else None."""
    file = read_file(app)
    defined = read_topics(file.data, file.path)
    return file.path if any(topic.slug == slug for topic in defined) else None
