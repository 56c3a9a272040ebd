"""Decide whether two listings are of the same work. Pure.

A paper is identified by its *keys*: `arxiv:2607.21557`, `doi:10.1101/2026.04.08`, `url:…`, `title:…`. Two listings
that share a key are one paper, unless they carry different arXiv identifiers, have no author in common, or are two
entries of one series: then they are two works that happen to share a title.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from paperround.domain import identifiers
from paperround.domain.latex import readable
from paperround.domain.models import Facts
from paperround.domain.name_comparison import family_names, may_share_author
from paperround.domain.text import terms

_ARXIV = "arxiv:"
_ARXIV_DOI = "10.48550/arxiv."
# Shorter titles ("Editorial", "Attention", 编辑部的话) are shared by different works.
_TITLE_TERMS, _TITLE_LETTERS = 4, 12
_WEEK = timedelta(days=7)  # between posts of a series; feeds report one post some days apart
_CORRECTED = 0.8  # of the words of two texts; two that share this many are one text, corrected
_MAX_URL_LENGTH = 400  # characters; a key in a PostgreSQL index has at most 2,700 bytes


def title_key(title: str) -> str | None:
    """Return a hash of the title's words as they are printed, or None if they are too few to identify a work."""
    return _key_of(readable(title))


def _title_keys(title: str) -> list[str]:
    """Return the title's key, and the one that papers with a formula in the title were stored under before."""
    printed = readable(title)
    both = dict.fromkeys(map(_key_of, (printed,) if printed == title else (printed, title)))
    return [key for key in both if key]


def _key_of(title: str) -> str | None:
    words = terms(title)
    if len(words) < _TITLE_TERMS or sum(map(len, words)) < _TITLE_LETTERS:
        return None
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:24]


def keys(facts: Facts) -> tuple[str, ...]:
    """Return all keys of a paper, the most reliable first."""
    names: list[str] = []
    if arxiv_id := _arxiv_id(facts):
        names.append(f"{_ARXIV}{arxiv_id}")
    if facts.doi and not facts.doi.startswith(_ARXIV_DOI):
        names.append(f"doi:{facts.doi}")
    if facts.guid:
        names.append(f"guid:{facts.guid}")
    for title in title_keys(facts.title):
        names.append(title)
        if facts.authors and not (facts.arxiv_id or facts.doi):
            # Without an arXiv identifier or a DOI, only the authors distinguish two works with the same title.
            names.append(f"{title}:{_digest(' '.join(sorted(family_names(facts.authors))))}")
    if not names or (facts.url and not facts.arxiv_id and not facts.doi):
        names.append(f"url:{_short(_plain_url(facts.url or facts.title))}")
    return tuple(names)


def _arxiv_id(facts: Facts) -> str:
    """Return the arXiv identifier, which arXiv's own DOI has too; "" if there is none."""
    if facts.arxiv_id or not facts.doi or not facts.doi.startswith(_ARXIV_DOI):
        return facts.arxiv_id or ""
    arxiv = identifiers.arxiv_id(facts.doi)
    return arxiv[0] if arxiv else ""


def title_keys(title: str) -> tuple[str, ...]:
    """Return the keys of a paper that is known by its title alone; empty if that is too short to identify a work."""
    return tuple(f"title:{key}" for key in _title_keys(title))


def is_same_work(one: Facts, other: Facts) -> bool:
    """Return whether two works with one title are the same, by the family name of the first author."""
    ours, theirs = (family_names(facts.authors[:1]) for facts in (one, other))
    return bool(ours & theirs) and not conflict(one, other)


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
    if (ours := _arxiv_id(one)) and (theirs := _arxiv_id(other)):
        return ours != theirs
    if one.doi and one.doi == other.doi:
        return False
    if are_two_entries(one, other) or _are_weeks_apart(one, other):
        return True
    return not may_share_author(one.authors, other.authors)


def are_two_entries(one: Facts, other: Facts) -> bool:
    """Return whether both are entries of one feed, of different works. Entries of a feed may share a link.

    Entries with one title are usually reports of one work, since its link or its identifier in the feed may change,
    and a preprint is published. They are parts of a series, such as a weekly column, if their links differ, and their
    days or texts.
    """
    if not one.guid or not other.guid or one.guid == other.guid or (one.doi and one.doi == other.doi):
        return False
    if one.guid.partition("-")[0] != other.guid.partition("-")[0]:
        return False
    if terms(readable(one.title)) != terms(readable(other.title)):
        return True
    return _are_two_posts(one, other) and _publisher(one) == _publisher(other) and _have_two_links(one, other)


def _are_two_posts(one: Facts, other: Facts) -> bool:
    """Return whether the days or the texts of two entries differ, or neither has any."""
    if one.published and one.published == other.published:
        ours, theirs = set(terms(one.abstract)), set(terms(other.abstract))
        return len(ours & theirs) < _CORRECTED * len(ours | theirs)
    return not (one.published or one.abstract) or (one.published, one.abstract) != (other.published, other.abstract)


def _are_weeks_apart(one: Facts, other: Facts) -> bool:
    """Return whether both, without identifiers, are posts of one site, some weeks apart: parts of a series."""
    if _publisher(one) or _publisher(other) or (one.guid and one.guid == other.guid):
        return False
    if not one.published or not other.published or not _have_two_links(one, other):
        return False
    if _host(one) != _host(other):  # a report that came out elsewhere too
        return False
    return abs(one.published - other.published) >= _WEEK


def _have_two_links(one: Facts, other: Facts) -> bool:
    return bool(one.url and other.url and _plain_url(one.url) != _plain_url(other.url))


def _host(facts: Facts) -> str:
    return _plain_url(facts.url or "").partition("/")[0]


def _publisher(facts: Facts) -> str:
    """Return who gave a work its identifier, or "" if it has none; not that of its preprint."""
    return facts.arxiv_id or (facts.doi or "").partition("/")[0]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain_url(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:  # an unclosed bracket, as in an IPv6 address
        return url
    query = f"?{parts.query}" if parts.query else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""  # identifies an entry of the page
    return f"{parts.netloc.lower().removeprefix('www.')}{parts.path.rstrip('/')}{query}{fragment}"


def _short(url: str) -> str:
    if len(url) <= _MAX_URL_LENGTH:
        return url
    return f"{url[:_MAX_URL_LENGTH]}…{hashlib.sha256(url.encode()).hexdigest()[:24]}"
