"""Settings that name a file of certificates."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, FilePath


def _with_certificates(file: Path) -> Path:
    try:
        ssl.create_default_context(cafile=file)
    except ssl.SSLError:
        raise ValueError(f"{file} contains no PEM certificates") from None
    return file


CaFile = Annotated[FilePath, AfterValidator(_with_certificates)]
"""A file of CA certificates to trust instead of the system's."""
