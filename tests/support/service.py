"""A real `paperround up` in a folder of its own, on a free loopback port, stopped by its process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from support.ports import free_port

ADMIN_TOKEN = "an admin token for tests"
_READY_SECONDS = 60.0


class Address(str):
    """Where a paperround runs; `entry` is the address of its inbox that it has printed, with the token in it."""

    __slots__ = ("entry",)


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Address]:
    """The address of a paperround that runs in this folder, with the seeds and without sources."""
    port = free_port()
    base = Address(f"http://localhost:{port}")
    env = {**os.environ, "PAPERROUND_SOURCES": "[]", "PAPERROUND_SITE__BASE_URL": base, **settings}
    with (folder / "service.log").open("wb") as log:
        started = subprocess.Popen(
            [sys.executable, "-c", "from paperround.cli import main; main()", "up", "--port", str(port)],
            cwd=folder,
            env=env,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_ready(base, started, folder)
            base.entry = re.findall(r"http://\S+/\w+\?token=\S+", (folder / "service.log").read_text())[0]
            yield base
        finally:
            started.send_signal(signal.SIGTERM)
            try:
                started.wait(15)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()


def letters_to(base: Address, email: str, number: int = 1) -> list[str]:
    """The keys of the inbox's letters to an address, newest first, once there are so many."""
    until = time.monotonic() + 30
    with httpx.Client(follow_redirects=True) as entered:
        entered.get(base.entry)
        return _letters_to(base, email, number, entered, until)


def _letters_to(base: str, email: str, number: int, entered: httpx.Client, until: float) -> list[str]:
    while True:
        page = entered.get(f"{base}/inbox").text
        found = [
            key
            for key, recipient in re.findall(r'href="/inbox/([^"]+)"><span class="who">([^<]+)<', page)
            if recipient == email
        ]
        if len(found) >= number:
            return found
        assert time.monotonic() < until, f"{len(found)} letters to {email} instead of {number}"
        time.sleep(0.2)


def _wait_until_ready(base: str, started: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + _READY_SECONDS
    while time.monotonic() < until:
        assert started.poll() is None, (folder / "service.log").read_text()
        try:
            if httpx.get(f"{base}/healthz").status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"not ready in {_READY_SECONDS} s: {(folder / 'service.log').read_text()}")
