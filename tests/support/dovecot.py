"""A real Dovecot of one's own: configuration, mailboxes and certificate in a temporary folder, TLS on loopback.

    with dovecot.running() as server:
        account = server.account()          # a mailbox of its own for each test
        account.put(raw)                    # a mail that nobody has seen
        server.settings(account)            # what `bounces.imap` needs to read it
    account.flags()                         # what became of it

It runs without any rights: as whoever starts it, or as nobody where that is root.
"""

from __future__ import annotations

import contextlib
import grp
import mailbox
import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme

_PATIENCE = 30.0  # seconds
_ACCOUNTS = 200
PASSWORD = 'pä"ss\\ w&rd'

_CONFIGURATION = """\
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
first_valid_gid = 1
ssl = required
ssl_cert = <{folder}/certificate.pem
ssl_key = <{folder}/key.pem
mail_location = maildir:{folder}/mail/%u
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = {folder}/accounts
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
  }}
}}
"""


@dataclass(frozen=True)
class Account:
    """A mailbox on the server, seen from its Maildir."""

    name: str
    folder: Path
    owner: tuple[int, int]

    def put(self, raw: bytes, folder: str = "") -> Path:
        """Deliver a mail as new, into INBOX or the folder of this name on disk."""
        box = self._box(folder)
        mailbox.Maildir(box, create=True).close()
        # The name tells the order. mailbox.Maildir would also end the lines otherwise.
        path = box / "new" / f"{time.time_ns()}.test.example"
        path.write_bytes(raw)
        for made in (box, *box.rglob("*")):
            os.chown(made, *self.owner)
        return path

    def flags(self, folder: str = "") -> list[str]:
        """The flags of all mails there, in the order in which they were delivered; "" for one that is new."""
        names = sorted(path.name for part in ("new", "cur") for path in (self._box(folder) / part).iterdir())
        return [name.partition(":2,")[2] for name in names]

    def _box(self, folder: str) -> Path:
        return self.folder / (f".{folder}" if folder else "")


@dataclass
class Server:
    """A running Dovecot."""

    folder: Path
    port: int
    owner: tuple[int, int]
    process: subprocess.Popen[bytes]
    accounts: int = field(default=0)

    @property
    def ca_file(self) -> Path:
        """Who signed its certificate."""
        return self.folder / "ca.pem"

    def account(self) -> Account:
        """An empty mailbox that nobody else uses."""
        self.accounts += 1
        name = f"bounces{self.accounts}"
        assert self.accounts <= _ACCOUNTS
        folder = self.folder / "mail" / name
        mailbox.Maildir(folder, create=True).close()
        for made in (folder, *folder.iterdir()):
            os.chown(made, *self.owner)
        return Account(name, folder, self.owner)

    def settings(self, account: Account, **changed: Any) -> dict[str, Any]:
        """The settings that read this mailbox."""
        usual = {"host": "127.0.0.1", "port": self.port, "username": account.name, "password": PASSWORD}
        return {**usual, "ca_file": self.ca_file, **changed}

    def sessions(self, account: Account) -> list[int]:
        """The processes that serve this mailbox now."""
        log = (self.folder / "log").read_text(encoding="utf-8")
        begun = re.findall(rf"Login: user=<{account.name}>.*?mpid=(\d+)", log)
        return [int(pid) for pid in begun if f"imap({account.name})<{pid}>" not in log]

    def hang_up(self, account: Account) -> None:
        """End the connections of this account without a word."""
        until = time.monotonic() + _PATIENCE
        while not (pids := self.sessions(account)):
            assert time.monotonic() < until, "nobody is logged in"
            time.sleep(0.02)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)


def missing() -> str | None:
    """Why it cannot run here, or None."""
    program = _program()
    if program is None:
        return "Dovecot is not installed (Debian: dovecot-imapd)"
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    if not version.startswith("2.3."):
        return f"its configuration is written for Dovecot 2.3, not {version.strip()}"
    return None


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """A Dovecot for the time of the context."""
    folder = Path(tempfile.mkdtemp(prefix="dovecot-"))
    account = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    owner = (account.pw_uid, account.pw_gid)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    try:
        _configure(folder, port, account)
        rights: dict[str, Any] = (
            {"user": owner[0], "group": owner[1], "extra_groups": []} if os.geteuid() == 0 else {}
        )
        program = _program()
        assert program
        process = subprocess.Popen([program, "-F", "-c", folder / "dovecot.conf"], cwd=folder, **rights)
        try:
            _until_it_answers(folder, port, process)
            yield Server(folder, port, owner, process)
        finally:
            process.terminate()
            process.wait(_PATIENCE)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _program() -> str | None:
    return shutil.which("dovecot", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


def _configure(folder: Path, port: int, account: pwd.struct_passwd) -> None:
    for name in ("run", "mail"):
        (folder / name).mkdir()
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
    # All of them at once: a change of this file is seen a second later only.
    accounts = "".join(f"bounces{number}:{{PLAIN}}{PASSWORD}::::::\n" for number in range(1, _ACCOUNTS + 1))
    (folder / "accounts").write_text(accounts, encoding="utf-8")
    group = grp.getgrgid(account.pw_gid).gr_name
    facts = {"folder": folder, "port": port, "user": account.pw_name, "group": group}
    written = _CONFIGURATION.format(**facts, uid=account.pw_uid, gid=account.pw_gid)
    (folder / "dovecot.conf").write_text(written, encoding="utf-8")
    for made in (folder, *folder.iterdir()):
        os.chown(made, account.pw_uid, account.pw_gid)


def _until_it_answers(folder: Path, port: int, process: subprocess.Popen[bytes]) -> None:
    trust = ssl.create_default_context(cafile=folder / "ca.pem")
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            with (
                socket.create_connection(("127.0.0.1", port), timeout=5) as connection,
                trust.wrap_socket(connection, server_hostname="127.0.0.1") as encrypted,
            ):
                encrypted.recv(100)
                return
        except OSError:
            log = folder / "log"
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(log.read_text() if log.exists() else "Dovecot did not start") from None
            time.sleep(0.05)
