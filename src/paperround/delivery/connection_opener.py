"""Opens connections to a relay while others are in use."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

from paperround.delivery.smtp_connection import ConnectionFailedError
from paperround.delivery.smtp_session import SmtpSession


@dataclass(frozen=True, slots=True)
class OpenedConnection:
    """The result of opening a connection: a session, the relay's refusal, or any other error."""

    name: str
    session: SmtpSession | None = None
    refused: ConnectionFailedError | None = None
    error: BaseException | None = None


class ConnectionOpener:
    """Opens connections on separate threads, since greeting, TLS and login block several times.

    Only the threads that it starts run beside its owner's: everything but `wake` is for one thread.
    """

    def __init__(self) -> None:
        self._opened: queue.SimpleQueue[OpenedConnection] = queue.SimpleQueue()
        self.woken, self._wake = socket.socketpair()
        self.woken.setblocking(False)
        self._lock, self._closed = threading.Lock(), False
        self.under_way = 0
        """The number of connections that `opened` will still return."""

    def open(self, name: str, opening: Callable[[], SmtpSession]) -> None:
        """Start to open a connection; `opened` returns it once `woken` is readable."""
        self.under_way += 1
        threading.Thread(target=self._open, args=(name, opening), name=name, daemon=True).start()

    def opened(self) -> list[OpenedConnection]:
        """Return the connections opened or refused since the last call."""
        with contextlib.suppress(OSError):  # nothing more to read, or the socket is closed
            while self.woken.recv(64):
                pass
        results = []
        with contextlib.suppress(queue.Empty):
            while True:
                results.append(self._opened.get_nowait())
        self.under_way -= len(results)
        return results

    def wake(self) -> None:
        """Wake the selector that watches `woken`. Any thread may call this."""
        with self._lock:
            if not self._closed:
                self._wake.send(b"\0")

    def discard(self) -> None:
        """Close the connections that were opened too late to be used."""
        for opened in self.opened():
            if opened.session:
                opened.session.quit()
                opened.session.close()

    def close(self) -> None:
        """Stop without waiting; a connection that is opened later is closed at once."""
        with self._lock:
            self._closed = True
        self.discard()
        self.woken.close()
        self._wake.close()

    def _open(self, name: str, opening: Callable[[], SmtpSession]) -> None:
        try:
            opened = OpenedConnection(name, session=opening())
        except ConnectionFailedError as refused:
            opened = OpenedConnection(name, refused=refused)
        except BaseException as error:  # noqa: BLE001 - raised again by the pool
            opened = OpenedConnection(name, error=error)
        self._opened.put(opened)
        self.wake()
        if self._closed:
            self.discard()
