"""What is undocumented fails here: commands, settings, formats, themes, pages, tables. So do links that lead nowhere,
examples that do not run, and settings in the text that no site could have."""

from __future__ import annotations

import email
import importlib
import importlib.util
import inspect
import json
import os
import re
import shlex
import shutil
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Any, get_args, get_origin

import pytest
import structlog
import typer
from pydantic import BaseModel, SecretStr
from typer.testing import CliRunner

from paperround import cli, linting, settings
from paperround.app import App
from paperround.cli import shared
from paperround.delivery import AnyTransport, dkim_key
from paperround.delivery.message import HeaderData, assemble, encoded
from paperround.domain import tokens
from paperround.domain.models import DeliveryState, RenderedLetter
from paperround.operator.seeds import load_seeds
from paperround.operator.startup import open_site
from paperround.process import logs
from paperround.process.resources import folder
from paperround.rendering import theme
from paperround.rounds.topic_definitions import read_topics
from paperround.sources import FORMATS, KINDS
from paperround.store.schema import metadata
from paperround.subscribers import csv_file
from paperround.subscribers.membership import change
from paperround.web import create

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md")])
TRANSPORTS: dict[str, type[BaseModel]] = {
    kind.model_fields["kind"].default: kind for kind in get_args(get_args(AnyTransport)[0])
}
# Each serves until it is told to stop.
ENDLESS = {"up", "web", "worker", "scheduler"}
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?<=\n\n)(?: {4}.*\n)+")
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"""\[[^\]]*\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)\"""")
_VARIABLE = re.compile(r"\bPAPERROUND_[A-Z0-9_]*[A-Z0-9]\b")


@cache
def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path, *languages: str) -> list[str]:
    """The page's code blocks in these languages."""
    return [body for language, body in _FENCE.findall(read(page)) if language in languages]


def prose(page: Path) -> str:
    """The page without its code blocks."""
    return _FENCE.sub("", read(page))


def sections(page: Path) -> dict[str, str]:
    """Each heading of the page, as it is written, and what stands below it up to the next one."""
    parts = re.split(
        r"^#+ (.+)$", re.sub(_FENCE, lambda found: found[0].replace("\n#", "\n "), read(page)), flags=re.M
    )
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rows(text: str) -> list[list[str]]:
    """The cells of the tables in a text, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    heads = {at for at, below in enumerate(lines[1:]) if _is_rule(below)}
    kept = [line for at, line in enumerate(lines) if at not in heads and not _is_rule(line)]
    return [[cell.strip() for cell in f" {line.strip().strip('|')} ".split(" | ")] for line in kept]


def _is_rule(line: str) -> bool:
    return set(line) <= set("|-: ")


def names(cells: str) -> set[str]:
    """What the code spans of a cell name, without what stands for a value: `--file PATH` is --file."""
    return {span.split()[0].strip("[].…") for span in _CODE.findall(cells)}


def test_a_table_is_read_as_it_is_meant() -> None:
    text = "| option | meaning |\n|---|---|\n| `--all FILE`, `-a` | all |\n| `NAME…` | one |\n"
    assert [names(row[0]) for row in rows(text * 2)] == [{"--all", "-a"}, {"NAME"}] * 2
    assert rows("| a | b |\n|---|---|\n| | c |\n") == [["", "c"]]


# --- commands ---------------------------------------------------------------------------------------------------


def _commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


WRONG_USE = typer.BadParameter.__base__
PROGRAM = typer.main.get_command(cli.app)
COMMANDS = dict(_commands(PROGRAM))
MANUAL = sections(DOCS / "commands.md")


def _parameters(command: Any) -> set[str]:
    """Options and arguments, by the names under which people know them."""
    found = set()
    for parameter in command.params:
        if parameter.param_type_name == "option":
            found |= set(parameter.opts) - {"--help"}
        else:
            found.add((parameter.metavar or parameter.name.upper()).strip("[].…"))
    return found


def _lines_of(text: str) -> list[str]:
    """The command lines of a block: long ones are continued with a backslash, findings begin with #."""
    lines = (line.strip() for line in text.replace("\\\n", " ").splitlines())
    return [line.removeprefix("$ ") for line in lines if line and not line.startswith("#")]


