"""The English of what people read: plain word order, and one word for one thing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import paperround

_SOURCE = Path(paperround.__file__).parent
_TEMPLATES = Path(__file__).parents[2] / "templates"
_IS_NO = re.compile(r"(?<!there )\b(?:is|are) no (?!longer\b|more\b)\w+", re.IGNORECASE)
_OWN_QUERY = re.compile(r"\b(?:your|own|topics and|topics,) quer(?:y|ies)\b|\benter a query\b", re.IGNORECASE)


def _messages(path: Path) -> Iterator[str]:
    """Yield the strings of a module that are not docstrings."""
    tree = ast.parse(path.read_text("utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


@pytest.mark.slow  # parses every module
def test_messages_say_is_not_a_instead_of_is_no() -> None:
    found = [(path.name, text) for path in _SOURCE.rglob("*.py") for text in _messages(path) if _IS_NO.search(text)]
    assert not found


@pytest.mark.parametrize("folder", ["web", "email"])
def test_subscribers_read_of_interests_never_of_queries_of_theirs(folder: str) -> None:
    texts = [(path.name, path.read_text("utf-8")) for path in (_TEMPLATES / folder).rglob("*.j2")]
    texts += [(path.name, text) for path in (_SOURCE / "web").rglob("*.py") for text in _messages(path)]
    assert not [(name, found[0]) for name, text in texts if (found := _OWN_QUERY.search(text))]
