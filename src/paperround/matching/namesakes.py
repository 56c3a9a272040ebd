"""Distinguish people of the same name by their co-authors. Pure.

Two papers under one name are attributed to the same person if they share another author, directly or through further
papers. The sources offer nothing better: none of them provides ORCID iDs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from paperround.domain.followed import MAX_COAUTHORS, MAX_ENTRY_LENGTH, FollowedName, has_name
from paperround.domain.models import Paper
from paperround.domain.text import QUOTATION_MARKS, terms

_NOT_IN_A_LIST = str.maketrans({",": " "} | dict.fromkeys(QUOTATION_MARKS, ""))
_MAX_AUTHORS = 50  # sharing a paper with more authors than this says little


@dataclass(frozen=True, slots=True)
class Person:
    """The papers that one person of a name has probably written, newest first."""

    name: str
    papers: tuple[Paper, ...]

    def followed(self, *, unique: bool) -> FollowedName:
        """Return the entry that follows this person.

        `unique` means that no other person with this name is known, so no co-authors are needed.
        """
        if unique:
            return FollowedName(self.name)
        others = Counter(
            author for paper in self.papers for author in paper.authors if not _is_named(author, self.name)
        )
        ranked = sorted(others, key=lambda author: (-others[author], author))
        chosen = FollowedName(self.name)
        for author in ranked:
            if len(chosen.coauthors) == MAX_COAUTHORS:
                break
            more = FollowedName(self.name, coauthors=(*chosen.coauthors, author.translate(_NOT_IN_A_LIST)))
            # An entry has so much room, and the names of collaborations can be long.
            if len(str(more)) <= MAX_ENTRY_LENGTH:
                chosen = more
        return chosen


def people(name: str, papers: Sequence[Paper]) -> list[Person]:
    """Return the people of this name among the authors of these papers, those with the most papers first."""
    groups: list[tuple[set[str], list[Paper]]] = []
    for paper in papers:
        coauthors = {_key(author) for author in paper.authors if not _is_named(author, name)}
        if len(coauthors) == len({*map(_key, paper.authors)}):
            continue
        others = coauthors if len(coauthors) < _MAX_AUTHORS else set()
        joined = [group for group in groups if group[0] & others]
        groups = [group for group in groups if not group[0] & others]
        groups.append((
            others.union(*(group[0] for group in joined)),
            [*(one for group in joined for one in group[1]), paper],
        ))  # fmt: skip
    found = [
        Person(name, tuple(sorted(some, key=lambda one: (one.day, one.row), reverse=True))) for _, some in groups
    ]
    return sorted(found, key=lambda person: (-len(person.papers), -person.papers[0].row))


def _is_named(author: str, name: str) -> bool:
    """Return whether an author has this name, or one that differs only by initials."""
    return has_name(name, author) if len(terms(name)) > 1 else _key(author) == _key(name)


def _key(name: str) -> str:
    return " ".join(terms(name))
