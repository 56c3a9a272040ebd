"""What waits until a socket accepts it."""

from __future__ import annotations

import socket
import ssl

_PARTS = 4  # that are encrypted at a time: one letter with its envelopes


class SendBuffer:
    """The octets that are written to a non-blocking socket, in their order and with their positions."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket, self._encrypted = sock, isinstance(sock, ssl.SSLSocket)
        self._parts: list[bytes | memoryview] = []
        self.end = 0
        """The number of octets that were ever added."""
        self.written = 0
        """The number of those that the socket has accepted."""
        self.error = ""
        """The error that ended writing; empty while the socket can be written."""

    def add(self, octets: bytes) -> None:
        """Add octets, which are written by the next `flush`."""
        self._parts.append(octets)
        self.end += len(octets)

    def flush(self) -> bool:
        """Write as much as the socket accepts, and return whether anything waits until it accepts more.

        After an `error` nothing is written any more, so that `written` remains true.
        """
        try:
            while self._parts and not self.error:
                self._drop(self._write())
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return True
        except OSError as error:
            self.error = f"connection lost: {error}"
        return False

    def _write(self) -> int:
        if self._encrypted:
            return self._socket.send(b"".join(self._parts[:_PARTS]))
        return self._socket.sendmsg(self._parts)

    def _drop(self, octets: int) -> None:
        """Remove so many octets, which the socket has accepted."""
        self.written += octets
        if self.written == self.end:
            self._parts.clear()
            return
        while octets >= len(self._parts[0]):
            octets -= len(self._parts.pop(0))
        self._parts[0] = memoryview(self._parts[0])[octets:]
