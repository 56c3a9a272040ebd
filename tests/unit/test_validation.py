"""What pydantic finds wrong, in plain sentences."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError, create_model

from paperround.process import validation, variables
from paperround.settings import Settings

_PYDANTIC = re.compile(r"Input|String should|Unable to|Value error|Field required|Extra|pattern|valid |instance of")
_JUNK: tuple[Any, ...] = (
    *("x", "a b", "", "\ud800", -1, 1.5, 10**30, float("nan"), True, None),
    *([], [1], [""], {}, [{}], {"kind": "smpt"}, [{"kind": "arxiv", "categories": "x"}]),
)
_KINDS: tuple[dict[str, Any], ...] = (
    {},
    {"kind": "smtp", "host": "relay.example"},
    {"kind": "openai", "url": "http://localhost", "model": "m"},
    {"kind": "minilm"},
)


def _fields(model: type[BaseModel], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        yield (*before, name)
        for part in variables._parts(field.annotation):
            yield from _fields(part, (*before, name))


def _wrong_settings() -> Iterator[tuple[str, Any]]:
    for (first, *rest), junk in itertools.product(dict.fromkeys(_fields(Settings)), _JUNK):
        value = junk
        for name in reversed(rest):
            value = {name: value}
        for kind in _KINDS if rest else ({},):
            yield first, {**kind, **value} if rest else value


def _errors() -> Iterator[Any]:
    # The same fields without the sources of Settings, which would be read each time.
    plain = create_model(
        "Plain", **{name: (field.annotation, field) for name, field in Settings.model_fields.items()}
    )
    for name, value in _wrong_settings():
        try:
            plain.model_validate({name: value})
        except ValidationError as error:
            yield from error.errors(include_url=False)


def test_whatever_is_wrong_with_a_setting_is_told_in_words_of_our_own() -> None:
    said = {error["type"]: validation.sentence(error) for error in _errors()}
    assert len(said) > 15, "the settings are hardly tried"
    assert [(kind, text) for kind, text in said.items() if _PYDANTIC.search(text) or "{" in text] == []


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            {"type": "enum", "ctx": {"expected": "'hard', 'soft' or 'policy'"}, "input": "Hart"},
            "must be one of: hard, soft, policy; did you mean 'hard'?",
        ),
        ({"type": "enum", "ctx": {"expected": "'hard' or 'soft'"}, "input": 5}, "must be one of: hard, soft"),
        ({"type": "less_than_equal", "ctx": {"le": 3600.0}}, "must be 3600 or less"),
        ({"type": "value_error", "msg": "Value error, set both or neither"}, "set both or neither"),
        ({"type": "of a later version", "msg": "Not right"}, "Not right"),
    ],
)
def test_an_error_is_told_with_the_words_and_numbers_that_are_allowed(error: dict[str, Any], text: str) -> None:
    assert validation.sentence(error) == text
