"""Typing mistakes in the domains of well-known mail providers. Pure."""

from __future__ import annotations

_KNOWN = frozenset(
    (
        *("gmail.com", "googlemail.com", "outlook.com", "outlook.de", "hotmail.com", "hotmail.de", "hotmail.co.uk"),
        *("hotmail.fr", "yahoo.com", "yahoo.de", "yahoo.fr", "yahoo.co.uk", "yahoo.co.jp", "icloud.com", "proton.me"),
        *("protonmail.com", "fastmail.com", "t-online.de", "freenet.de", "posteo.de", "mailbox.org", "yandex.com"),
        *("yandex.ru", "orange.fr", "wanadoo.fr", "laposte.net", "libero.it", "comcast.net", "verizon.net"),
    )
)
_REAL = frozenset(("mail.com", "email.com", "ymail.com", "hotmail.co.jp", "orange.net"))
"""Domains of providers that resemble a known one."""
_COM = frozenset(("c0m", "cim", "cmo", "comm", "con", "coom", "cpm", "ocm", "vom", "xom"))
"""No top-level domains, but what is typed for com."""
_NEARLY_COM = _COM | {"cm", "co", "om"}
"""With the countries of which well-known providers have no domain."""


def intended(domain: str) -> str:
    """Return the domain that was probably meant by one with a typing mistake; empty if it looks right.

    A mistake is one letter left out, added, exchanged or swapped with its neighbor in a well-known provider's name,
    or a top-level domain that is nearly com. A real domain may look like one, so this is a question to ask.
    """
    domain = domain.lower()
    name, _, ending = domain.rpartition(".")
    if domain in _KNOWN | _REAL or not name:
        return ""
    if ending in _COM or (ending in _NEARLY_COM and f"{name}.com" in _KNOWN):
        return intended(f"{name}.com") or f"{name}.com"
    return next((provider for provider in sorted(_KNOWN) if _is_one_slip(domain, provider)), "")


def intended_address(email: str) -> str:
    """Return an address with the domain that was probably meant; empty if the domain looks right."""
    mailbox, _, domain = email.rpartition("@")
    meant = intended(domain)
    return f"{mailbox}@{meant}" if meant else ""


def _is_one_slip(typed: str, known: str) -> bool:
    """Return whether the first labels of two domains differ by one edit, and the rest is the same."""
    (typed, _, ending), (known, _, other) = typed.partition("."), known.partition(".")
    return ending == other and typed != known and _is_one_edit(typed, known)


def _is_one_edit(one: str, two: str) -> bool:
    """Return whether two different texts differ by one letter that is left out, added or exchanged, or by a swap."""
    start = next((at for at, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
    one, two = one[start:], two[start:]
    if len(one) == len(two):
        return one[1:] == two[1:] or (one[1::-1] == two[:2] and one[2:] == two[2:])
    return one[1:] == two or one == two[1:]
