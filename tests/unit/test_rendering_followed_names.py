"""Followed authors and organizations are shown by their names."""

from __future__ import annotations

import pytest

from paperround.rendering import language
from paperround.rendering.followed_names import followed_name
from support.letters import FOLDERS


@pytest.mark.parametrize(
    ("entry", "code", "name"),
    [
        ("author: Ada Lovelace", "en", "Ada Lovelace"),
        ("Ada Lovelace", "en", "Ada Lovelace"),
        (
            "author: Wei Zhang (with Ada Lovelace, Grace Hopper)",
            "en",
            "Wei Zhang (with Ada Lovelace and Grace Hopper)",
        ),
        ("author: Wei Zhang (with Ada Lovelace)", "de", "Wei Zhang (mit Ada Lovelace)"),
        ("org: MIT", "en", "MIT (organization)"),
        ("org: MIT", "de", "MIT (Organisation)"),
        ('author: ""', "en", 'author: ""'),
    ],
)
def test_an_entry_is_shown_as_people_write_it(entry: str, code: str, name: str) -> None:
    assert followed_name(entry, language.load(code, FOLDERS)) == name
