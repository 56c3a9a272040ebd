"""The names of settings in the environment: PAPERROUND_SITE__NAME is `name` in the file's `[site]`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from pydantic import BaseModel

PREFIX = "PAPERROUND_"
SITE_DIR = "PAPERROUND_SITE_DIR"
"""Read by the command line itself, before there are settings."""
_BETWEEN = "__"


def all_variables(model: type[BaseModel]) -> frozenset[str]:
    """Every variable that sets a field of the model, or of one within it; a whole part is set by its own, as JSON."""
    return frozenset((*_variables(model, PREFIX), SITE_DIR))


def _variables(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        variable = prefix + name.upper()
        yield variable
        for part in _parts(field.annotation):
            yield from _variables(part, variable + _BETWEEN)


def _parts(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a field may hold: itself, or one of several kinds. Lists of them are set as a whole."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) is not tuple:
        for argument in get_args(annotation):
            yield from _parts(argument)


def unknown(given: Iterable[str], known: frozenset[str]) -> list[tuple[str, str]]:
    """The names among those given that set nothing, each with the one that was probably meant, or with nothing."""
    wrong = sorted(name for name in given if name.upper().startswith(PREFIX) and name.upper() not in known)
    return [(name, closest(name.upper(), known)) for name in wrong]


def closest(name: str, known: Iterable[str]) -> str:
    """The known name that was probably meant; empty where none is near."""
    # Without what they all begin with: it would make any two of them look alike.
    ends = {one.removeprefix(PREFIX): one for one in known}
    return ends.get(next(iter(get_close_matches(name.removeprefix(PREFIX), ends, 1, 0.75)), ""), "")


def variable_of(path: Sequence[str | int]) -> str:
    """The variable of the field at this path of a model."""
    return PREFIX + _BETWEEN.join(str(part).upper() for part in path)


def path_of(variable: str) -> str:
    """The field that a variable sets, as people write it: `site.name`."""
    return variable.removeprefix(PREFIX).lower().replace(_BETWEEN, ".")
