"""Which addresses are of the public internet, and which exceptions are meant."""

from __future__ import annotations

import ipaddress

import pytest

from paperround.domain.errors import SourceError
from paperround.network.address_guard import AddressGuard, is_literal, is_public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001:db8::1", "198.18.0.1", "240.0.0.1", "192.0.0.192",
        "192.88.99.1", "168.63.129.16", "fec0::1", "3fff::1", "5f00::1", "2a00:1450::5efe:7f00:1",
        "2a00:1450::200:5efe:a00:1", "::127.0.0.1",
    ],
)  # fmt: skip
def test_an_address_of_the_own_network_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "93.184.216.34",
        "2606:2800:220:1::1",
        "64:ff9b::5db8:d822",
        "::ffff:93.184.216.34",
        "2a00:1450::5efe:5db8:d822",
    ],
)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def test_an_exception_is_a_host_an_address_or_a_network() -> None:
    guard = AddressGuard(("Feeds.lan", "10.1.0.0/16", "fd00::7"), lambda host, _: [ipaddress.ip_address(host)])
    for host in ("10.1.2.3", "fd00::7", "93.184.216.34"):
        assert guard.addresses(host, 80, "x")
    for host in ("10.2.0.1", "fd00::8"):
        with pytest.raises(SourceError, match=r"x: .* is not on the public internet; if this is intended"):
            guard.addresses(host, 80, "x")
    with pytest.raises(SourceError, match=r"internet$"):
        guard.addresses("10.1.2.3", 80, "x", strictly=True)
    named = AddressGuard(("Feeds.lan",), lambda _host, _port: [ipaddress.ip_address("10.0.0.1")])
    assert named.addresses("feeds.LAN", 80, "x")


def test_a_literal_is_an_address_or_this_machine() -> None:
    assert [is_literal(host) for host in ("127.0.0.1", "[::1]", "::1", "localhost")] == [True] * 4
    assert [is_literal(host) for host in ("127.1", "2130706433x", "localhost.evil.example")] == [False] * 3


def test_a_name_is_resolved_by_the_system() -> None:
    assert AddressGuard(("127.0.0.0/8", "::1")).addresses("localhost", 80, "x")
