"""Every sentence in every language, and the right forms of it."""

from __future__ import annotations

import re
from datetime import date, time
from functools import cache
from io import StringIO
from pathlib import Path

import jinja2.ext
import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

import paperround
from paperround.domain.errors import ConfigurationError, UnknownNameError
from paperround.process import resources
from paperround.rendering import language
from paperround.rounds.topics import read_topics
from support.letters import FOLDERS, LANGUAGES

_TEMPLATES = FOLDERS[-1]
_TRANSLATED = [code for code in LANGUAGES if code != language.SOURCE]
_FUNCTIONS = {"_": None, "gettext": None, "ngettext": (1, 2), "count": (1, 2)}
_PLACEHOLDER = re.compile(r"%\(\w+\)s")


@cache
def _sentences() -> dict[str | tuple[str, ...], str]:
    """All sentences in code and templates and all texts of the shipped topics, and where each stands."""
    found: dict[str | tuple[str, ...], str] = {}
    for path in sorted(Path(paperround.__file__).parent.rglob("*.py")):
        for line, message, *_ in extract_from_file("python", path, keywords=_FUNCTIONS):
            found.setdefault(message, f"{path.name}:{line}")
    for path in sorted(_TEMPLATES.rglob("*.j2")):
        with path.open("rb") as source:
            for line, function, message, _ in jinja2.ext.babel_extract(source, ("_", "gettext", "ngettext"), [], {}):
                texts = (message,) if isinstance(message, str) else tuple(m for m in message if isinstance(m, str))
                found.setdefault(texts if function == "ngettext" else texts[0], f"{path.name}:{line}")
    shipped = resources.folders("config")[-1] / "topics.toml"
    for topic in read_topics(shipped.read_bytes(), shipped):
        found |= dict.fromkeys((topic.name, topic.about), f"{shipped.name}: {topic.slug}")
    return found


def _catalogue(code: str) -> Catalog:
    with (_TEMPLATES / "locale" / f"{code}.po").open("rb") as source:
        return read_po(source, locale=code, abort_invalid=True)


def _entry(message: str | tuple[str, ...], where: str) -> str:
    out = StringIO()
    texts = (message,) if isinstance(message, str) else message
    out.write(f"\n#: {where}\n")
    for name, text in zip(("msgid", "msgid_plural"), texts, strict=False):
        out.write(f'{name} "{text}"\n')
    out.write('msgstr ""\n' if len(texts) == 1 else 'msgstr[0] ""\nmsgstr[1] ""\n')
    return out.getvalue()


def _same(message: Message) -> str | tuple[str, ...]:
    return message.id if isinstance(message.id, str) else tuple(message.id)


@pytest.mark.slow
@pytest.mark.parametrize("code", _TRANSLATED)
def test_every_sentence_is_there_in_every_language(code: str) -> None:
    known = {_same(message) for message in _catalogue(code) if message.id}
    missing = {message: where for message, where in _sentences().items() if message not in known}
    assert not missing, f"add to templates/locale/{code}.po:\n" + "".join(_entry(*one) for one in missing.items())


@pytest.mark.parametrize("code", _TRANSLATED)
@pytest.mark.slow
def test_no_translation_is_empty_fuzzy_or_left_over(code: str) -> None:
    sentences = _sentences()
    for message in _catalogue(code):
        if not message.id:
            continue
        forms = [message.string] if isinstance(message.string, str) else list(message.string)
        assert all(forms), f"{message.id} has no translation"
        assert not message.fuzzy
        assert _same(message) in sentences, f"nobody says {message.id!r} any more"


@pytest.mark.parametrize("code", _TRANSLATED)
def test_translations_have_the_same_placeholders(code: str) -> None:
    for message in _catalogue(code):
        originals = [message.id] if isinstance(message.id, str) else list(message.id)
        forms = [message.string] if isinstance(message.string, str) else list(message.string)
        for form in forms:
            assert set(_PLACEHOLDER.findall(form)) == set(_PLACEHOLDER.findall(originals[-1])), form


