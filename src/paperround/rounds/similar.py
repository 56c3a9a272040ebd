"""Papers like another one, of all that are stored."""

from __future__ import annotations

from paperround.app import App
from paperround.domain.models import Paper
from paperround.matching import search, similar
from paperround.rounds.collection import Collection
from paperround.rounds.meaning import Meaning

_LEAST_COSINE = 0.3  # below it two papers have only their field in common


def similar_papers(app: App, paper: Paper, most: int = 6) -> list[Paper]:
    """Return up to `most` papers like this one, the most alike first; none where nothing is like it.

    By vectors where this paper has one, otherwise by the words that tell it from others.
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
