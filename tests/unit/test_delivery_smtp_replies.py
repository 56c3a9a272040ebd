"""How the replies of a relay are told apart, in whatever pieces they arrive."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.delivery.smtp_replies import ReplyParser, readable

REPLIES = b"250 2.0.0 Ok: queued\r\n250-first\r\n250-second\r\n250 third\r\n354\r\n421 4.3.2 \xc3\xa0 demain\n550\n"
PARSED = [(250, "2.0.0 Ok: queued"), (250, "first second third"), (354, ""), (421, "4.3.2 à demain"), (550, "")]


def parsed(parser: ReplyParser, *pieces: bytes) -> list[tuple[int, str]]:
    return [(code, readable(text)) for piece in pieces for code, text in parser.parse(piece)]


@given(st.sets(st.integers(1, len(REPLIES) - 1)))
def test_replies_are_the_same_in_whatever_pieces_they_arrive(cuts: set[int]) -> None:
    places = [0, *sorted(cuts), len(REPLIES)]
    parser = ReplyParser()
    pieces = [REPLIES[begin:end] for begin, end in pairwise(places)]
    assert parsed(parser, *pieces) == PARSED
    assert parser.nonsense is None


def test_a_reply_is_complete_with_its_last_line() -> None:
    parser = ReplyParser()
    assert parsed(parser, b"250-more\r\n", b"250 en") == []
    assert parsed(parser, b"d\r\n") == [(250, "more end")]


@pytest.mark.parametrize(
    "line", [b"moo", b"", b"25", b"2500 Ok", b"150 Ok", b"600 Ok", b"250_Ok", b"-250 Ok", b"2x0 Ok"]
)
def test_nonsense_ends_the_replies_but_not_those_before_it(line: bytes) -> None:
    parser = ReplyParser()
    assert parsed(parser, b"250 Ok\r\n" + line + b"\r\n250 Ok\r\n") == [(250, "Ok")]
    assert parser.nonsense == line + b"\r"


@pytest.mark.parametrize("piece", [b"250-" + b"x" * 996 + b"\n", b"x" * 1000], ids=["many lines", "one line"])
def test_a_reply_without_end_is_nonsense(piece: bytes) -> None:
    parser = ReplyParser()
    pieces = 0
    while parser.nonsense is None:
        assert parser.parse(piece) == []
        pieces += 1
    assert 60 < pieces < 70


def test_the_text_of_a_reply_is_one_line_of_limited_length() -> None:
    assert readable(b"5.1.1 \x00no\xff\tsuch  user\r") == "5.1.1 no\ufffd such user"
    assert len(readable("x" * 1000)) == 500
