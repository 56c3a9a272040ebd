"""How commands are loaded, and how their help is formatted: grouped by purpose, each with an example."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter

_ParserError: type[Exception] = typer.BadParameter.__mro__[1]
"""The base class of all errors of the parser, which Typer does not export."""
_READER_GONE = 128 + signal.SIGPIPE
"""The exit code of a program that writes to others after they have stopped reading."""
_WORDS = frozenset(("query", "text"))
"""The arguments that are words of the user's own."""
Panels = Mapping[str, Mapping[str, tuple[str, str]]]
"""Heading → name of a command → the module that has it, and its summary."""


class _Options:
    """Reads the options of a command or a group, and explains a wrong one."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Read the options. If a wrong one belongs to the whole program, the error says where it goes."""
        typed = tuple(args)  # which the parser empties
        try:
            arguments: list[str] = super().parse_args(ctx, args)  # type: ignore[misc]  # of the class beside this one
        except typer.BadParameter as error:
            error.message = _explanation(error)
            raise
        except Exception as error:
            option = getattr(error, "option_name", "")
            if place := _place_of(ctx, option):
                error.message, error.possibilities = place, None  # type: ignore[attr-defined]  # click's NoSuchOption
            elif option and not getattr(error, "possibilities", None) and (hint := _as_words(ctx, typed, option)):
                error.message = f"No such option: {option}. {hint}"  # type: ignore[attr-defined]  # as above
            raise
        return arguments


def _explanation(error: typer.BadParameter) -> str:
    """Return what is wrong with an argument or an option, in the words that settings and requests have."""
    cause = error.__cause__  # pydantic's, where the value has the wrong type
    if cause is None or not hasattr(cause, "errors"):
        return error.message
    from paperround.process.validation import sentence

    return sentence(cause.errors()[0])


def _place_of(ctx: Context, option: str) -> str:
    """Return where an option of the whole program goes; empty for any other option."""
    program = ctx.find_root()
    shared = next((parameter for parameter in program.command.params if option in parameter.opts), None)
    if shared is None:
        return ""
    value = f" {shared.metavar}" if shared.metavar else ""
    below = ctx.command_path.removeprefix(program.command_path)
    return f"{option} goes before the command: {program.command_path} {option}{value}{below}"


def _as_words(ctx: Context, typed: Sequence[str], option: str) -> str:
    """Return how words that were taken for an option are written; empty for a command that takes no words."""
    takes_words = any(
        parameter.name in _WORDS and parameter.param_type_name == "argument" for parameter in ctx.command.params
    )
    words = next((argument for argument in typed if argument.startswith(option)), option)
    remedy = f"Words that begin with a dash come after --: {ctx.command_path} -- {shlex.quote(words)}"
    return remedy if takes_words else ""


class Command(_Options, TyperCommand):
    """A command whose epilog is an example, shown as it is typed."""

    def collect_usage_pieces(self, ctx: Context) -> list[str]:
        """Return the parts of the usage line: the options, then each argument by the name that the list below has."""
        arguments = [parameter for parameter in self.get_params(ctx) if parameter.param_type_name == "argument"]
        return [self.options_metavar or "", *(_in_usage(argument) for argument in arguments)]

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the arguments by the names that the usage line has, then the options."""
        parameters = self.get_params(ctx)
        arguments = [parameter for parameter in parameters if parameter.param_type_name == "argument"]
        if arguments:
            with formatter.section("Arguments"):
                formatter.write_dl(
                    [(_name(argument), getattr(argument, "help", None) or "") for argument in arguments]
                )
        with formatter.section("Options"):
            options = [
                parameter.get_help_record(ctx) for parameter in parameters if parameter.param_type_name == "option"
            ]
            formatter.write_dl([record for record in options if record])

    def format_epilog(self, ctx: Context, formatter: HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the example below the options."""
        if self.epilog:
            with formatter.section("Example"):
                formatter.write("".join(f"  {line}\n" for line in self.epilog.splitlines()))


def _name(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _in_usage(argument: Any) -> str:
    """Return an argument as `FILE`, or `FILE…` if it can be repeated, in brackets if it can be left out."""
    name = _name(argument).rstrip("…") + ("…" if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


class Group(_Options, TyperGroup):
    """A group whose commands are listed with their whole summary."""

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:  # noqa: ARG002 - as above
        """Write the names of the commands and what each is for."""
        rows = [(name, (command.help or "").split("\n", 1)[0]) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class _LoadedWhenCalled(Mapping[str, Any]):
    """Commands by name. The module of a command is imported when the command is looked up."""

    def __init__(self, package: str, panels: Panels) -> None:
        self._package = package
        self._modules = {name: module for panel in panels.values() for name, (module, _) in panel.items()}

    def __getitem__(self, name: str) -> Any:
        module = import_module(f"{self._package}.{self._modules[name]}")
        if hasattr(module, "root"):
            root = get_group(module.root).commands
            if name in root:
                return root[name]
        group = get_group(module.group)
        group.name = name
        return group

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


def lazy_group(package: str, panels: Panels) -> type[TyperGroup]:
    """Return the class of a group whose commands lie in modules of `package`.

    A module has its own group of commands as `group`, and those that stand beside groups as `root`.
    """

    class LazyGroup(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            self.commands = _LoadedWhenCalled(package, panels)  # type: ignore[assignment]  # it is only read

        def make_context(self, *arguments: Any, **options: Any) -> Context:
            with _reader_may_leave(), _wrong_use_is_one_line():
                return super().make_context(*arguments, **options)

        def invoke(self, ctx: Context) -> Any:
            with _reader_may_leave(), _interruption_is_told(), _wrong_use_is_one_line():
                return super().invoke(ctx)

        def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:  # noqa: ARG002 - as above
            for heading, commands in panels.items():
                with formatter.section(heading):
                    formatter.write_dl([(name, summary) for name, (_, summary) in commands.items()])

    return LazyGroup


@contextmanager
def _reader_may_leave() -> Iterator[None]:
    """Exit quietly if the program that reads the output stops reading, as `head` does."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Python writes what is left when it exits, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(_READER_GONE) from None


@contextmanager
def _wrong_use_is_one_line() -> Iterator[None]:
    """Say in one line what is wrong with the arguments and where help is, and exit with code 2."""
    try:
        yield
    except _ParserError as error:
        ctx: Context | None = getattr(error, "ctx", None)
        told = error.format_message()  # type: ignore[attr-defined]  # of click's UsageError
        if ctx and told == ctx.get_help():  # a group without a command shows its help
            raise
        line = " ".join(told.split())
        if not (ctx and f": {ctx.find_root().command_path} " in line):  # it does not name a command that helps yet
            command = ctx.command_path if ctx else "paperround"
            line = f"{line}{'' if line.endswith(('.', '?')) else '.'} For help: {command} -h"
        typer.echo(f"paperround: {line}", err=True)
        raise SystemExit(2) from None


@contextmanager
def _interruption_is_told() -> Iterator[None]:
    """Say in a line that the command was interrupted (Ctrl+C), and exit as a shell expects."""
    try:
        yield
    except KeyboardInterrupt as error:
        message = str(error) or "completed work is kept; run the command again to continue"
        typer.echo(f"paperround: interrupted; {message}", err=True)
        raise SystemExit(128 + signal.SIGINT) from None


def command_group(summary: str = "") -> typer.Typer:
    """Return a group of commands, or the commands of a module that belong to no group."""
    return typer.Typer(cls=Group, help=summary, no_args_is_help=True, add_completion=False, rich_markup_mode=None)
