"""A real PostgreSQL for tests: its own cluster in a temporary folder, on loopback, stopped by whoever started it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from support.ports import free_port


def binaries() -> Path | None:
    """Where Debian or the path keep PostgreSQL's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


class Server(str):
    """The URL of a server; `restart` lets it crash and come back."""

    restart: Callable[[], None]


@contextmanager
def cluster() -> Iterator[Server]:
    """The URL of an empty server's `postgres` database, without the driver: postgresql://…"""
    programs = binaries()
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="paperround-pg-"))
    # The server refuses to run as root; then it gets an account that Debian has for it, or nobody's.
    account = _account() if os.geteuid() == 0 else None
    if account:
        os.chown(folder, account.pw_uid, account.pw_gid)
    run = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
    data, port = folder / "data", free_port()
    settings = ("listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", "fsync=off", "autovacuum=off")
    options = " ".join((f"-p {port}", *(f"-c {setting}" for setting in settings)))
    try:
        initdb = [programs / "initdb", "-D", data, "-U", "paperround", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **run)
        start = [programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start"]
        subprocess.run(start, check=True, capture_output=True, cwd=folder, **run)
        again = [
            programs / "pg_ctl",
            "-D",
            data,
            "-m",
            "immediate",
            "-w",
            "-l",
            folder / "log",
            "-o",
            options,
            "restart",
        ]
        try:
            server = Server(f"postgresql://paperround@127.0.0.1:{port}/postgres")
            server.restart = lambda: subprocess.run(again, check=True, capture_output=True, cwd=folder, **run)
            yield server
        finally:
            stop = [programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"]
            subprocess.run(stop, check=True, capture_output=True, cwd=folder, **run)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")
