"""Locate the folders that ship with the program: templates, config, seeds."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from paperround.domain.errors import ConfigurationError

_PACKAGE = Path(__file__).resolve().parents[1]
# In a wheel the folders are inside the package, in a source checkout at its top level (see pyproject.toml).
_PLACES = (_PACKAGE / "_site", _PACKAGE.parents[1])


def folder(name: str) -> Path:
    """Return the shipped folder of this name: `templates`, `config` or `seeds`.

    Raises ConfigurationError if it does not exist.
    """
    for place in _PLACES:
        if (place / name).is_dir():
            return place / name
    looked = " or ".join(str(place / name) for place in _PLACES)
    raise ConfigurationError(f"no folder {name!r} in {looked}; check that the installation is complete")


def templates() -> tuple[Path, ...]:
    """Return the folders to search for templates: the site's own `templates`, then the shipped one."""
    return folders("templates", Path())


def stamps(folders: Iterable[Path]) -> dict[Path, tuple[int, int]]:
    """Return modification time and size of the templates and catalogs in these folders, to detect changes."""
    by_path: dict[Path, tuple[int, int]] = {}
    for within in folders:
        for path in (*within.rglob("*.j2"), *within.rglob("*.po")):  # not an editor's backup files
            with suppress(FileNotFoundError):  # an editor may be replacing it
                stat = path.stat()
                by_path[path] = stat.st_mtime_ns, stat.st_size
    return by_path


def folders(name: str, site: Path | None = None) -> tuple[Path, ...]:
    """Return the folders to search for a file: the site's own folder, if it has one, then the shipped one."""
    own = (site / name,) if site is not None and (site / name).is_dir() else ()
    return (*own, folder(name))