def _words(line: str) -> list[str]:
    """The words of a command line up to a pipe, a redirection or a finding."""
    words = shlex.split(line, comments=True)
    ends = [at for at, word in enumerate(words) if word in {"|", ">", ">>", "&&", ";", "&"}]
    return words[: min(ends, default=len(words))]


def _quoted() -> Iterator[tuple[str, str]]:
    """Every paperround command line in the pages: in a block, or as code within a sentence."""
    for page in PAGES:
        for block in blocks(page, "sh", "console"):
            yield from ((page.name, line) for line in _lines_of(block) if line.startswith("paperround "))
        yield from ((page.name, span) for span in _CODE.findall(prose(page)) if span.startswith("paperround "))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_manual_with_each_of_its_options_and_an_example(name: str) -> None:
    assert f"`paperround {name}`" in MANUAL, f"docs/commands.md has no section `paperround {name}`"
    section = MANUAL[f"`paperround {name}`"]
    table = [row for row in rows(section) if row[0].startswith("`")]
    told = {word for row in table for word in names(row[0]) if word.startswith("-") or word.isupper()}
    assert told == _parameters(COMMANDS[name])
    assert re.search(rf"^paperround {name}\b", section, re.MULTILINE), "an example is missing"


def test_the_manual_tells_the_options_that_all_commands_share() -> None:
    told = set().union(*(names(row[0]) for row in rows(MANUAL["`paperround`"])))
    assert told == _parameters(PROGRAM)


def test_every_other_name_of_a_column_is_in_the_manual() -> None:
    told = set(_CODE.findall(MANUAL["`paperround subscribers import`"]))
    assert set(csv_file._SYNONYMS) <= told


def test_the_manual_has_no_command_that_is_not_there() -> None:
    told = {found[1] for heading in MANUAL if (found := re.fullmatch(r"`paperround (.+)`", heading))}
    assert told <= set(COMMANDS)


@pytest.mark.slow
def test_every_command_line_in_the_pages_is_one_that_the_program_takes() -> None:
    wrong = [f"{page}: {line}: {problem}" for page, line in _quoted() if (problem := _refused(_words(line)[1:]))]
    assert not wrong


def _refused(words: list[str]) -> str:
    """Why the program does not take these words; empty when it does."""
    command, context = PROGRAM, None
    try:
        while hasattr(command, "commands"):
            context = command.make_context(command.name, list(words), parent=context, allow_interspersed_args=False)
            words = [*context._protected_args, *context.args]
            if not words:
                return ""
            if words[0] not in command.commands:
                return f"there is no command {words[0]}"
            command, words = command.commands[words[0]], words[1:]
        if {"…", "..."} & set(words) or not words:  # named in a sentence, not called
            return ""
        command.make_context(command.name, words, parent=context)
    except typer.Exit:
        return ""
    except WRONG_USE as error:
        return error.message
    return ""


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("doctor --json", ""),
        ("--now 2026-11-23 search x --limit 5", ""),
        ("--version", ""),
        ("dokter", "there is no command"),
        ("topics drop x", "there is no command"),
        ("search x --limt 5", "No such option"),
        ("search", ""),
        ("search a b", "unexpected extra argument"),
        ("deliveries list --state lost", "is not one of"),
    ],
)
def test_a_wrong_command_line_is_seen(line: str, says: str) -> None:
    assert says in _refused(shlex.split(line))
    assert bool(says) is bool(_refused(shlex.split(line)))


def test_a_command_that_a_message_advises_is_there() -> None:
    advised = re.compile(r"(?:run|see): paperround ([a-z-]+(?: [a-z-]+)*)|`paperround ([a-z-]+(?: [a-z-]+)*)[^`]*`")
    found = {
        (file.name, words)
        for file in [*(ROOT / "src").rglob("*.py"), *(ROOT / "templates").rglob("*.j2")]
        for match in advised.finditer(file.read_text(encoding="utf-8"))
        for words in [match[1] or match[2]]
    }
    assert found
    assert {
        (file, words) for file, words in found if not any(f"{words} ".startswith(f"{c} ") for c in COMMANDS)
    } == set()


def test_make_has_every_target_that_the_pages_name() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        target
        for page in PAGES
        for text in [*_CODE.findall(prose(page)), *(line for b in blocks(page, "sh") for line in _lines_of(b))]
        for target in re.findall(r"^make ([a-z]+)", text)
    }
    assert {"run", "test"} <= named <= targets


# --- the manual's examples, run --------------------------------------------------------------------------------

