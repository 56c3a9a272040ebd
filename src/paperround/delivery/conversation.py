"""One connection to a relay and the letters that go over it (RFC 5321, pipelined as RFC 2920 has it).

Greeting, TLS and login are `smtplib`'s. The transaction is ours: MAIL, RCPT and DATA leave in one write where
the relay allows it, which halves the waiting. What a letter met is an Outcome; a connection that ends before
the final dot has left is `Dropped`, for then the letter was surely not taken and may go again at once.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from paperround.delivery.address import UnusableAddress, wire
from paperround.delivery.relay import Relay
from paperround.domain.models import Letter, Outcome, Stage
from paperround.domain.reply_codes import enhanced
from paperround.domain.text import clean

_REPLY = re.compile(rb"(?:[2-5]\d\d-[^\n]*\n)*[2-5]\d\d(?: [^\n]*)?\r?\n")  # RFC 5321 4.2
_NO_REPLY = re.compile(rb"(?:[2-5]\d\d-[^\n]*\n)*(?![2-5]\d\d[- \r\n])[^\n]*\n")
_MAX_REPLY = 1 << 16  # octets
_MAX_TEXT = 500  # characters kept of what a relay says
_GO_AHEAD, _SERVICE_ENDS = 354, 421
_FAREWELL = 5.0  # seconds a relay has to answer QUIT
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux only


@dataclass(frozen=True, slots=True)
class Reply:
    """What the relay answered; `code` is None where it said nothing more."""

    stage: Stage
    code: int | None
    text: str

    @property
    def welcome(self) -> bool:
        """Whether the transaction may go on."""
        expected = range(_GO_AHEAD, _GO_AHEAD + 1) if self.stage is Stage.DATA else range(200, 300)
        return self.code in expected


class Refused(Exception):  # noqa: N818 - reads as what it is at the place where it is raised
    """No connection came about; the reply says how far it got."""

    def __init__(self, stage: Stage, code: int | None, text: str) -> None:
        super().__init__(text)
        self.reply = Reply(stage, code, text)


class _Obstacle(Exception):  # noqa: N818
    """Why this relay cannot even be asked to take a letter."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.reply = Reply(Stage.LOCAL, 553, text)


class Dropped(Exception):  # noqa: N818
    """The connection ended, and the letter under way was surely not taken."""

    def __init__(self, stage: Stage, text: str) -> None:
        super().__init__(text)
        self.reply = Reply(stage, None, text)


def outcome(letter: Letter, reply: Reply, connection: str) -> Outcome:
    """The reply as the outcome of a letter, with the enhanced status code at its beginning (RFC 2034)."""
    return Outcome(letter.delivery, reply.stage, reply.code, enhanced(reply.text), reply.text, connection)


