"""Email addresses as they are written in an envelope or a header field. Pure functions."""

from __future__ import annotations

import re
from email.utils import parseaddr
from functools import lru_cache
from urllib.parse import quote

import idna

# RFC 5321 4.5.3.1: octets of a local part and of a whole path, which has two for its angle brackets.
_MAX_LOCAL, _MAX_ADDRESS = 64, 254
# Quoted local parts are refused too: no provider issues them, and quoting allows injection.
_LOCAL = re.compile(r"[^\s\x00-\x1f\x7f-\x9f\"(),:;<>@\[\]\\]+")
_DOMAIN = re.compile(
    r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*", re.IGNORECASE
)


class UnusableAddressError(ValueError):
    """Raised for an address that cannot be written into a message; it affects only one letter."""


@lru_cache(maxsize=4096)
def wire(address: str) -> str:
    """Return the address with its domain in A-labels. Raises UnusableAddressError.

    The local part does not change: if it is not ASCII, only a relay with SMTPUTF8 accepts it (RFC 6531).
    """
    local, at, domain = address.rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or len(local.encode()) > _MAX_LOCAL:
        raise UnusableAddressError(f"{address[:80]!r} is not a mail address")
    written = f"{local}@{ascii_domain(domain)}"
    if len(written.encode()) > _MAX_ADDRESS:
        raise UnusableAddressError(f"{address[:80]!r} is longer than {_MAX_ADDRESS} octets")
    return written


@lru_cache(maxsize=4096)
def ascii_domain(domain: str) -> str:
    """Return the domain in A-labels. Raises UnusableAddressError."""
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode()
        except UnicodeError:  # idna.IDNAError is one
            raise UnusableAddressError(f"{domain[:80]!r} is not a domain") from None
    if not _DOMAIN.fullmatch(domain):
        raise UnusableAddressError(f"{domain[:80]!r} is not a domain")
    return domain


def contact_uri(contact: str) -> str:
    """Return the URI of a contact: a web address unchanged, an email address as `mailto:` (RFC 6068).

    Empty if it is neither.
    """
    contact = contact.strip()
    if contact.startswith(("https://", "http://")):
        return contact
    try:
        local, _, domain = wire(parseaddr(contact.removeprefix("mailto:"))[1]).rpartition("@")
    except UnusableAddressError:
        return ""
    return f"mailto:{quote(local, safe='+')}@{domain}"
