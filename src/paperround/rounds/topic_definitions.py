"""Parses the topics in a topics.toml and checks each. Pure."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from paperround.domain.errors import ConfigurationError, UsageError
from paperround.domain.models import Topic
from paperround.domain.preferences import is_private
from paperround.domain.text import clean
from paperround.matching.words import check_is_informative, interpret
from paperround.process import text_files

_FIELDS = ("slug", "name", "query", "about")  # of a topic in topics.toml


def read_topics(data: bytes, file: Path) -> list[Topic]:
    """Parse the topics in a topics.toml.

    Raises ConfigurationError, which names `file` and, for each wrong topic, its number and the remedy.
    """
    try:
        content: dict[str, Any] = tomllib.loads(text_files.decode(data, str(file)))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file}: not TOML: {error}") from None
    tables = content.pop("topics", [])
    if content:
        raise ConfigurationError(f"{file}: {next(iter(content))} is not known; write each topic as [[topics]]")
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigurationError(
            f"{file}: topics is not a list; write each topic as [[topics]] with slug, name and query"
        )
    lines = [number for number, line in enumerate(data.splitlines(), 1) if line.strip().startswith(b"[[topics]]")]
    places = [f"{file} line {line}" for line in lines] if len(lines) == len(tables) else [str(file)] * len(tables)
    topics: dict[str, Topic] = {}
    problems = list[str]()
    for number, (table, place) in enumerate(zip(tables, places, strict=True), 1):
        where = f"{place}: topic {number}"
        try:
            topic = _topic(table, where)
        except ConfigurationError as error:
            problems.append(str(error))
            continue
        if topic.slug in topics:
            problems.append(f"{where} ({topic.slug}): an earlier topic has the same slug")
        topics[topic.slug] = topic
    if problems:
        raise ConfigurationError.listing(problems)
    return list(topics.values())


def _topic(table: dict[str, Any], where: str) -> Topic:
    for name, value in table.items():
        if name not in _FIELDS:
            fields = f"{', '.join(_FIELDS[:-1])} and {_FIELDS[-1]}"
            raise ConfigurationError(f"{where}: {name} is not known; a topic has {fields}")
        if not isinstance(value, str):
            raise ConfigurationError(f"{where}: {name} must be text, in quotation marks")
    topic = cleaned(Topic(*(table.get(field, "").strip() for field in _FIELDS)))
    topic = replace(topic, slug=topic.slug.lower())
    missing = [field for field in ("slug", "name", "query") if not getattr(topic, field)]
    if missing:
        raise ConfigurationError(f"{where}: {missing[0]} is missing; a topic has slug, name and query")
    try:
        check_slug(topic.slug)
        interpret(topic.query)
        check_is_informative(topic.query)
    except UsageError as error:
        raise ConfigurationError(f"{where} ({topic.slug}): {error}") from None
    return topic


def cleaned(topic: Topic) -> Topic:
    """Return a topic whose texts have no control characters, which no page or letter may contain."""
    return replace(topic, name=clean(topic.name), query=clean(topic.query), about=clean(topic.about))


def check_slug(slug: str) -> None:
    """Raise ConfigurationError if a text cannot be a slug, which is used in links and commands.

    The slugs of private topics cannot: a topic with one of them would replace an interest of subscribers.
    """
    if not slug or len(slug) > 60 or not all(c.isascii() and (c.isalnum() or c == "-") for c in slug):
        raise ConfigurationError(f"{slug!r} cannot be a topic's slug; use letters a to z, digits and hyphens")
    if is_private(slug):
        raise ConfigurationError(f"{slug!r} cannot be a topic's slug; slugs of this form are reserved for interests")
