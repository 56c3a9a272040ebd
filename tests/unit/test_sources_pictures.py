"""Foreign bytes in, a small JPEG out: every form, and everything that is no picture."""

from __future__ import annotations

import contextlib
import io
import random
import warnings

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from paperround.domain.errors import SourceError
from paperround.network.http import HttpEnvironment
from paperround.sources.pictures import HEIGHT, WIDTH, client, fetch, make_small
from support.answers import World, at
from support.pictures import claiming, drawn, encoded

pytestmark = pytest.mark.slow  # pictures of many pixels


def _made(data: bytes) -> Image.Image:
    """What became of it, decoded; the description is true and nothing is carried along."""
    picture, content = make_small(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = Image.open(io.BytesIO(content))
        found.load()
    assert found.format == "JPEG"
    assert found.mode == "RGB"
    assert found.size == (picture.width, picture.height)
    assert picture.width <= WIDTH
    assert picture.height <= HEIGHT
    assert not set(found.info) - {"jfif", "jfif_version", "jfif_unit", "jfif_density", "progressive", "progression"}
    assert len(picture.name) == 16
    return found


def _near(found: object, wanted: tuple[int, int, int]) -> bool:
    assert isinstance(found, tuple)
    return all(abs(one - other) < 12 for one, other in zip(found, wanted, strict=True))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
def test_every_form_of_the_web_is_made_small(form: str) -> None:
    assert _made(encoded(drawn(), form)).size == (600, 324)


@pytest.mark.parametrize(
    ("mode", "form"),
    [("L", "PNG"), ("1", "PNG"), ("P", "PNG"), ("LA", "PNG"), ("RGBA", "PNG"), ("CMYK", "JPEG"), ("L", "JPEG")],
)
def test_every_kind_of_color_is_made_plain(mode: str, form: str) -> None:
    source = drawn().convert(mode)
    found = _made(encoded(source, form))
    white = found.getpixel((2, 2))
    assert _near(white, (253, 253, 248)) or _near(white, (252, 252, 252)) or _near(white, (255, 255, 255))


def test_sixteen_bits_of_grey_stay_grey() -> None:
    source = Image.new("I;16", (400, 300), 128 * 256)
    assert _near(_made(encoded(source)).getpixel((200, 150)), (128, 128, 128))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_is_white(mode: str) -> None:
    source = Image.new(mode, (400, 300), (0,) * len(mode))
    for form in ("PNG", "WEBP"):
        assert _near(_made(encoded(source, form)).getpixel((200, 150)), (255, 255, 255))


def test_a_palette_may_be_transparent_too() -> None:
    source = Image.new("P", (400, 300), 0)
    source.putpalette([10, 20, 30, 200, 0, 0])
    assert _near(_made(encoded(source, "GIF", transparency=0)).getpixel((9, 9)), (255, 255, 255))
    assert _near(_made(encoded(source, "PNG", transparency=bytes([0, 255]))).getpixel((9, 9)), (255, 255, 255))


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_of_a_film_the_first_frame_is_shown(form: str) -> None:
    frames = [Image.new("RGB", (400, 300), color) for color in ("#c01010", "#10c010", "#1010c0")]
    data = encoded(frames[0], form, save_all=True, append_images=frames[1:], duration=40)
    assert _near(_made(data).getpixel((200, 150)), (192, 16, 16))


def test_a_photograph_stands_upright_and_tells_nobody_where_it_was_taken() -> None:
    source = drawn(400, 300)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010F] = "A camera"
    data = encoded(source, "JPEG", exif=exif, comment=b"of somebody")
    found = _made(data)
    assert found.size == (300, 400)
    assert b"camera" not in make_small(data)[1]


@pytest.mark.parametrize(
    ("size", "small"),
    [
        ((200, 100), (200, 100)),  # never enlarged
        ((120, 60), (120, 60)),
        ((600, 400), (600, 400)),
        ((3000, 1500), (600, 300)),
        ((900, 4000), (600, 400)),
        ((300, 9000), (300, 400)),
        ((5990, 601), (600, 60)),
    ],
)
def test_sizes(size: tuple[int, int], small: tuple[int, int]) -> None:
    assert _made(encoded(Image.new("RGB", size, "#335577"))).size == small


