"""That everything is written once and in its order, whatever a socket accepts at a time."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.delivery.send_buffer import SendBuffer


class PickySocket:
    """Accepts the given numbers of octets, one a write; 0 means none now, and -1 that the connection is lost."""

    def __init__(self, accepts: list[int]) -> None:
        self._accepts: Iterator[int] = iter(accepts)
        self.accepted = b""

    def sendmsg(self, parts: list[bytes]) -> int:
        octets, number = b"".join(parts), next(self._accepts, 1 << 20)
        if number == 0:
            raise BlockingIOError
        if number < 0:
            raise OSError("cable cut")
        self.accepted += octets[:number]
        return len(octets[:number])


@given(st.lists(st.binary(max_size=9), max_size=9), st.lists(st.integers(0, 12), max_size=12))
def test_all_is_written_once_and_in_order(parts: list[bytes], accepts: list[int]) -> None:
    sock = PickySocket(accepts)
    buffer = SendBuffer(sock)  # type: ignore[arg-type]
    for part in parts:
        buffer.add(part)
        buffer.flush()
        assert sock.accepted == b"".join(parts)[: buffer.written]
    while buffer.flush():
        assert buffer.written <= buffer.end
    assert sock.accepted == b"".join(parts)
    assert buffer.written == buffer.end == len(sock.accepted)


@pytest.mark.parametrize("before", [[], [3], [3, 0]])
def test_after_an_error_nothing_more_is_written(before: list[int]) -> None:
    sock = PickySocket([*before, -1])
    buffer = SendBuffer(sock)  # type: ignore[arg-type]
    buffer.add(b"MAIL")
    buffer.flush()
    assert not buffer.flush()
    buffer.add(b"RCPT")
    assert not buffer.flush()
    assert buffer.error == "connection lost: cable cut"
    assert buffer.written == len(sock.accepted) == sum(before)


def test_a_full_socket_is_written_to_later() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        buffer, message = SendBuffer(ours), bytes(range(256)) * 20_000
        buffer.add(message)
        received = b""
        while buffer.flush():
            received += theirs.recv(1 << 20)
        while len(received) < len(message):
            received += theirs.recv(1 << 20)
    assert received == message
