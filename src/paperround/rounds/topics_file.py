"""topics.toml, and whether the store has loaded it. Every command checks it, so nothing slow is imported."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from paperround.app import App
from paperround.domain.errors import ConfigurationError
from paperround.settings import topics_file

_DIGEST_VALUE = "topics.toml"


@dataclass(frozen=True, slots=True)
class TopicsFile:
    """The contents of topics.toml."""

    path: Path
    data: bytes

    def is_loaded(self, app: App) -> bool:
        """Return whether the store has loaded exactly these topics."""
        return app.store.site_values.get(_DIGEST_VALUE) == self._digest

    def note_loaded(self, app: App) -> None:
        """Record that the store has loaded these topics."""
        app.store.site_values.set(_DIGEST_VALUE, self._digest)

    @property
    def _digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def read_file(app: App) -> TopicsFile:
    """Read the site's topics.toml. Raises ConfigurationError if it cannot be read."""
    path = topics_file(app.settings, app.config)
    try:
        return TopicsFile(path, path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; check topics_file") from None
