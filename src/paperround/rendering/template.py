"""Convert errors in templates to messages with file, line and remedy."""

from __future__ import annotations

import traceback
from pathlib import Path

from jinja2 import TemplateNotFound, TemplateSyntaxError

from paperround.domain.errors import ConfigurationError


def mistake(file: str, error: Exception) -> ConfigurationError:
    """Return an error that says what is wrong with a template, in which file and line."""
    if isinstance(error, TemplateSyntaxError):
        return ConfigurationError(f"{error.name or file} line {error.lineno}: {error.message}")
    if isinstance(error, TemplateNotFound):
        return ConfigurationError(f"{file}: there is no template {error.name!r} in the template folders")
    # Jinja2 adds the template's own lines to the traceback.
    lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith(".j2")]
    where = f"{_short(lines[-1].filename)} line {lines[-1].lineno}" if lines else file
    return ConfigurationError(f"{where}: {error or type(error).__name__}")


def _short(filename: str) -> str:
    path = Path(filename)
    return "/".join(path.parts[path.parts.index("email") :]) if "email" in path.parts else path.name
