"""What people see in a terminal: tables, progress bars and one-line errors. Programs get plain lines or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import typer


def say(text: str) -> None:
    """A line of a command's result, on stdout."""
    typer.echo(text)


def warn(text: str) -> None:
    """A remark beside the result, on stderr."""
    typer.echo(text, err=True)


def fail(text: str) -> None:
    """Why a command ends without a result: one line on stderr, red on a terminal."""
    typer.secho(f"paperround: {text}", err=True, fg="red")


def as_json(value: Any) -> None:
    """One JSON value on stdout and nothing else."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=_plain) + "\n")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on a terminal, tab-separated lines elsewhere."""
    if not sys.stdout.isatty():
        sys.stdout.writelines("\t".join(_cell(cell) for cell in row) + "\n" for row in [columns, *rows])
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        drawn.add_column(column)
    for row in rows:
        drawn.add_row(*(_cell(cell) for cell in row))
    Console(soft_wrap=True, highlight=False).print(drawn)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_cell(part)}" for name, part in value.items() if part not in (None, ""))
    return str(value).replace("\t", " ").replace("\n", " ")


class Bars:
    """Progress bars on a terminal; elsewhere nothing."""

    def __init__(self) -> None:
        self._progress: Any = None
        self._task: Any = None

    def begin(self, what: str, total: int | None) -> None:
        """A stage begins."""
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
        """So many steps are done."""
        if self._task is not None:
            self._progress.advance(self._task, steps)

    def end(self) -> None:
        """Take the bars away."""
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