SITE = """\
[site]
base_url = "https://papers.example.org"
sender = "papers@papers.example.org"

[transport]
kind = "memory"

[dkim]
domain = "papers.example.org"
selector = "paperround"
key_file = "config/dkim.pem"

[[sources]]
kind = "jsonl"
name = "arxiv"
path = "papers.jsonl"
"""
SECRET = "a key for tests that is long enough"
REPORT = """\
From: MAILER-DAEMON@mx.example.org
To: {returns_to}
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=part

--part
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; zofia@dabrowska.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such mailbox

--part--
"""
# Their keys are names of states or sources, so one site has others than the next.
_MAPS = {"subscribers", "deliveries", "sources"}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """A site as the manual's examples have it, with the seeds in its database; its folder is the present one."""
    for variable in [name for name in os.environ if name.startswith("PAPERROUND_")]:
        monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAPERROUND_SECRET_KEY", SECRET)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "paperround.toml").write_text(SITE, encoding="utf-8")
    dkim_key.generate(tmp_path / "config" / "dkim.pem")
    shutil.copy(folder("seeds") / "papers.jsonl", tmp_path / "papers.jsonl")
    (tmp_path / "subscribers.csv").write_text(
        "email,topics,shoe size\njan@brouwer.example,robotics,43\n", encoding="utf-8"
    )
    made = open_site()
    report = REPORT.format(returns_to=tokens.verp(made.link_keys, 1, "bounces.example.org"))
    (tmp_path / "report.eml").write_text(report, encoding="utf-8")
    load_seeds(made)
    made.store.subscribers.suppress("zofia@former.example", "hard bounce 5.1.1", made.clock())
    # Letters of one paper each: here their commands are tried, not their looks.
    for subscriber in list(made.store.subscribers.all()):
        change(made, subscriber, {"max_papers": 1})
    made.store.close()  # `restore` wants the database for itself; it is opened again when needed
    yield made
    made.close()


@pytest.mark.slow
def test_every_example_in_the_manual_runs_and_prints_what_the_manual_shows(
    site: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "show", lambda **_: None)
    monkeypatch.setattr(shared.signal, "signal", lambda *_: None)
    wrong = []
    for heading, section in MANUAL.items():
        shown = [json.loads(body) for language, body in _FENCE.findall(section) if language == "json"]
        for line in (
            line for language, body in _FENCE.findall(section) if language == "sh" for line in _lines_of(body)
        ):
            words = _words(line)[1:]
            if not heading.startswith("`") or ENDLESS & set(words[:1]):
                continue
            with structlog.testing.capture_logs():  # by default logs go to stdout
                ended = CliRunner().invoke(cli.app, words)
            if ended.exit_code not in ((0, 1) if words[:2] == ["deliveries", "retry"] else (0,)):
                wrong.append(f"{line}: exit code {ended.exit_code}: {ended.output} {ended.exception!r}")
            elif "--json" in words:
                printed = json.loads(ended.stdout)
                wrong += [f"{line}: {difference}" for difference in _differences(shown[0], printed)]
    assert not wrong


def _differences(shown: Any, printed: Any, where: str = "") -> Iterator[str]:
    """Where the kinds of two JSON values differ: other keys, a text for a number. Null goes with everything."""
    if shown is None or printed is None:
        return
    if isinstance(shown, dict) and isinstance(printed, dict):
        if where.rpartition(".")[2] in _MAPS:
            shown, printed = {"*": next(iter(shown.values()))}, {"*": next(iter(printed.values()), None)}
        if shown.keys() != printed.keys():
            yield f"{where or 'the value'}: the manual shows {sorted(shown)}, the program prints {sorted(printed)}"
        for key in shown.keys() & printed.keys():
            yield from _differences(shown[key], printed[key], f"{where}.{key}".strip("."))
    elif isinstance(shown, list) and isinstance(printed, list):
        if shown and not printed:
            yield f"{where or 'the value'}: the program prints an empty list"
        for one, other in list(zip(shown, printed, strict=False))[:1]:
            yield from _differences(one, other, f"{where}[]")
    elif _kind(shown) != _kind(printed):
        yield f"{where}: the manual shows {shown!r}, the program prints {printed!r}"


