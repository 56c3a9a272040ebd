"""Every rule of the linter is used: a function that takes a message and yields findings stands in the list."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator

import pytest

from paperround import linting
from paperround.linting.mail import Mail

MODULES = tuple(module.name for module in pkgutil.iter_modules(linting.__path__) if module.name != "theme")


def _rules(name: str) -> Iterator[Callable[[Mail], object]]:
    """The public functions of a module that take a message and yield findings."""
    module = importlib.import_module(f"{linting.__name__}.{name}")
    for function in vars(module).values():
        if inspect.isfunction(function) and function.__module__ == module.__name__ and function.__name__[0] != "_":
            taken, returned = function.__annotations__.get("mail"), function.__annotations__.get("return")
            if (taken, returned) == ("Mail", "Iterator[LintFinding]"):
                yield function


@pytest.mark.parametrize("name", MODULES)
def test_every_rule_of_a_module_is_used(name: str) -> None:
    forgotten = [rule.__name__ for rule in _rules(name) if rule not in linting.RULES]
    assert forgotten == [], f"add these to RULES in linting/{name}.py, and RULES to linting/__init__.py: {forgotten}"


def test_the_rules_are_found() -> None:
    assert {rule for name in MODULES for rule in _rules(name)} == set(linting.RULES)
