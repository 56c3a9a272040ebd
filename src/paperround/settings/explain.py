"""What is wrong with a setting, in one line: file, field and remedy."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from paperround.process import validation, variables


def explain(error: Any, file: Path, known: Collection[str]) -> str:
    """Describe one of pydantic's errors in one line, without the value, which may be a secret.

    `known` are the variables that set something.
    """
    path = _without_kinds(error["loc"])
    if error["type"].startswith("union_tag"):
        path.append("kind")
    setting = next((name for name in _beginnings(path) if name in known), "")
    places = f"{file} or {setting}" if setting and error["type"] != "extra_forbidden" else str(file)
    return f"{places}: {validation.place(path)}: {_remedy(error, variables.variable_of(path), known)}"


def _beginnings(path: Sequence[str | int]) -> Iterator[str]:
    """Yield the variable of the field, then of the section that contains it, and so on."""
    return (variables.variable_of(path[:length]) for length in range(len(path), 0, -1))


def _without_kinds(path: Sequence[str | int]) -> list[str | int]:
    """Return the path to a field without the kind of a transport or source, which pydantic inserts."""
    if path[0] in {"transport", "meaning"}:
        return [path[0], *path[2:]]
    if path[0] == "sources":
        return [*path[:2], *path[3:]]
    return list(path)


def explain_json(message: str) -> str:
    """Describe a variable that must be JSON and is not, without its value."""
    name = re.search(r'field "(\w+)"', message)
    variable = variables.variable_of([name[1]]) if name else "a variable"
    return f"{variable}: its value must be JSON and is not; see docs/settings.md"


def _remedy(error: Any, variable: str, known: Collection[str]) -> str:
    return no_such_setting(variable, known) if error["type"] == "extra_forbidden" else validation.sentence(error)


def no_such_setting(variable: str, known: Collection[str]) -> str:
    """Say that a variable sets nothing, and name the most similar one of its section."""
    section, between, _ = variable.rpartition("__")
    inside = {name for name in known if name.startswith(section + between)}
    near = variables.path_of(variables.closest(variable, inside))
    return f"there is no such setting; {f'did you mean {near}?' if near else 'see docs/settings.md'}"
