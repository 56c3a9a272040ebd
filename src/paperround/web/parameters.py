"""Reads what the addresses of several pages have in common: page numbers, topics and search queries."""

from __future__ import annotations

import re

from fastapi import HTTPException

from paperround.domain.models import Topic
from paperround.matching.words import ends_with_field
from paperround.web.context import WebContext

MAX_SEARCH_LENGTH = 1_000  # characters
_FULL_WIDTH = {0xFF01 + at: 0x21 + at for at in range(94)} | {0x3000: 0x20, 0x3001: 0x2C, 0x3002: 0x2E}
_DASH = re.compile(r"(?:(?<=\s)|^)[\u2010-\u2015\u2212\ufe63](?=\S)")  # a minus sign before a word excludes it
_QUOTE = re.compile("[\u201c-\u201f\u00ab\u00bb\u300c\u300d]")
_TRAILING = re.compile(r"(?<=\w)[.,;:!?]+\s*$")


def checked_page(page: int, most: int) -> int:
    """Return a page number, which starts at 1. Raises HTTP 404 if it is above `most` or below 1."""
    if not 1 <= page <= most:
        raise HTTPException(404)
    return page


def topic_named(context: WebContext, slug: str) -> Topic:
    """Return the public topic with this slug. Raises HTTP 404 if there is none."""
    topic = context.app.store.topics.by_slug(slug)
    if topic is None or topic.private:
        raise HTTPException(404)
    return topic


def plain_query(text: str) -> str:
    """Convert full-width forms, dashes and quotation marks to the ASCII characters of the query syntax.

    Punctuation at the end, as in a pasted sentence, is removed, but not the colon of a field.
    """
    plain = _DASH.sub("-", _QUOTE.sub('"', text.translate(_FULL_WIDTH)))
    return (plain if ends_with_field(plain) else _TRAILING.sub("", plain)).strip()
