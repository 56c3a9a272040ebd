"""One connection to a relay and the letters sent over it (RFC 5321, with pipelining as RFC 2920 allows).

`smtp_connection` has opened it. Nothing here blocks: a selector reports when the socket is readable or writable, and
the session continues where it was.

If the relay offers PIPELINING, MAIL, RCPT and DATA are sent in one write, and the next letter's envelope follows the
final dot of the previous one: one round trip per letter. Otherwise each command waits for its reply.

If it offers CHUNKING as well (RFC 3030), a letter is sent whole, envelope and message, without waiting for a reply.
Up to `WINDOW` letters are under way then: a relay that is far away costs one round trip for all of them. RSET stands
before each envelope, so that a refused letter leaves the relay in no state that concerns the next.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice

from paperround.delivery.address import UnusableAddressError, wire
from paperround.delivery.relay import RelaySettings
from paperround.domain.models import Letter, Outcome, Stage
from paperround.domain.reply_codes import SERVICE_ENDS, enhanced
from paperround.domain.text import clean

_GO_AHEAD = 354
_REPLY = re.compile(rb"(?:[2-5]\d\d-[^\n]*\n)*([2-5]\d\d)(?: [^\n]*)?\r?\n")  # RFC 5321 4.2
_NO_REPLY = re.compile(rb"(?:[2-5]\d\d-[^\n]*\n)*(?![2-5]\d\d[- \r\n])[^\n]*\n")
_MAX_REPLY = 1 << 16  # octets
_MAX_TEXT = 500  # characters kept of a relay's reply
QUIT_TIMEOUT = 5.0  # seconds for a relay's answer to QUIT
_PROMPT = 0.25  # seconds; after a slower reply no further letter is pipelined
_CHUNKS = 4  # parts that are encrypted at a time: one letter with its envelopes
WINDOW = 8  # letters under way on a connection to a relay that takes them whole
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux only


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of the relay; `code` is None if the connection ended without one."""

    stage: Stage
    code: int | None
    text: str


