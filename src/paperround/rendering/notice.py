"""Notices: the short letters about a subscription. Each is one text template, from which its HTML is also made.

Subject: the subject line

A paragraph. It continues until an empty line.

Lines that begin with a hyphen are a list:
- one
- another

[A paragraph that is only a link](https://…) becomes a button
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from paperround.domain.errors import ConfigurationError, UnknownNameError
from paperround.domain.models import Links, Site, Subscriber
from paperround.domain.text import clean
from paperround.rendering.environment import environment
from paperround.rendering.excerpt import breakable
from paperround.rendering.language import Language
from paperround.rendering.letter_view import Notice, Paragraph
from paperround.rendering.schedule_sentences import describe_schedule
from paperround.rendering.template import mistake

_FOLDER, _ENDING = "email/notices", ".txt.j2"
_LINK = re.compile(r"\[([^]]+)\]\((https?://[^\s)]+)\)")
_BLANK = re.compile(r"\n\s*\n")


def kinds(folders: tuple[Path, ...]) -> tuple[str, ...]:
    """Return the kinds of notices in these template folders, sorted."""
    found = {path.name.removesuffix(_ENDING) for folder in folders for path in (folder / _FOLDER).glob(f"*{_ENDING}")}
    return tuple(sorted(found))


def compose(
    kind: str,
    subscriber: Subscriber,
    links: Links,
    context: Mapping[str, Any],
    *,
    site: Site,
    language: Language,
    folders: tuple[Path, ...],
) -> Notice:
    """Render the notice of this kind; `context` holds the values that its template needs.

    `new_site` in it says that close papers are emailed alone too (see `describe_schedule`).

    Raise UnknownNameError for an unknown kind, ConfigurationError if its template fails.
    """
    if kind not in kinds(folders):
        raise UnknownNameError(f"no notice {kind!r}; there are {', '.join(kinds(folders))}")
    file = f"{_FOLDER}/{kind}{_ENDING}"
    # Clean what subscribers and papers say, so that line breaks in it cannot end a paragraph and start a link.
    subscriber = subscriber.with_preferences(name=clean(subscriber.name))
    context = {
        name: list(map(_cleaned, value)) if isinstance(value, list) else value for name, value in context.items()
    }
    try:
        text = (
            environment(folders, language)
            .get_template(file)
            .render(
                **{
                    **context,
                    "site": site,
                    "subscriber": subscriber,
                    "links": links,
                    "promise": describe_schedule(
                        subscriber.preferences, language, new_site=bool(context.get("new_site"))
                    ),
                }
            )
        )
    except Exception as error:  # a template can raise anything
        raise mistake(file, error) from error
    return parse(text, file)


def parse(text: str, file: str) -> Notice:
    """Parse a rendered template. Raise ConfigurationError if it has no subject or no paragraphs."""
    head, *blocks = _BLANK.split(text.strip())
    if not head.startswith("Subject:"):
        raise ConfigurationError(f"{file}: it begins with {head[:40]!r} instead of `Subject: …` and an empty line")
    paragraphs = tuple(_paragraph(block.strip()) for block in blocks if clean(block))
    if not paragraphs:
        raise ConfigurationError(f"{file}: there is nothing below its subject")
    return Notice(clean(head.removeprefix("Subject:")), paragraphs)


def shows_personal_links(subscriber: Subscriber) -> bool:
    """Return whether the notice ends with personal links: not before the confirmation or after unsubscribing."""
    return subscriber.state.is_subscribed


def _cleaned(value: object) -> str:
    return clean(str(value))


def _paragraph(text: str) -> Paragraph:
    found = _LINK.fullmatch(clean(text))
    if found:
        return Paragraph(found[1], found[2])
    head, *lines = re.split(r"(?:^|\n)\s*- ", text)
    return Paragraph(breakable(clean(head)), lines=tuple(breakable(clean(line)) for line in lines))
