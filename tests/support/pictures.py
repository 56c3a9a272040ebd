"""Pictures of every kind that a source may name, made here."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image, ImageDraw


def drawn(width: int = 1200, height: int = 648, mode: str = "RGB") -> Image.Image:
    """A figure as papers have them: boxes, a curve, some color."""
    picture = Image.new("RGB", (width, height), "#fdfdf8")
    pen = ImageDraw.Draw(picture)
    for n in range(6):
        left = width * (n * 3 + 1) // 20
        box = (left, height * (n % 3 + 1) // 6, left + width // 8, height * (n % 3 + 3) // 6)
        pen.rectangle(box, fill=f"hsl({n * 55}, 60%, 62%)", outline="#222222", width=max(1, width // 300))
    points = [(x, height * 5 // 6 - (x * x // width) % max(1, height // 3)) for x in range(0, width, 7)]
    pen.line(points, fill="#8c2f1f", width=max(1, width // 200))
    return picture.convert(mode)


def encoded(picture: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    """The picture as a file of this form."""
    written = io.BytesIO()
    picture.save(written, form, **options)
    return written.getvalue()


def claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to be of this size, as bombs do."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(b"\0" * 100)) + _chunk(b"IEND")
    )


def _chunk(name: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
