"""Compressed bytes are unpacked within bounds."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.network.compression import PIECE, TooLargeError, unpacked


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@given(st.binary(max_size=5_000), st.integers(1, 700), st.integers(1, 200))
def test_what_was_packed_comes_back_in_any_pieces(data: bytes, times: int, size: int) -> None:
    data *= times
    half = len(data) // 2
    packings = {
        "": data,
        "gzip": gzip.compress(data[:half]) + gzip.compress(data[half:]),
        "deflate": zlib.compress(data) if times % 2 else raw_deflate(data),
    }
    for coding, packed in packings.items():
        step = size if len(packed) < 10_000 else 5_000
        pieces = [packed[at : at + step] for at in range(0, len(packed), step)]
        given = list(unpacked(pieces, coding, 10_000_000))
        assert b"".join(given) == data
        assert not coding or all(len(piece) <= PIECE for piece in given)


@pytest.mark.slow
@pytest.mark.parametrize("coding", ["", "gzip"])
def test_too_much_is_refused_before_it_is_in_memory(coding: str) -> None:
    bomb = gzip.compress(b"\0" * (200 << 20), compresslevel=9) if coding else b"x" * (2 << 20)
    tracemalloc.start()
    with pytest.raises(TooLargeError):
        for _ in unpacked([bomb], coding, 1 << 20):
            pass
    assert tracemalloc.get_traced_memory()[1] < 3 << 20
    tracemalloc.stop()


def test_packed_bytes_count_too() -> None:
    empty = gzip.compress(b"")
    with pytest.raises(TooLargeError):
        list(unpacked([empty] * 100, "gzip", 1_000))


def test_what_is_not_packed_is_an_error_and_what_follows_deflate_is_left() -> None:
    for pieces, coding in (
        ([b"plain"], "gzip"),
        ([b"\xff\xff"], "deflate"),
        ([zlib.compress(b"x" * 99)[:9], b"?" * 9], "deflate"),
    ):
        with pytest.raises(zlib.error):
            list(unpacked(pieces, coding, 1_000))
    assert b"".join(unpacked([zlib.compress(b"ab") + b"rest", b"more"], "deflate", 1_000)) == b"ab"


@given(st.binary(min_size=1, max_size=3_000), st.sampled_from(["gzip", "deflate", "raw"]), st.data())
def test_what_ends_too_early_is_an_error(data: bytes, form: str, draw: st.DataObject) -> None:
    packed = {"gzip": gzip.compress, "deflate": zlib.compress, "raw": raw_deflate}[form](data)
    kept = draw.draw(st.integers(1, len(packed) - 1))
    with pytest.raises(zlib.error):
        list(unpacked([packed[:kept]], "gzip" if form == "gzip" else "deflate", 10_000))


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_an_empty_body_is_empty_in_any_coding(coding: str) -> None:
    assert list(unpacked([], coding, 10)) == list(unpacked([b""], coding, 10)) == []
