"""Guess the format of a file from its first bytes. Pure."""

from __future__ import annotations

import json
import re
from pathlib import PurePath

HEAD = 1 << 16
"""The number of bytes that are examined."""
_ROOT = re.compile(rb"<(?:[\w.-]+:)?(OAI-PMH|rss|feed|RDF)[\s>]", re.IGNORECASE)
_ARXIV = re.compile(rb"http://arxiv\.org/schemas/atom|<(?:id|guid)[^<>]*>\s*(?:https?://arxiv\.org/|oai:arXiv\.org:)")
# Keys of a Hugging Face paper that a line of our export does not have, and of one of Semantic Scholar.
_HUGGING_FACE = re.compile(rb'"(?:paper|publishedAt|submittedOnDailyAt)"\s*:')
_SEMANTIC_SCHOLAR = re.compile(rb'"paperId"\s*:')
_LIST = re.compile(rb"\[\s*[{\]]")  # TOML also begins with a bracket
_BY_NAME = {".jsonl": "jsonl", ".ndjson": "jsonl", ".rss": "feed", ".rdf": "feed", ".atom": "feed"}


def guess_format(name: str, head: bytes) -> str | None:
    """Return the format that the beginning of a file shows, or else its name; None if neither does."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<"):
        shown = _of_xml(text)
    elif text.startswith((b"{", b"[")):
        shown = _of_json(text)
    else:
        shown = "page" if b"Daily Papers" in text else None
    return shown or _BY_NAME.get(PurePath(name.removesuffix(".gz")).suffix.lower())


def _of_xml(text: bytes) -> str | None:
    root = _ROOT.search(text)
    if not root:
        return None
    if root[1].lower() == b"oai-pmh":
        return "arxiv-oai"
    return "arxiv-atom" if _ARXIV.search(text) else "feed"


def _of_json(text: bytes) -> str | None:
    first, _, rest = text.partition(b"\n")
    if _SEMANTIC_SCHOLAR.search(text):
        return None
    if _HUGGING_FACE.search(text):
        return "hf-daily"
    if rest.lstrip()[:1] in (b"{", b"") and _is_object(first):
        return "jsonl"
    if _LIST.match(text):
        return "hf-daily"
    if b"jsonfeed.org" in text:
        return "feed"
    return "biorxiv" if b'"collection"' in text else None


def _is_object(line: bytes) -> bool:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and "title" in value
