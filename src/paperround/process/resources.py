"""Where the folders are that ship with the program: templates, config, seeds."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from paperround.domain.errors import ConfigurationError

_PACKAGE = Path(__file__).resolve().parents[1]
# In a wheel the folders lie inside the package, in a source checkout at its top level (see pyproject.toml).
_PLACES = (_PACKAGE / "_site", _PACKAGE.parents[1])


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


def stamps(folders: Iterable[Path]) -> dict[Path, tuple[int, int]]:
    """The templates and catalogues in these folders; what is said of one is something else as soon as it changes."""
    found: dict[Path, tuple[int, int]] = {}
    for within in folders:
        for path in (*within.rglob("*.j2"), *within.rglob("*.po")):  # not what editors put beside them
            with suppress(FileNotFoundError):  # an editor may replace it this very moment
                stat = path.stat()
                found[path] = stat.st_mtime_ns, stat.st_size
    return found


def folders(name: str, site: Path | None = None) -> tuple[Path, ...]:
    """Where a file is looked for: the site's own folder first, where it has one, then the shipped one."""
    own = (site / name,) if site is not None and (site / name).is_dir() else ()
    return (*own, folder(name))
