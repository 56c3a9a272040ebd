"""Learns subscribers' tastes against the newest papers."""

from __future__ import annotations

from paperround.app import App
from paperround.matching.taste import PastPapers, Tastes
from paperround.rounds.collection import Collection
from paperround.rounds.meaning import Meaning


def make_tastes(app: App) -> Tastes:
    """Return a factory of taste profiles; the newest papers are read for the first one with feedback."""

    def past() -> PastPapers:
        newest, meaning = app.shared(Collection).current(), app.shared(Meaning)
        meaning.table()
        return PastPapers(newest.papers, newest.statistics, *meaning.lookups())

    return Tastes(past)
