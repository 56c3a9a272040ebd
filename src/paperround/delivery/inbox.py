"""The built-in inbox: a local SMTP server that stores letters in a Maildir, so that nothing leaves this machine.

Letters are sent to it by the same code as to any relay. `paperround up` shows it at /inbox.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import HeaderParser
from email.utils import parseaddr
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from paperround.delivery.address import UnusableAddressError, wire
from paperround.delivery.base import UnlimitedTransport
from paperround.delivery.folders import store
from paperround.delivery.smtp import SmtpTransport
from paperround.domain.models import Letter, Outcome
from paperround.domain.text import clean
from paperround.process.threads import BackgroundThread

if TYPE_CHECKING:
    from aiosmtpd.smtp import SMTP, Envelope, Session

_HOST = "127.0.0.1"
_MAX_LETTER = 50 * 2**20  # bytes
_HEAD_BYTES = 16 * 1024  # bytes of a letter read for the list
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}")


class InboxTransport(UnlimitedTransport, BaseModel):
    """Delivers to the built-in inbox, whose server runs only while letters are sent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["inbox"] = "inbox"
    directory: Path = Path("data/inbox")
    keep: Annotated[int, Field(ge=1)] = 2000
    """The number of letters to keep; the oldest are deleted."""
    connections: Annotated[int, Field(ge=1, le=50)] = 2

    def send(self, letters: Iterator[Letter], report: Callable[[Sequence[Outcome]], None]) -> None:
        """Deliver all letters to the Maildir."""
        with _Server(self.directory) as port:
            SmtpTransport(host=_HOST, port=port, tls="none", connections=self.connections).send(letters, report)
        Inbox(self.directory).keep_newest(self.keep)


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """A letter in the inbox, for a list of letters."""

    key: str
    at: datetime
    sender: str
    recipient: str
    subject: str
    size: int
    """The size in bytes."""


class Inbox:
    """The letters in the inbox's Maildir, newest first."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __len__(self) -> int:
        return len(self._files())

    def newest(self, limit: int = 50, offset: int = 0) -> list[InboxEntry]:
        """Return a page of letters, newest first."""
        shown = (self._received(path) for path in self._files()[offset : offset + limit])
        return [received for received in shown if received]

    def get(self, key: str) -> bytes | None:
        """Return a letter exactly as it was received, or None."""
        path = self._path(key)
        try:
            return path.read_bytes() if path else None
        except FileNotFoundError:
            return None

    def delete(self, key: str) -> bool:
        """Delete a letter. Return False if there is none."""
        path = self._path(key)
        if path is None:
            return False
        path.unlink(missing_ok=True)
        return True

    def keep_newest(self, number: int) -> None:
        """Delete the oldest letters beyond this number."""
        for path in self._files()[number:]:
            path.unlink(missing_ok=True)

    def forget(self, emails: Iterable[str]) -> None:
        """Delete every email to one of these addresses."""
        wanted = {_as_sent(email).casefold() for email in emails}
        for path in self._files():
            if parseaddr(str(_head(path).get("To", "")))[1].casefold() in wanted:
                path.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        found = [path for folder in ("new", "cur") for path in (self._directory / folder).glob("[0-9]*")]
        return sorted(found, key=lambda path: path.name, reverse=True)

    def _path(self, key: str) -> Path | None:
        if not _KEY.fullmatch(key):
            return None
        name = self._directory / "new" / key
        if name.is_file():
            return name
        # Mail programs move letters to `cur` and append flags to their names.
        return next(iter((self._directory / "cur").glob(f"{key}*")), None)

    def _received(self, path: Path) -> InboxEntry | None:
        try:
            head, facts = _head(path), path.stat()
        except FileNotFoundError:
            return None
        at = datetime.fromtimestamp(facts.st_mtime, UTC)
        sender, recipient, subject = (_legible(str(head.get(name, ""))) for name in ("From", "To", "Subject"))
        return InboxEntry(path.name.partition(":")[0], at, sender, recipient, subject, facts.st_size)


def _head(path: Path) -> Message:
    """Return the header of a letter. It is in UTF-8 (RFC 6532), which `email` itself would not decode."""
    with path.open("rb") as file:
        return HeaderParser().parsestr(file.read(_HEAD_BYTES).decode("utf-8", "replace"))


def _as_sent(email: str) -> str:
    """Return the address as letters to it have it; unchanged if there can be none."""
    try:
        return wire(email)
    except UnusableAddressError:
        return email


def _legible(field: str) -> str:
    """Return a field with its encoded words decoded; `email`'s newer parser raises on many malformed fields."""
    try:
        return clean(str(make_header(decode_header(field))))
    except (ValueError, LookupError, HeaderParseError):  # an unknown charset or encoding
        return clean(field)


class _Server:
    """An SMTP server on a free loopback port and a separate thread, running while the context is open."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._loop = asyncio.new_event_loop()
        self._thread = BackgroundThread(self._loop.run_forever, "inbox")

    def __enter__(self) -> int:
        listening = socket.create_server((_HOST, 0))
        port: int = listening.getsockname()[1]
        self._thread.start()
        serving = self._loop.create_server(self._protocol, sock=listening)
        self._server = asyncio.run_coroutine_threadsafe(serving, self._loop).result()
        return port

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _protocol(self) -> SMTP:
        from aiosmtpd.smtp import SMTP  # noqa: PLC0415 - slow to load, and most commands send nothing

        keeper = _Keeper(self._directory)
        # With a hostname, aiosmtpd does not look up this machine's name in the DNS.
        return SMTP(
            keeper, data_size_limit=_MAX_LETTER, enable_SMTPUTF8=True, hostname="inbox.local", loop=self._loop
        )


class _Keeper:
    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Store a letter that aiosmtpd has received completely."""
        try:
            await asyncio.to_thread(store, self._directory, _octets(envelope))
        except OSError as error:
            return f"452 4.3.1 the inbox is full: {error.strerror}"
        return "250 2.0.0 kept"


def _octets(envelope: Envelope) -> bytes:
    content = envelope.content
    return content if isinstance(content, bytes) else b""
