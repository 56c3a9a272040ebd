"""Ports on loopback for the servers of tests."""

from __future__ import annotations

import contextlib
import socket
import time


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def until_it_listens(port: int) -> None:
    """Wait until a server listens on this port; raise TimeoutError after ten seconds."""
    for _ in range(200):
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")
