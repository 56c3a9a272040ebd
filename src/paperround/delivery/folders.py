"""Transports that write letters to folders: one file each (`file`), or a Maildir for any mail program (`maildir`)."""

from __future__ import annotations

import itertools
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from paperround.delivery.base import UnlimitedTransport
from paperround.domain.errors import TransportError
from paperround.domain.models import Letter, Outcome, Stage
from paperround.process import private_files

_serial = itertools.count()


class FileTransport(UnlimitedTransport, BaseModel):
    """Writes each letter to `<delivery>.eml`; sending a delivery again replaces its file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["file"] = "file"
    directory: Path = Path("data/letters")

    def send(self, letters: Iterator[Letter], report: Callable[[Sequence[Outcome]], None]) -> None:
        """Write all letters. Raises TransportError if the folder cannot be written."""
        _put_all(self.directory, letters, report, lambda letter: _write(self.directory, letter))


class MaildirTransport(UnlimitedTransport, BaseModel):
    """Puts each letter into `new/` of a Maildir (https://cr.yp.to/proto/maildir.html)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["maildir"] = "maildir"
    directory: Path = Path("data/maildir")

    def send(self, letters: Iterator[Letter], report: Callable[[Sequence[Outcome]], None]) -> None:
        """Write all letters. Raises TransportError if the folder cannot be written."""
        _put_all(self.directory, letters, report, lambda letter: store(self.directory, letter.message))


def store(maildir: Path, message: bytes) -> Path:
    """Write a message to a Maildir's `new/` atomically, and return its path; missing folders are created."""
    for folder in ("tmp", "new", "cur"):
        private_files.make_folder(maildir / folder)
    host = socket.gethostname().replace("/", "").replace(":", "")
    name = f"{time.time_ns():020d}.{os.getpid()}_{next(_serial)}.{host}"
    return _whole(maildir / "tmp" / name, maildir / "new" / name, message)


def _write(folder: Path, letter: Letter) -> Path:
    name = f"{letter.delivery:08d}.eml"
    return _whole(folder / f".{name}.part", folder / name, letter.message)


def _whole(part: Path, path: Path, message: bytes) -> Path:
    # No fsync: like the database, it survives a crash of the program, but a power failure may lose the last moments.
    try:
        private_files.write(part, message)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    return path


def _put_all(
    folder: Path,
    letters: Iterator[Letter],
    report: Callable[[Sequence[Outcome]], None],
    put: Callable[[Letter], Path],
) -> None:
    try:
        private_files.make_folder(folder)
    except OSError as error:
        raise _unusable(folder, error) from error
    for letter in letters:
        try:
            path = put(letter)
        except OSError as error:
            report([Outcome(letter.delivery, Stage.CONNECT, None, text=str(error))])
            raise _unusable(folder, error) from error
        report([Outcome(letter.delivery, Stage.FINAL, 250, "2.0.0", str(path))])


def _unusable(folder: Path, error: OSError) -> TransportError:
    return TransportError(
        f"{folder} cannot store letters ({error.strerror}); make room or change transport.directory"
    )
