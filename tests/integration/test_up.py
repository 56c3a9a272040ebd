"""`paperround up` on an empty database: seeds, a first round, pages, and an end without loose ends."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ARGUMENTS = [sys.executable, "-c", "from paperround.cli import main; main()", "up", "--port"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def page(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.read().decode()


@contextlib.contextmanager
def up(folder: Path):
    """A running paperround: its port and process, stopped at the end."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PAPERROUND_")}
    process = subprocess.Popen(
        [*ARGUMENTS, str(port)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                page(port, "/healthz")
                break
            assert process.poll() is None, process.stdout.read()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield port, process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


@pytest.mark.slow
def test_the_first_start_delivers_three_letters_into_the_inbox_and_a_second_start_none(tmp_path: Path) -> None:
    with up(tmp_path) as (port, process):
        entry, said_before = _printed_entry(process)
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with pytest.raises(urllib.error.HTTPError, match="403"):
            page(port, "/inbox")
        inbox = opener.open(entry, timeout=10).read().decode()
        letters = re.findall(r'href="/inbox/([^"]+)"', inbox)
        assert len(set(letters)) == 3
        letter = opener.open(f"{entry.partition('?')[0]}/{letters[0]}", timeout=10).read().decode()
        assert "paperround" in letter
        assert len(page(port, "/")) > 1000
        _run(
            tmp_path, "preview", "zofia@dabrowska.example", "--out", "seen"
        )  # another command links to this port too
        assert f"http://localhost:{port}/p/" in (tmp_path / "seen" / "letter.html").read_text()
        process.send_signal(signal.SIGTERM)
        said = said_before + process.communicate(timeout=60)[0]
        assert "loaded 60 papers and 3 subscribers from the seeds" in said
        assert "first round: 3 letters delivered" in said
        assert f"http://localhost:{port}/inbox" in said
        assert f"site         paperround in {tmp_path}" in said
        assert "letters      stay on this machine: inbox" in said
        assert "subscribers  3 active" in said
        assert re.search(r"next letter  \d{4}-\d\d-\d\d \d\d:\d\d UTC", said)
        assert "closed: set site.admin_token" in said
        assert said.rstrip().endswith("paperround has stopped")
        assert "Traceback" not in said
    with up(tmp_path) as (port, process):
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        inbox = opener.open(_printed_entry(process)[0], timeout=10).read().decode()
        assert len(set(re.findall(r'href="/inbox/([^"]+)"', inbox))) == 3


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = [*ARGUMENTS[:3], *arguments]
    return subprocess.run(program, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def _printed_entry(process: subprocess.Popen[str]) -> tuple[str, str]:
    """The address of the inbox that was printed (one click, and one is in), and all that was printed up to it."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if found := re.search(r"http://localhost:\d+/inbox\?token=\S+", line):
            return found[0], said
    raise AssertionError(f"no address of the inbox was printed: {said}")


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = subprocess.run(
            [*ARGUMENTS, str(port)], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 2
    assert f"port {port} on 127.0.0.1 is not available" in done.stderr
    assert not list(tmp_path.rglob("inbox"))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--port", "80000"], "Invalid value for '--port'"),
        (["--host", "192.0.2.1"], "192.0.2.1 is not an address of this machine"),
    ],
)
def test_a_port_or_host_that_cannot_be_is_named(given: list[str], told: str, tmp_path: Path) -> None:
    done = _run(tmp_path, "up", "--port", str(free_port()), *given)
    assert done.returncode == 2
    assert told in done.stderr
