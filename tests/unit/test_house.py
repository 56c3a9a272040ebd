"""The arrangement of the code: rooms that import downward only, and no circles."""

from __future__ import annotations

import pytest

from support import house


@pytest.mark.slow
def test_no_module_imports_itself_through_others() -> None:
    assert house.cycles(house.imports(house.modules())) == []


def test_a_circle_would_be_found() -> None:
    assert house.cycles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c"]]


@pytest.mark.slow
def test_rooms_stay_few_and_their_imports_shallow() -> None:
    between = house.rooms(house.imports(house.modules()))
    assert house.cycles(between) == []
    assert len(between) <= 20
    assert house.levels(between) <= 12


@pytest.mark.slow
def test_every_public_class_name_has_one_meaning() -> None:
    assert house.meanings(house.modules()) == {}
