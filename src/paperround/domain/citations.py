"""Export papers as BibTeX and RIS for reference managers. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from paperround.domain.latex import readable
from paperround.domain.models import Paper
from paperround.domain.person_names import PersonName, divide
from paperround.domain.text import clean

# Characters with a special meaning in BibTeX and LaTeX.
_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_", "%": r"\%",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip
_NOT_IN_KEYS = re.compile(r"[^a-z0-9]+")


def bibtex(papers: Iterable[Paper]) -> str:
    """Return the papers as entries of a BibTeX file in UTF-8. Each entry has a unique key."""
    taken: dict[str, int] = {}
    entries = []
    for paper in papers:
        key = _key(paper)
        taken[key] = taken.get(key, 0) + 1
        suffix = "" if taken[key] == 1 else f"-{taken[key]}"
        fields = "".join(f"  {name} = {{{value}}},\n" for name, value in _bibtex_fields(paper))
        entries.append(f"@{'article' if paper.journal else 'misc'}{{{key}{suffix},\n{fields}}}\n")
    return "\n".join(entries)


def ris(papers: Iterable[Paper]) -> str:
    """Return the papers as records of a RIS file in UTF-8, with CRLF line endings."""
    return "".join("".join(f"{tag}  - {value}\r\n" for tag, value in _ris_fields(paper)) for paper in papers)


def _bibtex_fields(paper: Paper) -> Iterator[tuple[str, str]]:
    yield "title", f"{{{_escaped(readable(paper.title))}}}"  # double braces preserve capitals
    if names := " and ".join(map(_bibtex_name, _names(paper))):
        yield "author", names
    published = paper.published or paper.day
    yield "year", str(published.year)
    yield "month", str(published.month)
    if paper.journal:
        yield "journal", _escaped(readable(paper.journal))
    if paper.doi:
        yield "doi", _escaped(paper.doi)
    if paper.arxiv_id:
        yield "eprint", paper.arxiv_id
        yield "archiveprefix", "arXiv"
    if address := _address(paper):
        yield "url", address


def _ris_fields(paper: Paper) -> Iterator[tuple[str, str]]:
    published = paper.published or paper.day
    yield "TY", "JOUR" if paper.journal else "UNPB"
    yield "TI", clean(readable(paper.title))
    yield from (("AU", _ris_name(name)) for name in _names(paper))
    yield "PY", str(published.year)
    yield "DA", f"{published:%Y/%m/%d}"
    if paper.journal:
        yield "JO", clean(readable(paper.journal))
    if paper.abstract:
        yield "AB", clean(readable(paper.abstract, paper.title))
    if paper.doi:
        yield "DO", clean(paper.doi)
    if paper.arxiv_id:
        yield "AN", f"arXiv:{paper.arxiv_id}"
    if address := _address(paper):
        yield "UR", address
    yield "ER", ""


def _key(paper: Paper) -> str:
    """Return the BibTeX key: the last word of the first author's name, the year and the identifier, in ASCII lower
    case.
    """
    family = next((name.family for name in _names(paper)), "paper")
    name = _NOT_IN_KEYS.sub("", unicodedata.normalize("NFKD", family.split()[-1]).lower()) or "paper"
    return f"{name}{(paper.published or paper.day).year}-{_NOT_IN_KEYS.sub('-', paper.id.lower()).strip('-')}"


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(char, char) for char in clean(text))


def _names(paper: Paper) -> Iterator[PersonName]:
    organization = clean(readable(paper.organization or ""))
    return (divide(name, organization) for name in map(clean, map(readable, paper.authors)) if name)


def _bibtex_name(name: PersonName) -> str:
    """Return a name as BibTeX divides it: `von Last, Jr, First`. Braces make others one word."""
    parts = [_escaped(part) for part in (name.family, name.suffix, name.given) if part]
    return ", ".join(parts) if name.is_person else f"{{{parts[0]}}}"


def _ris_name(name: PersonName) -> str:
    """Return a name in RIS format: `Last, First, Suffix`. A name that cannot be split is the last name."""
    return ", ".join(part for part in name if part)


def _address(paper: Paper) -> str:
    """Return the paper's URL, percent-encoded because a brace would end a BibTeX field; empty if it has none."""
    url = paper.address or (f"https://arxiv.org/abs/{paper.arxiv_id}" if paper.arxiv_id else "")
    return quote(url, safe="/:?#[]@!$&'()*+,;=%~")
