"""Template errors explained to the author: the file, the lines around the error, and the variables there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from types import TracebackType
from typing import Any

from jinja2 import TemplateNotFound, TemplateSyntaxError
from jinja2.defaults import DEFAULT_NAMESPACE
from jinja2.environment import TemplateModule
from jinja2.runtime import Macro

from paperround.domain.errors import PaperroundError
from paperround.domain.models import Site
from paperround.rendering.letter_view import Block, Card, LetterView

_AROUND = 3  # lines above and below
_MAX_VALUE_LENGTH = 100  # characters shown of a value
_MAX_ENTRIES = 12  # entries shown of a list
_FILE = re.compile(r"((?:email|locale)/[\w./-]+\.(?:j2|po))(?: line (\d+))?")
_QUOTED = re.compile(r"'([^']{2,})'")
_CLASS = re.compile(r"'[\w.]*?(\w+) object'")
_MISSING = re.compile(r"has no attribute '(\w+)'|'(\w+)' is undefined")
# Names that a template author does not need: Jinja's own, gettext's, and functions.
_FOREIGN = frozenset(DEFAULT_NAMESPACE) | {"_", "gettext", "ngettext", "pgettext", "npgettext", "cut", "caller"}


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line of a template."""

    number: int
    text: str
    wrong: bool


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable available in the template, with its value and its attributes, if any."""

    name: str
    kind: str
    value: str
    parts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class TemplateError:
    """An explained error: what is wrong, where, and which variables are available. `suggestion` may be empty."""

    what: str
    file: str
    path: Path | None
    line: int | None
    source: tuple[SourceLine, ...]
    variables: tuple[Variable, ...]
    suggestion: str

    def __str__(self) -> str:
        place = f"{self.file} line {self.line}: " if self.line else f"{self.file}: " if self.file else ""
        return f"{place}{self.what}{f'; did you mean {self.suggestion}?' if self.suggestion else ''}"


def explain(error: PaperroundError, folders: tuple[Path, ...]) -> TemplateError:
    """Locate the cause of this error in the template folders, as precisely as possible."""
    cause = error.__cause__
    frame = _frame(cause.__traceback__) if cause else None
    file, line = _place(error, cause, frame, folders)
    path = next((folder / file for folder in folders if file and (folder / file).is_file()), None)
    text = path.read_text(encoding="utf-8", errors="replace") if path else ""
    if line is None:
        line = _line_of(str(error), text)
    values = frame[2] if frame else {}
    what = _CLASS.sub(r"\1", str(error).removeprefix(file).lstrip(": "))
    return TemplateError(
        what=re.sub(rf"^line {line}: ", "", what),
        file=file,
        path=path.resolve() if path else None,
        line=line,
        source=tuple(_lines(text, line)) if line else (),
        variables=tuple(_variables(values)) or _known_variables(),
        suggestion=_suggestion(str(cause or error), values),
    )


def _frame(trace: TracebackType | None) -> tuple[str, int, Mapping[str, Any]] | None:
    """Return the file, line and variables of the innermost template in the traceback; None if there is none."""
    place = None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.endswith(".j2"):
            # Jinja2 rewrites tracebacks to show the template's own lines and variables.
            place = trace.tb_frame.f_code.co_filename, trace.tb_lineno, trace.tb_frame.f_locals
        trace = trace.tb_next
    return place


def _place(
    error: PaperroundError,
    cause: BaseException | None,
    frame: tuple[str, int, Mapping[str, Any]] | None,
    folders: tuple[Path, ...],
) -> tuple[str, int | None]:
    if isinstance(cause, TemplateSyntaxError) and cause.filename:
        return _short(cause.filename, folders), cause.lineno
    if frame and not isinstance(cause, TemplateNotFound):
        return _short(frame[0], folders), frame[1]
    match = _FILE.search(str(error))
    return (match[1], int(match[2]) if match[2] else None) if match else ("", None)


def _short(filename: str, folders: tuple[Path, ...]) -> str:
    path = Path(filename)
    return next((str(path.relative_to(folder)) for folder in folders if path.is_relative_to(folder)), path.name)


def _line_of(message: str, text: str) -> int | None:
    """Return the first line number that contains text quoted in the message; None if no line does."""
    lines = text.splitlines()
    for quoted in _QUOTED.findall(message):
        for number, line in enumerate(lines, 1):
            if quoted in line:
                return number
    return None


def _lines(text: str, wrong: int) -> Iterator[SourceLine]:
    for number, line in enumerate(text.splitlines(), 1):
        if abs(number - wrong) <= _AROUND:
            yield SourceLine(number, line, number == wrong)


def _variables(values: Mapping[str, Any]) -> Iterator[Variable]:
    for name, value in sorted(values.items()):
        if name not in _FOREIGN and not name.startswith("_") and not callable(value):
            yield Variable(name, type(value).__name__, _short_value(value), tuple(_parts(value)))


def _parts(value: object) -> Iterator[tuple[str, str]]:
    """Yield the name and value of each part: a dataclass's fields, a module's macros, or a list's first entries."""
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            if field.repr:
                yield field.name, _short_value(getattr(value, field.name))
        for name in _properties(type(value)):
            yield name, _short_value(getattr(value, name))
    elif isinstance(value, TemplateModule):
        for name, macro in sorted(vars(value).items()):
            if isinstance(macro, Macro):
                yield name, f"({', '.join(macro.arguments)})"
    elif isinstance(value, list | tuple):
        for number, entry in enumerate(value[:_MAX_ENTRIES]):
            yield str(number), _short_value(entry)


def _properties(kind: type) -> list[str]:
    return [name for name, member in vars(kind).items() if isinstance(member, property)]


def _short_value(value: object) -> str:
    if isinstance(value, list | tuple) and value and is_dataclass(value[0]):
        return f"{len(value)} × {type(value[0]).__name__}"
    if is_dataclass(value) and not isinstance(value, type):
        return type(value).__name__
    if isinstance(value, TemplateModule):
        return f"macros of {value.__name__}"
    text = repr(value)
    return text if len(text) <= _MAX_VALUE_LENGTH else f"{text[:_MAX_VALUE_LENGTH]}…"


def _known_variables() -> tuple[Variable, ...]:
    """Return the variables that every theme receives, for errors that occur before rendering starts."""
    given = (("letter", LetterView), ("site", Site), ("item", Block), ("card", Card))
    return tuple(
        Variable(
            name, kind.__name__, "", tuple((field.name, str(field.type)) for field in fields(kind) if field.repr)
        )
        for name, kind in given
    )


def _suggestion(message: str, values: Mapping[str, Any]) -> str:
    """Return the name that the author probably meant; empty if none is similar."""
    match = _MISSING.search(message)
    if not match:
        return ""
    wrong = match[1] or match[2]
    kind = _CLASS.search(message)
    names: dict[str, str] = {} if kind else {name: name for name in values if name not in _FOREIGN}
    for name, value in values.items():
        if not isinstance(value, list | tuple) and (kind is None or type(value).__name__ == kind[1]):
            for part, _ in _parts(value):
                names.setdefault(part, f"{name}.{part}")
    close = get_close_matches(wrong, names, n=1)
    return names[close[0]] if close else ""
