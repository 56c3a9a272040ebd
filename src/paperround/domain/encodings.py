"""Tell the encoding of a text file that somebody else made: UTF-8, UTF-16 or Windows-1252."""

from __future__ import annotations

import codecs
import io
from typing import BinaryIO

_PIECE = 1 << 16  # bytes
_OTHERS = {"cp1252": "Windows-1252", "utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16"}


def decode(data: bytes) -> tuple[str, str]:
    """Return the text of a file, and the name of its encoding if that is not UTF-8."""
    encoding = encoding_of(io.BytesIO(data))
    return data.decode(encoding, errors="replace"), other_than_utf8(encoding)


def other_than_utf8(encoding: str) -> str:
    """Return the name of an encoding that is not UTF-8; "" for UTF-8."""
    return _OTHERS.get(encoding, "")


def encoding_of(file: BinaryIO) -> str:
    """Return Python's name of a file's encoding; the file is then at its beginning.

    Windows-1252 is assumed for what is neither UTF-8 nor UTF-16: it includes the letters of Latin-1, and other
    encodings cannot be told from it.
    """
    head = file.read(2_000)
    file.seek(0)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if head[1::2].count(0) > len(head) // 4:  # every other byte of Western text in UTF-16 is zero
        return "utf-16-le"
    if head[::2].count(0) > len(head) // 4:
        return "utf-16-be"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while piece := file.read(_PIECE):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    else:
        return "utf-8-sig"
    finally:
        file.seek(0)
