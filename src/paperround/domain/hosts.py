"""The hosts of web and email addresses, and which of them are this machine, which no subscriber reaches. Pure."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_this_machine(host: str | None) -> bool:
    """Return whether a host is `localhost` or a loopback address, written as in a URL or without brackets.

    Names under `localhost` are not: whether they stay on this machine depends on its resolver.
    """
    name = (host or "").lower().removesuffix(".").removeprefix("[").removesuffix("]")
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def domain_of(address: str) -> str:
    """Return the domain of an email address in lower case."""
    return address.rpartition("@")[2].lower()


def host_of(url: str) -> str | None:
    """Return the lowercase host of an address, or None if it has none."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def is_local(url: str) -> bool:
    """Return whether an address points to this machine."""
    return is_this_machine(host_of(url))
