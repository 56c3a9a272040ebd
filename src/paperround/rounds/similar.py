"""Finds stored papers similar to another one."""

from __future__ import annotations

from paperround.app import App
from paperround.domain.models import Paper
from paperround.matching import search, similar
from paperround.rounds.collection import Collection
from paperround.rounds.meaning import Meaning

_LEAST_COSINE = 0.3  # below this, two papers have only their field in common


def similar_papers(app: App, paper: Paper, most: int = 6) -> list[Paper]:
    """Return up to `most` papers similar to this one, most similar first; empty if there are none.

    Compares vectors if this paper has one, otherwise the words that distinguish it from other papers.
    """
    table = app.shared(Meaning).table()
    own = table.of([paper.row])
    if own.known[0]:
        near = table.nearest(own.numbers[0], most + 1)
        close = {row: cosine for row, cosine in near.items() if row != paper.row and cosine >= _LEAST_COSINE}
        known = app.store.papers.by_rows(close)
        return [known[row] for row in sorted(known, key=lambda row: (-close[row], -row))[:most]]
    statistics = app.shared(Collection).recent().statistics
    words = similar.telling_words(paper, statistics)
    if words is None:
        return []
    return similar.most_alike(paper, app.store.papers.candidates(search.plan(words, statistics)), statistics, most)
