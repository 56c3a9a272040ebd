"""Compressed bytes unpacked piece by piece within a limit: five kilobytes can stand for ten gigabytes (CWE-409)."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

PIECE = 1 << 16
"""How many bytes are unpacked at a time."""
_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
CODINGS = ("gzip", "x-gzip", "deflate")
"""The content codings that are unpacked (RFC 9110 8.4.1), each by itself alone."""


class TooLargeError(Exception):
    """More bytes came, packed or unpacked, than were allowed."""


def unpacked(pieces: Iterable[bytes], coding: str, limit: int) -> Iterator[bytes]:
    """The bytes that the pieces stand for, in pieces of at most PIECE bytes where they were packed.

    `coding` is one of CODINGS, or empty for bytes that are as they are. TooLargeError as soon as more than `limit`
    bytes have come in or gone out; zlib.error for what is not packed that way.
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


class _Unpacker:
    """One stream of packed bytes; gzip files may stand one behind the other (RFC 1952 2.2)."""

    def __init__(self, coding: str) -> None:
        self._gzip = coding != "deflate"
        self._stream = zlib.decompressobj(_GZIP) if self._gzip else None
        self._head = b""

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
    """Whether deflate comes in zlib's frame (RFC 1950 2.2), as RFC 9110 8.4.1.2 wants it; some leave it out."""
    return data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0