class Conversation:
    """An open connection, used by one thread; `name` stands in outcomes."""

    def __init__(self, smtp: smtplib.SMTP, relay: Relay, name: str) -> None:
        self._smtp, self._relay, self.name = smtp, relay, name
        self._pipelining, self._sizes, self._utf8 = map(smtp.has_extn, ("pipelining", "size", "smtputf8"))
        self._received = b""
        self.open = True
        self.letters = 0
        """How many the relay was offered on it."""

    def transact(self, letter: Letter) -> Outcome:
        """Offer one letter; raises Dropped only while the relay cannot have taken it."""
        try:
            commands = self._commands(letter)
        except _Obstacle as obstacle:
            return outcome(letter, obstacle.reply, self.name)
        self.letters += 1
        refusal = self._in_one_write(commands) if self._pipelining else self._one_by_one(commands)
        return outcome(letter, refusal or self._hand_over(letter.message), self.name)

    def quit(self) -> None:
        """Take leave, if there is still somebody to take leave of."""
        if self.open:
            self.open = False
            with contextlib.suppress(OSError, smtplib.SMTPException):
                self._socket.settimeout(_FAREWELL)
                self._smtp.quit()
        self._smtp.close()

    def _commands(self, letter: Letter) -> list[tuple[Stage, bytes]]:
        sender, recipient = _written(letter.sender, "5.1.7"), _written(letter.recipient, "5.1.3")
        size = f" SIZE={len(letter.message)}" if self._sizes else ""  # RFC 1870
        utf8 = ""
        if not (sender.isascii() and recipient.isascii()):
            if not self._utf8:
                raise _Obstacle("5.6.7 the relay takes no address outside ASCII: it offers no SMTPUTF8")
            utf8 = " SMTPUTF8"  # RFC 6531 3.4
        return [
            (Stage.MAIL, f"MAIL FROM:<{sender}>{size}{utf8}\r\n".encode()),
            (Stage.RCPT, f"RCPT TO:<{recipient}>\r\n".encode()),
            (Stage.DATA, b"DATA\r\n"),
        ]

    def _one_by_one(self, commands: list[tuple[Stage, bytes]]) -> Reply | None:
        for stage, command in commands:
            self._write(stage, command)
            reply = self._read(stage)
            if not reply.welcome:
                self._reset(reply)
                return reply
        return None

    def _in_one_write(self, commands: list[tuple[Stage, bytes]]) -> Reply | None:
        self._write(Stage.MAIL, b"".join(command for _, command in commands))
        refusal: Reply | None = None
        for stage, _ in commands:
            try:
                reply = self._read(stage)
            except Dropped:
                if refusal:  # it was said before the line went dead
                    return refusal
                raise
            refusal = refusal or (None if reply.welcome else reply)
            if not self.open:
                return refusal
        if refusal:
            self._reset(reply)
        return refusal

    def _reset(self, last: Reply) -> None:
        """Bring the connection back to where the next letter can start."""
        if not self.open:
            return
        with contextlib.suppress(Dropped):
            if last.stage is Stage.DATA and last.welcome:
                # RFC 2920 3.1: some servers say 354 though no recipient is left; nobody gets this empty letter.
                self._write(Stage.DATA, b".\r\n")
                self._read(Stage.FINAL)
            self._write(Stage.MAIL, b"RSET\r\n")
            self._read(Stage.MAIL)

    def _hand_over(self, message: bytes) -> Reply:
        stuffed = message.replace(b"\r\n.", b"\r\n..")  # RFC 5321 4.5.2
        if stuffed.startswith(b"."):
            stuffed = b"." + stuffed
        dot = b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n"
        # sendall raises only if the last octets, and they are the dot, could not be given to the system.
        self._write(Stage.DATA, stuffed + dot)
        self._socket.settimeout(self._relay.final_timeout)
        try:
            reply = self._read(Stage.FINAL)
        except Dropped as drop:
            return drop.reply  # taken or not: nobody knows
        if self.open:
            self._socket.settimeout(self._relay.timeout)
        return reply

    @property
    def _socket(self) -> socket.socket:
        if self._smtp.sock is None:
            raise OSError("the connection is closed")
        return self._smtp.sock

    def _write(self, stage: Stage, octets: bytes) -> None:
        try:
            self._socket.sendall(octets)
        except OSError as error:
            self._hang_up()
            raise Dropped(stage, f"connection lost: {error}") from error

    def _read(self, stage: Stage) -> Reply:
        try:
            code, text = self._next_reply()
        except OSError as error:
            self._hang_up()
            raise Dropped(stage, f"connection lost: {error}") from error
        if code == _SERVICE_ENDS:
            self._hang_up()
        return Reply(stage, code, text)

    def _next_reply(self) -> tuple[int, str]:
        """The next reply; what follows it stays for later. By hand, for smtplib's takes three times as long."""
        while not (found := _REPLY.match(self._received)):
            if _NO_REPLY.match(self._received) or len(self._received) > _MAX_REPLY:
                raise ConnectionError(f"not an SMTP reply: {readable(self._received[:80])!r}")
            octets = self._socket.recv(_MAX_REPLY)
            if not octets:
                raise ConnectionError("the relay ended it")
            self._received += octets
            if _QUICKACK is not None:
                # Must be set again after each read. Without it a relay that answers in small pieces waits 40 ms
                # for our acknowledgement of the first: Postfix took 179 letters a second instead of 1,390.
                self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        self._received = self._received[found.end() :]
        lines = found[0].splitlines()
        return int(lines[-1][:3]), readable(b" ".join(line[4:] for line in lines))

    def _hang_up(self) -> None:
        self.open = False
        self._smtp.close()