def test_numbers_take_their_form() -> None:
    german, english = language.load("de", FOLDERS), language.load("en", FOLDERS)
    facts = ("%(num)s vote", "%(num)s votes")
    assert [german.count(*facts, n) for n in (0, 1, 2)] == ["0 Stimmen", "1 Stimme", "2 Stimmen"]
    assert [english.count(*facts, n) for n in (0, 1, 1234)] == ["0 votes", "1 vote", "1,234 votes"]
    assert german.number(1234567) == "1.234.567"


def test_dates_hours_and_lists_are_written_as_people_write_them() -> None:
    german, english = language.load("de", FOLDERS), language.load("en", FOLDERS)
    day = date(2026, 11, 3)
    assert english.date(day) == "Tuesday, November 3, 2026"
    assert german.date(day, "long") == "3.\u00a0November 2026"
    assert english.short_date(day, day) == "Nov 3"
    assert english.short_date(day, date(2027, 1, 1)) == "Nov 3, 2026"
    assert german.time(time(7, 5)) == "07:05"
    assert german.weekday(0) == "Montag"
    assert english.list(("a", "b", "c")) == "a, b, and c"
    assert german.list(("a", "b")) == "a und b"
    assert english.list(()) == ""
    assert english.span(date(2026, 11, 16), date(2026, 11, 22)) == "Nov 16\u2009–\u200922, 2026"
    assert german.span(date(2026, 11, 1), date(2026, 11, 30)) == "November 2026"


def test_direction_follows_the_language(tmp_path: Path) -> None:
    (tmp_path / "locale").mkdir()
    (tmp_path / "locale" / "he.po").write_text('msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n')
    assert language.load("he", (tmp_path, *FOLDERS)).direction == "rtl"
    assert language.load("en", FOLDERS).direction == "ltr"
    assert language.available((tmp_path, *FOLDERS)) == ("en", "de", "he")


def test_a_site_can_say_things_in_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "locale").mkdir()
    (tmp_path / "locale" / "en.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "Unsubscribe"\nmsgstr "Stop this"\n'
    )
    own = language.load("en", (tmp_path, *FOLDERS))
    assert own.gettext("Unsubscribe") == "Stop this"
    assert own.gettext("Preferences") == "Preferences"


def test_a_site_s_own_catalogue_needs_only_the_messages_that_differ(tmp_path: Path) -> None:
    (tmp_path / "locale").mkdir()
    (tmp_path / "locale" / "de.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
        'msgid "Unsubscribe"\nmsgstr "Kündigen"\n\nmsgid "Quantum chemistry"\nmsgstr "Quantenchemie"\n',
        encoding="utf-8",
    )
    own = language.load("de", (tmp_path, *FOLDERS))
    assert [own.gettext(text) for text in ("Unsubscribe", "Preferences")] == ["Kündigen", "Einstellungen"]
    assert own.count("%(num)s vote", "%(num)s votes", 2) == "2 Stimmen"
    names = ("Quantum chemistry", "Retrieval, memory and context", "Whales", "")
    assert [own.own_words(name) for name in names] == [
        "Quantenchemie",
        "Retrieval, Gedächtnis und Kontext",
        "Whales",
        "",
    ]


@pytest.mark.parametrize("code", ["fr", "tlh", "x", "not a code", ""])
def test_an_unknown_language_is_named_with_those_there_are(code: str) -> None:
    with pytest.raises(UnknownNameError, match=r"there are en, de \(a new one is a file templates/locale/CODE.po\)"):
        language.load(code, FOLDERS)


def test_no_line_ends_after_the_first_letter_of_a_german_word() -> None:
    texts = [
        form
        for message in _catalogue("de")
        for form in ([message.string] if isinstance(message.string, str) else message.string)
    ]
    assert any("E\u2011Mail" in text for text in texts)
    assert [text for text in texts if re.search(r"\b\w-\w", text)] == [], "write U+2011, a hyphen without a break"


def test_a_broken_catalogue_is_named(tmp_path: Path) -> None:
    (tmp_path / "locale").mkdir()
    (tmp_path / "locale" / "fr.po").write_text('msgid "a"\nmsgstr "b\nnonsense')
    with pytest.raises(ConfigurationError, match=r"fr.po is not a gettext catalogue"):
        language.load("fr", (tmp_path,))
