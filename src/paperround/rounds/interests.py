"""Interests in plain words, compared with papers: what fits well enough, measured by the papers of the past."""

from __future__ import annotations

from paperround.app import App
from paperround.matching.interests import Scale, relevance
from paperround.matching.lexical import Hit, Index
from paperround.matching.words import Words
from paperround.rounds.collection import Collection

_MOST_SCALES = 20_000


class Interests:
    """Compares them; one for the process. What is usual for an interest is worked out once."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._scales: dict[tuple[Words, int], Scale] = {}

    def hits(self, words: Words, index: Index, breadth: int = 0) -> dict[int, Hit]:
        """The papers of an index that fit well enough, by row, each with its hit."""
        scores = relevance(index.shares(words), None)
        scale = self._scale(words, breadth)
        fitting = {index.numbers[place]: float(scores[place]) for place in scale.enough(scores).nonzero()[0]}
        return {row: Hit(scale.fit(score), index.reasons(words, [row])[row]) for row, score in fitting.items()}

    def _scale(self, words: Words, breadth: int) -> Scale:
        known = self._scales.get((words, breadth))
        if known is None:
            past = self._app.shared(Collection).fixed().index.shares(words)
            if len(self._scales) >= _MOST_SCALES:
                self._scales.clear()
            known = self._scales[words, breadth] = Scale.of(relevance(past, None), meaning=False, breadth=breadth)
        return known
