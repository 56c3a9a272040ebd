"""Slow and idle clients, in numbers, on a real server: they are let go, and hold nobody up."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated

import httpx
import pytest
from fastapi import Body, FastAPI
from structlog.testing import capture_logs

from paperround.process.throttle import Throttle
from paperround.web import connections
from paperround.web.connections import ConnectionLimits
from paperround.web.middleware import HttpMiddleware, RequestLimits

Address = tuple[str, int]


@contextmanager
def served(app: FastAPI, limits: ConnectionLimits = ConnectionLimits()) -> Iterator[Address]:  # noqa: B008 - frozen
    """Host and port of an application behind bounded connections."""
    server = connections.server(app, limits)
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield listening.getsockname()
        finally:
            server.should_exit = True
            thread.join(20)


def _application(limits: RequestLimits = RequestLimits()) -> FastAPI:  # noqa: B008 - frozen
    app = FastAPI()
    app.add_api_route("/", lambda: "here")
    app.add_api_route("/large", lambda: "x" * 20_000_000)
    app.add_api_route("/slow", lambda: time.sleep(1))
    app.add_api_route("/form", _length, methods=["POST"])
    app.add_middleware(HttpMiddleware, https=False, throttle=Throttle(), limits=limits)
    return app


def _length(body: Annotated[str, Body()]) -> int:
    return len(body)


@pytest.fixture
def address() -> Iterator[Address]:
    with served(_application()) as at:
        yield at


def _send(address: Address, text: bytes) -> socket.socket:
    connection = socket.create_connection(address, timeout=10)
    connection.sendall(text)
    return connection


def _is_let_go(connection: socket.socket) -> bytes:
    """What comes until the other side closes; fails when it does not within ten seconds."""
    connection.settimeout(10)
    received = b""
    try:
        while piece := connection.recv(65_536):
            received += piece
    except ConnectionError:
        pass
    connection.close()
    return received


def _status(address: Address, path: str = "/") -> int:
    return httpx.get(f"http://{address[0]}:{address[1]}{path}", timeout=10).status_code


@pytest.mark.parametrize("beginning", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: a.example\r\nX-Slow: "])
def test_a_head_that_does_not_end_is_not_waited_for(beginning: bytes) -> None:
    with served(_application(), ConnectionLimits(head_seconds=0.3)) as address:
        assert _is_let_go(_send(address, beginning)) == b""
        kept = _send(address, b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
        assert b"200 OK" in kept.recv(65_536)
        kept.sendall(b"GET / HTTP/1.1\r\nHost: ")  # the second request of a connection is not waited for longer
        assert b"200 OK" not in _is_let_go(kept)


def test_a_body_has_one_time_for_all_its_pieces() -> None:
    head = (
        b"POST /form HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n"
    )
    with served(_application(RequestLimits(body_seconds=0.5))) as address:
        slow = _send(address, head)
        trickling = threading.Thread(target=_trickle, args=(slow,))
        trickling.start()
        assert b" 408 " in _is_let_go(slow)
        trickling.join(20)
        assert not trickling.is_alive()


def _trickle(connection: socket.socket) -> None:
    try:
        for _ in range(200):
            connection.sendall(b"x")
            time.sleep(0.05)
    except OSError:
        return


def test_who_does_not_read_the_answer_is_let_go() -> None:
    with served(_application(), ConnectionLimits(send_seconds=0.3)) as address:
        deaf = _send(address, b"GET /large HTTP/1.1\r\nHost: a.example\r\n\r\n")
        time.sleep(1.5)
        assert len(_is_let_go(deaf)) < 20_000_000


def test_idle_connections_in_any_number_leave_room_for_a_visitor() -> None:
    with served(_application(), ConnectionLimits(connections=20)) as address:
        idle = [_send(address, b"") for _ in range(150)]
        assert _status(address) == httpx.codes.OK
        still_open = [connection for connection in idle if not _is_closed(connection)]
        assert len(still_open) <= 20
        for connection in idle:
            connection.close()


def _is_closed(connection: socket.socket) -> bool:
    connection.settimeout(0.05)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_who_is_being_answered_is_not_let_go_for_newcomers() -> None:
    request = b"GET /slow HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n"
    with served(_application(), ConnectionLimits(connections=3)) as address:
        working = [_send(address, request) for _ in range(2)]
        time.sleep(0.2)
        idle = [_send(address, b"") for _ in range(20)]
        assert all(b"200 OK" in _is_let_go(connection) for connection in working)
        for connection in idle:
            connection.close()


def test_more_requests_than_can_be_worked_on_are_told_to_come_again() -> None:
    request = b"GET /slow HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n"
    with served(_application(RequestLimits(concurrent=2))) as address:
        answers = [_is_let_go(one) for one in [_send(address, request) for _ in range(4)]]
        assert sorted(answer.split()[1] for answer in answers) == [b"200", b"200", b"503", b"503"]
        assert _status(address) == httpx.codes.OK


@pytest.mark.parametrize("host", ["[::1", "a.example:x", "a b", "a/b", "[::1]]", "a@b", "\x80"])
def test_a_host_field_that_names_no_host_is_a_bad_request(address: Address, host: str) -> None:
    raw = b"GET / HTTP/1.1\r\nHost: " + host.encode("latin-1") + b"\r\nConnection: close\r\n\r\n"
    assert b" 400 " in _is_let_go(_send(address, raw))


@pytest.mark.parametrize("host", ["[::1]:8000", "papers.example.org", "a_b.example:", "127.0.0.1:8000"])
def test_every_form_of_host_is_taken(address: Address, host: str) -> None:
    raw = f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    assert b" 200 " in _is_let_go(_send(address, raw))


def test_a_lack_of_descriptors_is_one_line_in_the_log_each_minute() -> None:
    seconds = [0.0]
    handler = connections.QuietErrors(clock=lambda: seconds[0])
    loop = asyncio.new_event_loop()
    with closing(loop), capture_logs() as logs:
        for _ in range(1_000):
            handler(loop, {"message": "accept", "exception": OSError(errno.EMFILE, "Too many open files")})
        seconds[0] = 60.0
        handler(loop, {"message": "accept", "exception": OSError(errno.EMFILE, "Too many open files")})
    assert [entry["problem"] for entry in logs] == ["Too many open files"] * 2


def test_other_troubles_of_the_loop_are_told_as_always(caplog: pytest.LogCaptureFixture) -> None:
    with closing(asyncio.new_event_loop()) as loop:
        connections.QuietErrors()(loop, {"message": "something else broke"})
    assert "something else broke" in caplog.text


def test_a_request_that_ends_in_two_ways_is_refused_and_nothing_behind_it_is_answered(address: Address) -> None:
    smuggled = b"0\r\n\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
    both = (
        b"POST /form HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/json\r\n"
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    answered = _is_let_go(_send(address, both + smuggled))
    assert answered.startswith(b"HTTP/1.1 400 ")
    assert answered.count(b"HTTP/1.1 ") == 1
