"""What pydantic finds wrong with a setting or a request, in plain sentences that say what to write instead. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import AfterValidator

_QUOTED = re.compile(r"'([^']*)'")
_ALIKE = 0.6
_NUMBER, _WHOLE, _DAY = "must be a number", "must be a whole number", "must be a day such as 2026-12-24"
_TABLE = "must be a table of names and values"
_LIST = 'must be a list, such as ["one", "two"]'
_SENTENCES: Mapping[str, str] = {
    "missing": "is required",
    "json_invalid": "is not JSON",
    "union_tag_not_found": "is missing; docs/settings.md lists the kinds",
    "extra_forbidden": "is not known",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": "is too large a number",
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text, in quotation marks",
    "string_unicode": "must be text in UTF-8",
    "string_sub_type": "must be text, in quotation marks",
    "string_too_short": "must have {min_length} or more characters",
    "string_too_long": "must have {max_length} or fewer characters",
    "too_short": "must have {min_length} or more entries",
    "too_long": "must have {max_length} or fewer entries",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be {le} or less",
    "date_type": _DAY,
    "date_parsing": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_from_datetime_inexact": _DAY,
    "path_type": "must be the path of a file",
    "path_not_file": "there is no such file; check the path",
    "list_type": _LIST,
    "tuple_type": _LIST,
    "dict_type": _TABLE,
    "model_type": _TABLE,
    "model_attributes_type": _TABLE,
}


HOST = r"[^\s\x00-\x1f/:]{1,253}|[0-9A-Fa-f.]*(?::[0-9A-Fa-f.]*){2,}(?:%\w+)?"
"""The pattern of a host's name or address, without a port: a colon is part of an IPv6 address only."""


def matches(pattern: str, description: str) -> AfterValidator:
    """Return a validator for a text that this pattern must match; `description` says what the text must be."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(f"must be {description}")
        return value

    return AfterValidator(check)


def own_errors(errors: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the errors, but not that a list is too short if that is because pydantic does not count wrong entries."""
    places = {error["loc"][:length] for error in errors for length in range(len(error["loc"]))}
    return (error for error in errors if error["type"] != "too_short" or error["loc"] not in places)


def place(path: Iterable[str | int]) -> str:
    """Return where a value stands, with entries of lists counted from 1: `sources (entry 2).schedule`."""
    parts = [f" (entry {part + 1})" if isinstance(part, int) else f".{part}" for part in path]
    return "".join(parts).strip(". ")


def sentence(error: Mapping[str, Any]) -> str:
    """Say what is wrong and what to write instead, in half a sentence that follows the name of the setting.

    `error` is one of `ValidationError.errors()`. Its input, which may be a secret, is repeated only where the setting
    is one of a few words.
    """
    kind, context = str(error["type"]), error.get("ctx", {})
    if words := _CHOICES.get(kind):
        allowed, given = words(context)
        return _choice(allowed, given or error.get("input"))
    if kind in _SENTENCES:
        return _SENTENCES[kind].format(**{name: _plain(value) for name, value in context.items()})
    return str(error["msg"]).removeprefix("Value error, ")


def _plain(value: object) -> object:
    return f"{value:g}" if isinstance(value, float) else value


def _tag(context: Mapping[str, Any]) -> tuple[list[str], str]:
    return _QUOTED.findall(str(context["expected_tags"])), str(context["tag"])


def _word(context: Mapping[str, Any]) -> tuple[list[str], str]:
    return _QUOTED.findall(str(context["expected"])), ""


_CHOICES: Mapping[str, Callable[[Mapping[str, Any]], tuple[list[str], str]]] = {
    "union_tag_invalid": _tag,
    "literal_error": _word,
    "enum": _word,
}


def _choice(allowed: list[str], given: object) -> str:
    """Say which words there are, and which of them was probably meant."""
    meant = get_close_matches(given.lower(), allowed, 1, _ALIKE) if isinstance(given, str) else []
    message = f"must be one of: {', '.join(allowed)}"
    return message + (f"; did you mean {meant[0]!r}?" if meant else "")
