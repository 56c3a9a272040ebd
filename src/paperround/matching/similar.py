"""Find papers similar to another one by their words. Pure.

For papers with vectors, the nearest vectors give better results (`vectors.VectorTable.nearest`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import log

from paperround.domain.models import Paper
from paperround.domain.text import terms
from paperround.matching.fields import TEXT, values
from paperround.matching.learning import TermVectors
from paperround.matching.lexical import WEIGHT, Statistics
from paperround.matching.profile import likeness
from paperround.matching.suggestions import tells
from paperround.matching.words import Words

_LEAST_LIKENESS = 0.08  # below this, two papers share little but common words


def telling_words(paper: Paper, statistics: Statistics, most: int = 8) -> Words | None:
    """Return up to `most` words that distinguish a paper from others, for a search; None if it has none."""
    counted = Counter[str]()
    for field in TEXT:
        for text in values(paper, field):
            for word in filter(tells, terms(text)):
                counted[word] += int(WEIGHT[field])
    total = statistics.documents + 1
    telling = {
        word: (1 + log(count)) * log(1 + total / (1 + statistics.frequencies.get(word, 0)))
        for word, count in counted.items()
    }
    best = sorted(telling, key=lambda word: (-telling[word], word))[:most]
    return Words(tuple(best)) if best else None


def most_alike(paper: Paper, others: Sequence[Paper], statistics: Statistics, most: int) -> list[Paper]:
    """Return up to `most` of the other papers, those most similar in their distinctive words first."""
    vectors = TermVectors(statistics)
    mine = vectors.of(paper)
    degrees = {other.row: likeness(mine, vectors.of(other)) for other in others if other.row != paper.row}
    known = {other.row: other for other in others}
    best = sorted(degrees, key=lambda row: (-degrees[row], -row))[:most]
    return [known[row] for row in best if degrees[row] >= _LEAST_LIKENESS]
