"""The stored form of reasons, and what earlier versions stored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain.reasons import Reason, ReasonKind, quote, read, start, unquoted, write


@given(st.sampled_from(ReasonKind), st.text())
def test_what_is_written_is_read_again(kind: ReasonKind, found: str) -> None:
    stored = write(kind, found)
    assert stored.startswith(start(kind))
    assert list(read([stored])) == [Reason(kind, found)]
    assert str(Reason(kind, found)) == stored


@given(st.text())
def test_what_is_quoted_is_unquoted_again(words: str) -> None:
    assert unquoted(quote(words)) == words


@pytest.mark.parametrize("found", ["", '"', "words", 'a "word"', '"word" of'])
def test_other_texts_are_not_quoted(found: str) -> None:
    assert unquoted(found) is None


@pytest.mark.parametrize(
    ("stored", "reads"),
    [
        ("title: Arm", ["title: Arm"]),
        ('organisation: "a lab"', ['organisation: "a lab"']),
        ("on Agents", ["on: Agents"]),
        ("on Agents, Robots, Speech", ["on: Agents", "also on: Robots, Speech"]),
        ("also on Robots, Speech", ["also on: Robots, Speech"]),
        ("on Robots: arms", ["on: Robots: arms"]),
        ("142 votes", ["142 votes"]),
        ("much: more", ["much: more"]),
    ],
)
def test_reasons_that_earlier_versions_stored_are_read(stored: str, reads: list[str]) -> None:
    assert [str(reason) for reason in read([stored])] == reads
