"""Thumbnails: fetched once from wherever a source says they are, checked, and made small for letters and pages.

fetch         asks for one; only public addresses, a few megabytes, a few seconds
  make_small  bytes of anybody's making in, a plain JPEG out, or a SourceError. Pure.
"""

from __future__ import annotations

import hashlib
import io
import warnings

from PIL import Image

from paperround.domain.errors import SourceError
from paperround.domain.models import Picture
from paperround.network.http import Http, Spacing

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
"""What is decoded; nothing else is even looked at."""
WIDTH, HEIGHT = 600, 400
"""What a picture is at most, in pixels: as wide as a letter, and no higher than a card can bear."""
_LEAST = (120, 60)  # smaller ones are icons, or count who looks
_MOST_PIXELS = 12_000_000  # 48 MB when decoded; photographs of a whole page have 10 million
# Where EXIF says that a camera was held otherwise: what makes the picture upright, and whether it lies on its side.
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_ITS_SIDE = frozenset((5, 6, 7, 8))
_MOST_BYTES = 5 << 20
_QUALITY = 80
_ASKER = "pictures"


def client(contact: str, **world: object) -> Http:
    """What pictures are asked for with: a feed may name any address, so private ones are refused.

    One try and few seconds: a picture can wait for the next round, letters cannot wait for a picture.
    """
    settings: dict[str, object] = {
        "tries": 1,
        "timeout": 10.0,
        "deadline": 20.0,
        "max_bytes": _MOST_BYTES,
        "public_only": True,
        "compressed": False,  # they are already
        "spacing": Spacing(patience=10.0),
    }
    return Http(contact, **{**settings, **world})  # type: ignore[arg-type]


def fetch(http: Http, url: str) -> tuple[Picture, bytes]:
    """The picture at an address, made small; SourceError where there is none."""
    answer = http.get(url, asker=_ASKER)
    answer.expect_ok(_ASKER)
    return make_small(answer.body)


def make_small(data: bytes) -> tuple[Picture, bytes]:
    """A JPEG of at most WIDTH times HEIGHT without any metadata, named after its content.

    The first frame where it moves, on white where it is transparent, upright as its camera says; never enlarged,
    and what is too high is cut at the bottom. SourceError for what is no picture, too large or too small.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd palettes and metadata: neither is kept
            small = _shrunk(_opened(data))
            content = _jpeg(small)
    except SourceError:
        raise
    # Decoders of foreign bytes raise what they like: OSError, ValueError, SyntaxError, struct.error and more.
    except Exception as error:  # noqa: BLE001
        raise _refused(f"it cannot be decoded ({type(error).__name__}: {str(error)[:100]})") from None
    name = hashlib.sha256(content).hexdigest()[:16]
    return Picture(name=name, width=small.width, height=small.height), content


def _opened(data: bytes) -> Image.Image:
    found = Image.open(io.BytesIO(data), formats=FORMATS)
    if found.width * found.height > _MOST_PIXELS:  # before anything is decoded
        raise _refused(f"it has {found.width} times {found.height} pixels")
    if found.format == "JPEG":
        found.draft("RGB", (2 * WIDTH, 2 * HEIGHT))  # decodes a large photograph at a half, quarter or eighth
    found.load()
    return found


def _shrunk(picture: Image.Image) -> Image.Image:
    """The picture small, upright and in plain colors; made small first, so that all else is of a few pixels."""
    turn = picture.getexif().get(_ORIENTATION, 1)
    across, down = picture.size if turn not in _ON_ITS_SIDE else picture.size[::-1]
    scale = min(1.0, WIDTH / across)
    width, height = round(across * scale), round(down * scale)
    if width < _LEAST[0] or height < _LEAST[1]:
        raise _refused(f"it would be {width} times {height} pixels, too small to be one")
    picture = _scalable(picture)
    if scale < 1:
        size = (height, width) if turn in _ON_ITS_SIDE else (width, height)
        picture = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    if turn in _TURNS:
        picture = picture.transpose(_TURNS[turn])
    return _plain(picture.crop((0, 0, width, min(height, HEIGHT))))


def _scalable(picture: Image.Image) -> Image.Image:
    """The picture in a mode whose pixels can be mixed."""
    if picture.mode.startswith("I"):  # 16 bits of grey, as PNG has them; Pillow would cut them at 255
        return picture.convert("F").point(lambda value: value / 256)
    if picture.mode in ("P", "PA", "1"):
        return picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    return picture.convert("RGBA") if picture.has_transparency_data else picture


def _plain(picture: Image.Image) -> Image.Image:
    """The picture in RGB, on white where it is transparent."""
    if picture.mode == "F":
        picture = picture.convert("L")
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")
    return picture.convert("RGB")


def _jpeg(picture: Image.Image) -> bytes:
    written = io.BytesIO()
    # A new image: nothing of what the old one carried (EXIF, profiles, comments) goes along.
    plain = Image.new("RGB", picture.size)
    plain.paste(picture)
    plain.save(written, "JPEG", quality=_QUALITY, progressive=True, optimize=True)
    return written.getvalue()


def _refused(why: str) -> SourceError:
    return SourceError(f"{_ASKER}: no picture that can be shown: {why}", again=False)
