"""The names and values in the environment and in .env that set nothing, or not what they seem to."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from io import StringIO
from pathlib import Path

from dotenv.parser import Binding, parse_stream
from dotenv.variables import Variable, parse_variables

from paperround.process import text_files, variables
from paperround.settings.model import Settings, known_variables


def unknown_in_environment() -> list[str]:
    """Return a message for each variable of the environment that looks like a setting and is not one."""
    return [_unknown(name, near) for name, near in variables.unknown(os.environ, known_variables())]


def unused_of_transport(settings: Settings, env_file: Path = Path(".env")) -> list[str]:
    """Return a message for each variable of another kind of transport than the chosen one, which has no effect."""
    lines = _bindings(env_file) if env_file.is_file() else ()
    given = {name.upper() for name in (*os.environ, *filter(None, (line.key for line in lines)))}
    prefix = variables.variable_of(["transport", ""])
    used = {prefix + name.upper() for name in type(settings.transport).model_fields}
    unused = sorted(name for name in given & known_variables() - used if name.startswith(prefix))
    kind = settings.transport.kind
    return [f'{name} has no effect with transport.kind = "{kind}"' for name in unused]


def problems(env_file: Path) -> list[str]:
    """Return what is wrong with each line of .env that sets nothing: python-dotenv would skip it.

    An unknown setting in the environment may belong to another program, so it causes only a warning there.
    """
    lines: dict[str, int] = {}
    numbered: list[tuple[int, str]] = []
    for binding in _bindings(env_file):
        line = _line_of(binding)
        if binding.error:
            remedy = "write NAME=value, close each quotation mark, or start a comment with #"
            numbered.append((line, f"this line is not a setting; {remedy}"))
        elif (binding.key or "").upper() in known_variables():
            numbered += [(line, problem) for problem in _problems_of_value(binding, {*lines, *os.environ})]
        lines[binding.key or ""] = line
    unknown = variables.unknown(filter(None, lines), known_variables())
    numbered += [(lines[name], _unknown(name, near)) for name, near in unknown]
    return [f"{env_file} line {line}: {problem}" for line, problem in sorted(numbered)]


def _bindings(env_file: Path) -> Iterator[Binding]:
    """Yield the lines of .env as python-dotenv reads them."""
    return parse_stream(StringIO(text_files.read(env_file)))


def _problems_of_value(binding: Binding, known: Collection[str]) -> Iterator[str]:
    """Yield what is wrong with the value of a setting in .env; `known` are the variables that it can refer to."""
    if binding.value is None:
        yield f"{binding.key} has no value; write {binding.key}=value"
        return
    for part in parse_variables(binding.value):
        # python-dotenv replaces ${NAME} within all quotation marks, by nothing if there is no such variable.
        if isinstance(part, Variable) and part.default is None and part.name not in known:
            yield (
                f"{binding.key}: there is no {part.name} above it or in the environment that ${{{part.name}}} could "
                f"stand for; if that is part of the value, set {binding.key} in the environment"
            )


def _line_of(binding: Binding) -> int:
    """Return the line of the name: python-dotenv counts from the empty lines above it."""
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")


def _unknown(name: str, near: str) -> str:
    return f"unknown setting {name}; " + (f"did you mean {near}?" if near else "see docs/settings.md")
