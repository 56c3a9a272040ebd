"""What `--help` says and what it costs: every command by purpose, with a short summary and an example."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from paperround import cli
from paperround.cli.program import PANELS

PROGRAM = typer.main.get_command(cli.app)
SLOW = {
    "alembic", "babel", "cryptography", "fastapi", "feedparser", "httpx", "jinja2", "lxml", "numpy", "PIL",
    "premailer", "rich.table", "sqlalchemy", "structlog", "uvicorn",
}  # fmt: skip


def every_command(group: Any = PROGRAM, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """All commands and groups below a group, each with the words that call it."""
    for name, command in group.commands.items():
        yield (*path, name), command
        if hasattr(command, "commands"):
            yield from every_command(command, (*path, name))


COMMANDS = dict(every_command())
LEAVES = {words: command for words, command in COMMANDS.items() if not hasattr(command, "commands")}


def summary(command: Any) -> str:
    return str(command.help).split("\n", 1)[0]


@pytest.mark.slow
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_fits_80_columns_and_cuts_nothing(words: tuple[str, ...]) -> None:
    for option in ("-h", "--help"):
        shown = CliRunner().invoke(cli.app, [*words, option], terminal_width=80)
        assert shown.exit_code == 0
        example = str(COMMANDS[words].epilog)
        assert [line for line in shown.stdout.splitlines() if len(line) > 80 and line.strip() not in example] == []
        assert summary(COMMANDS[words]) in shown.stdout


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_help_names_values_by_what_they_are_and_not_by_their_type(words: tuple[str, ...]) -> None:
    assert not re.findall(r"<.*>", CliRunner().invoke(cli.app, [*words, "--help"]).stdout)


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_the_usage_line_names_arguments_as_the_list_of_them_does_and_each_is_explained(
    words: tuple[str, ...],
) -> None:
    shown = CliRunner().invoke(cli.app, [*words, "--help"], terminal_width=200).stdout
    usage = shown.split("\n", 1)[0].split("[OPTIONS]")[1].split()
    listed = re.search(r"^Arguments:\n((?:  .+\n)+)", shown, re.MULTILINE)
    names = [re.split(r"\s{2,}", line.strip()) for line in listed[1].splitlines()] if listed else []
    assert [name.strip("[]…") for name in usage] == [name.strip("…") for name, *_ in names]
    assert all(explanation for _, *explanation in names)


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_every_command_has_an_example_that_calls_it(words: tuple[str, ...]) -> None:
    assert LEAVES[words].epilog, "give the command an epilog with an example"
    for line in LEAVES[words].epilog.splitlines():
        called = shlex.split(line)
        assert called[: len(words) + 1] == ["paperround", *words]
        context = LEAVES[words].make_context(words[-1], called[len(words) + 1 :])
        assert context.params is not None


def test_a_group_lists_each_command_on_one_line() -> None:
    groups = [(), *(words for words in COMMANDS if words not in LEAVES)]
    for group in groups:
        lines = CliRunner().invoke(cli.app, [*group, "-h"], terminal_width=80).stdout.splitlines()
        for words, command in COMMANDS.items():
            if words[:-1] == group:
                shown = [line for line in lines if line.split()[:1] == [words[-1]]]
                assert [line.split(maxsplit=1)[1] for line in shown] == [summary(command)]


@pytest.mark.slow
def test_the_program_lists_every_command_of_its_files() -> None:
    told = {name: (module, text) for panel in PANELS.values() for name, (module, text) in panel.items()}
    for name, (module, text) in told.items():
        assert summary(PROGRAM.commands[name]) == text
        root = getattr(sys.modules[f"paperround.cli.{module}"], "root", None)
        if root is not None:
            assert set(typer.main.get_group(root).commands) <= set(told)


def loaded_by(*words: str, folder: Path | None = None) -> set[str]:
    """The modules that a command has loaded when it ends."""
    code = (
        "import sys; from paperround.cli import app; app(standalone_mode=False); "
        "print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, *words]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, cwd=folder)
    assert ran.stdout
    return set(ran.stderr.splitlines())


@pytest.mark.slow
@pytest.mark.parametrize("words", ["--version", "--help", "topics --help", "subscribers --help"])
def test_help_loads_nothing_slow(words: str) -> None:
    loaded = loaded_by(*words.split())
    assert "typer" in loaded
    assert SLOW & loaded == set()


def test_a_mistyped_command_is_told_the_right_one() -> None:
    ended = CliRunner().invoke(cli.app, ["docter"])
    assert ended.exit_code == 2
    assert "doctor" in ended.output


@pytest.mark.slow
def test_a_command_that_only_lists_loads_no_parser_no_relay_and_no_pages(tmp_path: Path) -> None:
    site = [sys.executable, "-c", "from paperround.cli import main; main()"]
    subprocess.run([*site, "init", "."], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    subprocess.run([*site, "topics", "list"], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    loaded = loaded_by("topics", "list", folder=tmp_path)  # the first one has loaded topics.toml
    assert "sqlalchemy" in loaded
    assert SLOW & loaded == {"sqlalchemy"}
