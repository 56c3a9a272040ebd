"""A real PgBouncer for tests: in front of a test's PostgreSQL, on loopback, stopped by whoever started it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from support import postgres
from support.ports import free_port, until_it_listens

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


@contextlib.contextmanager
def in_front_of(url: str, servers: int) -> Iterator[str]:
    """The URL by which transactions of any number of clients share this many connections to the database."""
    assert PROGRAM
    database, port = urlsplit(url), free_port()
    with tempfile.TemporaryDirectory(prefix="paperround-pgb-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "users").write_text(f'"{database.username}" ""\n')
        (folder / "pgbouncer.ini").write_text(
            f"[databases]\n* = host=127.0.0.1 port={database.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {folder}/users\n"
            f"pool_mode = transaction\ndefault_pool_size = {servers}\n"
        )
        # It refuses to run as root.
        account = ["-u", postgres._account().pw_name] if os.geteuid() == 0 else []
        process = subprocess.Popen([PROGRAM, "-q", *account, folder / "pgbouncer.ini"], stderr=subprocess.DEVNULL)
        try:
            until_it_listens(port)
            yield f"postgresql://{database.username}@127.0.0.1:{port}{database.path}"
        finally:
            process.terminate()
            process.wait()
