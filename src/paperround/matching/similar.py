"""Find papers similar to another one by their distinctive words and, if they have vectors, by meaning. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import log
from operator import itemgetter

from paperround.domain.models import Paper
from paperround.matching.fields import TEXT, significant_terms
from paperround.matching.learning import TermVectors
from paperround.matching.lexical import WEIGHT, Statistics
from paperround.matching.suggestions import is_significant
from paperround.matching.taste import likeness
from paperround.matching.words import Words

_MIN_LIKENESS = 0.08  # below this, two papers share little but common words
_MIN_COSINE = 0.3  # below this, the meanings of two papers have only the field in common
# Words say more than meaning: of the six most similar papers to one that fits an interest, 56% fit the same interest
# by words alone, 40% by meaning alone, and 56% by both with this weight (docs/relevance.md).
_LIKENESS_WEIGHT = 4.0


def distinctive_words(paper: Paper, statistics: Statistics, most: int = 8) -> Words | None:
    """Return up to `most` words that distinguish a paper from others, for a search; None if it has none."""
    counted = Counter[str]()
    for field in TEXT:
        for words in significant_terms(paper, field):
            for word in filter(is_significant, words):
                counted[word] += int(WEIGHT[field])
    total = statistics.documents + 1
    telling = {
        word: (1 + log(count)) * log(1 + total / (1 + statistics.frequencies.get(word, 0)))
        for word, count in counted.items()
    }
    best = sorted(telling, key=lambda word: (-telling[word], word))[:most]
    return Words(tuple(best)) if best else None


def most_alike(
    paper: Paper,
    others: Sequence[Paper],
    statistics: Statistics,
    most: int,
    cosines: Mapping[int, float] | None = None,
) -> list[Paper]:
    """Return up to `most` of the other papers, the most similar first.

    `cosines` are those of their vectors with the paper's, by row, for those that have vectors.
    """
    vectors, close = TermVectors(statistics), cosines or {}
    mine, likenesses = vectors.vector(paper), []
    for other in others:
        alike, cosine = likeness(mine, vectors.vector(other)), close.get(other.row)
        enough = alike >= _MIN_LIKENESS if cosine is None else cosine >= _MIN_COSINE
        if enough and other.row != paper.row:
            likenesses.append((-_LIKENESS_WEIGHT * alike - (cosine or 0.0), -other.row, other))
    return [other for _, _, other in sorted(likenesses, key=itemgetter(0, 1))[:most]]
