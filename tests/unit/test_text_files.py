"""Files that the operator writes: an encoding other than UTF-8 is named with file, line and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain.errors import ConfigurationError
from paperround.process import text_files
from paperround.rendering import language
from paperround.rendering.theme import Theme
from paperround.rounds.topic_definitions import read_topics
from support.letters import FOLDERS

_LATIN_1 = "it is not in UTF-8; save the file as UTF-8"
_UTF_16 = "it is in UTF-16; save the file as UTF-8"


@given(st.text())
def test_text_in_utf_8_is_read_as_it_was_written_with_or_without_a_byte_order_mark(text: str) -> None:
    text = text.replace("\0", "").removeprefix("\ufeff")
    for encoding in ("utf-8", "utf-8-sig"):
        assert text_files.decode(text.encode(encoding), "file") == text


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("one\nMühle\n".encode("latin-1"), f"file line 2: {_LATIN_1}"),
        ("one\nMühle\n".encode("utf-16"), f"file line 1: {_UTF_16}"),
        ("one\nMühle\n".encode("utf-16-be"), f"file line 1: {_UTF_16}"),
        (b"one\ntwo\n\xff\x00", f"file line 3: {_UTF_16}"),
    ],
)
def test_another_encoding_is_named_with_its_first_line(data: bytes, says: str) -> None:
    with pytest.raises(text_files.NotTextError) as error:
        text_files.decode(data, "file")
    assert str(error.value) == says


@pytest.mark.parametrize(("encoding", "says"), [("latin-1", f"line 3: {_LATIN_1}"), ("utf-16", f"line 1: {_UTF_16}")])
def test_a_theme_in_another_encoding_is_a_mistake_in_its_line(tmp_path: Path, encoding: str, says: str) -> None:
    theme = tmp_path / "email" / "themes" / "mine.html.j2"
    theme.parent.mkdir(parents=True)
    text = '{% extends "email/digest.html.j2" %}\n\n{# Mühle #}\n'
    theme.write_bytes(text.encode(encoding))
    english = language.load("en", FOLDERS)
    with pytest.raises(ConfigurationError) as error:
        Theme("mine", english, (tmp_path, *FOLDERS))
    assert str(error.value) == f"email/themes/mine.html.j2 {says}"
    theme.write_bytes(text.encode("utf-8-sig"))
    Theme("mine", english, (tmp_path, *FOLDERS))


def test_a_catalog_in_another_encoding_than_its_header_says_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "locale").mkdir()
    file = tmp_path / "locale" / "fr.po"
    header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "Summary"\nmsgstr "Résumé"\n'
    for encoding, says in (("latin-1", f"line 5: {_LATIN_1}"), ("utf-16", f"line 1: {_UTF_16}")):
        file.write_bytes(header.encode(encoding))
        with pytest.raises(ConfigurationError) as error:
            language.load("fr", (tmp_path,))
        assert str(error.value) == f"{file} {says}"


def test_topics_in_another_encoding_are_named_with_their_line() -> None:
    text = '[[topics]]\nslug = "cafe"\nname = "Café"\nquery = "coffee"\n'
    with pytest.raises(ConfigurationError) as error:
        read_topics(text.encode("latin-1"), Path("topics.toml"))
    assert str(error.value) == f"topics.toml line 3: {_LATIN_1}"
    [topic] = read_topics(text.encode("utf-8-sig"), Path("topics.toml"))
    assert topic.name == "Café"
