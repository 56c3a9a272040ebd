"""Decompress bytes piece by piece within a limit, because 5 KB can expand to 10 GB (CWE-409)."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

PIECE = 1 << 16
"""The number of bytes decompressed at a time."""
_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
CODINGS = ("gzip", "x-gzip", "deflate")
"""The supported content codings (RFC 9110 section 8.4.1), only one at a time."""


class TooLargeError(Exception):
    """The data exceeds the limit, compressed or decompressed."""


def unpacked(pieces: Iterable[bytes], coding: str, limit: int) -> Iterator[bytes]:
    """Yield the decompressed bytes, in pieces of at most PIECE bytes if they were compressed.

    `coding` is one of CODINGS, or empty for uncompressed bytes. `limit` is in bytes. Raises TooLargeError as soon as
    the input or the output exceeds it, and zlib.error if the data is not in this coding or ends too early.
    """
    came = went = 0
    unpack = _Unpacker(coding) if coding else None
    for piece in pieces:
        came += len(piece)
        if came > limit:
            raise TooLargeError
        for out in unpack.feed(piece) if unpack else (piece,):
            went += len(out)
            if went > limit:
                raise TooLargeError
            yield out
    if unpack and came and not unpack.ended:
        raise zlib.error("the data is truncated")


class _Unpacker:
    """Decompresses one stream. Several gzip members may follow each other (RFC 1952 section 2.2)."""

    def __init__(self, coding: str) -> None:
        self._gzip = coding != "deflate"
        self._stream = zlib.decompressobj(_GZIP) if self._gzip else None
        self._head = b""

    @property
    def ended(self) -> bool:
        """Whether the stream is complete."""
        return self._stream is not None and self._stream.eof

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._stream is None:
            self._head += data
            if len(self._head) < 2:
                return
            data, self._stream = self._head, zlib.decompressobj(_ZLIB if _has_frame(self._head) else _RAW)
        while data:
            if self._stream.eof:
                if not self._gzip:
                    return
                self._stream = zlib.decompressobj(_GZIP)
            if out := self._stream.decompress(data, PIECE):
                yield out
            data = self._stream.unused_data or self._stream.unconsumed_tail


def _has_frame(data: bytes) -> bool:
    """Return whether the data has a zlib header (RFC 1950 section 2.2).

    RFC 9110 section 8.4.1.2 requires one for deflate, but some servers omit it.
    """
    return data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0
