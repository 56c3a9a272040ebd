"""Decide whether two listings are of the same work. Pure.

A paper is identified by its *keys*: `arxiv:2607.21557`, `doi:10.1101/2026.04.08`, `url:…`, `title:…`. Two listings
that share a key are one paper, unless they carry different arXiv identifiers or have no author in common: then they
are two works that happen to share a title.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from urllib.parse import urlsplit

from paperround.domain.models import Facts
from paperround.domain.text import terms

_ARXIV = "arxiv:"
_ARXIV_DOI = "10.48550/arxiv."
# Shorter titles ("Editorial", "Attention", 编辑部的话) are shared by different works.
_TITLE_TERMS, _TITLE_LETTERS = 4, 12
_SUFFIXES = frozenset(("jr", "sr", "ii", "iii", "iv", "phd", "md"))  # of names, which some sources leave out
_LONGEST_URL = 400  # characters; a key in a PostgreSQL index has at most 2,700 bytes


def title_key(title: str) -> str | None:
    """Return a hash of the title's words, or None if the title is too short to identify a work."""
    found = terms(title)
    if len(found) < _TITLE_TERMS or sum(map(len, found)) < _TITLE_LETTERS:
        return None
    return hashlib.sha256(" ".join(found).encode()).hexdigest()[:24]


def keys(facts: Facts) -> tuple[str, ...]:
    """Return all keys of a paper, the most reliable first."""
    found: list[str] = []
    if facts.arxiv_id:
        found.append(f"{_ARXIV}{facts.arxiv_id}")
    if facts.doi and not facts.doi.startswith(_ARXIV_DOI):
        found.append(f"doi:{facts.doi}")
    if facts.guid:
        found.append(f"guid:{facts.guid}")
    if title := title_key(facts.title):
        found.append(f"title:{title}")
        if facts.authors and not (facts.arxiv_id or facts.doi):
            # Without an arXiv identifier or a DOI, only the authors distinguish two works with the same title.
            found.append(f"title:{title}:{_digest(' '.join(sorted(_surnames(facts))))}")
    if not found or (facts.url and not facts.arxiv_id and not facts.doi):
        found.append(f"url:{_short(_plain_url(facts.url or facts.title))}")
    return tuple(found)


def public_id(paper_keys: Sequence[str]) -> str:
    """Return the identifier used in pages, letters and commands: the arXiv identifier, or `p` and 12 hash digits.

    `paper_keys` are all keys of the paper, as `keys` returns them.
    """
    best = paper_keys[0]
    if best.startswith(_ARXIV):
        return best.removeprefix(_ARXIV)
    return "p" + hashlib.sha256(best.encode()).hexdigest()[:12]


def conflict(one: Facts, other: Facts) -> bool:
    """Return whether the two are certainly different works, even if they share keys."""
    if one.arxiv_id and other.arxiv_id:
        return one.arxiv_id != other.arxiv_id
    if one.doi and one.doi == other.doi:
        return False
    if _are_two_entries(one, other):
        return True
    ours, theirs = _surnames(one), _surnames(other)
    if not (ours and theirs and ours.isdisjoint(theirs)):
        return False
    return _names(one).isdisjoint(_names(other))  # as whole names, in either order: Wang Wei is Wei Wang


def _are_two_entries(one: Facts, other: Facts) -> bool:
    """Return whether both are different entries of one feed. Entries of a feed may share a link."""
    if not one.guid or not other.guid or one.guid == other.guid:
        return False
    return one.guid.partition("-")[0] == other.guid.partition("-")[0] and terms(one.title) != terms(other.title)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _surnames(facts: Facts) -> set[str]:
    """Return the authors' last names, folded. "Curie, Marie" and "Marie Curie" give the same name."""
    names = (name.split(",")[0] if "," in name else name for name in facts.authors)
    parts = ([term for term in terms(name) if term not in _SUFFIXES] for name in names)
    return {found[-1] for found in parts if found}


def _names(facts: Facts) -> set[frozenset[str]]:
    return {frozenset(terms(name)) for name in facts.authors}


def _plain_url(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:  # an unclosed bracket, as in an IPv6 address
        return url
    query = f"?{parts.query}" if parts.query else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""  # identifies an entry of the page
    return f"{parts.netloc.lower().removeprefix('www.')}{parts.path.rstrip('/')}{query}{fragment}"


def _short(url: str) -> str:
    if len(url) <= _LONGEST_URL:
        return url
    return f"{url[:_LONGEST_URL]}…{hashlib.sha256(url.encode()).hexdigest()[:24]}"
