"""The site's secret key: whether one is set, and a new one in .env."""

from __future__ import annotations

import secrets
from pathlib import Path

from pydantic import SecretStr

from paperround.process import text_files
from paperround.settings.model import Settings

_SECRET_BYTES = 32


def has_secret_key(settings: Settings) -> bool:
    """Return whether a secret key is set."""
    return settings.secret_key is not None and bool(settings.secret_key.get_secret_value().strip())


def with_secret_key(settings: Settings, env_file: Path = Path(".env")) -> Settings:
    """Return the settings with a secret key. If none is set, generate one and save it in .env."""
    if has_secret_key(settings):
        return settings
    key = secrets.token_urlsafe(_SECRET_BYTES)
    text = text_files.read(env_file) if env_file.exists() else ""
    separator = "" if not text or text.endswith("\n") else "\n"
    part = env_file.with_name(env_file.name + ".part")
    part.touch(mode=0o600)
    part.write_text(f"{text}{separator}PAPERROUND_SECRET_KEY={key}\n", encoding="utf-8")
    part.replace(env_file)
    return settings.model_copy(update={"secret_key": SecretStr(key)})
