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

import math
import smtplib
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterator
from enum import Enum, auto
from itertools import repeat
from typing import NamedTuple

from paperround.delivery.address import UnusableAddressError, wire
from paperround.delivery.relay import RelaySettings
from paperround.delivery.send_buffer import SendBuffer
from paperround.delivery.smtp_replies import ReplyParser, readable
from paperround.domain.models import Letter, Outcome, Stage
from paperround.domain.reply_codes import SERVICE_ENDS, enhanced

_INTERMEDIATE, _GO_AHEAD = 300, 354  # replies below 300 are positive (RFC 5321 4.2.1)
_MAX_READ = 1 << 16  # octets read at a time
QUIT_TIMEOUT = 5.0  # seconds for a relay's answer to QUIT
_PROMPT = 0.25  # seconds; after a slower reply no further letter is pipelined
WINDOW = 8  # letters under way on a connection to a relay that takes them whole
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux only


class Reply(NamedTuple):
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

    UNKNOWN = auto()
    """None that was sent: an idle relay says 421 before it closes the connection."""
    RSET = auto()
    MAIL = auto()
    RCPT = auto()
    DATA = auto()
    FINAL = auto()
    EMPTY = auto()
    """The dot that ends an empty letter without recipients."""
    QUIT = auto()


# Reading a member of an Enum takes Python 3.11 half a microsecond, and a letter needs twenty.
_UNKNOWN, _RSET, _MAIL, _RCPT, _DATA, _FINAL, _EMPTY, _QUIT = _Step
_WITH_DATA, _WHOLE = (_MAIL, _RCPT, _DATA), (_MAIL, _RCPT, _FINAL)
_STAGES = {
    _RSET: Stage.MAIL,
    _MAIL: Stage.MAIL,
    _RCPT: Stage.RCPT,
    _DATA: Stage.DATA,
    _FINAL: Stage.DATA,  # until all of the letter was written
}
"""The stage to report if a command is refused, or the connection ends before its reply."""
_AFTER_DOT = Stage.FINAL
_UNASKED: tuple[_Step, None] = (_UNKNOWN, None)
_NO_COMMANDS: Iterator[tuple[_Step, bytes]] = iter(())


class _Transaction:
    """One letter between its MAIL command and its outcome."""

    __slots__ = ("commands", "end", "letter", "refusal")

    def __init__(self, letter: Letter) -> None:
        self.letter = letter
        self.commands: Iterator[tuple[_Step, bytes]] = _NO_COMMANDS
        """What is still to be sent to a relay that takes one command at a time."""
        self.refusal: Outcome | None = None
        self.end: float = math.inf
        """The position of the letter's end among the octets written; infinity until it is added to them."""


def outcome(letter: Letter, stage: Stage, code: int | None, text: str, connection: str) -> Outcome:
    """Return a reply as the outcome of a letter, with the enhanced status code at its beginning (RFC 2034)."""
    return Outcome(letter.delivery, stage, code, enhanced(text), text, connection)


Draw = Callable[["SmtpSession"], Letter | None]
"""Returns the letter that a session may send next, or None."""


def _draw_none(_session: SmtpSession) -> None:
    """Return no letter."""