def _kind(value: Any) -> str:
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def test_another_shape_of_json_is_seen() -> None:
    shown = {"papers": 1, "sources": {"arxiv": {"state": "fresh"}}, "latest": [{"id": "a", "at": None}]}
    assert not [*_differences(shown, {**shown, "sources": {"hf": {"state": "failed"}}, "papers": 0.5})]
    assert [*_differences(shown, {**shown, "extra": 1})]
    assert [*_differences(shown, {**shown, "papers": "1"})]
    assert [*_differences(shown, {**shown, "latest": []})]
    assert [*_differences(shown, {**shown, "latest": [{"id": "a"}]})]
    assert [*_differences(shown, {**shown, "sources": {"hf": {"note": "failed"}}})]


def test_the_manual_explains_formats_themes_states_and_the_rest_that_is_chosen_by_name() -> None:
    formats = {
        word for row in rows(MANUAL["`paperround ingest`"]) for word in names(row[0]) if not word.startswith("-")
    }
    assert formats - {"NAME"} == set(FORMATS)
    told = {name: next(row[1] for row in rows(MANUAL[f"`paperround {name}`"]) if option in row[0])
            for name, option in (("preview", "--theme"), ("deliveries list", "--state"))}  # fmt: skip
    assert set(_CODE.findall(told["preview"])) == set(theme.names((folder("templates"),)))
    assert set(_CODE.findall(told["deliveries list"])) == set(DeliveryState)


# --- settings ---------------------------------------------------------------------------------------------------


