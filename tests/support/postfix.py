"""A real Postfix of one's own: its own configuration, queue and mailboxes in a temporary folder, on loopback.

    with postfix.running() as relay:
        ...                          # send to 127.0.0.1:relay.port
    relay.mailbox("subscribers")         # what was delivered to subscriberN@mail.example
    relay.mailbox("bounces")         # reports that came back to bounces+TOKEN@papers.example

Every recipient is accepted at RCPT, so that refusals come back as reports, as they do from relays:
`subscriberN@mail.example` is delivered, `full@`, `policy@` and `closed@mail.example` are returned with 5.2.2, 5.7.1
and 5.2.1, everybody else there is unknown (5.1.1). Needs root, for Postfix gives up its own rights.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

SBIN = Path("/usr/sbin")
DAEMONS = Path("/usr/lib/postfix/sbin")
_PATIENCE = 30.0  # seconds

_MAIN = """\
compatibility_level = 3.6
command_directory = {sbin}
daemon_directory = {daemons}
queue_directory = {folder}/queue
data_directory = {folder}/data
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = relay.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
smtpd_reject_unlisted_recipient = no
smtpd_client_connection_count_limit = 0
virtual_mailbox_domains = mail.example, papers.example
virtual_mailbox_maps = regexp:{folder}/mailboxes
virtual_mailbox_base = {folder}/mail
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
transport_maps = regexp:{folder}/transports
default_transport = error:5.1.2 nothing leaves this machine
message_size_limit = 10485760
smtputf8_enable = yes
"""

_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
error     unix  - - n - - error
retry     unix  - - n - - error
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
"""

_MAILBOXES = """\
/^bounces\\+.*@papers\\.example$/ bounces/
/^subscriber[0-9]+@mail\\.example$/ subscribers/
"""

_TRANSPORTS = """\
/^full@mail\\.example$/ error:5.2.2 the mailbox is full
/^policy@mail\\.example$/ error:5.7.1 not from you
/^closed@mail\\.example$/ error:5.2.1 the mailbox is closed
"""


@dataclass(frozen=True)
class Relay:
    """A running Postfix."""

    folder: Path
    port: int

    def mailbox(self, name: str) -> list[bytes]:
        """The mails in a mailbox, oldest first."""
        folder = self.folder / "mail" / name / "new"
        return [path.read_bytes() for path in sorted(folder.iterdir())] if folder.is_dir() else []

    def wait_for(self, done: Callable[[], bool]) -> None:
        """Wait until mail has arrived; TimeoutError shows the end of the log."""
        until = time.monotonic() + _PATIENCE
        while not done():
            if time.monotonic() > until:
                raise TimeoutError((self.folder / "log").read_text()[-2000:])
            time.sleep(0.05)


def missing() -> str | None:
    """Why it cannot run here, or None."""
    if not (SBIN / "postfix").exists():
        return "Postfix is not installed (Debian: postfix)"
    if os.geteuid() != 0:
        return "Postfix is started by root only"
    return None


@contextlib.contextmanager
def running() -> Iterator[Relay]:
    """A Postfix for the time of the context."""
    folder = Path(tempfile.mkdtemp(prefix="postfix-"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    _configure(folder, port)
    try:
        _postfix(folder, "start")
        try:
            _until_it_answers(port)
            yield Relay(folder, port)
        finally:
            _postfix(folder, "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _configure(folder: Path, port: int) -> None:
    folder.chmod(0o755)
    nobody, postfix = pwd.getpwnam("nobody"), pwd.getpwnam("postfix")
    for name in ("conf", "queue", "data", "mail"):
        (folder / name).mkdir()
    os.chown(folder / "data", postfix.pw_uid, postfix.pw_gid)
    os.chown(folder / "mail", nobody.pw_uid, nobody.pw_gid)
    settings = {"sbin": SBIN, "daemons": DAEMONS, "folder": folder, "uid": nobody.pw_uid, "gid": nobody.pw_gid}
    (folder / "conf" / "main.cf").write_text(_MAIN.format(**settings))
    (folder / "conf" / "master.cf").write_text(_MASTER.format(port=port))
    (folder / "mailboxes").write_text(_MAILBOXES)
    (folder / "transports").write_text(_TRANSPORTS)


def _postfix(folder: Path, command: str) -> None:
    run = subprocess.run(
        [SBIN / "postfix", "-c", folder / "conf", command],
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE,
    )
    if run.returncode:
        raise RuntimeError(f"postfix {command}: {run.stdout}{run.stderr}")


def _until_it_answers(port: int) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.recv(100)
                return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
