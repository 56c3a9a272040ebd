"""Logs in to a relay with a password in any script or an OAuth 2 token, and explains what went wrong.

`smtplib` encodes passwords as ASCII and does not support XOAUTH2.
"""

from __future__ import annotations

import base64
import hmac
import shlex
import smtplib
import socket
import ssl
import subprocess

from paperround.delivery.relay import RelaySettings
from paperround.process import text_files

_TOKEN_SECONDS = 60.0  # for the command that prints a token
_CONTINUE, _WELCOME = 334, 235  # RFC 4954 4
_MECHANISM_REFUSED = (502, 504, 534)  # RFC 4954 section 6: another mechanism may work


class LoginError(Exception):
    """Raised if no login could be attempted; the text names the remedy."""


def log_in(smtp: smtplib.SMTP, relay: RelaySettings) -> None:
    """Log in as the relay's settings say.

    Raises smtplib.SMTPAuthenticationError if the login is refused, and LoginError if none could be attempted.
    """
    offered = smtp.esmtp_features.get("auth", "").upper().split()
    # The connection is encrypted, so PLAIN and LOGIN are as safe as CRAM-MD5.
    by_password = {"PLAIN": _plain, "LOGIN": _login, "CRAM-MD5": _cram_md5}
    ways = {"XOAUTH2": _xoauth2} if relay.uses_token else by_password
    possible = [way for name, way in ways.items() if name in offered]
    if not possible:
        raise LoginError(_no_way(list(ways), offered))
    for last, way in zip((*[False] * (len(possible) - 1), True), possible, strict=True):
        code, text = way(smtp, relay)
        if code == _WELCOME:
            return
        if last or code not in _MECHANISM_REFUSED:
            raise smtplib.SMTPAuthenticationError(code, text)


def _no_way(wanted: list[str], offered: list[str]) -> str:
    if not offered:
        return "the relay offers no login (AUTH); use the submission port, 587 or 465"
    offers = f"the relay does not support {' or '.join(wanted)}, only {' '.join(offered)}"
    if "XOAUTH2" in wanted:
        return f"{offers}; use a password instead of the token"
    return f"{offers}; set token_command or token_file" if "XOAUTH2" in offered else offers


def _plain(smtp: smtplib.SMTP, relay: RelaySettings) -> tuple[int, bytes]:
    """Log in with PLAIN (RFC 4616): name and password may contain any character."""
    return smtp.docmd("AUTH", "PLAIN " + _encoded(f"\0{relay.username}\0{relay.password.get_secret_value()}"))


def _login(smtp: smtplib.SMTP, relay: RelaySettings) -> tuple[int, bytes]:
    """Log in with LOGIN, which was never standardized: the name, then the password."""
    code, text = smtp.docmd("AUTH", "LOGIN " + _encoded(relay.username))
    return smtp.docmd(_encoded(relay.password.get_secret_value())) if code == _CONTINUE else (code, text)


def _cram_md5(smtp: smtplib.SMTP, relay: RelaySettings) -> tuple[int, bytes]:
    """Log in with CRAM-MD5 (RFC 2195)."""
    code, challenge = smtp.docmd("AUTH", "CRAM-MD5")
    if code != _CONTINUE:
        return code, challenge
    try:
        asked = base64.b64decode(challenge)
    except ValueError:
        raise LoginError("the relay's CRAM-MD5 challenge is not base64; check that it is an SMTP server") from None
    digest = hmac.new(relay.password.get_secret_value().encode(), asked, "md5").hexdigest()
    return smtp.docmd(_encoded(f"{relay.username} {digest}"))


def _xoauth2(smtp: smtplib.SMTP, relay: RelaySettings) -> tuple[int, bytes]:
    """Log in with XOAUTH2; a refusal begins with a challenge.

    https://developers.google.com/gmail/imap/xoauth2-protocol
    """
    code, text = smtp.docmd("AUTH", "XOAUTH2 " + _encoded(f"user={relay.username}\1auth=Bearer {token(relay)}\1\1"))
    return smtp.docmd("") if code == _CONTINUE else (code, text)


def token(relay: RelaySettings, seconds: float = _TOKEN_SECONDS) -> str:
    """Return the access token from the relay's command, which has so many seconds, or its file. Raises LoginError."""
    if relay.token_file:
        try:
            content = text_files.read(relay.token_file).strip()
        except (OSError, text_files.NotTextError) as error:
            raise LoginError(f"token_file cannot be read: {error}") from None
        return _one_line(content, f"token_file {relay.token_file}")
    command = shlex.split(relay.token_command)
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds, check=True, text=True)  # noqa: S603
    except subprocess.CalledProcessError as error:
        message = " ".join(str(error.stderr).split())[-200:] or "no error message"
        raise LoginError(f"token_command exited with status {error.returncode}: {message}") from None
    except subprocess.TimeoutExpired:
        raise LoginError(f"token_command took longer than {seconds:.0f} seconds") from None
    except (OSError, ValueError) as error:
        raise LoginError(f"token_command cannot be run: {error}") from None
    return _one_line(done.stdout.strip(), "token_command")


def _one_line(found: str, where: str) -> str:
    if not found or not found.isascii() or not found.isprintable() or " " in found:
        raise LoginError(f"{where} contains no token; a single word on one line is expected")
    return found


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def explain(error: Exception) -> str:
    """Return on one line why a relay could not be reached, and what to check."""
    match error:
        case smtplib.SMTPServerDisconnected():
            return f"the relay closed the connection ({error}); check host, port and tls"
        case smtplib.SMTPNotSupportedError():
            return f"the relay does not support a required feature ({error})"
        case ssl.SSLCertVerificationError():
            return f"the relay's certificate is not valid: {error.verify_message}"
        case ssl.SSLError() if "WRONG_VERSION_NUMBER" in str(error) or "wrong version number" in str(error):
            return (
                "TLS failed: this port does not accept TLS connections; "
                'use tls = "starttls" for port 587, "tls" for port 465'
            )
        case ssl.SSLError():
            return f"TLS failed: {error}"
        case socket.gaierror():
            return f"host not found ({error.strerror}); check transport.host and DNS"
        case TimeoutError():
            return "timed out; check host and port, and whether a firewall blocks the port"
        case ConnectionRefusedError():
            return "Connection refused; check host and port, and whether the relay is running"
        case UnicodeError():
            return "a name contains characters that SMTP does not allow; check host, helo and username"
    return str(error) or type(error).__name__
