"""Where the folders are that ship with the program: templates, config, seeds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from paperround.errors import ConfigurationError

_HERE = Path(__file__).resolve().parent
# In a wheel the folders lie inside the package, in a source checkout at its top level (see pyproject.toml).
_PLACES = (_HERE / "_site", _HERE.parent.parent)


def folder(name: str) -> Path:
    """The shipped folder of this name: `templates`, `config` or `seeds`."""
    for place in _PLACES:
        if (place / name).is_dir():
            return place / name
    looked = " or ".join(str(place / name) for place in _PLACES)
    raise ConfigurationError(f"no folder {name!r} in {looked}; is the installation complete?")


def templates() -> tuple[Path, ...]:
    """Where templates are looked for: in the site's own folder `templates`, then in the shipped one."""
    return folders("templates", Path())


def fingerprint(folders: Iterable[Path]) -> str:
    """What changes as soon as a file in these folders does."""
    seen = hashlib.sha256()
    for folder_ in folders:
        for path in sorted(folder_.rglob("*")):
            with suppress(FileNotFoundError):  # an editor may replace it this very moment
                found = path.stat()
                seen.update(f"{path}\0{found.st_mtime_ns}\0{found.st_size}\n".encode())
    return seen.hexdigest()[:16]


def folders(name: str, site: Path | None = None) -> tuple[Path, ...]:
    """Where a file is looked for: the site's own folder first, where it has one, then the shipped one."""
    own = (site / name,) if site is not None and (site / name).is_dir() else ()
    return (*own, folder(name))
