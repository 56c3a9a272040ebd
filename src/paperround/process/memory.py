"""How the process manages its memory."""

from __future__ import annotations

import ctypes

_RETAINED_BYTES = 8 << 20  # bytes


def keep_freed_blocks() -> None:
    """Let the C library reuse blocks of up to 8 MB that the process frees, instead of returning them to the system.

    A round frees arrays of about one megabyte all the time, and the system clears each page that it gives out again:
    without this a tenth of the time of publishing went into that. glibc keeps blocks up to the size of the largest
    one that was freed (M_MMAP_THRESHOLD in mallopt(3)). Other libraries are not affected.
    """
    bytes(_RETAINED_BYTES)


def return_free_blocks() -> None:
    """Return blocks that the process has freed to the system, where the C library can (malloc_trim(3) of glibc).

    It keeps what lies between blocks that are in use: 60 MB after a model of 23 MB was loaded.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
