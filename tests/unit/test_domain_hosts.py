"""What points to this machine, and what only looks like it."""

from __future__ import annotations

import pytest

from paperround.domain.hosts import domain_of, is_local, is_this_machine


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.1.2.3", "::1", "[::1]"])
def test_this_machine_is_localhost_and_loopback_addresses(host: str) -> None:
    assert is_this_machine(host)


@pytest.mark.parametrize(
    "host",
    [None, "", "notlocalhost", "localhost.example.org", "papers.localhost", "127.0.0.1.example.org", "10.0.0.1"],
)
def test_other_hosts_are_not_this_machine(host: str | None) -> None:
    assert not is_this_machine(host)


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("https://[::1]:8000", True),
        ("http://127.0.0.1/x", True),
        ("https://papers.localhost-lab.example.org", False),
        ("https://papers.example.org/127.0.0.1", False),
        ("http://localhost@evil.example/", False),
        ("http://[", False),
        ("localhost", False),
    ],
)
def test_an_address_is_local_by_its_host(url: str, local: bool) -> None:
    assert is_local(url) is local


def test_the_domain_of_an_address_is_what_follows_its_last_at_sign() -> None:
    assert [domain_of(one) for one in ("ada@Example.ORG", '"a@b"@example.org', "example.org")] == ["example.org"] * 3
