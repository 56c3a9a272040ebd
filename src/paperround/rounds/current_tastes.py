"""Learns tastes in relation to the newest papers, for pages and commands; digests are composed with many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paperround.app import App
from paperround.domain.models import Feedback, Paper
from paperround.matching.taste import Taste, Tastes
from paperround.rounds.collection import Collection, CollectionSnapshot
from paperround.rounds.meaning import Meaning
from paperround.rounds.tastes import make_tastes


class CurrentTastes:
    """Learns tastes. There is one instance per process; it is renewed with the newest papers and their vectors."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._cached: tuple[CollectionSnapshot, tuple[int, int], Tastes] | None = None

    def learn(self, feedback: Sequence[Feedback], papers: Mapping[int, Paper]) -> Taste:
        """Return the taste that this feedback shows. `papers` has the papers with feedback, by row."""
        return self._tastes().taste(feedback, papers, ())

    def _tastes(self) -> Tastes:
        newest, meaning = self._app.shared(Collection).recent(), self._app.shared(Meaning)
        meaning.table()
        coverage = meaning.coverage(newest.index.numbers)
        if self._cached is None or self._cached[0] is not newest or self._cached[1] != coverage:
            self._cached = newest, coverage, make_tastes(self._app)
        return self._cached[2]
