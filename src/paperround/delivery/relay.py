"""The settings to reach an SMTP relay."""

from __future__ import annotations

import shlex
import ssl
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from paperround.domain.hosts import is_this_machine
from paperround.process.certificates import CaFile
from paperround.process.validation import HOST, matches

_PORTS = {"starttls": 587, "tls": 465, "none": 25}


def _host(value: str) -> str:
    try:
        value.encode("idna")
    except UnicodeError:
        raise ValueError(f"must be {_EXAMPLE}") from None
    return value


_EXAMPLE = "the name of a host, such as smtp.example.org"
Host = Annotated[str, matches(HOST, _EXAMPLE), AfterValidator(_host)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


class RelaySettings(BaseModel):
    """An SMTP server that accepts letters for delivery anywhere."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: Host
    port: Annotated[int | None, Field(ge=1, le=65535)] = None
    """By default 587 with starttls, 465 with tls, 25 with none."""
    tls: Literal["starttls", "tls", "none"] = "starttls"
    ca_file: CaFile | None = None
    """CA certificates to trust instead of the system's, for a relay with a self-signed certificate."""
    username: str = ""
    password: SecretStr = SecretStr("")
    token_command: str = ""
    """A command that prints an OAuth 2 access token, for relays that accept no password (XOAUTH2)."""
    token_file: Path | None = None
    """A file with such a token, which another program refreshes."""
    chunking: bool = False
    """Send letters with BDAT where the relay offers CHUNKING (RFC 3030), several at a time on a connection.

    Off by default: if a relay drops such a connection, the replies to letters that it stored before can be lost too
    (a reset discards what was not read yet), and those letters are sent again.
    """
    helo: Annotated[str, matches(r"[!-~]*", "one word in ASCII, such as mail.example.org")] = ""
    """The name in the greeting; by default this machine's."""
    connect_timeout: Seconds = 30
    timeout: Seconds = 300
    """The seconds to wait for each reply; RFC 5321 section 4.5.3.2 recommends five minutes."""
    final_timeout: Seconds = 600
    """The seconds to wait for the reply to the final dot; hanging up earlier causes duplicates (RFC 5321 4.5.3.2.6).
    """

    @model_validator(mode="after")
    def _password_is_safe(self) -> Self:
        ways = [bool(self.password.get_secret_value()), bool(self.token_command), bool(self.token_file)]
        if sum(ways) > 1:
            raise ValueError("set only one of password, token_command and token_file")
        if bool(self.username) != any(ways):
            raise ValueError("username and password (or a token) belong together: set both or neither")
        try:
            shlex.split(self.token_command)
        except ValueError as error:
            raise ValueError(f"token_command: {error}; use shell quoting") from None
        if self.username and self.tls == "none" and not is_this_machine(self.host):
            raise ValueError('the password would be sent unencrypted; set tls to "starttls" or "tls"')
        return self

    @property
    def uses_token(self) -> bool:
        """Whether to log in with an OAuth 2 token instead of a password."""
        return bool(self.token_command or self.token_file)

    @property
    def at_port(self) -> int:
        """The port to connect to."""
        return self.port or _PORTS[self.tls]

    def context(self) -> ssl.SSLContext | None:
        """Return the TLS context, or None without TLS.

        Certificates must be signed by the system's CAs or `ca_file`, and match the host's name.
        """
        return None if self.tls == "none" else ssl.create_default_context(cafile=self.ca_file)
