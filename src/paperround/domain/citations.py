"""Export papers as BibTeX and RIS for reference managers. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from paperround.domain.latex import readable
from paperround.domain.models import Paper
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
    if paper.authors:
        # Braces make a name one word, so that a comma or "and" in it does not separate names.
        names = [_escaped(readable(name)) for name in paper.authors]
        yield "author", " and ".join(f"{{{name}}}" if _is_ambiguous(name) else name for name in names)
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
    yield from (("AU", clean(readable(name))) for name in paper.authors)
    yield "PY", str(published.year)
    yield "DA", f"{published:%Y/%m/%d}"
    if paper.journal:
        yield "JO", clean(readable(paper.journal))
    if paper.abstract:
        yield "AB", clean(readable(paper.abstract))
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
    plain = unicodedata.normalize("NFKD", paper.authors[0].split()[-1] if paper.authors else "paper").lower()
    name = _NOT_IN_KEYS.sub("", plain) or "paper"
    return f"{name}{(paper.published or paper.day).year}-{_NOT_IN_KEYS.sub('-', paper.id.lower()).strip('-')}"


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(char, char) for char in clean(text))


def _is_ambiguous(name: str) -> bool:
    return "," in name or " and " in f" {name.lower()} "


def _address(paper: Paper) -> str:
    """Return the paper's URL, percent-encoded because a brace would end a BibTeX field; empty if it has none."""
    url = paper.url or (f"https://arxiv.org/abs/{paper.arxiv_id}" if paper.arxiv_id else "")
    return quote(url, safe="/:?#[]@!$&'()*+,;=%~")
