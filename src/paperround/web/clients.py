"""Who sends a request: the client's address or network, under which requests are counted and recorded."""

from __future__ import annotations

import ipaddress

from fastapi import Request


def client_of(request: Request) -> str:
    """Return the client for rate limits: an IPv4 address, or the /64 prefix of an IPv6 address, which a household
    shares.
    """
    return network_of(request, 32, 64).removesuffix("/32")


def network_of(request: Request, bits_of_ipv4: int, bits_of_ipv6: int) -> str:
    """Return the network of the client's address, with prefixes of these lengths; its name if it has no address."""
    host = request.client.host if request.client else "unknown"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    # A socket for both versions shows IPv4 clients as ::ffff:203.0.113.9, all of which are in one /64.
    address = getattr(address, "ipv4_mapped", None) or address
    bits = bits_of_ipv4 if address.version == 4 else bits_of_ipv6
    return str(ipaddress.ip_network((address.packed, bits), strict=False))
