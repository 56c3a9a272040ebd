"""Terminal output: tables, progress bars and one-line errors for people, plain lines or JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import typer


def say(text: str) -> None:
    """Print a line of the result to stdout."""
    typer.echo(text)


def warn(text: str) -> None:
    """Print a remark that is not part of the result to stderr."""
    typer.echo(text, err=True)


def fail(text: str) -> None:
    """Print why a command failed: one line to stderr, red on a terminal."""
    typer.secho(f"paperround: {text}", err=True, fg="red")


def as_json(value: Any) -> None:
    """Print a value as JSON to stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=_plain) + "\n")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on a terminal, tab-separated lines elsewhere."""
    if not sys.stdout.isatty():
        sys.stdout.writelines("\t".join(_cell(cell) for cell in row) + "\n" for row in [columns, *rows])
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    cells = [[_cell(cell) for cell in row] for row in rows]
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        drawn.add_column(column, no_wrap=column not in _FOLDED, overflow="fold")
    for row_cells in cells:
        drawn.add_row(*row_cells)
    console = Console(highlight=False, markup=False, emoji=False)
    # Rather lines that the terminal breaks than an address that is cut.
    needed = sum(_least_width(column, below) for column, *below in zip(columns, *cells, strict=True))
    console.width = max(console.width, needed)
    console.print(drawn, crop=False)


def _least_width(column: str, cells: Sequence[str]) -> int:
    whole = max(map(len, (column, *cells)))
    return 2 + (min(whole, _MIN_FOLDED_WIDTH) if column in _FOLDED else whole)


_FOLDED = frozenset({"title", "why", "query", "text", "reason", "what", "value", "topics", "name"})
"""Columns of words, which may go on below; the others are whole on one line, so that they can be copied."""
_MIN_FOLDED_WIDTH = 20  # characters


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, Mapping):
        value = ", ".join(f"{name} {_cell(part)}" for name, part in value.items() if part not in (None, ""))
    return str(value).replace("\t", " ").replace("\n", " ")


class Bars:
    """Progress bars on a terminal; nothing elsewhere."""

    def __init__(self) -> None:
        self._progress: Any = None
        self._task: Any = None

    def begin(self, what: str, total: int | None) -> None:
        """Begin a stage of `total` steps, or of an unknown number."""
        if not sys.stderr.isatty() or total == 0:
            self._task = None
            return
        if self._progress is None:
            self._progress = _progress()
            self._progress.start()
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(what, total=total)

    def advance(self, steps: int) -> None:
        """Count completed steps."""
        if self._task is not None:
            self._progress.advance(self._task, steps)

    def end(self) -> None:
        """Remove the bars."""
        if self._progress is not None:
            self._progress.stop()


def _progress() -> Any:
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    return Progress(
        TextColumn("{task.description:>12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
