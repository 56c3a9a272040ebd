"""paperround's own export: one JSON listing on each line, in a file or at the URL of another paperround."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from paperround.domain.errors import SourceError
from paperround.domain.models import Listing, ParsedSource, SourceState
from paperround.network.http import Http
from paperround.sources.base import FetchResult, Name, Parser, SourceSettings, Url, Window
from paperround.sources.dates import day_of
from paperround.sources.entries import Entries, cut_short
from paperround.sources.files import read_file
from paperround.sources.reading import describe

KIND = "jsonl"
_BLOCK_BYTES = 3 << 18  # bytes; about 450 papers, so that they are stored in one transaction
_MAX_LINE = 1 << 20  # bytes; ten times the longest abstract with 3,000 authors
_NEWLINE = b"\n"


class Jsonl(SourceSettings):
    """An export of papers, in a file or at a URL."""

    kind: Literal["jsonl"] = "jsonl"
    name: Name = KIND
    path: Path | None = None
    url: Url | None = None

    counts_votes: ClassVar[bool] = True
    formats: ClassVar[Mapping[str, Parser]] = {}

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is None) == (self.url is None):
            raise ValueError("set exactly one of path and url")
        return self

    def fetch(self, http: Http, window: Window) -> FetchResult:
        """Read the file or URL if it has changed. The source names in the lines are kept."""
        today = http.now().date()
        if self.path:
            return read_file(self.name, self.path, window, lambda data: parse(data, today))
        answer = http.get(self.url or "", service=self.name, validators=window.validators)
        if answer.unchanged:
            return FetchResult(ParsedSource(), SourceState.UNCHANGED, validators=window.validators)
        answer.expect_ok(self.name)
        parsed = parse(answer.body, today)
        if cut_short(parsed):
            return FetchResult(
                parsed, SourceState.STALE, "the response is truncated; it is requested again next time"
            )
        return FetchResult(parsed, SourceState.FRESH if parsed.listings else SourceState.QUIET, "", answer.remember())


def parse(data: bytes, today: date) -> ParsedSource:
    """Return the listings in the lines. The source and kind of a line are kept; empty lines are skipped."""
    return _read(data.removeprefix(b"\xef\xbb\xbf"), today)


def parse_pieces(pieces: Iterable[bytes], today: date) -> Iterator[ParsedSource]:
    """Parse a file of any size in blocks, with a few megabytes in memory at a time."""
    lines, buffer, first = 1, b"", True
    for piece in pieces:
        buffer += piece
        if len(buffer) < _BLOCK_BYTES:
            continue
        block, newline, buffer = buffer.rpartition(b"\n")
        if newline:
            start = block.removeprefix(b"\xef\xbb\xbf") if first else block
            yield _read(start, today, lines, from_export=not first, last=False)
            lines, first = lines + block.count(_NEWLINE) + 1, False
        buffer = buffer[: 2 * _BLOCK_BYTES]  # keep enough of an overlong line to reject it
    if buffer.strip() or first:
        yield _read(buffer.removeprefix(b"\xef\xbb\xbf") if first else buffer, today, lines, from_export=not first)


def _read(data: bytes, today: date, first: int = 1, *, from_export: bool = False, last: bool = True) -> ParsedSource:
    """Parse some lines. `first` is the number of the first line.

    `from_export` means that earlier lines were of this format, `last` that no more lines follow.
    """
    entries = Entries(today, source=KIND, before=first - 1)
    lines = data.split(b"\n")
    objects = 0
    for number, line in enumerate(lines, first):
        if not line.strip():
            continue
        value = _value(line)
        objects += isinstance(value, dict)
        if isinstance(value, dict):
            _add(entries, value)
        elif isinstance(value, str) and last and number == first + len(lines) - 1 and (objects or from_export):
            entries.cut(f"the last line, {number}, is truncated; export it again")
        else:
            entries.reject(value if isinstance(value, str) else f"line {number} is JSON, but not an object")
    if not objects and not from_export and data.strip():
        raise SourceError(
            f"{KIND}: no line is a JSON object (got {describe(data)}); one listing a line is expected",
            retryable=False,
        )
    return entries.parsed()


def write(listings: Iterable[Listing]) -> Iterator[str]:
    """Yield one line for each listing, for `parse`. Fields with default values are omitted."""
    for listing in listings:
        yield listing.model_dump_json(exclude_defaults=True) + "\n"


def _value(line: bytes) -> Any:
    """Return the value of a line, or an error message as a string if it is not JSON."""
    if len(line) > _MAX_LINE:
        return f"its line is longer than {_MAX_LINE >> 20} MB"
    try:
        value = json.loads(line.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError) as error:
        return f"its line is not JSON ({error})"
    return None if isinstance(value, str) else value


def _add(entries: Entries, line: dict[str, Any]) -> None:
    fields = {name: line[name] for name in Listing.model_fields if line.get(name) is not None}
    if "source" in fields:
        fields.setdefault("kind", "")
    entries.add({**fields, "day": day_of(line.get("day")), "published": day_of(line.get("published"))})


Jsonl.formats = {KIND: parse}