def open_conversation(relay: Relay, context: ssl.SSLContext | None, name: str) -> Conversation:
    """Connect, greet, encrypt and log in; raises Refused, and then nothing was sent in clear that must not be."""
    smtp = _connect(relay, context)
    try:
        with _refusals(Stage.CONNECT):
            _tune(smtp.sock, relay)
            smtp.ehlo_or_helo_if_needed()
        if relay.tls == "starttls":
            _encrypt(smtp, context)
        if relay.username:
            with _refusals(Stage.AUTH):
                smtp.login(relay.username, relay.password.get_secret_value())
    except BaseException:
        smtp.close()
        raise
    return Conversation(smtp, relay, name)


def refusal(relay: Relay) -> str | None:
    """Why the relay would take nothing from us now; None when it answers and lets us in. No letter is sent."""
    try:
        open_conversation(relay, relay.context(), "check").quit()
    except Refused as refused:
        return f"{refused.reply.stage.value}: {refused}"
    return None


def _connect(relay: Relay, context: ssl.SSLContext | None) -> smtplib.SMTP:
    helo = relay.helo or _own_name()
    with _refusals(Stage.CONNECT):
        if relay.tls == "tls":
            return smtplib.SMTP_SSL(relay.host, relay.at_port, helo, timeout=relay.connect_timeout, context=context)
        return smtplib.SMTP(relay.host, relay.at_port, helo, timeout=relay.connect_timeout)


def _tune(sock: socket.socket | None, relay: Relay) -> None:
    if sock:
        # With TLS a letter leaves in several writes, and Nagle would hold the last back: 176/s instead of 962.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(relay.timeout)


def _encrypt(smtp: smtplib.SMTP, context: ssl.SSLContext | None) -> None:
    with _refusals(Stage.TLS):
        if not smtp.has_extn("starttls"):
            raise Refused(Stage.TLS, None, "the relay offers no STARTTLS; nothing is sent without it")
        code, text = smtp.starttls(context=context)
        if code != 220:
            raise Refused(Stage.TLS, code, readable(text))
        smtp.ehlo_or_helo_if_needed()


@contextlib.contextmanager
def _refusals(stage: Stage) -> Iterator[None]:
    """What smtplib, ssl and the network raise, as Refused."""
    try:
        yield
    except smtplib.SMTPResponseException as error:
        raise Refused(stage, error.smtp_code, readable(error.smtp_error)) from error
    except ssl.SSLCertVerificationError as error:
        raise Refused(Stage.TLS, None, f"its certificate does not hold: {error.verify_message}") from error
    except ssl.SSLError as error:
        raise Refused(Stage.TLS, None, f"no encryption came about: {error}") from error
    except smtplib.SMTPNotSupportedError as error:
        raise Refused(stage, None, str(error)) from error
    except (OSError, smtplib.SMTPException) as error:  # the line went dead, wherever that was
        raise Refused(Stage.CONNECT, None, str(error)) from error


def readable(octets: bytes | str) -> str:
    """What a relay said, on one line and not for ever."""
    text = octets.decode("utf-8", "replace") if isinstance(octets, bytes) else octets
    return (text if text.isprintable() else clean(text))[:_MAX_TEXT]


def _written(address: str, code: str) -> str:
    try:
        return wire(address)
    except UnusableAddress as error:
        raise _Obstacle(f"{code} {error}") from None


@lru_cache(maxsize=1)
def _own_name() -> str:
    # Asked once: without a reverse entry in the DNS it takes seconds.
    name = socket.getfqdn()
    return name if "." in name else "[127.0.0.1]"  # RFC 5321 4.1.4: an address literal where there is no name
