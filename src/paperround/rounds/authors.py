"""Finds the people with a name among the authors of stored papers."""

from __future__ import annotations

from paperround.app import App
from paperround.domain.errors import QueryError
from paperround.domain.followed import FollowedName, read_followed
from paperround.domain.models import Paper
from paperround.matching.namesakes import Person, people
from paperround.matching.query import parse_once

_MOST_PAPERS = 300


def papers_by(app: App, name: str) -> list[Paper]:
    """Return the stored papers by authors with this name, newest first."""
    try:
        wanted = parse_once(read_followed(f"author: {name}").query)
    except (QueryError, ValueError):  # a name without a letter
        return []
    return app.store.browsing.found(wanted, _MOST_PAPERS)


def people_named(app: App, name: str) -> list[Person]:
    """Return the people with this name, those with the most papers first; empty if no paper is by one."""
    return people(name, papers_by(app, name))


def author_of(app: App, name: str, paper: int) -> FollowedName:
    """Return how to follow an author of a paper: by name, and by co-authors if there are namesakes."""
    found = people_named(app, name)
    mine = next((one for one in found if any(known.row == paper for known in one.papers)), None)
    return mine.followed(unique=len(found) == 1) if mine else FollowedName(name)
