"""Find the papers that a subscriber asked to leave out of all their topics. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from paperround.domain.followed import LeftOut, LeftOutKind, read_left_out
from paperround.domain.identifiers import arxiv_id
from paperround.domain.models import Paper
from paperround.domain.text import fold, terms
from paperround.matching.fields import TEXT, Field, label, values

_KEPT = 20_000  # papers


class LeaveOut:
    """Finds papers to leave out, and caches the normalized fields of each paper for all subscribers."""

    def __init__(self) -> None:
        self._papers: dict[int, tuple[str, frozenset[str], frozenset[str], frozenset[str]]] = {}

    def rows(self, entries: Sequence[str], papers: Iterable[Paper]) -> set[int]:
        """Return the rows of the papers to which at least one of the entries applies."""
        if not entries:
            return set()
        wanted = [one for entry in entries if (one := _read(entry))]
        return {paper.row for paper in papers if self._applies(wanted, paper)}

    def _applies(self, entries: Iterable[LeftOut], paper: Paper) -> bool:
        """Return whether any of the entries applies to the paper."""
        said, authors, categories, names = self._compared(paper)
        where = {
            LeftOutKind.WORDS: lambda value: _joined(value) in said,
            LeftOutKind.AUTHOR: lambda value: " ".join(terms(value)) in authors,
            LeftOutKind.CATEGORY: lambda value: label(value) in categories,
            LeftOutKind.PAPER: lambda value: _name(value) in names,
        }
        return any(where[one.kind](one.value) for one in entries)

    def _compared(self, paper: Paper) -> tuple[str, frozenset[str], frozenset[str], frozenset[str]]:
        """Return the paper's normalized words, authors, categories and identifiers; the result is cached."""
        known = self._papers.get(paper.row)
        if known is None:
            if len(self._papers) >= _KEPT:
                self._papers.clear()
            known = self._papers[paper.row] = (
                # A bar separates the texts, so that no phrase spans two of them.
                "|".join(_joined(value) for field in TEXT for value in values(paper, field)),
                frozenset(" ".join(terms(name)) for name in values(paper, Field.AUTHOR)),
                frozenset(map(label, paper.categories)),
                frozenset(_name(name) for name in (paper.id, paper.arxiv_id, paper.doi) if name),
            )
        return known


@lru_cache(maxsize=10_000)
def _read(entry: str) -> LeftOut | None:
    try:
        return read_left_out(entry)
    except ValueError:
        return None


def _joined(text: str) -> str:
    return f" {' '.join(terms(text))} "


def _name(identifier: str) -> str:
    """Normalize an identifier for comparison: an arXiv identifier loses its version, any other is folded."""
    found = arxiv_id(identifier)
    return found[0] if found else fold(identifier)
