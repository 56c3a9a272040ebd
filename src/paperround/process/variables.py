"""Names of settings in the environment: PAPERROUND_SITE__NAME is `name` in the file's `[site]`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from pydantic import BaseModel

PREFIX = "PAPERROUND_"
_NAME = PREFIX.rstrip("_")
_NEARLY = 0.8
"""How similar a misspelled prefix is to ours: PAPEROUND and PAPER_ROUND are, PAPERLESS is not."""
SITE_DIR = "PAPERROUND_SITE_DIR"
"""Read by the command line itself, before the settings are loaded."""
_BETWEEN = "__"


def all_variables(model: type[BaseModel]) -> frozenset[str]:
    """Return every variable that sets a field of the model or of a nested model.

    The variable of a nested model itself is included; it sets the whole model as JSON.
    """
    return frozenset((*_variables(model, PREFIX), SITE_DIR))


def _variables(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        variable = prefix + name.upper()
        yield variable
        for part in _parts(field.annotation):
            yield from _variables(part, variable + _BETWEEN)


def _parts(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models that a field can contain: its type, or each type of a union. Lists are set as a whole."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) is not tuple:
        for argument in get_args(annotation):
            yield from _parts(argument)


def unknown(given: Iterable[str], known: frozenset[str]) -> list[tuple[str, str]]:
    """Return the names that look like settings and are not, each with the most similar setting or an empty string.

    A name looks like a setting if it begins with our prefix or with a misspelling of it, or if it is one of a section
    without the prefix. DATABASE_URL and SECRET_KEY belong to other programs.
    """
    rests = {name: _rest(name.upper(), known) for name in given if name.upper() not in known}
    return [(name, closest(PREFIX + rest, known)) for name, rest in sorted(rests.items()) if rest]


def _rest(name: str, known: frozenset[str]) -> str:
    """Return the part of a name that our prefix belongs before; empty for a name of another program."""
    return name if _BETWEEN in name and PREFIX + name in known else _after_prefix(name)


def _after_prefix(name: str) -> str:
    """Return what follows our prefix or a misspelling of it; empty for a name of another program."""
    if name.startswith(PREFIX):
        return name.removeprefix(PREFIX) or name
    ends = (position for position, character in enumerate(name) if character == "_")
    rests = (name[end:].strip("_") for end in ends if get_close_matches(name[:end], [_NAME], 1, _NEARLY))
    return next(rests, "")


def closest(name: str, known: Iterable[str]) -> str:
    """Return the known name that is most similar; empty if none is."""
    # Compare without the common prefix, which would make all names similar.
    ends = {variable.removeprefix(PREFIX): variable for variable in known}
    return ends.get(next(iter(get_close_matches(name.removeprefix(PREFIX), ends, 1, 0.75)), ""), "")


def variable_of(path: Sequence[str | int]) -> str:
    """Return the variable of the field at this path of the settings."""
    return PREFIX + _BETWEEN.join(str(part).upper() for part in path)


def path_of(variable: str) -> str:
    """Return the path of the field that a variable sets, in TOML notation: `site.name`."""
    return variable.removeprefix(PREFIX).lower().replace(_BETWEEN, ".")
