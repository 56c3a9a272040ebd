"""Style sheets, scripts, fonts and icons in memory, and their addresses."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A static file, held in memory."""

    content: bytes
    media_type: str
    version: str


class StaticFiles:
    """The static files of the template folders. `home` is the path prefix of the site."""

    def __init__(self, folders: tuple[Path, ...], home: str) -> None:
        self._folders, self._home = folders, home

    @cached_property
    def by_name(self) -> Mapping[str, StaticFile]:
        """The static files by name. A site's own files override the shipped ones."""
        files: dict[str, StaticFile] = {}
        for folder in reversed(self._folders):
            for path in sorted((folder / "web" / "static").glob("*.*")):
                content = path.read_bytes()
                media = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
                files[path.name] = StaticFile(content, media, hashlib.sha256(content).hexdigest()[:12])
        return files

    def url(self, name: str) -> str:
        """Return the address of a static file. It contains a hash of the content, so browsers may cache it
        indefinitely.
        """
        return f"{self._home}/static/{name}?v={self.by_name[name].version}"
