"""Shared by several commands: common options, opening the site, parsing dates, exit codes."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from paperround.domain import clock
from paperround.domain.clock import Clock, machine_clock, running_from, standing_at
from paperround.domain.errors import UsageError
from paperround.operator import console
from paperround.process import garbage, logs

if TYPE_CHECKING:
    from paperround.app import App
    from paperround.domain.models import Subscriber
    from paperround.settings import Settings
    from paperround.store.access import AuditRecord

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")]
ByEmail = Annotated[str, typer.Option("--email", metavar="TEXT", help="Only addresses that contain this text.")]
ByTopic = Annotated[str, typer.Option("--topic", metavar="SLUG", help="Only those who follow this topic.")]
Limit = Annotated[int | None, typer.Option(metavar="N", min=1, help="Show at most this many.")]
Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The subscriber's address.")]


def recording(app: App, action: str, subject: str) -> AbstractContextManager[AuditRecord]:
    """Record the change in this block in the audit log. A subscriber is named by number, since the log holds no
    addresses.
    """
    from paperround.store.access import AuditEntry

    return app.store.access.recording(AuditEntry(app.clock(), "command line", action, subject))


def recording_of(app: App, action: str, *subscribers: Subscriber) -> AbstractContextManager[AuditRecord]:
    """Record the change of one or several subscribers in this block in the audit log."""
    numbers = ", ".join(str(subscriber.row) for subscriber in subscribers)
    return recording(app, f"subscriber: {action}", f"subscriber{'s' if len(subscribers) > 1 else ''} {numbers}")


@dataclass(frozen=True, slots=True)
class Options:
    """The options given before the command."""

    config: Path | None = None
    now: datetime | None = None
    verbose: bool = False
    typed_in: Path | None = None
    """The folder in which the command was typed, where --site names another."""


options = Options()
STDIN = "-"
"""What is typed for a file that is read from stdin."""
_PIECE = 1 << 20  # bytes


@contextmanager
def opened(
    *, first_start: bool = False, runs_on: bool = False, port: int | None = None, examine: bool = False
) -> Iterator[App]:
    """Open the site, and close it at the end of the block.

    With `first_start`, create the site if there is none. With `first_start` or `runs_on`, the clock of --now keeps
    running from the given moment; otherwise it stands still. With `examine`, nothing is created, upgraded or loaded,
    and unknown variables in the environment are left to the checks.
    """
    # A terminated command ends like an interrupted one: connections close, claims are put back.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    logs.show(verbose=options.verbose)
    with garbage.seldom_collected():
        from paperround.operator.startup import open_site
        from paperround.settings import unknown_in_environment

        for sentence in () if examine else unknown_in_environment():
            console.warn(sentence)
        app = open_site(
            options.config,
            _clock(running=first_start or runs_on),
            port=port,
            first_start=first_start,
            examine=examine,
            tell=console.warn,
        )
    try:
        yield app
    finally:
        app.close()


def _clock(*, running: bool) -> Clock:
    if options.now is None:
        return machine_clock
    return running_from(options.now) if running else standing_at(options.now)


def site_settings() -> Settings:
    """Return the settings of the site, for commands that need nothing else."""
    from paperround.operator.startup import check_site
    from paperround.settings import load

    check_site(options.config)
    return load(options.config)


@contextmanager
def progress_bars(app: App) -> Iterator[None]:
    """Show progress bars for the stages while the block runs."""
    bars = console.Bars()
    app.progress = bars
    try:
        yield
    finally:
        bars.end()


def check_topic(app: App, slug: str) -> None:
    """Raise UnknownNameError for an unknown topic in a filter; an empty list would be misleading."""
    if slug:
        app.store.topics.require(slug)


def exit_if(something_failed: object) -> None:
    """Exit with code 1 (done, but something failed) if the argument is truthy."""
    if something_failed:
        raise typer.Exit(1)


@contextmanager
def _names(file: Path) -> Iterator[None]:
    """Name the file in the error if it cannot be read in this block."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}; check the path") from None


def read_file(file: Path) -> bytes:
    """Return the content of a file. Raises UsageError if it cannot be read."""
    with _names(file):
        return file.read_bytes()


@contextmanager
def open_file(file: Path) -> Iterator[BinaryIO]:
    """Open a file, or a temporary copy of a pipe, to read from any position. Raises UsageError if it cannot."""
    with ExitStack() as closing:
        with _names(file):  # and nothing that goes wrong while the caller works with it
            stream: BinaryIO = closing.enter_context(file.open("rb"))
            if not stream.seekable():
                copy = closing.enter_context(TemporaryFile())
                shutil.copyfileobj(stream, copy)
                copy.seek(0)
                stream = copy
        yield stream


def read_size(file: Path) -> int:
    """Return the size of a file in bytes. Raises UsageError if it cannot be read."""
    with _names(file):
        return file.stat().st_size


def read_pieces(file: Path) -> Iterator[bytes]:
    """Yield the content of a file, or of stdin for `-`, in pieces. Raises UsageError if it cannot be read."""
    with _names(file), nullcontext(sys.stdin.buffer) if str(file) == STDIN else file.open("rb") as opened_file:
        while piece := opened_file.read(_PIECE):
            yield piece


def write_lines(file: Path, lines: Iterable[str]) -> int:
    """Write a file atomically, readable only by this account; returns the number of lines.

    Anything but a regular file, such as a pipe or /dev/stdout, is written to and never replaced.
    """
    if file.is_symlink() or (file.exists() and not file.is_file()):
        return _write(file, lines)
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(file.name + ".part")
    part.touch(mode=0o600)
    try:
        number = _write(part, lines)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return number


def _write(file: Path, lines: Iterable[str]) -> int:
    number = 0
    with file.open("w", encoding="utf-8", newline="") as out:
        for line in lines:
            out.write(line)
            number += 1
    return number


def given_path(text: str) -> Path:
    """Return a path from the command line, relative to the folder where the command was typed, even with --site."""
    return Path(text) if options.typed_in is None or text == STDIN else options.typed_in / text


def read_moment(text: str) -> datetime:
    """Parse a moment in ISO 8601; without an offset it is in UTC. Raises UsageError."""
    try:
        return clock.read_moment(text)
    except ValueError:
        raise UsageError(f"--now {text!r} is not ISO 8601; write it as 2026-11-23T07:00Z") from None


def read_day(text: str) -> date:
    """Parse a date in ISO 8601. Raises UsageError."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is not a date; write it as 2026-11-23") from None