class _NotOfferedError(Exception):
    """Raised if a letter cannot even be offered to this relay."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.reply = Reply(Stage.LOCAL, 553, text)


class _Step(Enum):
    """The commands that await a reply."""

    RSET = auto()
    MAIL = auto()
    RCPT = auto()
    DATA = auto()
    FINAL = auto()
    EMPTY = auto()
    """The dot that ends an empty letter without recipients."""
    QUIT = auto()


_STAGES = {_Step.RSET: Stage.MAIL, _Step.MAIL: Stage.MAIL, _Step.RCPT: Stage.RCPT, _Step.DATA: Stage.DATA}


class _Transaction:
    """One letter between its MAIL command and its outcome."""

    __slots__ = ("commands", "dot_sent", "letter", "refusal", "stage")

    def __init__(self, letter: Letter, commands: deque[tuple[_Step, bytes]]) -> None:
        self.letter, self.commands = letter, commands
        self.stage = Stage.MAIL
        """The stage to report if the connection ends now."""
        self.refusal: Reply | None = None
        self.dot_sent = False
        """Whether all of the letter was written to the socket: from then on the relay may have it."""


def outcome(letter: Letter, reply: Reply, connection: str) -> Outcome:
    """Return a reply as the outcome of a letter, with the enhanced status code at its beginning (RFC 2034)."""
    return Outcome(letter.delivery, reply.stage, reply.code, enhanced(reply.text), reply.text, connection)


class SmtpSession:
    """An open, non-blocking connection; `name` identifies it in outcomes.

    The owner calls `offer` while there is `room`, `receive` when the socket is readable, `flush` when it is
    writable, and `expire` when `deadline` has passed. It then takes `results`, and `returned` once the session has
    `ended`.
    """

    def __init__(self, smtp: smtplib.SMTP, relay: RelaySettings, name: str, max_letters: int = 0) -> None:
        assert smtp.sock is not None
        self._smtp, self._relay, self.name, self._max_letters = smtp, relay, name, max_letters
        self.socket: socket.socket = smtp.sock
        self._encrypted = isinstance(self.socket, ssl.SSLSocket)
        self.socket.setblocking(False)
        self._pipelining, self._sizes, self.takes_utf8 = map(smtp.has_extn, ("pipelining", "size", "smtputf8"))
        self._chunking = relay.chunking and self._pipelining and smtp.has_extn("chunking")
        """Whether letters are sent whole, with BDAT."""
        self._received = b""
        """What the relay sent after its last complete reply."""
        self._outgoing: deque[tuple[bytes | memoryview, _Transaction | None]] = deque()
        """What waits until the socket can be written; the end of a letter with its transaction."""
        self._awaited: deque[tuple[_Step, _Transaction | None]] = deque()
        """The commands sent whose replies are to come, each with its letter."""
        self._transactions: deque[_Transaction] = deque()
        self._envelope: _Transaction | None = None
        """The letter whose envelope was sent but whose body the relay has not requested yet."""
        self._reset_first = self._quitting = False
        self._write_error = ""
        """The error that ended writing; empty while the socket can be written."""
        self._progress_at = self._dot_at = time.monotonic()
        self.ended = False
        self.prompt = False
        """Whether the relay answered the last letter at once."""
        self.window = WINDOW
        """The most letters under way, if the relay takes them whole; 1 if it has lost some."""
        self.letters = 0
        """The number of letters offered on this connection."""
        self.results: list[tuple[Letter, Reply]] = []
        """Letters with their replies, until the owner takes them."""
        self.returned: list[tuple[Letter, Reply]] = []
        """Letters that were under way when the connection ended, and that the relay cannot have accepted."""

    @property
    def room(self) -> bool:
        """Whether another letter can be offered now."""
        if self.ended or self._quitting or self._write_error or self._envelope or self.used_up:
            return False
        if not self._awaited:
            return True
        fits = not self._chunking or len(self._transactions) < self.window
        return self._pipelining and self.prompt and fits

    @property
    def used_up(self) -> bool:
        """Whether the connection has carried its maximum number of letters."""
        return 0 < self._max_letters <= self.letters

    @property
    def idle(self) -> bool:
        """Whether no letter is under way."""
        return not self._transactions

    @property
    def wants_write(self) -> bool:
        """Whether bytes wait until the socket is writable."""
        return bool(self._outgoing)

    @property
    def deadline(self) -> float:
        """When the relay times out, by the monotonic clock; infinity while no reply is expected."""
        if self._write_error:
            return 0.0
        if self._outgoing:
            return self._progress_at + self._relay.timeout
        if not self._awaited:
            return float("inf")
        step, _ = self._awaited[0]
        if step is _Step.FINAL:
            return self._progress_at + self._relay.final_timeout
        return self._progress_at + (QUIT_TIMEOUT if step is _Step.QUIT else self._relay.timeout)

    def offer(self, letter: Letter) -> None:
        """Begin the transaction of a letter; an unusable address is added to `results` at once."""
        try:
            commands = self._commands(letter)
        except _NotOfferedError as obstacle:
            self.results.append((letter, obstacle.reply))
            return
        self.letters += 1
        if not self._awaited:
            self._progress_at = time.monotonic()
        transaction = _Transaction(letter, commands)
        if not self._transactions:
            self._dot_at = time.monotonic()
        self._transactions.append(transaction)
        if not self._chunking:
            self._envelope = transaction
        if self._pipelining:
            self._awaited += ((step, transaction) for step, _ in commands)
            self._outgoing.append((b"".join(command for _, command in commands), None))
        else:
            self._send_next(transaction)
        if self._chunking:
            self._outgoing.append((letter.message, transaction))
            self._reset_first = True
        self.flush()

    def allow(self, seconds: float) -> None:
        """Extend the deadline by the seconds during which this process did not read from the relay."""
        self._progress_at += seconds

    def quit(self) -> None:
        """Send QUIT; the session ends when the relay answers or times out."""
        if not self._quitting and not self.ended:
            self._quitting = True
            self._progress_at = time.monotonic()
            self._send(_Step.QUIT, b"QUIT\r\n", None)
            self.flush()

    def close(self) -> None:
        """Close the socket."""
        self.ended = True
        self._smtp.close()

    def expire(self) -> None:
        """End the connection because the relay timed out or the socket failed."""
        if self._write_error:
            self.receive(lambda: None)  # the relay may have sent the reason
        self._end(self._write_error or "connection lost: timed out")

    def flush(self) -> None:
        """Write as much as the socket accepts."""
        try:
            while self._outgoing:
                self._count_sent(self._write())
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError as error:
            self._outgoing.clear()
            self._write_error = f"connection lost: {error}"

    def receive(self, draw: Callable[[], Letter | None]) -> None:
        """Read replies and act on them; `draw` returns the letter whose envelope follows a final dot, or None."""
        more = not self.ended
        while more:
            try:
                octets = self.socket.recv(_MAX_REPLY)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError as error:
                self._end(f"connection lost: {error}")
                return
            if not octets:
                self._end("connection lost: closed by the relay")
                return
            if _QUICKACK is not None:
                # Must be set again after each read. Without it, a relay that answers in small pieces waits 40 ms
                # for our acknowledgment of the first: Postfix accepted 179 letters per second instead of 1,390.
                self.socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
            self._received += octets
            self._handle_replies(draw)
            more = self._encrypted and not self.ended  # the selector does not see data that TLS has already read

    def _handle_replies(self, draw: Callable[[], Letter | None]) -> None:
        start = 0
        while not self.ended and (reply := _REPLY.match(self._received, start)):
            start = reply.end()
            self._handle_reply(int(reply[1]), reply[0], draw)
        self._received = rest = self._received[start:]
        if rest and not self.ended and (_NO_REPLY.match(rest) or len(rest) > _MAX_REPLY):
            self._end(f"connection lost: not an SMTP reply: {readable(rest[:80])!r}")

    def _handle_reply(self, code: int, reply: bytes, draw: Callable[[], Letter | None]) -> None:
        if not self._awaited:  # an idle relay sends 421 before it closes the connection
            self._end(f"connection lost: {_text(reply)}")
            return
        step, transaction = self._awaited.popleft()
        self._progress_at = time.monotonic()
        if transaction is not None:
            if step is _Step.FINAL:
                self._finish(transaction, code, reply)
            elif step is _Step.DATA and code == _GO_AHEAD:
                self._send_message(transaction, draw)
            elif step is not _Step.DATA and 200 <= code < 300:
                self._continue(transaction, step)
            else:
                self._refuse(transaction, step, code, reply)
        if code == SERVICE_ENDS or step is _Step.QUIT:
            self._end(f"connection lost: {_text(reply)}", announced=True)

    def _continue(self, transaction: _Transaction, step: _Step) -> None:
        if step is not _Step.RSET and not transaction.refusal:
            transaction.stage = Stage.RCPT if step is _Step.MAIL else Stage.DATA
        if not self._pipelining:
            self._send_next(transaction)
            self.flush()

    def _refuse(self, transaction: _Transaction, step: _Step, code: int, reply: bytes) -> None:
        if step is _Step.RSET:
            self._continue(transaction, step)
            return
        transaction.refusal = transaction.refusal or Reply(_STAGES[step], code, _text(reply))
        if step is _Step.DATA or not self._pipelining:
            self._finish_refused(transaction)

    def _finish_refused(self, transaction: _Transaction) -> None:
        """Finish a letter that was refused before its body was sent."""
        assert transaction.refusal is not None
        self._envelope = None
        self._reset_first = True
        self._transactions.remove(transaction)
        self.results.append((transaction.letter, transaction.refusal))

    def _send_message(self, transaction: _Transaction, draw: Callable[[], Letter | None]) -> None:
        if transaction.refusal:
            # RFC 2920 3.1: some servers answer 354 without any recipient; this empty letter reaches nobody.
            self._send(_Step.EMPTY, b".\r\n", None)
            self._finish_refused(transaction)
            self.flush()
            return
        self._envelope = None
        message = transaction.letter.message
        if transaction.letter.has_dots:
            message = (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:]  # RFC 5321 4.5.2
        self._outgoing.append((message, None))
        self._outgoing.append((b".\r\n" if message.endswith(b"\r\n") else b"\r\n.\r\n", transaction))
        self._awaited.append((_Step.FINAL, transaction))
        self._dot_at = self._progress_at
        if self._pipelining and self.prompt and not self.used_up and (following := draw()):
            self.offer(following)  # also writes the letter above
        self.flush()

    def _finish(self, transaction: _Transaction, code: int, reply: bytes) -> None:
        if 200 <= code < 300 and not transaction.dot_sent:
            self._end("connection lost: the relay replied before the letter was sent")
            return
        self.prompt = self._progress_at - self._dot_at < _PROMPT
        self._dot_at = self._progress_at  # the relay turns to the next letter, if one is under way
        self._transactions.remove(transaction)
        self.results.append((transaction.letter, transaction.refusal or Reply(Stage.FINAL, code, _text(reply))))

    def _end(self, why: str, *, announced: bool = False) -> None:
        """End the connection: each letter under way is refused, in doubt or returned.

        A relay that `announced` the end has accepted no letter behind the one whose reply announced it.
        """
        if self.ended:
            return
        self.ended = True
        for transaction in self._transactions:
            if transaction.refusal:  # the reply arrived before the connection ended
                self.results.append((transaction.letter, transaction.refusal))
            elif transaction.dot_sent and not announced:  # in doubt: it may have been accepted
                self.results.append((transaction.letter, Reply(Stage.FINAL, None, why)))
            else:
                self.returned.append((transaction.letter, Reply(transaction.stage, None, why)))
        self._transactions.clear()

    def _commands(self, letter: Letter) -> deque[tuple[_Step, bytes]]:
        sender, recipient = _envelope_address(letter.sender, "5.1.7"), _envelope_address(letter.recipient, "5.1.3")
        size = f" SIZE={len(letter.message)}" if self._sizes else ""  # RFC 1870
        utf8 = ""
        if not (sender.isascii() and recipient.isascii()):
            if not self.takes_utf8:
                raise _NotOfferedError("5.6.7 the relay accepts no address outside ASCII: it does not offer SMTPUTF8")
            utf8 = " SMTPUTF8"  # RFC 6531 3.4
        commands = deque(
            [
                (_Step.MAIL, f"MAIL FROM:<{sender}>{size}{utf8}\r\n".encode()),
                (_Step.RCPT, f"RCPT TO:<{recipient}>\r\n".encode()),
                (_Step.FINAL, f"BDAT {len(letter.message)} LAST\r\n".encode())
                if self._chunking
                else (_Step.DATA, b"DATA\r\n"),
            ]
        )
        if self._reset_first:
            self._reset_first = False
            commands.appendleft((_Step.RSET, b"RSET\r\n"))
        return commands

    def _send_next(self, transaction: _Transaction) -> None:
        step, command = transaction.commands.popleft()
        self._send(step, command, transaction)

    def _send(self, step: _Step, command: bytes, transaction: _Transaction | None) -> None:
        self._awaited.append((step, transaction))
        self._outgoing.append((command, None))

    def _write(self) -> int:
        """Write what waits, and return how many octets the socket accepted."""
        if self._encrypted:
            return self.socket.send(b"".join([chunk for chunk, _ in islice(self._outgoing, _CHUNKS)]))
        return self.socket.sendmsg([chunk for chunk, _ in self._outgoing])

    def _count_sent(self, octets: int) -> None:
        self._progress_at = time.monotonic()
        while octets:
            chunk, transaction = self._outgoing[0]
            if octets < len(chunk):
                self._outgoing[0] = memoryview(chunk)[octets:], transaction
                return
            octets -= len(chunk)
            self._outgoing.popleft()
            if transaction is not None:
                transaction.dot_sent = True


def readable(octets: bytes | str) -> str:
    """Return a relay's text on one line, limited in length."""
    text = octets.decode("utf-8", "replace") if isinstance(octets, bytes) else octets
    return (text if text.isprintable() else clean(text))[:_MAX_TEXT]


def _text(reply: bytes) -> str:
    """Return the text of a reply, without the code at the start of each line."""
    return readable(b" ".join(line[4:] for line in reply.splitlines()))


def _envelope_address(address: str, code: str) -> str:
    try:
        return wire(address)
    except UnusableAddressError as error:
        raise _NotOfferedError(f"{code} {error}") from None
