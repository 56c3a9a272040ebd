"""Which domains are typing mistakes of well-known ones, and which are left alone."""

from __future__ import annotations

import pytest

from paperround.domain.mail_domains import intended, intended_address


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("gmial.com", "gmail.com"),
        ("GMAI.com", "gmail.com"),
        ("gmaill.com", "gmail.com"),
        ("gnail.com", "gmail.com"),
        ("gmail.con", "gmail.com"),
        ("gmail.co", "gmail.com"),
        ("gmial.con", "gmail.com"),
        ("hotmial.com", "hotmail.com"),
        ("hotnail.co.uk", "hotmail.co.uk"),
        ("yaho.com", "yahoo.com"),
        ("outlok.de", "outlook.de"),
        ("iclod.com", "icloud.com"),
        ("t-onlin.de", "t-online.de"),
        ("lovelace.con", "lovelace.com"),
    ],
)
def test_a_typing_mistake_is_recognized(typed: str, meant: str) -> None:
    assert intended(typed) == meant


@pytest.mark.parametrize(
    "domain",
    [
        *("gmail.com", "mail.com", "email.com", "ymail.com", "yahoo.ca", "outlook.be", "hotmail.se", "lovelace.co"),
        *("lovelace.example", "example.org", "mit.edu", "web.de", "gmx.net", "qq.com", "localhost", "gamlil.com"),
    ],
)
def test_other_domains_are_left_alone(domain: str) -> None:
    assert intended(domain) == ""


def test_an_address_keeps_what_is_before_the_at_sign() -> None:
    assert intended_address("Ada.L@gmial.com") == "Ada.L@gmail.com"
    assert intended_address("ada@lovelace.example") == ""
