"""Normalize arXiv identifiers and DOIs. Pure."""

from __future__ import annotations

import re
from urllib.parse import unquote

from paperround.domain.text import clean

# https://info.arxiv.org/help/arxiv_identifier.html: 4 digits after the dot until 2014, 5 since; before
# April 2007 archive/YYMMNNN, where the archive may have a subject class (math.GT). MM is a month.
_ARXIV = re.compile(
    r"""(?:^|arxiv(?:\.org)?[.:/]|/(?:abs|pdf|html|papers|alphaxiv)/)\s*
        (?P<id>\d\d(?:0[1-9]|1[0-2])\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d\d(?:0[1-9]|1[0-2])\d{3})
        (?:v(?P<version>\d{1,3}))?(?=$|[^\w.]|\.pdf|\.$)""",
    re.VERBOSE | re.IGNORECASE,
)
# Angle brackets end a DOI, except in old DOIs made from SICI codes: 10.1002/(…)49:8<693::AID-ASI4>3.0.CO;2-O.
_LIKE_ARXIV = re.compile(r"\d{4}\.\d{5}")  # also of a month that there is not
_DOI = re.compile(r"10\.\d{4,9}/[^\s\"<>]+(?:<\w+::[^\s\"<>]+>[^\s\"<>]*)?", re.IGNORECASE)
# Suffixes that URLs of publishers and preprint servers add to a DOI (10.1101/2026.04.08.123456v2).
_DOI_PAGE = re.compile(r"(?:/(?:full|abstract|e?pdf|meta)|\.full(?:-text)?|\.pdf|\.html?)+$")
# Versions of preprints at bioRxiv, ChemRxiv and OSF.
_DOI_VERSION = re.compile(
    r"(?<=/)(\d{4}\.\d\d\.\d\d\.\d{6,})v\d+.*"
    r"|(?<=^10\.26434/)(chemrxiv-[\w-]+?)-v\d+$"
    r"|(?<=/)(osf\.io/\w+?)_v\d+$"
)
# Research Square and Preprints.org register DOIs of versions only; the first version always exists.
_DOI_LATER_VERSION = re.compile(r"^(10\.21203/rs\.3\.rs-\d+/v|10\.20944/preprints\d+\.\d+\.v)\d+$")
_QUERY = re.compile("[?#]")
_DOI_MARK = re.compile(r"^doi:\s*", re.IGNORECASE)


def arxiv_id(text: str) -> tuple[str, int | None] | None:
    """Return the bare identifier and the version found in an arXiv identifier, URL, OAI id or arXiv DOI.

    The version is None if it is not given. Returns None if there is no identifier.
    """
    match = _ARXIV.search(text.strip())
    if not match:
        return None
    bare = match["id"]
    if "/" in bare:  # math.GT/0309136 and math/0309136 are the same paper
        archive, number = bare.lower().split("/")
        bare = f"{archive.split('.')[0]}/{number}"
    return bare, int(match["version"]) if match["version"] else None


def doi(text: str) -> str | None:
    """Return the DOI in a string, in lower case and without resolver, version or trailing punctuation.

    If only versions have a DOI, it is that of the first. Returns None if there is no DOI.
    """
    text = text.strip()
    address = text.startswith(("https://", "http://"))
    match = _DOI.search(clean(unquote(_QUERY.split(text, maxsplit=1)[0])) if address else text)
    if not match:
        return None
    bare = match[0].lower()
    # A closing bracket is part of the DOI if the DOI opens it: 10.1016/s0140-6736(20)30183-5.
    while bare[-1] in ".,;:)]}/" and not (bare[-1] == ")" and bare.count("(") >= bare.count(")")):
        bare = bare[:-1]
    bare = _DOI_VERSION.sub(r"\1\2\3", _DOI_PAGE.sub("", bare) if address else bare)
    return _DOI_LATER_VERSION.sub(r"\g<1>1", bare) if "/" in bare else None


def identifier_in(text: str) -> str:
    """Return the bare arXiv identifier or DOI of a text that is nothing else, or its address; "" for other text."""
    name = _DOI_MARK.sub("", text.strip().strip("<>[]()"))
    if not name or any(char.isspace() for char in name):
        return ""
    arxiv = arxiv_id(name)
    return arxiv[0] if arxiv else doi(name) or (name if _LIKE_ARXIV.fullmatch(name) else "")


def page_address(identifier: str) -> str:
    """Return the address of the page at arXiv, or at the publisher, for an arXiv identifier or a DOI."""
    return f"https://doi.org/{identifier}" if identifier.startswith("10.") else f"https://arxiv.org/abs/{identifier}"
