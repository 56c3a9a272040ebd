"""Local files as sources. They are read again when they have changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from paperround.domain.errors import SourceError
from paperround.domain.models import ParsedSource, SourceState
from paperround.sources.base import FetchResult, Window
from paperround.sources.entries import cut_short

_MAX_BYTES = 64 << 20


def read_file(name: str, path: Path, window: Window, parse: Callable[[bytes], ParsedSource]) -> FetchResult:
    """Read and parse a file for the source of this name.

    The result is UNCHANGED if size and modification time are. Raises SourceError if the file cannot be read or is
    larger than 64 MB.
    """
    try:
        stat = path.stat()
        stamp = f"{stat.st_size} {stat.st_mtime_ns}"
        if window.validators.get(str(path)) == stamp:
            return FetchResult(ParsedSource(), SourceState.UNCHANGED, validators=window.validators)
        if stat.st_size > _MAX_BYTES:
            raise SourceError(f"{name}: {path} is larger than {_MAX_BYTES >> 20} MB; split it", retryable=False)
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{name}: {path} cannot be read ({error.strerror})", retryable=True) from None
    parsed = parse(data)
    if cut_short(parsed):  # probably still being written
        return FetchResult(parsed, SourceState.STALE, f"{path} is truncated; it is read again next time")
    state = SourceState.FRESH if parsed.listings or parsed.problems else SourceState.QUIET
    return FetchResult(parsed, state, validators={str(path): stamp})
