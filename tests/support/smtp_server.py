"""An SMTP server that misbehaves as told, and remembers everything it was sent.

    with SmtpServer(share("rcpt", "451 4.3.0 not now", 0.1), ends_after(20)) as server:
        ...                       # send to 127.0.0.1:server.port
    server.received               # letters it took: envelope, bytes, connection, moment
    server.said                   # every reply: stage, recipient, text, connection, moment

A *fault* looks at a Moment of the conversation and returns what to do instead of the usual, or None. The first
that returns something decides. aiosmtpd behaves too well for this: it cannot cut a connection between storing a
letter and answering, nor answer pipelined commands in one piece.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import BinaryIO, ClassVar

EXTENSIONS = ("PIPELINING", "SIZE 52428800", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
CHUNKING = (*EXTENSIONS, "CHUNKING")


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """A letter that the server stored."""

    sender: str
    recipient: str
    message: bytes
    connection: int
    at: float
    options: str
    encrypted: bool


@dataclass(frozen=True, slots=True)
class Said:
    """A reply of the server."""

    stage: str
    recipient: str
    text: str
    connection: int
    at: float


@dataclass(frozen=True, slots=True)
class Moment:
    """Where the conversation stands when the server is about to answer."""

    stage: str
    """connect, ehlo, starttls, auth, mail, rcpt, data, final (the letter is here, not yet stored)."""
    sender: str
    recipient: str
    tries: int
    """How often this recipient has come to this stage before."""
    connection: int
    letters: int
    """Letters finished on this connection."""
    connections: int
    """Connections open, this one included."""
    at: float
    chance: Random


@dataclass(frozen=True, slots=True)
class Reply:
    """Say this instead; a 421 also ends the connection."""

    text: str


@dataclass(frozen=True, slots=True)
class Cut:
    """End the connection without a word; at the final stage perhaps after the letter was stored."""

    after_storing: bool = False
    politely: bool = False
    """With FIN, as a server does that has had enough, and not with RST."""


@dataclass(frozen=True, slots=True)
class Slow:
    """Do the usual after so many seconds."""

    seconds: float


Action = Reply | Cut | Slow
Fault = Callable[[Moment], Action | None]


def share(stage: str, text: str, part: float) -> Fault:
    """This reply for a share of what comes to the stage."""
    return lambda moment: Reply(text) if moment.stage == stage and moment.chance.random() < part else None


def to(recipients: Iterable[str], stage: str, text: str) -> Fault:
    """This reply for these recipients; at MAIL their VERP sender is looked at instead."""
    chosen = frozenset(recipients)
    return lambda moment: (
        Reply(text) if moment.stage == stage and {moment.recipient, moment.sender} & chosen else None
    )


def always(stage: str, text: str) -> Fault:
    """This reply for everybody."""
    return lambda moment: Reply(text) if moment.stage == stage else None


def greylisting(gap: float) -> Fault:
    """Each recipient is refused until `gap` seconds after it was first seen."""
    first: dict[str, float] = {}

    def fault(moment: Moment) -> Action | None:
        if moment.stage != "rcpt":
            return None
        seen = first.setdefault(moment.recipient, moment.at)
        return Reply("450 4.7.1 greylisted, come again later") if moment.at - seen < gap else None

    return fault


def cuts(stage: str, part: float, *, after_storing: bool = False) -> Fault:
    """The connection ends at this stage, for a share of what comes to it."""
    cut = Cut(after_storing=after_storing)
    return lambda moment: cut if moment.stage == stage and moment.chance.random() < part else None


def ends_after(letters: int, text: str = "") -> Fault:
    """Each connection ends when the next letter after so many begins: without a word, or with this reply."""
    end = Reply(text) if text else Cut(politely=True)
    return lambda moment: end if moment.stage == "mail" and moment.letters >= letters else None


def connection_limit(number: int, text: str = "421 4.7.0 too many connections") -> Fault:
    """No more connections than this at a time."""
    return lambda moment: Reply(text) if moment.stage == "connect" and moment.connections > number else None


def slow(stage: str, seconds: float, part: float = 1.0) -> Fault:
    """The reply takes its time."""
    return lambda moment: Slow(seconds) if moment.stage == stage and moment.chance.random() < part else None


@dataclass
class _Transaction:
    sender: str = ""
    recipient: str = ""
    options: str = ""
    welcome: bool = False
    """Whether a recipient was accepted."""


class SmtpServer:
    """The server; a context manager, on a thread of its own.

    With `tls` STARTTLS is offered, with `implicit_tls` connections begin encrypted. `lax_data` says 354 even when
    every recipient was refused, as RFC 2920 3.1 warns. Chance comes from `seed`, time from `clock`.
    """

    def __init__(
        self,
        *faults: Fault,
        extensions: tuple[str, ...] = EXTENSIONS,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        login: tuple[str, str] | None = None,
        lax_data: bool = False,
        seed: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.faults, self.extensions, self.login = faults, extensions, login
        self.tls, self.implicit_tls, self.lax_data, self.clock = tls, implicit_tls, lax_data, clock
        self.received: list[InboxEntry] = []
        self.said: list[Said] = []
        self.connections = 0
        """How many were ever made."""
        self.peak = 0
        """The most that were taken in at a time."""
        self.port = 0
        self.chance = Random(seed)
        self.tries: Counter[tuple[str, str]] = Counter()
        self.open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="smtp-server", daemon=True)
        self._server: asyncio.Server | None = None

    def __enter__(self) -> SmtpServer:
        self._thread.start()
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()
        self._wait(self._finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def up(self) -> None:
        """Listen, on the same port as before."""
        listening = socket.create_server(("127.0.0.1", self.port))
        self.port = listening.getsockname()[1]
        context = self.tls if self.implicit_tls else None
        self._server = self._wait(asyncio.start_server(self._serve, sock=listening, ssl=context))

    def down(self) -> None:
        """An outage: nothing listens, every connection is cut."""
        self._wait(self._close())

    def recipients(self) -> Counter[str]:
        """How many letters were stored for each."""
        return Counter(letter.recipient for letter in self.received)

    def _wait(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _close(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        for writer in list(self.open):
            writer.transport.abort()

    async def _finish(self) -> None:
        for _ in range(3):
            await asyncio.sleep(0)  # a task that is cancelled before it began would never close its connection
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open.add(writer)
        try:
            await _Session(self, reader, writer, self.connections).run()
        except (_Over, ConnectionError, ssl.SSLError):
            pass
        finally:
            self.open.discard(writer)
            await _closed(writer)


async def _closed(writer: asyncio.StreamWriter) -> None:
    """Close a connection. A close waits for octets that the client does not read and, over TLS, for its goodbye: a
    server that shuts down meanwhile resets the connection instead of leaving it open.
    """
    writer.close()
    try:
        await writer.wait_closed()
    except (ConnectionError, ssl.SSLError):
        pass
    except asyncio.CancelledError:
        writer.transport.abort()
        raise


class _Over(Exception):  # noqa: N818
    """The connection has ended."""


class _Session:
    def __init__(
        self, server: SmtpServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        self._server, self._reader, self._writer, self._number = server, reader, writer, number
        self._buffer = bytearray()
        self._transaction = _Transaction()
        self._letters = 0
        self._encrypted = server.implicit_tls
        self._logged_in = server.login is None
        self._spoiled = False
        """Whether a chunk was refused: only RSET leads on, as RFC 3030 section 2 allows a server to insist."""

    async def run(self) -> None:
        await self._answer("connect", "220 papers.example ESMTP, on its own terms")
        self._server.peak = max(self._server.peak, len(self._server.open))
        while line := await self._line():
            verb, _, rest = line.partition(" ")
            handler = getattr(self, f"_{verb.lower()}", None)
            if handler is None:
                await self._say("other", "502 5.5.1 not here")
            else:
                await handler(rest)

    async def _ehlo(self, _name: str) -> None:
        offered = list(self._server.extensions)
        if self._server.tls and not self._encrypted:
            offered.append("STARTTLS")
        if self._server.login and (self._encrypted or not self._server.tls):
            offered.append("AUTH PLAIN")
        lines = ["papers.example", *offered]
        text = "\r\n".join(f"250{' ' if line is lines[-1] else '-'}{line}" for line in lines)
        await self._answer("ehlo", text)

    async def _helo(self, _name: str) -> None:
        await self._answer("ehlo", "250 papers.example")

    async def _starttls(self, _rest: str) -> None:
        if await self._answer("starttls", "220 2.0.0 go ahead"):
            await self._writer.start_tls(self._server.tls)
            self._encrypted = True

    async def _auth(self, rest: str) -> None:
        initial = rest.partition(" ")[2]
        _, user, password = base64.b64decode(initial).decode().split("\0")
        if (user, password) != self._server.login:
            await self._say("auth", "535 5.7.8 wrong user name or password")
        elif await self._answer("auth", "235 2.7.0 welcome"):
            self._logged_in = True

    async def _mail(self, rest: str) -> None:
        path, _, options = rest.partition(":")[2].partition("> ")
        self._transaction = _Transaction(path.strip("<> "), options=options)
        if self._spoiled:
            await self._say("mail", "503 5.5.1 RSET first")
            self._transaction = _Transaction()
        elif not self._logged_in:
            await self._say("mail", "530 5.7.0 log in first")
            self._transaction = _Transaction()
        elif not await self._answer("mail", "250 2.1.0 Ok"):
            self._transaction = _Transaction()

    async def _rcpt(self, rest: str) -> None:
        if not self._transaction.sender:
            await self._say("rcpt", "503 5.5.1 MAIL first")
            return
        recipient = rest.partition(":")[2].partition(">")[0].strip("<> ")
        self._transaction.recipient = recipient
        if await self._answer("rcpt", "250 2.1.5 Ok"):
            self._transaction.welcome = True

    async def _data(self, _rest: str) -> None:
        if not self._transaction.welcome and not self._server.lax_data:
            await self._say("data", "503 5.5.1 RCPT first")
            return
        if not await self._answer("data", "354 send it"):
            return
        message = await self._message()
        if not self._transaction.welcome:
            await self._say("final", "554 5.5.1 no valid recipients")
        else:
            await self._take(message)
        self._letters += 1
        self._transaction = _Transaction()

    async def _bdat(self, rest: str) -> None:
        """Take a whole letter (RFC 3030); a cut at the stage "data" comes before its last octets are here."""
        action = self._fault("data")
        if isinstance(action, Cut):
            await self._act("data", action)
        message = await self._octets(int(rest.partition(" LAST")[0]))
        if isinstance(action, Reply) or not self._transaction.welcome:
            text = action.text if isinstance(action, Reply) else "503 5.5.1 RCPT first"
            await self._say("final", text)
            self._spoiled = True
        else:
            await self._take(message)
        self._letters += 1
        self._transaction = _Transaction()

    async def _take(self, message: bytes) -> None:
        server, transaction = self._server, self._transaction
        action = self._fault("final")
        if isinstance(action, Cut) and action.after_storing:
            self._store(message)
        elif not isinstance(action, Reply | Cut):
            if isinstance(action, Slow):
                await asyncio.sleep(action.seconds)
            self._store(message)
            action = Reply(f"250 2.0.0 Ok: {len(server.received)} for {transaction.recipient}")
        await self._act("final", action)

    def _store(self, message: bytes) -> None:
        server, of = self._server, self._transaction
        at = server.clock()
        server.received.append(
            InboxEntry(of.sender, of.recipient, message, self._number, at, of.options, self._encrypted)
        )

    async def _rset(self, _rest: str) -> None:
        self._transaction, self._spoiled = _Transaction(), False
        await self._say("rset", "250 2.0.0 Ok")

    async def _noop(self, _rest: str) -> None:
        await self._say("noop", "250 2.0.0 Ok")

    async def _quit(self, _rest: str) -> None:
        await self._say("quit", "221 2.0.0 bye")
        raise _Over

    async def _answer(self, stage: str, usual: str) -> bool:
        """The usual reply, unless a fault has another; whether it was the usual one."""
        action = self._fault(stage)
        if isinstance(action, Slow):
            await asyncio.sleep(action.seconds)
        await self._act(stage, action if isinstance(action, Reply | Cut) else Reply(usual))
        return not isinstance(action, Reply)

    async def _act(self, stage: str, action: Reply | Cut) -> None:
        if isinstance(action, Reply):
            await self._say(stage, action.text)
            return
        await self._writer.drain()
        if not action.politely:
            self._writer.transport.abort()
        raise _Over

    def _fault(self, stage: str) -> Action | None:
        server, of = self._server, self._transaction
        key = (stage, of.recipient or of.sender)
        moment = Moment(
            stage,
            of.sender,
            of.recipient,
            server.tries[key],
            self._number,
            self._letters,
            len(server.open),
            server.clock(),
            server.chance,
        )
        server.tries[key] += 1
        return next((action for fault in server.faults if (action := fault(moment))), None)

    async def _say(self, stage: str, text: str) -> None:
        self._server.said.append(Said(stage, self._transaction.recipient, text, self._number, self._server.clock()))
        self._writer.write(f"{text}\r\n".encode())
        if text.startswith("421") or (stage == "connect" and not text.startswith("220")):
            await self._writer.drain()
            await self._hear_out()
            raise _Over

    async def _hear_out(self) -> None:
        """Read what the client has sent: closing before would reset the connection, and take the last reply away."""
        with contextlib.suppress(TimeoutError, ConnectionError, ssl.SSLError):
            async with asyncio.timeout(0.3):
                while await self._reader.read(1 << 18):
                    pass

    async def _line(self) -> str:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if not await self._more():
                return ""
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line.decode()

    async def _message(self) -> bytes:
        self._buffer[:0] = b"\r\n"
        start = 0
        while (end := self._buffer.find(b"\r\n.\r\n", start)) < 0:
            start = max(0, len(self._buffer) - 4)
            if not await self._more():
                raise _Over
        message = bytes(self._buffer[: end + 2]).replace(b"\r\n..", b"\r\n.")
        del self._buffer[: end + 5]
        return message[2:]

    async def _octets(self, number: int) -> bytes:
        while len(self._buffer) < number:
            if not await self._more():
                raise _Over
        octets = bytes(self._buffer[:number])
        del self._buffer[:number]
        return octets

    async def _more(self) -> bool:
        await self._writer.drain()
        octets = await self._reader.read(1 << 18)
        self._buffer += octets
        return bool(octets)


class Tarpit:
    """A relay that sends its reply at one stage byte by byte without end; before, it answers at once."""

    _REPLIES: ClassVar = {
        "greeting": b"220 tarpit\r\n", "ehlo": b"250 tarpit\r\n", "mail": b"250 ok\r\n", "rcpt": b"250 ok\r\n",
        "data": b"354 go on\r\n", "final": b"250 ok\r\n",
    }  # fmt: skip

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self.when_reached: Callable[[], object] = lambda: None
        """Called when the stage is reached."""
        self._ended = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Tarpit:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port)).close()  # ends `accept`
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        while not self._ended.is_set():
            client, _ = self._listening.accept()
            with client, client.makefile("rb") as lines, contextlib.suppress(OSError):
                self._converse(client, lines)

    def _converse(self, client: socket.socket, lines: BinaryIO) -> None:
        self._reply(client, "greeting")
        while line := lines.readline():
            stage = line[:4].decode().strip().lower()
            self._reply(client, stage if stage in self._REPLIES else "mail")
            if stage == "data":
                while lines.readline() not in (b".\r\n", b""):
                    pass
                self._reply(client, "final")

    def _reply(self, client: socket.socket, stage: str) -> None:
        if stage != self._stage:
            client.sendall(self._REPLIES[stage])
            return
        self.when_reached()
        client.sendall(self._REPLIES[stage][:4].replace(b" ", b"-"))
        while not self._ended.wait(0.02):
            client.sendall(b"x")
        raise ConnectionAbortedError
