"""Thumbnails: fetch them from where a source says they are, check them, and resize them for letters and pages.

    fetch         requests one; public addresses only, a few megabytes, a few seconds
      make_small  converts untrusted bytes to a plain JPEG, or raises SourceError. Pure.

Each thumbnail is fetched only once.
"""

from __future__ import annotations

import hashlib
import io
import warnings

from PIL import Image

from paperround.domain.errors import SourceError
from paperround.domain.models import Picture
from paperround.network.http import Http, HttpEnvironment, HttpPolicy, RateLimiter

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
"""The formats that are decoded. Others are rejected."""
WIDTH, HEIGHT = 600, 400
"""The maximum size in pixels: the width of a letter and the height of a card."""
_MIN_SIZE = (120, 60)  # smaller ones are icons or tracking pixels
_MAX_PIXELS = 12_000_000  # 48 MB when decoded; an image of a whole page has 10 million
# EXIF orientations: the operation that makes the picture upright, and those in which width and height are swapped.
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
_MAX_BYTES = 5 << 20
_QUALITY = 80
_SERVICE = "pictures"


# One attempt with short timeouts: a picture can wait for the next round, but letters cannot wait for a picture.
# A feed may name any address, so private ones are refused. Pictures are already compressed.
POLICY = HttpPolicy(tries=1, timeout=10.0, deadline=20.0, max_bytes=_MAX_BYTES, public_only=True, compressed=False)
_PATIENCE = 10.0  # seconds to wait for a host's turn


def client(contact: str, environment: HttpEnvironment) -> Http:
    """Return a client for pictures. `contact` is an email address or URL for the User-Agent."""
    return Http(contact, POLICY, rate_limiter=RateLimiter(patience=_PATIENCE), environment=environment)


def fetch(http: Http, url: str) -> tuple[Picture, bytes]:
    """Fetch a picture and resize it. Raises SourceError if there is none."""
    response = http.get(url, service=_SERVICE)
    response.expect_ok(_SERVICE)
    return make_small(response.body)


def make_small(data: bytes) -> tuple[Picture, bytes]:
    """Convert a picture to a JPEG of at most WIDTH times HEIGHT without metadata, named after its content.

    Takes the first frame of an animation, puts transparent pictures on white and rotates as EXIF says. Pictures are
    never enlarged, and cropped at the bottom if too high. Raises SourceError if it is not a picture, too large or
    too small.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about palettes and metadata, which are not kept
            small = _shrunk(_opened(data))
            content = _jpeg(small)
    except SourceError:
        raise
    # Decoders raise OSError, ValueError, SyntaxError, struct.error and other errors for invalid bytes.
    except Exception as error:  # noqa: BLE001
        raise _refused(f"it cannot be decoded ({type(error).__name__}: {str(error)[:100]})") from None
    name = hashlib.sha256(content).hexdigest()[:16]
    return Picture(name=name, width=small.width, height=small.height), content


def _opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data), formats=FORMATS)
    if picture.width * picture.height > _MAX_PIXELS:  # check before decoding
        raise _refused(f"it has {picture.width} times {picture.height} pixels")
    if picture.format == "JPEG":
        picture.draft("RGB", (2 * WIDTH, 2 * HEIGHT))  # decodes a large photograph at 1/2, 1/4 or 1/8 of its size
    picture.load()
    return picture


def _shrunk(picture: Image.Image) -> Image.Image:
    """Resize a picture, rotate it and convert its colors. It is resized first, so that later steps process few
    pixels.
    """
    turn = picture.getexif().get(_ORIENTATION, 1)
    across, down = picture.size if turn not in _ON_ITS_SIDE else picture.size[::-1]
    scale = min(1.0, WIDTH / across)
    width, height = round(across * scale), round(down * scale)
    if width < _MIN_SIZE[0] or height < _MIN_SIZE[1]:
        raise _refused(f"it would be {width} times {height} pixels, too small to be one")
    picture = _scalable(picture)
    if scale < 1:
        size = (height, width) if turn in _ON_ITS_SIDE else (width, height)
        picture = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    if turn in _TURNS:
        picture = picture.transpose(_TURNS[turn])
    return _plain(picture.crop((0, 0, width, min(height, HEIGHT))))


def _scalable(picture: Image.Image) -> Image.Image:
    """Convert a picture to a mode whose pixels can be interpolated."""
    if picture.mode.startswith("I"):  # 16-bit gray, as in PNG; Pillow would clip it at 255
        return picture.convert("F").point(lambda value: value / 256)
    if picture.mode in ("P", "PA", "1"):
        return picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    return picture.convert("RGBA") if picture.has_transparency_data else picture


def _plain(picture: Image.Image) -> Image.Image:
    """Convert a picture to RGB, with white behind transparent areas."""
    if picture.mode == "F":
        picture = picture.convert("L")
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")
    return picture.convert("RGB")


def _jpeg(picture: Image.Image) -> bytes:
    written = io.BytesIO()
    # Copy the pixels to a new image, so that no metadata (EXIF, profiles, comments) is kept.
    plain = Image.new("RGB", picture.size)
    plain.paste(picture)
    plain.save(written, "JPEG", quality=_QUALITY, progressive=True, optimize=True)
    return written.getvalue()


def _refused(why: str) -> SourceError:
    return SourceError(f"{_SERVICE}: no usable picture: {why}", retryable=False)