def _leaves(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting of a model under its dotted name; a part of the settings is walked, an adapter is not."""
    for name, field in model.model_fields.items():
        if prefix + name in {"transport", "sources"}:
            continue
        # `Dkim | None` is a part that may be missing, `tuple[Dkim, ...]` a list of tables and one setting.
        kinds = () if get_origin(field.annotation) is tuple else (field.annotation, *get_args(field.annotation))
        parts = [kind for kind in kinds if _is_part(kind)]
        if parts:
            yield from _leaves(parts[0], f"{prefix}{name}.")
        else:
            yield prefix + name, field


def _is_part(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _written(field: Any) -> str:
    """A default as the page writes it: as TOML does, `none` where there is none."""
    if field.is_required():
        return "required"
    return _toml(field.default)


def _toml(value: Any) -> str:
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case str() | Path():
            return json.dumps(str(value), ensure_ascii=False)
        case tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case _:
            return str(value)


def _variable(name: str) -> str:
    return "PAPERROUND_" + name.upper().replace(".", "__")


def _told(text: str) -> dict[str, list[str]]:
    """The rows of a section's tables of settings, by the setting's name."""
    return {next(iter(names(row[0]))): row for row in rows(text) if len(row) >= 4}


SETTINGS = sections(DOCS / "settings.md")
VARIABLES = (
    {_variable(name) for name, _ in _leaves(settings.Settings)}
    | {_variable(f"transport.{name}") for kind in TRANSPORTS.values() for name in kind.model_fields}
    | {"PAPERROUND_MEANING__KIND"}
)


def _check(told: Mapping[str, list[str]], expected: Mapping[str, Any], *, variables: bool) -> None:
    assert set(told) == set(expected)
    for name, field in expected.items():
        row = told[name]
        assert row[3 if variables else 2] == f"`{_written(field)}`", f"{name}: its default is {_written(field)}"
        if variables:
            assert row[1] == f"`{_variable(name)}`"


def test_every_setting_is_on_its_page_with_its_variable_and_default() -> None:
    adapters = [text for heading, text in SETTINGS.items() if heading.startswith("`kind = ")]
    told = _told("\n".join(text for text in SETTINGS.values() if text not in adapters))
    shared = {name for name in told if "." not in name and name not in settings.Settings.model_fields}
    assert shared == set(KINDS[0].__base__.model_fields)
    _check({name: row for name, row in told.items() if name not in shared}, dict(_leaves(settings.Settings)),
           variables=True)  # fmt: skip


@pytest.mark.parametrize("kind", TRANSPORTS)
def test_every_transport_is_on_the_page_of_settings_with_its_own(kind: str) -> None:
    fields = {f"transport.{name}": field for name, field in TRANSPORTS[kind].model_fields.items()}
    _check(_told(_settings_of(kind)), fields, variables=True)


def test_every_transport_is_in_the_table_of_transports() -> None:
    assert {row[0] for row in rows(sections(DOCS / "delivery.md")["Transports"])} == {
        f"`{kind}`" for kind in TRANSPORTS
    }


def test_the_table_of_header_fields_describes_the_fields_of_an_email() -> None:
    table = {name: row[1] for row in rows(sections(DOCS / "delivery.md")["The message"]) for name in names(row[0])}
    head = HeaderData(
        sender_name="Papers",
        sender="sender@sender.example",
        recipient="ada@mail.example",
        date=datetime(2026, 11, 23, tzinfo=UTC),
        message_id="<1@sender.example>",
        reply_to="editor@sender.example",
        unsubscribe_url="https://papers.example/u/1",
        help_url="https://papers.example/p/1",
        owner_url="mailto:ops@sender.example",
        archive_url="https://papers.example/",
        feedback=("daily",),
    )
    body = encoded(RenderedLetter("Papers", "<p>Papers</p>", "Papers"))
    digest = email.message_from_bytes(assemble(head, body))
    answer = email.message_from_bytes(assemble(head._replace(kind="notice", is_reply=True), body))
    assert {*table} == {*digest} - {"MIME-Version", "Content-Type"}
    assert f"`{digest['Feedback-ID'].replace('senderexample', 'sender')}`" in table["Feedback-ID"]
    for message in (digest, answer):
        assert f"`{message['Auto-Submitted']}`" in table["Auto-Submitted"]


@pytest.mark.parametrize("source", KINDS, ids=lambda kind: kind.__name__)
def test_every_source_is_on_the_page_of_settings_with_its_own(source: type[BaseModel]) -> None:
    shared = source.__base__.model_fields
    own = {
        name: field
        for name, field in source.model_fields.items()
        if name != "kind" and (name not in shared or name == "name" or field.default != shared[name].default)
    }
    _check(_told(_settings_of(source.model_fields["kind"].default)), own, variables=False)


def _settings_of(kind: str) -> str:
    heading = f'`kind = "{kind}"`'
    assert heading in SETTINGS, f"docs/settings.md has no section {heading}"
    return SETTINGS[heading]


def test_every_variable_in_the_pages_is_one_that_is_read() -> None:
    others = {
        "PAPERROUND_SOURCES",  # a list of tables
        "PAPERROUND_SITE_DIR",  # of the command line
        "PAPERROUND_SITE__COLOR",  # an example of one that does not exist
    }
    for file in (ROOT / "tests").rglob("*.py"):
        others |= set(re.findall(r"""environ[^\n]*["'](PAPERROUND_[A-Z_]+)["']""", file.read_text(encoding="utf-8")))
    files = [*PAGES, ROOT / ".env.example"]
    used = {name for file in files for name in _VARIABLE.findall(file.read_text(encoding="utf-8"))}
    assert used - others <= VARIABLES


def _settings_in(language: str) -> list[tuple[str, str]]:
    return [(page.name, block) for page in PAGES for block in blocks(page, language)]


def test_every_piece_of_configuration_in_the_pages_is_a_valid_one(tmp_path: Path) -> None:
    found = _settings_in("toml")
    assert len(found) > 10
    for number, (page, block) in enumerate(found):
        file = tmp_path / f"{number}.toml"
        file.write_text(block, encoding="utf-8")
        if "topics" in tomllib.loads(block):
            assert read_topics(block.encode(), Path(page))
        else:
            settings.load(file, None)


def test_every_indented_piece_of_configuration_in_the_pages_is_toml() -> None:
    found = [block for page in PAGES for block in _INDENTED.findall(read(page))]
    pieces = [dedent(block) for block in found if block.lstrip().startswith("[[")]
    assert pieces
    for piece in pieces:
        assert tomllib.loads(piece)


def test_the_overview_of_the_packages_has_a_line_for_each_layer() -> None:
    project = tomllib.loads(read(ROOT / "pyproject.toml"))
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    overview = next(block for block in _INDENTED.findall(read(DOCS / "design.md")) if " cli " in block)
    told = [re.split(r" {2,}", line)[0] for line in dedent(overview).splitlines()]
    assert told == [layer.replace("paperround.", "") for layer in layers]


def test_every_set_of_variables_in_the_pages_is_a_valid_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A command with variables before it is another thing: `PAPERROUND_GOLDEN=write pytest …`.
    alone = re.compile(r"PAPERROUND_\w+=\S*$", re.MULTILINE)
    found = [block for _, block in [*_settings_in("sh"), *_settings_in("ini")] if alone.match(block)]
    assert found
    (tmp_path / "empty.toml").write_text("", encoding="utf-8")
    for block in [*found, read(ROOT / ".env.example").replace("# PAPERROUND_", "PAPERROUND_")]:
        (tmp_path / ".env").write_text(
            re.sub(r"^(\w+(?:USERNAME|PASSWORD|KEY))=$", r"\1=x", block, flags=re.M), "utf-8"
        )
        settings.load(tmp_path / "empty.toml", tmp_path / ".env")


# --- pages, tables, themes --------------------------------------------------------------------------------------


# What pages load for themselves: nobody has to know of it.
PARTS = {"/favicon.ico", "/static/*", "/sitemap/*.xml", "/try"}


def _pattern(path: str) -> str:
    """A path with its variable parts made alike: /papers/ID and /papers/{paper_id} are the same."""
    return re.sub(r"\{[^}]*\}|\b[A-Z]{2,}\b", "*", path.partition("?")[0])


def _paths_told() -> Iterator[str]:
    """The paths that the pages name; of `/feed.xml`, `.json` the second is /feed.json."""
    last = ""
    for span in (span for page in DOCS.glob("*.md") for span in _CODE.findall(prose(page))):
        if span.startswith("/"):
            last = _pattern(span)
            yield last
        elif span.startswith("."):
            yield last.rpartition(".")[0] + span


@pytest.mark.slow
def test_every_page_of_the_site_is_told_of(site: App) -> None:
    answered = {_pattern(path) for path in create(site).openapi()["paths"]}
    assert {"/", "/u/*", "/healthz"} <= answered
    untold = answered - set(_paths_told()) - PARTS
    # These two are one page to people, and bring their parts themselves.
    assert {path for path in untold if not path.startswith(("/inbox/", "/preview/"))} == set()


def test_every_table_is_named_after_a_word_of_the_glossary() -> None:
    glossary = read(DOCS / "glossary.md")
    terms = re.findall(r"^\| \*\*([\w ]+)\*\*", glossary, re.MULTILINE)
    words = {word.lower() for term in terms for word in term.split()}
    strange = {name for name in metadata.tables if not {_singular(part) for part in name.split("_")} & words} - {
        "notes"
    }  # small values of the site itself, no idea of their own
    assert strange == set()


def _singular(word: str) -> str:
    for ending, one in (("ies", "y"), ("ches", "ch"), ("oes", "o"), ("s", "")):
        if word.endswith(ending):
            return word.removesuffix(ending) + one
    return word


def test_the_letters_page_lists_the_themes() -> None:
    table = rows(read(DOCS / "letter.md").partition("**On this page")[0])
    assert {row[0] for row in table} == {f"`{name}`" for name in theme.names((folder("templates"),))}


def test_every_theme_is_named_on_the_page_of_letters() -> None:
    spans = {span for page in ("letter.md", "add-a-theme.md") for span in _CODE.findall(prose(DOCS / page))}
    assert set(theme.names((folder("templates"),))) <= spans


def test_the_preview_page_lists_the_areas_of_the_linter() -> None:
    areas = {Path(inspect.getfile(rule)).name for rule in linting.RULES}
    linked = re.findall(r"\(\.\./src/paperround/linting/(\w+\.py)\)", sections(DOCS / "preview.md")["Findings"])
    assert set(linked) == areas


# --- the pages themselves ---------------------------------------------------------------------------------------


def _anchors(page: Path) -> set[str]:
    """The anchors of the page's headings, as GitHub makes them."""
    return {_anchor(heading) for heading in sections(page)}


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def _dead(page: Path, link: str) -> bool:
    if re.match(r"[a-z]+:", link):
        return False
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return not target.exists() or (bool(anchor) and anchor not in _anchors(target))


@pytest.mark.slow
def test_no_link_in_the_pages_leads_nowhere() -> None:
    links = [(page, one or other) for page in PAGES for one, other in _LINK.findall(prose(page))]
    assert len(links) > 30
    assert [f"{page.name}: {link}" for page, link in links if _dead(page, link)] == []


@pytest.mark.parametrize("link", ["nowhere.md", "flow.md#nowhere", "#nowhere"])
def test_a_dead_link_is_seen(link: str) -> None:
    assert _dead(DOCS / "design.md", link)


LONG = 110  # lines


@pytest.mark.parametrize("page", [page for page in DOCS.glob("*.md") if read(page).count("\n") > LONG], ids=str)
def test_a_long_page_begins_with_a_list_of_its_sections(page: Path) -> None:
    text = re.sub(_FENCE, "", read(page))
    begin = re.split(r"^## ", text, maxsplit=1, flags=re.M)[0]
    missing = [heading for heading in re.findall(r"^## (.+)$", text, re.M) if f"](#{_anchor(heading)})" not in begin]
    assert missing == []


def _plain(text: str) -> str:
    """The words of a text, without what stands between them."""
    return " ".join(re.findall(r"[A-Za-z]+", text))


@pytest.mark.slow
def test_every_message_on_the_page_of_troubleshooting_is_one_that_paperround_has() -> None:
    code = [*ROOT.glob("src/**/*.py"), *ROOT.glob("templates/**/*.j2")]
    said = " ".join(_plain(re.sub(r'"\s+f?"', "", path.read_text(encoding="utf-8"))) for path in code)
    others = {
        "error: externally-managed-environment",
        "paperround: command not found",
        "/inbox",
        "/preview",
        "/admin",
    }
    symptoms = (row[0] for row in rows(read(DOCS / "troubleshooting.md")))
    found = {span for symptom in symptoms for span in _CODE.findall(symptom)} - others
    assert len(found) > 30
    # Values stand among the words, so three in a row are enough.
    runs = {span: [part.split() for part in map(_plain, re.split("…", span)) if part] for span in found}
    assert {
        span
        for span, parts in runs.items()
        if not any(
            " ".join(words[start : start + 3]) in said for words in parts for start in range(max(1, len(words) - 2))
        )
    } == set()


def test_every_page_can_be_reached_from_the_index() -> None:
    linked: Callable[[Path], set[Path]] = lambda page: {  # noqa: E731
        (page.parent / (one or other).partition("#")[0]).resolve() for one, other in _LINK.findall(prose(page))
    }
    assert DOCS / "README.md" in linked(ROOT / "README.md")
    assert set(DOCS.glob("*.md")) - {DOCS / "README.md"} <= linked(DOCS / "README.md")


def test_pictures_are_small_and_none_is_left_over() -> None:
    pictures = set((DOCS / "images").glob("*.png"))
    shown = {(page.parent / (one or other)).resolve() for page in PAGES for one, other in _LINK.findall(prose(page))}
    assert pictures
    assert pictures <= shown
    assert max(picture.stat().st_size for picture in pictures) < 150_000


def test_the_changelog_begins_with_this_version() -> None:
    first = re.findall(r"^## \[([^\]]+)\]", read(ROOT / "CHANGELOG.md"), re.MULTILINE)
    # Between releases a build has a version of its own, from git.
    released = tomllib.loads(read(ROOT / "pyproject.toml"))["tool"]["hatch"]["version"]["fallback-version"]
    assert first[0] in {"Unreleased", released}
    assert released in first


_PYTHON_FILE = re.compile(r"(?<![\w/.-])(?:[\w.-]+/)+[\w-]+\.py\b")
_DEFINED = re.compile(r"`((?:[a-z_]+[./])+[A-Za-z_]+)`")


def test_every_python_file_that_a_page_names_exists() -> None:
    named = {(page.name, path) for page in PAGES for path in _PYTHON_FILE.findall(read(page))}
    assert len(named) > 50
    folders = (ROOT, DOCS, ROOT / "src" / "paperround", ROOT / "tests")
    missing = [one for one in named if "NAME" not in one[1] and not any((each / one[1]).exists() for each in folders)]
    assert missing == []


def test_every_class_and_function_that_a_page_names_by_its_module_exists() -> None:
    """Such as `rounds/dispatch.BatchSender`. Names that are no module's, such as settings, are left out."""
    told = {name.replace("/", ".") for page in PAGES for name in _DEFINED.findall(read(page))}
    told -= set(_CODE.findall(read(DOCS / "settings.md")))
    checked = 0
    for module, _, name in (one.rpartition(".") for one in sorted(told)):
        with suppress(ModuleNotFoundError):
            found = importlib.import_module(f"paperround.{module}")
            assert hasattr(found, name) or importlib.util.find_spec(f"paperround.{module}.{name}"), f"{module}.{name}"
            checked += 1
    assert checked > 3