class SmtpSession:
    """An open, non-blocking connection; `name` identifies it in outcomes.

    The owner calls `offer` while it `has_room`, `receive` when the socket is readable, `flush` when it is
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
        self._steps = _WHOLE if self._chunking else _WITH_DATA
        """The commands that offer a letter."""
        self._replies = ReplyParser()
        self._buffer = SendBuffer(self.socket)
        self._awaited: deque[tuple[_Step, _Transaction | None]] = deque()
        """The commands sent whose replies are to come, each with its letter."""
        self._transactions: deque[_Transaction] = deque()
        self._envelope: _Transaction | None = None
        """The letter whose envelope was sent but whose body the relay has not requested yet."""
        self._reset_first = self._quitting = False
        self._progress_at = self._dot_at = time.monotonic()
        self.ended = False
        self.prompt = False
        """Whether the relay answered the last letter at once."""
        self.window = WINDOW
        """The most letters under way, if the relay takes them whole; 1 if it has lost some."""
        self.letters = 0
        """The number of letters offered on this connection."""
        self.used_up = False
        """Whether that is the maximum number of letters for a connection."""
        self.wants_write = False
        """Whether bytes wait until the socket is writable."""
        self.results: list[Outcome] = []
        """The outcomes of letters, until the owner takes them."""
        self.returned: list[tuple[Letter, Outcome]] = []
        """Letters that were under way when the connection ended, and that the relay cannot have accepted, each with
        its outcome if it is not sent again.
        """

    def has_room(self) -> bool:
        """Return whether another letter can be offered now."""
        if self._envelope or self.ended or self._quitting or self._buffer.error or self.used_up:
            return False
        if not self._awaited:
            return True
        fits = not self._chunking or len(self._transactions) < self.window
        return self._pipelining and self.prompt and fits

    @property
    def idle(self) -> bool:
        """Whether no letter is under way."""
        return not self._transactions

    def deadline(self) -> float:
        """Return when the relay times out, by the monotonic clock; infinity while no reply is expected."""
        if self._buffer.error:
            return 0.0
        if self.wants_write:
            return self._progress_at + self._relay.timeout
        if not self._awaited:
            return math.inf
        step, _ = self._awaited[0]
        if step is _FINAL:
            return self._progress_at + self._relay.final_timeout
        return self._progress_at + (QUIT_TIMEOUT if step is _QUIT else self._relay.timeout)

    def offer(self, letter: Letter) -> None:
        """Begin the transaction of a letter; an unusable address is added to `results` at once."""
        self._begin(letter)
        self.flush()

    def allow(self, seconds: float) -> None:
        """Extend the deadline by the seconds during which this process did not read from the relay."""
        self._progress_at += seconds

    def quit(self) -> None:
        """Send QUIT; the session ends when the relay answers or times out."""
        if not self._quitting and not self.ended:
            self._quitting = True
            self._progress_at = time.monotonic()
            self._send(_QUIT, b"QUIT\r\n", None)
            self.flush()

    def close(self) -> None:
        """Close the socket."""
        self.ended = True
        self._smtp.close()

    def expire(self) -> None:
        """End the connection because the relay timed out or the socket failed."""
        if self._buffer.error:
            self.receive()  # the relay may have sent the reason
        self._end(self._buffer.error or "connection lost: timed out")

    def flush(self) -> None:
        """Write as much as the socket accepts."""
        written = self._buffer.written
        self.wants_write = self._buffer.flush()
        if self._buffer.written != written:
            self._progress_at = time.monotonic()

    def receive(self, draw: Draw = _draw_none) -> None:
        """Read replies and act on them; `draw` returns the letter whose envelope follows a final dot, or None."""
        more = not self.ended
        while more:
            try:
                octets = self.socket.recv(_MAX_READ)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError as error:
                self._end(f"connection lost: {error}")
                return
            if not octets:
                self._end("connection lost: closed by the relay")
                return
            written = self._buffer.written
            self._handle_replies(self._replies.parse(octets), draw)
            if self._awaited and self._buffer.written == written:
                self._acknowledge()
            more = self._encrypted and not self.ended  # the selector does not see data that TLS has already read

    def _acknowledge(self) -> None:
        """Acknowledge what was read, because more of the relay's replies are to come and nothing written does so."""
        if _QUICKACK is not None:
            # Must be set again after each read. Without it, a relay that answers in small pieces waits 40 ms for our
            # acknowledgment of the first: Postfix accepted 179 letters per second instead of 1,390.
            self.socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)

    def _handle_replies(self, replies: list[tuple[int, bytes]], draw: Draw) -> None:
        if replies:
            self._progress_at = time.monotonic()
        awaited = self._awaited
        for code, text in replies:
            step, transaction = awaited.popleft() if awaited else _UNASKED
            if transaction is not None:
                self._handle_reply(transaction, step, code, text, draw)
            if code == SERVICE_ENDS or step is _QUIT or step is _UNKNOWN:
                self._end(f"connection lost: {readable(text)}", announced=True)
            if self.ended:
                return
        if self._replies.nonsense is not None:
            self._end(f"connection lost: not an SMTP reply: {readable(self._replies.nonsense[:80])!r}")

    def _handle_reply(self, transaction: _Transaction, step: _Step, code: int, text: bytes, draw: Draw) -> None:
        if step is _RSET or (code < _INTERMEDIATE and (step is _MAIL or step is _RCPT)):
            if not self._pipelining:
                self._send_next(transaction)
                self.flush()
        elif step is _DATA and code == _GO_AHEAD:
            self._send_message(transaction, draw)
        elif step is _FINAL:
            self._finish(transaction, code, text)
        else:
            self._refuse(transaction, step, code, text)

    def _refuse(self, transaction: _Transaction, step: _Step, code: int, text: bytes) -> None:
        if transaction.refusal is None:
            transaction.refusal = self._outcome(transaction, _STAGES[step], code, readable(text))
        if step is _DATA or not self._pipelining:
            self._finish_refused(transaction, transaction.refusal)

    def _finish_refused(self, transaction: _Transaction, refusal: Outcome) -> None:
        """Finish a letter that was refused before its body was sent."""
        self._envelope = None
        self._reset_first = True
        self._transactions.remove(transaction)
        self.results.append(refusal)

    def _send_message(self, transaction: _Transaction, draw: Draw) -> None:
        if transaction.refusal:
            # RFC 2920 3.1: some servers answer 354 without any recipient; this empty letter reaches nobody.
            self._send(_EMPTY, b".\r\n", None)
            self._finish_refused(transaction, transaction.refusal)
            self.flush()
            return
        self._envelope = None
        message = transaction.letter.message
        if transaction.letter.has_dots:
            message = (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:]  # RFC 5321 4.5.2
        self._buffer.add(message)
        self._send(_FINAL, b".\r\n" if message.endswith(b"\r\n") else b"\r\n.\r\n", transaction)
        transaction.end = self._buffer.end
        self._dot_at = self._progress_at
        if self._pipelining and self.prompt and not self.used_up and (following := draw(self)):
            self._begin(following)
        self.flush()

    def _finish(self, transaction: _Transaction, code: int, text: bytes) -> None:
        if code < _INTERMEDIATE and not self._has_left(transaction):
            self._end("connection lost: the relay replied before the letter was sent")
            return
        self.prompt = self._progress_at - self._dot_at < _PROMPT
        self._dot_at = self._progress_at  # the relay turns to the next letter, if one is under way
        self._transactions.remove(transaction)
        self.results.append(transaction.refusal or self._outcome(transaction, _AFTER_DOT, code, readable(text)))

    def _has_left(self, transaction: _Transaction) -> bool:
        """Return whether all of the letter was written to the socket: from then on the relay may have it."""
        return transaction.end <= self._buffer.written

    def _end(self, why: str, *, announced: bool = False) -> None:
        """End the connection: each letter under way is refused, in doubt or returned.

        A relay that `announced` the end has accepted no letter behind the one whose reply announced it.
        """
        if self.ended:
            return
        self.ended = True
        steps = {transaction: step for step, transaction in reversed(self._awaited)}  # the next of each letter
        for transaction in self._transactions:
            if transaction.refusal:  # the reply arrived before the connection ended
                self.results.append(transaction.refusal)
            elif self._has_left(transaction) and not announced:  # in doubt: it may have been accepted
                self.results.append(self._outcome(transaction, _AFTER_DOT, None, why))
            else:
                step = steps.get(transaction, _FINAL)
                lost = self._outcome(transaction, _STAGES[step], None, why)
                self.returned.append((transaction.letter, lost))
        self._transactions.clear()

    def _outcome(self, transaction: _Transaction, stage: Stage, code: int | None, text: str) -> Outcome:
        return outcome(transaction.letter, stage, code, text, self.name)

    def _begin(self, letter: Letter) -> None:
        """Queue what offers a letter: its envelope, and its message too if the relay takes it whole."""
        try:
            steps, commands = self._commands(letter)
        except _NotOfferedError as obstacle:
            self.results.append(outcome(letter, *obstacle.reply, self.name))
            return
        self.letters += 1
        self.used_up = self.letters == self._max_letters
        if not self._transactions:
            self._dot_at = time.monotonic()
            if not self._awaited:
                self._progress_at = self._dot_at
        transaction = _Transaction(letter)
        self._transactions.append(transaction)
        if self._pipelining:
            self._awaited.extend(zip(steps, repeat(transaction)))
            self._buffer.add(commands)
        else:
            transaction.commands = zip(steps, commands.splitlines(keepends=True), strict=True)
            self._send_next(transaction)
        if self._chunking:
            self._buffer.add(letter.message)
            transaction.end = self._buffer.end
            self._reset_first = True
        else:
            self._envelope = transaction

    def _commands(self, letter: Letter) -> tuple[tuple[_Step, ...], bytes]:
        """Return the steps that offer a letter and their commands, a line each."""
        sender, recipient = _envelope_address(letter.sender, "5.1.7"), _envelope_address(letter.recipient, "5.1.3")
        octets = len(letter.message)
        size = f" SIZE={octets}" if self._sizes else ""  # RFC 1870
        utf8 = ""
        if not (sender.isascii() and recipient.isascii()):
            if not self.takes_utf8:
                raise _NotOfferedError("5.6.7 the relay accepts no address outside ASCII: it does not offer SMTPUTF8")
            utf8 = " SMTPUTF8"  # RFC 6531 3.4
        message = f"BDAT {octets} LAST" if self._chunking else "DATA"
        steps: tuple[_Step, ...] = self._steps
        commands = f"MAIL FROM:<{sender}>{size}{utf8}\r\nRCPT TO:<{recipient}>\r\n{message}\r\n"
        if self._reset_first:
            self._reset_first = False
            steps, commands = (_RSET, *steps), f"RSET\r\n{commands}"
        return steps, commands.encode()

    def _send_next(self, transaction: _Transaction) -> None:
        step, command = next(transaction.commands)
        self._send(step, command, transaction)

    def _send(self, step: _Step, command: bytes, transaction: _Transaction | None) -> None:
        self._awaited.append((step, transaction))
        self._buffer.add(command)


def _envelope_address(address: str, code: str) -> str:
    try:
        return wire(address)
    except UnusableAddressError as error:
        raise _NotOfferedError(f"{code} {error}") from None
