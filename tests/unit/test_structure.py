"""The structure of the code: imports point down only, and there are no circles."""

from __future__ import annotations

import ast
import re

import pytest

from support import structure


@pytest.mark.slow
def test_no_module_imports_itself_through_others() -> None:
    assert structure.cycles(structure.imports(structure.modules())) == []


def test_a_circle_would_be_found() -> None:
    assert structure.cycles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c"]]


@pytest.mark.slow
def test_there_are_few_parts_and_their_imports_are_shallow() -> None:
    between = structure.parts(structure.imports(structure.modules()))
    assert structure.cycles(between) == []
    assert len(between) <= 20
    assert structure.levels(between) <= 12


@pytest.mark.slow
def test_every_public_class_name_has_one_meaning() -> None:
    assert structure.meanings(structure.modules()) == {}


@pytest.mark.parametrize("package", ["rounds", "store", "web.browse", "web.subscribers"])
def test_the_index_of_a_large_package_names_each_module_once(package: str) -> None:
    trees = structure.modules()
    index = re.findall(r"^\| .* \| (.*) \|$", ast.get_docstring(trees[package]) or "", re.MULTILINE)
    named = re.findall(r"`(\w+)`", " ".join(index))
    names = {name.removeprefix(f"{package}.").split(".")[0] for name in trees if name.startswith(f"{package}.")}
    assert sorted(named) == sorted(names)
