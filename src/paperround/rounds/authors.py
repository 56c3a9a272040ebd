"""Finds the people with a name among the authors of stored papers."""

from __future__ import annotations

from dataclasses import replace

from paperround.app import App
from paperround.domain.errors import QueryError
from paperround.domain.followed import FollowedName, read_followed
from paperround.domain.latex import readable
from paperround.domain.models import Paper
from paperround.matching.author_names import author_exactly_named, author_named, is_name_of
from paperround.matching.namesakes import Person, people
from paperround.matching.query import parse_uncached
from paperround.matching.words import is_plain
from paperround.rounds.collection import Collection

_MAX_PAPERS = 300


def papers_by(app: App, name: str) -> list[Paper]:
    """Return the stored papers by authors with this name, newest first."""
    try:
        query = parse_uncached(read_followed(f"author: {name}").query)
    except (QueryError, ValueError):  # a name without a letter
        return []
    return app.store.browsing.matching(query, _MAX_PAPERS)


def people_named(app: App, name: str) -> list[Person]:
    """Return the people with this name, those with the most papers first; empty if no paper is by one."""
    return people(name, papers_by(app, name))


def author_of(app: App, name: str, paper: int) -> FollowedName:
    """Return how to follow an author of a paper: by name, and by co-authors if there are namesakes."""
    candidates = people_named(app, name)
    mine = next((person for person in candidates if any(own.row == paper for own in person.papers)), None)
    return mine.followed(unique=len(candidates) == 1) if mine else FollowedName(name)


def has_papers(app: App, followed: FollowedName) -> bool:
    """Return whether a stored paper is by this author, in any company, or by this organization."""
    papers = app.store.browsing.matching(parse_uncached(replace(followed, coauthors=()).query), _MAX_PAPERS)
    return any(followed.is_among(paper.authors) for paper in papers)


def similar_author(app: App, followed: FollowedName) -> str:
    """Return the author of a stored paper whose name is spelled nearly like this one; "" if there is none."""
    if followed.organization:
        return ""
    query = author_named(app.shared(Collection).recent().vocabulary, followed.name)
    papers = app.store.browsing.matching(parse_uncached(query), 1) if query else []
    authors = (readable(author) for paper in papers for author in paper.authors)
    return next((author for author in authors if is_name_of(author, query)), "")


def query_for_author(app: App, text: str) -> str:
    """Return the query for the author whose full name a text is; "" if it is no name of an author.

    A single word is more often a subject than a name.
    """
    named = " " in text.strip() and is_plain(text)
    return author_exactly_named(app.shared(Collection).recent().vocabulary, text) if named else ""
