"""HTTP connections with limits on their number and on the time that each may keep the server waiting.

A slow client cannot block others. When the limit on connections is reached, the server closes the connection that it
has waited on longest, so new visitors are served no matter how many idle connections other clients keep open.
"""

from __future__ import annotations

import asyncio
import errno
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from paperround.process import logs

log = logs.logger()
_MAX_HEAD_BYTES = 16 * 1024
_WANTED_DESCRIPTORS = 8_192
_QUIET_SECONDS = 60.0
_OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits on the connections of a server."""

    connections: int = 1_000
    head_seconds: float = 15.0
    """The time for a complete request head, from the opening of the connection or the first byte of the head."""
    send_seconds: float = 30.0
    """The time for a client to read what has been written; the write buffer holds about 50 kB."""


class BoundedConnection(H11Protocol):
    """An HTTP/1.1 connection of uvicorn with limits on connections, the time for a head, and the time for a
    response.
    """

    def __init__(self, limits: ConnectionLimits, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limits = limits
        self.since = time.monotonic()
        """When the connection was opened or its last request began, in seconds of the monotonic clock."""
        self._head_timer: asyncio.TimerHandle | None = None
        self._send_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept the connection; above the limit, first abort the idle connections that have waited longest."""
        while len(self.connections) >= self._limits.connections and self._make_room():
            pass
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers when the connection is closed."""
        self._stop(self._head_timer, self._send_timer)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Process received data. The timer for a head runs from its first byte to its last."""
        super().data_received(data)
        if self._nothing_to_do:
            if self._head_timer is None:
                self._wait_for_head()
        elif self._head_timer:
            self._head_timer.cancel()
            self._head_timer, self.since = None, time.monotonic()

    def pause_writing(self) -> None:
        """Start the timer for sending, because the client has stopped reading."""
        super().pause_writing()
        self._send_timer = self.loop.call_later(self._limits.send_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop the timer for sending, because the client reads again."""
        self._stop(self._send_timer)
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, and abort it if the client does not read the rest of its response in time."""
        super().timeout_keep_alive_handler()
        self._send_timer = self.loop.call_later(self._limits.send_seconds, self.transport.abort)

    @property
    def _nothing_to_do(self) -> bool:
        """Whether no request is in progress: only part of a head arrived, or a body that was answered before its
        end.
        """
        answered = self.cycle is not None and self.cycle.response_complete
        return self.conn.their_state is h11.IDLE or (answered and self.conn.their_state is h11.SEND_BODY)

    @property
    def waits_for_client(self) -> bool:
        """Whether the server is waiting for the client, because its head or body is incomplete."""
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(self._limits.head_seconds, self.transport.abort)

    def _make_room(self) -> bool:
        idle = [
            connection
            for connection in self.connections
            if isinstance(connection, BoundedConnection) and connection.waits_for_client
        ]
        oldest = min(idle, key=lambda connection: connection.since, default=None)
        if oldest is None:
            return False
        self.connections.discard(oldest)
        oldest.transport.abort()
        return True

    @staticmethod
    def _stop(*timers: asyncio.TimerHandle | None) -> None:
        for timer in timers:
            if timer:
                timer.cancel()


class BoundedServer(uvicorn.Server):
    """A uvicorn server with bounded connections, which logs a lack of file descriptors once instead of at every
    attempt.
    """

    async def startup(self, sockets: Any = None) -> None:
        """Start listening."""
        asyncio.get_running_loop().set_exception_handler(QuietErrors())
        await super().startup(sockets)


class QuietErrors:
    """An event loop exception handler that logs at most once a minute that descriptors or memory have run out."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said: float | None = None

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log an error of the event loop."""
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno in _OUT_OF_DESCRIPTORS):
            loop.default_exception_handler(context)
            return
        if self._said is None or self._clock() - self._said >= _QUIET_SECONDS:
            self._said = self._clock()
            log.error(
                "cannot accept connections; raise the limit of open files (LimitNOFILE=)",
                problem=error.strerror,
            )


def server(web: Any, limits: ConnectionLimits = ConnectionLimits()) -> uvicorn.Server:
    """Return a server for an application, with limits on connections, of which half the file descriptors at most are
    used. Raises the process's soft limit of open files as far as its hard limit allows.
    """
    limits = replace(limits, connections=min(limits.connections, _raise_descriptors() // 2))
    config = uvicorn.Config(
        web,
        http=cast("type[BoundedConnection]", partial(BoundedConnection, limits)),
        ws="none",
        log_level="error",  # invalid requests from strangers are not worth a line
        access_log=False,
        server_header=False,
        h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
        timeout_graceful_shutdown=10,
    )
    return BoundedServer(config)


def _raise_descriptors() -> int:
    """Raise the soft limit of open files as far as useful and allowed, and return the resulting limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _WANTED_DESCRIPTORS
    target = _WANTED_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _WANTED_DESCRIPTORS)
    if soft < target:
        resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
    return max(soft, target)
