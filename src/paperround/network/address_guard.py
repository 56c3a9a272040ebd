"""Decide which addresses may be requested: those of the public internet, and configured exceptions.

A source's response can redirect anywhere, and a host name can resolve to the private network (CWE-918): a router's
page, a database without a password, or the metadata service that gives a cloud machine its keys. Names are therefore
resolved here, all addresses of a name are checked, and the connection is made to one of the checked addresses
(against DNS rebinding).
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable

from paperround.domain.errors import SourceError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], list[Address]]

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
_ISATAP = frozenset((0x0000_5EFE, 0x0200_5EFE))  # RFC 5214 section 6.1: precedes an IPv4 address in the last 32 bits
# Special addresses that Python's tables consider public.
_NOT_PUBLIC: tuple[Network, ...] = tuple(
    map(
        ipaddress.ip_network,
        (
            "192.0.0.0/24",  # RFC 6890; 192.0.0.192 is Oracle Cloud's metadata service
            "192.88.99.0/24",  # RFC 7526: 6to4 relays, deprecated
            "168.63.129.16/32",  # Azure's platform services, reachable from each of its machines
            "fec0::/10",  # RFC 3879: site-local, deprecated but still used
            "3fff::/20",  # RFC 9637: documentation
            "5f00::/16",  # RFC 9602: segment routing
        ),
    )
)


class AddressGuard:
    """Resolves the addresses of a host and refuses private ones."""

    def __init__(self, private_hosts: Iterable[str] = (), resolve: Resolve | None = None) -> None:
        """`private_hosts` are the exceptions: host names, addresses and networks (`10.0.0.0/8`)."""
        self._names, self._networks = set[str](), list[Network]()
        for host in private_hosts:
            if network := network_of(host):
                self._networks.append(network)
            else:
                self._names.add(host.lower())
        self._resolve = resolve or _resolve

    def addresses(self, host: str, port: int, service: str, *, strictly: bool = False) -> list[Address]:
        """Return the addresses of a host. With `strictly`, exceptions do not apply.

        Raises SourceError if one of them is private and not an exception, and OSError or UnicodeError if the name
        does not resolve.
        """
        resolved = self._resolve(host, port)
        if (strictly or host.lower() not in self._names) and not (
            resolved and all(self._may_be_asked(address, strictly=strictly) for address in resolved)
        ):
            remedy = "" if strictly else "; if this is intended, add it to private_hosts"
            raise SourceError(f"{service}: {host} is not on the public internet{remedy}", retryable=False)
        return resolved

    def _may_be_asked(self, address: Address, *, strictly: bool) -> bool:
        return is_public(address) or (not strictly and any(_lies_in(address, network) for network in self._networks))


def is_public(address: Address) -> bool:
    """Return whether the address belongs to the public internet, including IPv4 addresses embedded in IPv6 ones."""
    if isinstance(address, ipaddress.IPv6Address):
        if hidden := address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1]):
            return is_public(hidden)
        if address in _NAT64 or int(address) >> 32 & 0xFFFF_FFFF in _ISATAP:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    if any(_lies_in(address, network) for network in _NOT_PUBLIC):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def is_literal(host: str) -> bool:
    """Return whether a host is an IP address or `localhost`, rather than a name that others can point anywhere."""
    return host == "localhost" or network_of(host.strip("[]")) is not None


def network_of(text: str) -> Network | None:
    """Parse a network or a single address. Returns None for a host name."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _lies_in(address: Address, network: Network) -> bool:
    return address.version == network.version and address in network


def _resolve(host: str, port: int) -> list[Address]:
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in addresses))
