"""Connects to a relay: greeting, TLS and login, with `smtplib`, which blocks."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from paperround.delivery.login import LoginError, explain, log_in
from paperround.delivery.relay import RelaySettings
from paperround.delivery.smtp_replies import readable
from paperround.delivery.smtp_session import QUIT_TIMEOUT, Reply, SmtpSession
from paperround.domain.models import Stage

_CHECK_TIMEOUT = 5.0  # seconds that a page may wait for the relay


class ConnectionFailedError(Exception):
    """Raised if no connection could be opened; `reply` has the stage and the relay's reply."""

    def __init__(self, stage: Stage, code: int | None, text: str) -> None:
        super().__init__(text)
        self.reply = Reply(stage, code, text)


def open_session(
    relay: RelaySettings, context: ssl.SSLContext | None, name: str, max_letters: int = 0
) -> SmtpSession:
    """Connect, greet, encrypt and log in. Raises ConnectionFailedError before anything confidential is sent in clear.

    `max_letters` is the maximum number of letters on this session, 0 for no limit.
    """
    smtp = _connect(relay, context)
    try:
        with _raises_connection_failed(Stage.CONNECT):
            _set_options(smtp.sock, relay)
            smtp.ehlo_or_helo_if_needed()
        if relay.tls == "starttls":
            _start_tls(smtp, context)
        if relay.username:
            with _raises_connection_failed(Stage.AUTH):
                log_in(smtp, relay)
    except BaseException:
        smtp.close()
        raise
    return SmtpSession(smtp, relay, name, max_letters)


class RelayRefusal(NamedTuple):
    """Why a relay would accept nothing."""

    stage: Stage
    text: str

    def __str__(self) -> str:
        """Return both, such as `auth: 535 5.7.8 wrong password`."""
        return f"{self.stage.value}: {self.text}"


def refusal(relay: RelaySettings) -> RelayRefusal | None:
    """Return why the relay would accept nothing from this site now, or None. No letter is sent."""
    try:
        session = open_session(relay, relay.context(), "check")
    except ConnectionFailedError as refused:
        return RelayRefusal(refused.reply.stage, str(refused))
    session.socket.settimeout(QUIT_TIMEOUT)
    session.quit()
    session.receive()
    session.close()
    return None


def takes_utf8(relay: RelaySettings) -> bool | None:
    """Return whether the relay accepts addresses outside ASCII (RFC 6531); None without an answer in seconds."""
    hasty = relay.model_copy(update={"connect_timeout": _CHECK_TIMEOUT, "timeout": _CHECK_TIMEOUT})
    try:
        session = open_session(hasty, hasty.context(), "check")
    except ConnectionFailedError:
        return None
    session.close()
    return session.takes_utf8


class _ReplyDeadline(smtplib.SMTP):
    """Ends the connection if a reply takes longer than the socket's timeout.

    By itself the timeout begins anew with each byte: a relay that sends one a second would hold up a round for hours.
    """

    def getreply(self) -> tuple[int, bytes]:
        """Return the next reply of the relay. Raises TimeoutError if it does not come in time."""
        sock, is_late = self.sock, threading.Event()
        assert sock is not None

        def hang_up() -> None:
            is_late.set()
            with contextlib.suppress(OSError):  # the connection has ended meanwhile
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # not SSLSocket's: the reader needs its TLS state

        ending = threading.Timer(sock.gettimeout() or 0.0, hang_up)
        ending.daemon = True
        ending.start()
        try:
            return super().getreply()
        except (OSError, smtplib.SMTPException):
            if is_late.is_set():
                raise TimeoutError("timed out") from None
            raise
        finally:
            ending.cancel()


class _EncryptedReplyDeadline(_ReplyDeadline, smtplib.SMTP_SSL):
    """The same for a connection that is encrypted from its beginning."""


def _connect(relay: RelaySettings, context: ssl.SSLContext | None) -> smtplib.SMTP:
    helo = relay.helo or _host_name()
    with _raises_connection_failed(Stage.CONNECT):
        if relay.tls == "tls":
            return _EncryptedReplyDeadline(
                relay.host, relay.at_port, helo, timeout=relay.connect_timeout, context=context
            )
        return _ReplyDeadline(relay.host, relay.at_port, helo, timeout=relay.connect_timeout)


def _set_options(sock: socket.socket | None, relay: RelaySettings) -> None:
    if sock:
        # With TLS a letter takes several writes, and Nagle's algorithm would delay the last: 176/s instead of 962.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(relay.timeout)


def _start_tls(smtp: smtplib.SMTP, context: ssl.SSLContext | None) -> None:
    with _raises_connection_failed(Stage.TLS):
        if not smtp.has_extn("starttls"):
            raise ConnectionFailedError(Stage.TLS, None, "the relay offers no STARTTLS; nothing is sent without it")
        code, text = smtp.starttls(context=context)
        if code != 220:
            raise ConnectionFailedError(Stage.TLS, code, readable(text))
        smtp.ehlo_or_helo_if_needed()


@contextlib.contextmanager
def _raises_connection_failed(stage: Stage) -> Iterator[None]:
    """Raise the errors of smtplib, ssl and the network as ConnectionFailedError."""
    try:
        yield
    except smtplib.SMTPResponseException as error:
        # smtplib uses -1 for an invalid reply.
        raise ConnectionFailedError(
            stage, error.smtp_code if error.smtp_code > 0 else None, readable(error.smtp_error)
        ) from error
    except LoginError as error:
        raise ConnectionFailedError(Stage.AUTH, None, readable(str(error))) from error
    except ssl.SSLError as error:
        raise ConnectionFailedError(Stage.TLS, None, explain(error)) from error
    except (smtplib.SMTPNotSupportedError, UnicodeError) as error:
        raise ConnectionFailedError(stage, None, explain(error)) from error
    except (OSError, smtplib.SMTPException, ValueError) as error:  # the connection ended, at any stage
        raise ConnectionFailedError(Stage.CONNECT, None, explain(error)) from error


@lru_cache(maxsize=1)
def _host_name() -> str:
    # Cached: without a reverse DNS entry the lookup takes seconds.
    name = socket.getfqdn()
    return name if "." in name else "[127.0.0.1]"  # RFC 5321 4.1.4: an address literal if there is no name
