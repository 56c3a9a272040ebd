"""Files with personal data: only this account can read and write them, whatever the umask."""

from __future__ import annotations

import os
import stat
from pathlib import Path

FILE, FOLDER = 0o600, 0o700
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def restrict_process() -> None:
    """Make every file that this process creates from now on private, including those that libraries write."""
    os.umask(_OTHERS)


def make_folder(folder: Path) -> None:
    """Create a private folder and its missing parents, which are also private. Existing folders are not changed."""
    for missing in reversed([path for path in (folder, *folder.parents) if not path.is_dir()]):
        missing.mkdir(mode=FOLDER, exist_ok=True)
        missing.chmod(FOLDER)  # the umask may have removed permissions, a parent's default ACL may have added some


def create(path: Path) -> None:
    """Create an empty private file. An existing file is not changed."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE))
    except FileExistsError:
        return


def write(path: Path, data: bytes) -> None:
    """Write a private file, replacing its content."""
    with os.fdopen(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, FILE), "wb") as file:
        os.fchmod(file.fileno(), FILE)
        file.write(data)


def is_open_to_others(path: Path) -> bool:
    """Return whether accounts other than the owner have any permission on a file or folder."""
    return bool(path.stat().st_mode & _OTHERS)
