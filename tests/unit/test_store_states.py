"""Statements of the store name states by their enums, so that a misspelled state is an error, not an empty result."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import paperround.store
from paperround.domain.models import BounceKind, DeliveryState, EventKind, NoticeKind, Stage, SubscriberState
from paperround.domain.schedule import Cadence
from paperround.store.events import EventState

ENUMS = (BounceKind, Cadence, DeliveryState, EventKind, EventState, NoticeKind, Stage, SubscriberState)
STATES = {member.value for enum in ENUMS for member in enum}
COLUMNS = {"state", "kind", "stage", "cadence", "notice"}
FILES = sorted(Path(paperround.store.__file__).parent.glob("*.py"))


def _compared(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield what is compared with something, and what is stored in a column with states."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left, [ast.Eq() | ast.NotEq(), *_], comparators):
                yield from (left, *comparators)
            case ast.Call(ast.Attribute(attr="in_" | "not_in"), arguments):
                yield from arguments
            case ast.keyword(str(name), value) if name in COLUMNS:
                yield value
            case ast.Dict(keys, values):
                yield from (
                    value
                    for key, value in zip(keys, values, strict=True)
                    if isinstance(key, ast.Constant) and key.value in COLUMNS
                )


def bare_states(source: str) -> list[str]:
    """Return the states that source code names by bare strings."""
    found = (constant for part in _compared(ast.parse(source)) for constant in ast.walk(part))
    return [one.value for one in found if isinstance(one, ast.Constant) and one.value in STATES]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_states_are_named_by_their_enums(path: Path) -> None:
    assert bare_states(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        'subscribers.c.state == "active"',
        'subscribers.c.cadence.in_(["off"])',
        'update(deliveries).values(state="queued")',
        'values = {"state": "failed" if again else None}',
    ],
)
def test_a_bare_state_would_be_found(source: str) -> None:
    assert len(bare_states(source)) == 1
