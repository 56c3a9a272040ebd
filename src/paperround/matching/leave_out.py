"""Find the papers that a subscriber asked to leave out of all their topics. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain

from paperround.domain.followed import FollowedName, LeftOutKind, archive_of, followed_in, read_left_out
from paperround.domain.identifiers import arxiv_id, doi
from paperround.domain.latex import readable
from paperround.domain.models import Paper
from paperround.domain.text import fold, given_name_first, terms
from paperround.matching.fields import TEXT, label, values

_MAX_PAPERS = 20_000

Compared = Mapping[LeftOutKind, str | frozenset[str]]
"""For each kind of entry, the paper's normalized fields: a text or names that may contain the entry's value."""


class LeaveOut:
    """Finds papers to leave out, and caches the normalized fields of `max_papers` papers for all subscribers."""

    def __init__(self, max_papers: int = _MAX_PAPERS) -> None:
        self._max_papers = max_papers
        self._papers: dict[int, Compared] = {}

    def rows(self, entries: Sequence[str], papers: Iterable[Paper]) -> set[int]:
        """Return the rows of the papers to which at least one of the entries applies."""
        if not entries:
            return set()
        wanted = [one for entry in entries if (one := _read(entry))]
        people = [one for one in wanted if isinstance(one, FollowedName)]
        values = [one for one in wanted if not isinstance(one, FollowedName)]
        return {
            paper.row
            for paper in papers
            if _applies(values, self._compared(paper)) or any(person.wrote(paper.authors) for person in people)
        }

    def kept(self, entries: Sequence[str], papers: Iterable[Paper]) -> list[Paper]:
        """Return the papers to which none of the entries applies, in the same order."""
        papers = list(papers)
        unwanted = self.rows(entries, papers)
        return [paper for paper in papers if paper.row not in unwanted]

    def _compared(self, paper: Paper) -> Compared:
        """Return the paper's normalized words, authors, categories and identifiers; the result is cached."""
        known = self._papers.get(paper.row)
        if known is None:
            if len(self._papers) >= self._max_papers:
                self._papers.clear()
            known = self._papers[paper.row] = {
                # A bar separates the texts, so that no phrase spans two of them.
                LeftOutKind.WORDS: "|".join(_phrase(value) for field in TEXT for value in values(paper, field)),
                LeftOutKind.AUTHOR: frozenset(_author(readable(name)) for name in paper.authors),
                LeftOutKind.CATEGORY: frozenset(chain(*map(_categories, paper.categories))),
                LeftOutKind.PAPER: frozenset(_name(name) for name in (paper.id, paper.arxiv_id, paper.doi) if name),
            }
        return known


def _applies(entries: Iterable[tuple[LeftOutKind, str]], compared: Compared) -> bool:
    return any(value in compared[kind] for kind, value in entries)


@lru_cache(maxsize=10_000)
def _read(entry: str) -> tuple[LeftOutKind, str] | FollowedName | None:
    """Return the kind of an entry and its normalized value, or None if it leaves nothing out.

    An author with co-authors is one person, whose papers are those that following this person brings. Without any, it
    is exactly this name: a missing initial that may be any brings papers, but here it would take others' away.
    """
    try:
        found = read_left_out(entry)
        person = followed_in(entry) if found.kind is LeftOutKind.AUTHOR else None
    except ValueError:
        return None
    if person and person.coauthors:
        return person
    return found.kind, _NORMALIZED[found.kind](found.value)


def _phrase(text: str) -> str:
    return f" {' '.join(terms(text))} "


def _author(name: str) -> str:
    """Normalize an author's name, with the given name first as papers have it."""
    return _phrase(given_name_first(name))


def _categories(name: str) -> Iterator[str]:
    """Yield a category's name and that of its archive, which leaves out all its subjects: cs.CV and cs."""
    yield label(name)
    yield label(archive_of(name))


def _name(identifier: str) -> str:
    """Normalize an identifier for comparison.

    Versions and URL prefixes are removed from arXiv identifiers and DOIs; case and accents are removed from others.
    """
    found = arxiv_id(identifier)
    return found[0] if found else doi(identifier) or fold(identifier)


_NORMALIZED = {
    LeftOutKind.WORDS: _phrase,
    LeftOutKind.AUTHOR: _author,
    LeftOutKind.CATEGORY: label,
    LeftOutKind.PAPER: _name,
}
