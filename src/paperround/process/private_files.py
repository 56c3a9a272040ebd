"""Files that hold people's data: readable and writable by this account alone, whatever the umask says."""

from __future__ import annotations

import os
import stat
from pathlib import Path

FILE, FOLDER = 0o600, 0o700
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def restrict_process() -> None:
    """Let every file that this process makes from now on be private, also what a library writes."""
    os.umask(_OTHERS)


def make_folder(folder: Path) -> None:
    """Make a folder with the parents that it lacks, each of them private; one that is there stays as it is."""
    for missing in reversed([path for path in (folder, *folder.parents) if not path.is_dir()]):
        missing.mkdir(mode=FOLDER, exist_ok=True)
        missing.chmod(FOLDER)  # a umask may have taken more away; a parent's default ACL may have given more


def create(path: Path) -> None:
    """Make an empty private file where there is none yet; one that is there stays as it is."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE))
    except FileExistsError:
        return


def write(path: Path, data: bytes) -> None:
    """Write a private file, or write it anew."""
    with os.fdopen(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, FILE), "wb") as file:
        os.fchmod(file.fileno(), FILE)
        file.write(data)


def is_open_to_others(path: Path) -> bool:
    """Whether an account other than the owner's may do anything with a file or folder."""
    return bool(path.stat().st_mode & _OTHERS)