def test_what_is_too_high_is_cut_at_the_bottom() -> None:
    source = Image.new("RGB", (600, 2000), "#c01010")
    source.paste("#1010c0", (0, 400, 600, 2000))
    assert _near(_made(encoded(source)).getpixel((300, 390)), (192, 16, 16))


@pytest.mark.parametrize(("mode", "form"), [("RGBA", "PNG"), ("P", "PNG"), ("L", "WEBP"), ("RGB", "GIF")])
def test_a_picture_of_few_bytes_and_many_pixels_takes_bounded_memory(mode: str, form: str) -> None:
    with pytest.raises(SourceError, match="it has 4001 times 3000 pixels"):
        make_small(encoded(Image.new(mode, (4001, 3000)), form))
    assert _made(encoded(Image.new(mode, (4000, 3000)), form)).size == (600, 400)


def test_a_large_photograph_is_small_in_the_end() -> None:
    assert len(make_small(encoded(drawn(4400, 2700), "JPEG"))[1]) < 60_000


def test_the_same_picture_has_the_same_name_and_another_has_another() -> None:
    names = [make_small(encoded(drawn(600, height)))[0].name for height in (300, 300, 310)]
    assert names[0] == names[1] != names[2]


@pytest.mark.parametrize(
    "data",
    {
        "nothing": b"",
        "text": b"not a picture at all",
        "HTML": b"<!DOCTYPE html><title>Log in</title>",
        "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" width="600" height="400"><script>alert(1)</script></svg>',
        "PDF": b"%PDF-1.7\n",
        "BMP": encoded(drawn(600, 300), "BMP"),
        "TIFF": encoded(drawn(600, 300), "TIFF"),
        "PostScript": encoded(drawn(600, 300), "EPS"),
        "half a PNG": encoded(drawn(600, 300))[:2000],
        "half a JPEG": encoded(drawn(600, 300), "JPEG")[:2000],
        "half a GIF": encoded(drawn(600, 300), "GIF")[:1000],
        "half a WebP": encoded(drawn(600, 300), "WEBP")[:1000],
        "a very large picture": claiming(9_000, 5_000),
        "a bomb": claiming(30_000, 30_000),
        "a bomb beyond Pillow's own limit": claiming(2_000_000, 2_000_000),
        "a counting pixel": encoded(Image.new("RGB", (1, 1))),
        "an icon": encoded(Image.new("RGB", (64, 64))),
        "a rule": encoded(Image.new("RGB", (4000, 20))),
        "a post": encoded(Image.new("RGB", (10, 4000))),
    }.items(),
    ids=lambda pair: pair[0],
)
def test_what_is_no_picture_is_refused(data: tuple[str, bytes]) -> None:
    with pytest.raises(SourceError) as refused:
        make_small(data[1])
    assert not refused.value.retryable


_WHOLE = {form: encoded(drawn(240, 130), form) for form in ("PNG", "JPEG", "WEBP", "GIF")}


@pytest.mark.parametrize("form", _WHOLE)
@given(seed=st.integers(0, 2**32), changes=st.integers(1, 12))
def test_mangled_pictures_are_pictures_or_refused(form: str, seed: int, changes: int) -> None:
    dice, data = random.Random(seed), bytearray(_WHOLE[form])
    for _ in range(changes):
        data[dice.randrange(len(data))] = dice.randrange(256)
    with contextlib.suppress(SourceError):
        _made(bytes(data))


@given(st.binary(max_size=400))
def test_any_bytes_are_refused_calmly(data: bytes) -> None:
    for beginning in (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"RIFF\x40\0\0\0WEBPVP8 "):
        with pytest.raises(SourceError):
            make_small(beginning + data)


def test_a_picture_is_fetched_from_where_a_source_says_it_is() -> None:
    world = World(at("2026-11-20 06:00"))
    world.put("https://pictures.example/1.png", httpx.Response(200, content=encoded(drawn())))
    environment = HttpEnvironment(transport=httpx.MockTransport(world._answer), guarded=False)
    http = client("ops@example.net", environment)
    picture, _ = fetch(http, "https://pictures.example/1.png")
    assert (picture.width, picture.height) == (600, 324)
    with pytest.raises(SourceError, match="404"):
        fetch(http, "https://pictures.example/2.png")
    http.close()
