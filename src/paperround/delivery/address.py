"""An address as it may stand in an envelope or a header field. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

import idna

# RFC 5321 4.5.3.1: octets of a local part and of a whole path, which has two for its angle brackets.
_MAX_LOCAL, _MAX_ADDRESS = 64, 254
# Quoted local parts are refused too: providers hand none out, and quoting is a way in for injection.
_LOCAL = re.compile(r"[^\s\x00-\x1f\x7f-\x9f\"(),:;<>@\[\]\\]+")
_DOMAIN = re.compile(
    r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*", re.IGNORECASE
)


class UnusableAddress(ValueError):  # noqa: N818 - names what it is
    """An address that cannot be written into a message; concerns one letter only."""


@lru_cache(maxsize=4096)
def wire(address: str) -> str:
    """The address with its domain in A-labels; raises UnusableAddress.

    The local part stays as it is: where it is not ASCII, only a relay with SMTPUTF8 can take it (RFC 6531).
    """
    local, at, domain = address.rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or len(local.encode()) > _MAX_LOCAL:
        raise UnusableAddress(f"{address[:80]!r} is not a mail address")
    written = f"{local}@{ascii_domain(domain)}"
    if len(written.encode()) > _MAX_ADDRESS:
        raise UnusableAddress(f"{address[:80]!r} is longer than {_MAX_ADDRESS} octets")
    return written


@lru_cache(maxsize=4096)
def ascii_domain(domain: str) -> str:
    """The domain in A-labels; raises UnusableAddress."""
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode()
        except UnicodeError:  # idna.IDNAError is one
            raise UnusableAddress(f"{domain[:80]!r} is not a domain") from None
    if not _DOMAIN.fullmatch(domain):
        raise UnusableAddress(f"{domain[:80]!r} is not a domain")
    return domain
