"""Finds stored papers similar to another one."""

from __future__ import annotations

from paperround.app import App
from paperround.domain.models import Paper
from paperround.matching import search, similar
from paperround.rounds.collection import Collection
from paperround.rounds.meaning import Meaning

_NEAREST = 100  # papers that are close in meaning, compared by words too


def similar_papers(app: App, paper: Paper, most: int = 6) -> list[Paper]:
    """Return up to `most` papers similar to this one, most similar first; empty if there are none.

    Compares the words that distinguish it from other papers, and vectors if it has one.
    """
    statistics, table = app.shared(Collection).recent().statistics, app.shared(Meaning).table()
    words = similar.distinctive_words(paper, statistics)
    rows = app.store.papers.candidates(search.plan(words, statistics)) if words else []
    own, cosines = table.vectors([paper.row]), dict[int, float]()
    if own.known[0]:
        rows = [*{*rows, *table.nearest(own.numbers[0], _NEAREST)}]
        vectors = table.vectors(rows)
        embedded = [row for row, has_vector in zip(rows, vectors.known, strict=True) if has_vector]
        cosines = dict(zip(embedded, vectors.cosines(own.numbers[0]).tolist(), strict=True))
    others = app.store.papers.by_rows(rows)
    return similar.most_alike(paper, list(others.values()), statistics, most, cosines)
