"""Text files that the operator writes: templates, catalogs, settings, topics. They are in UTF-8."""

from __future__ import annotations

import codecs
from pathlib import Path

from paperround.domain.errors import ConfigurationError

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class NotTextError(ConfigurationError):
    """A file is not text in UTF-8. `line` is the first line that is not, `problem` has the remedy."""

    def __init__(self, name: str, line: int, problem: str) -> None:
        self.line, self.problem = line, problem
        super().__init__(f"{name} line {line}: {problem}")


def read(path: Path) -> str:
    """Return the text of a file, without a byte order mark. Raises NotTextError, and OSError if it cannot be read."""
    return decode(path.read_bytes(), str(path))


def decode(data: bytes, name: str) -> str:
    """Return the text in these bytes, without a byte order mark. Raises NotTextError, which names the file `name`."""
    wide, nul = data.startswith(_UTF16), data.find(b"\0")
    try:
        text, wrong = data.decode("utf-8-sig"), nul
    except UnicodeDecodeError as error:
        text, wrong = "", error.start if nul < 0 else min(nul, error.start)
    if wrong < 0:
        return text
    problem = "it is in UTF-16" if wide or nul >= 0 else "it is not in UTF-8"
    raise NotTextError(name, len(data[:wrong].split(b"\n")), f"{problem}; save the file as UTF-8")
