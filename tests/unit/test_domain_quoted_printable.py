"""Quoted-printable: short lines, and pieces that can be joined."""

from __future__ import annotations

import binascii

from hypothesis import example, given
from hypothesis import strategies as st

from paperround.domain.quoted_printable import encode, encode_piece, without_soft_break

TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.just("."), max_size=200)


def decoded(encoded: bytes) -> str:
    return binascii.a2b_qp(encoded).replace(b"\r\n", b"\n").decode()


@given(st.lists(TEXTS | TEXTS.map(lambda text: text + "\n"), max_size=8))
def test_pieces_that_are_joined_read_like_the_whole(pieces: list[str]) -> None:
    whole = without_soft_break(b"".join([encode_piece(piece) for piece in pieces]))
    assert decoded(whole) == "".join(pieces)
    assert all(len(line) <= 76 for line in whole.split(b"\r\n"))
    assert not any(line.endswith((b" ", b"\t")) for line in whole.split(b"\r\n"))
    assert not any(line.startswith(b".") for line in whole.split(b"\r\n"))


@example(75, "a")
@example(73, "=")
@given(st.integers(60, 90), st.sampled_from(["a", " ", "é", "=", "."]))
def test_a_full_line_has_room_for_the_soft_break_behind_it(length: int, last: str) -> None:
    pieces = ["b" * length + last, ".c"]
    whole = without_soft_break(b"".join([encode_piece(piece) for piece in pieces]))
    assert decoded(whole) == "".join(pieces)
    assert max(map(len, whole.split(b"\r\n"))) <= 76
    assert b"\n." not in whole


@given(TEXTS.filter(bool), st.integers(0, 8))
def test_a_piece_leaves_room_at_the_beginning_of_its_first_line(text: str, indent: int) -> None:
    whole = without_soft_break(b"1" * indent + encode_piece(text, indent))
    assert decoded(whole) == "1" * indent + text
    assert all(len(line) <= 76 for line in whole.split(b"\r\n"))


def test_nothing_is_encoded_as_nothing() -> None:
    assert (encode(""), encode_piece("", 4), without_soft_break(b"")) == (b"", b"", b"")


def test_control_characters_are_left_out_and_line_ends_brought_to_one() -> None:
    assert encode("a\0b\r\nc\rd\ne\x7f") == b"ab\r\nc\r\nd\r\ne"


@example("https://papers.example/i/" + "a" * 48 + "=b" + "c" * 40)
@given(st.text(st.sampled_from("=.a bcd/:?"), min_size=1, max_size=240).filter(lambda text: text[-1] not in " ."))
def test_an_address_of_several_lines_is_cut_like_any_other_text(text: str) -> None:
    assert without_soft_break(encode_piece(text)) in (encode(text), encode(text)[:-1] + b"=\r\n" + encode(text)[-1:])
